import "../src/schema-check.ts";
import { tableNames } from "../src/codecs/tables.ts";
import { DATA_FOLDER } from "../src/config.ts";
import { MusterError } from "../src/errors.ts";
import { importSource, type RejectLimit, rejectLimit } from "../src/ingest/import.ts";
import { defaultSample } from "../src/ingest/sample.ts";
import type { NewRejection } from "../src/repositories/rejections.ts";
import { command, EXIT, readArguments, tableNamed } from "./command.ts";
import { countsTable, firstRejections, MORE_REJECTIONS, progressBar, say, speedSince, speedText } from "./terminal.ts";

const HELP = `Usage: bun run scripts/import.ts [SOURCE] [options]

Imports files into their tables. SOURCE is a directory, a file, s3://BUCKET/PREFIX/ or s3://BUCKET/KEY;
the default is IMPORT_SOURCE, and without a DATABASE_URL the sample.
Files are named for their tables: jobs.csv, jobs-2021.csv, jobs/any.csv. The ending is their form:
.csv, .csv.gz, .ndjson, .ndjson.gz, .avro.

  --table T           read the files of table T alone (${tableNames.join(", ")})
  --dry-run           say what would happen; write nothing but the run
  --max-rejects N|P%  refuse the whole import where more rows than this are rejected
  --json              print the outcome as one line of JSON
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
      json: values.json ?? false,
    };
  },
);
await command(async ({ config, database, signal }) => {
  const sample = () => (database.embedded ? defaultSample(DATA_FOLDER) : undefined);
  const source = options.source ?? config.importSource ?? (await sample());
  if (source === undefined) throw new MusterError("invalid", "name a SOURCE to import, or set IMPORT_SOURCE");
  const started = performance.now();
  const bar = progressBar();
  const more = options.dryRun ? "further rejected rows are counted below" : MORE_REJECTIONS;
  const first = firstRejections(bar.say, more);
  const rejected = options.json
    ? undefined
    : ({ file, position, reasons }: NewRejection) => first(`${file}:${position}`, reasons);
  const report = { say: bar.say, signal, progress: bar.update, ...(rejected && { rejected }) };
  const outcome = await importSource(database, { ...options, source, report }).finally(bar.stop);
  const { run, status, error, bytes, tables } = outcome;
  const speed = speedSince(started, tables, bytes);
  if (error) say(error);
  if (options.json) console.log(JSON.stringify({ run, status, ...speed, bytes, tables }));
  else console.log(`${countsTable(tables)}\nrun ${run} ${status} in ${speedText(speed)}`);
  return status === "succeeded" ? EXIT.done : EXIT.refused;
});

function limitOption(text: string | undefined): RejectLimit | undefined {
  const limit = text === undefined ? undefined : rejectLimit(text);
  if (limit || text === undefined) return limit;
  throw new MusterError("invalid", `--max-rejects ${text}: give a number of rows, or a share from 0% to 100%`);
}
