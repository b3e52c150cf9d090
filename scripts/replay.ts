import "../src/schema-check.ts";
import { MusterError } from "../src/errors.ts";
import type { ReplayReport } from "../src/ingest/replay-batches.ts";
import { replayFile, replayOpen } from "../src/ingest/replay-many.ts";
import { command, type DatabaseContext, isJson, type Outcome, readArguments } from "./command.ts";
import { countsTable, progressBar, Rejections, speedSince, speedText } from "./terminal.ts";

const HELP = `Usage: bun run scripts/replay.ts [FILE] [options]

Replays rejections through the rules of every other row: what passes is stored, what is refused again is a
new open rejection, and the old one is closed. Without FILE all open ones, as they came. FILE is a corrected
export of them, which is checked whole before anything is done:
  .csv     a table's sheet with a column for each field (GET /rejections?table=T&state=open&spreadsheet=true),
           or with the columns id and raw (GET /rejections?state=open as text/csv)
  .ndjson  {"id": 7, "row": {...}} or {"id": 7, "raw": "..."} in each line

  --run ID   the open rejections of this run alone
  --json     end standard output with one line of JSON, also when refused or failed
  --help     this text

Rows go in batches, each whole or not at all: what was interrupted goes on by the same command.
Exit code: 0 done (rows refused again included), 1 failed, 2 refused, 130 interrupted.`;

const options = readArguments(HELP, { run: { type: "string" }, json: { type: "boolean" } }, (values, positionals) => {
  const [file, ...more] = positionals;
  if (more.length > 0) throw new MusterError("invalid", "name one FILE; see --help");
  if (file !== undefined && values.run !== undefined)
    throw new MusterError("invalid", "give FILE or --run, not both: the file says which rejections it is for");
  return { file, run: values.run };
});
await command(
  "insert",
  replayRejections,
  () => "interrupted: the batches that were replayed stay; run the same command again for the others",
);

async function replayRejections({ config, database, signal }: DatabaseContext): Promise<Outcome> {
  const started = performance.now();
  const bar = progressBar();
  const rejections = new Rejections(isJson ? undefined : bar.say);
  const rejected: ReplayReport["rejected"] = ({ table, replaces, rejection, reasons = [] }) =>
    rejections.add(`rejection ${replaces}, now ${rejection},`, table, reasons);
  const report = { say: bar.say, signal, progress: bar.update, rejected };
  const rest = { msMax: config.writeMsMax, report };
  const { file, run } = options;
  const replaying =
    file === undefined ? replayOpen(database, { ...rest, run }) : replayFile(database, { ...rest, file });
  const { runs, tables } = await replaying.finally(bar.stop);
  const speed = speedSince(started, tables);
  const last = `${runs.length === 1 ? "run" : "last run"} ${runs.at(-1)} succeeded in ${speedText(speed)}`;
  return {
    status: "succeeded",
    facts: { run: runs.at(-1) ?? null, runs, ...speed, tables, reasons: rejections.reasons },
    text: runs.length === 0 ? "there is nothing to replay" : `${countsTable(tables)}${rejections.text}\n${last}`,
  };
}
