import "../src/schema-check.ts";
import { tableNames } from "../src/codecs/tables.ts";
import { DATA_FOLDER } from "../src/config.ts";
import { MusterError } from "../src/errors.ts";
import { whollyRejected } from "../src/ingest/counts.ts";
import { hasSample } from "../src/ingest/first-load.ts";
import { type ImportOutcome, importSource } from "../src/ingest/import.ts";
import { type RejectLimit, rejectLimit } from "../src/ingest/reject-limit.ts";
import { defaultSample } from "../src/ingest/sample.ts";
import type { NewRejection } from "../src/repositories/rejection-log.ts";
import { escaped } from "../src/shown.ts";
import { command, type DatabaseContext, isJson, type Outcome, readArguments, tableNamed } from "./command.ts";
import { countsTable, progressBar, Rejections, say, speedSince, speedText } from "./terminal.ts";

const HELP = `Usage: bun run scripts/import.ts [SOURCE] [options]

Imports files into their tables. SOURCE is a directory, a file, s3://BUCKET/PREFIX/ or s3://BUCKET/KEY;
the default is IMPORT_SOURCE, and without a DATABASE_URL the sample.
Files are named for their tables: jobs.csv, jobs-2021.csv, jobs/any.csv. The ending is their form:
.csv, .csv.gz, .ndjson, .ndjson.gz, .avro.

  --table T           read the files of table T alone (${tableNames.join(", ")})
  --dry-run           say what would happen; write nothing but the run
  --max-rejects N|P%  refuse the whole import where more rows than this are rejected
  --json              end standard output with one line of JSON, also when refused or failed
  --help              this text

Exit code: 0 done (rejected rows included), 1 failed, 2 refused, 130 interrupted.`;

const options = readArguments(
  HELP,
  {
    table: { type: "string" },
    "dry-run": { type: "boolean" },
    "max-rejects": { type: "string" },
    json: { type: "boolean" },
  },
  (values, positionals) => {
    if (positionals.length > 1)
      throw new MusterError("invalid", `${positionals.join(" ")}: name one SOURCE, or a directory that holds all`);
    return {
      source: positionals[0],
      table: values.table === undefined ? undefined : tableNamed(values.table),
      dryRun: values["dry-run"] ?? false,
      maxRejects: limitOption(values["max-rejects"]),
    };
  },
);
await command("import", importFiles, (last) => {
  if (!last) return "interrupted: run the same command again";
  const whole = Object.keys(last.counts);
  if (whole.length === 0) return "interrupted: nothing was changed; run the same command again";
  return `interrupted: ${whole.join(", ")} imported whole, the other tables are as they were; run the same command again`;
});

async function importFiles({ config, database, signal }: DatabaseContext): Promise<Outcome> {
  const sample = () => (database.embedded ? defaultSample(DATA_FOLDER) : undefined);
  const source = options.source ?? config.importSource ?? (await sample());
  if (source === undefined) throw new MusterError("invalid", "name a SOURCE to import, or set IMPORT_SOURCE");
  const started = performance.now();
  const bar = progressBar();
  const rejections = new Rejections(isJson ? undefined : bar.say);
  const rejected = ({ file, position, table, reasons }: NewRejection) =>
    rejections.add(`${escaped(file ?? "")}:${position}`, table, reasons);
  const report = { say: bar.say, signal, progress: bar.update, rejected };
  const outcome = await importSource(database, { ...options, source, report }).finally(bar.stop);
  const { run, status, error, bytes, tables } = outcome;
  const { reasons } = rejections;
  const hasTaken = reasons.some(({ code }) => code === "duplicate_id");
  if (hasTaken && database.embedded && (await hasSample(database, DATA_FOLDER))) say(sampleIsInTheWay(source));
  const speed = speedSince(started, tables, bytes);
  const dry = options.dryRun ? "; it was a dry run: nothing was written" : "";
  const all = whollyRejected(tables);
  const none = all.length > 0 ? `, but every row of ${all.join(", ")} was rejected` : "";
  return {
    ...{ status, error },
    facts: { run, ...speed, bytes, tables, reasons },
    text: `${countsTable(tables)}${rejections.text}${options.dryRun ? "" : whatToDo(tables, run)}\nrun ${run} ${status} in ${speedText(speed)}${none}${dry}`,
  };
}

/** Where rejected rows are, and how they are mended; blank if there are none. */
function whatToDo(tables: ImportOutcome["tables"], run: string): string {
  const rows = Object.values(tables).reduce((sum, { rejected }) => sum + rejected, 0);
  if (rows === 0) return "";
  const ways =
    "mend the files and import them again, or mend an export of the rejections and give it to scripts/replay.ts";
  return `\nrejected rows are kept until they are dealt with (GET /rejections?run=${run}): ${ways}`;
}

function sampleIsInTheWay(source: string): string {
  const begin = `to begin with your own files, stop Muster, remove ${DATA_FOLDER} and run IMPORT_SOURCE=${source} npm start`;
  return `the sample that the first start loaded has taken ids of your rows (duplicate_id): ${begin}`;
}

function limitOption(text: string | undefined): RejectLimit | undefined {
  const limit = text === undefined ? undefined : rejectLimit(text);
  if (limit || text === undefined) return limit;
  throw new MusterError("invalid", `--max-rejects ${text}: give a number of rows, or a share from 0% to 100%`);
}
