import "../src/schema-check.ts";
import { MusterError } from "../src/errors.ts";
import type { ReplayReport } from "../src/ingest/replay-batches.ts";
import { replayFile, replayOpen } from "../src/ingest/replay-many.ts";
import { command, EXIT, readArguments } from "./command.ts";
import { countsTable, firstRejections, MORE_REJECTIONS, progressBar, speedSince, speedText } from "./terminal.ts";

const HELP = `Usage: bun run scripts/replay.ts [FILE] [options]

Replays rejections through the rules of every other row: what passes is stored, what is refused again is a
new open rejection, and the old one is closed. Without FILE all open ones, as they came. FILE is a corrected
export of them: .csv with the columns id and raw (GET /rejections?state=open as text/csv has them), or .ndjson
with {"id": 7, "row": {...}} or {"id": 7, "raw": "..."} in each line. It is checked whole before anything is done.

  --run ID   the open rejections of this run alone
  --json     print the outcome as one line of JSON
  --help     this text

Rows go in batches, each whole or not at all: what was interrupted goes on by the same command.
Exit code: 0 done (rows refused again included), 1 failed, 2 refused, 130 interrupted.`;

const options = readArguments(HELP, { run: { type: "string" }, json: { type: "boolean" } }, (values, positionals) => {
  const [file, ...more] = positionals;
  if (more.length > 0) throw new MusterError("invalid", "name one FILE; see --help");
  if (file !== undefined && values.run !== undefined)
    throw new MusterError("invalid", "give FILE or --run, not both: the file says which rejections it is for");
  return { file, run: values.run, json: values.json ?? false };
});
await command(async ({ config, database, signal }) => {
  const started = performance.now();
  const bar = progressBar();
  const first = firstRejections(bar.say, MORE_REJECTIONS);
  const rejected: ReplayReport["rejected"] = ({ replaces, rejection, reasons = [] }) =>
    first(`rejection ${replaces}, now ${rejection},`, reasons);
  const report = { say: bar.say, signal, progress: bar.update, ...(!options.json && { rejected }) };
  const rest = { msMax: config.writeMsMax, report };
  const { file, run } = options;
  const replaying =
    file === undefined ? replayOpen(database, { ...rest, run }) : replayFile(database, { ...rest, file });
  const { runs, tables } = await replaying.finally(bar.stop);
  const speed = speedSince(started, tables);
  const status = "succeeded";
  if (options.json) console.log(JSON.stringify({ run: runs.at(-1) ?? null, runs, status, ...speed, tables }));
  else if (runs.length === 0) console.log("there is nothing to replay");
  else
    console.log(
      `${countsTable(tables)}\n${runs.length === 1 ? "run" : "last run"} ${runs.at(-1)} ${status} in ${speedText(speed)}`,
    );
  return EXIT.done;
});
