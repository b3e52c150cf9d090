import "../src/schema-check.ts";
import { assertFree } from "../src/ingest/rejects-file.ts";
import { type ReplayReport, replayOpen } from "../src/ingest/replay-batches.ts";
import { replayFile } from "../src/ingest/replay-file.ts";
import { inTurn } from "./if-running.ts";
import { say, withProgress } from "./progress.ts";
import { rejectedRows, rejectsWritten } from "./rejects.ts";
import { command, type DatabaseContext, isJson, type Outcome, readArguments, refuse } from "./run-command.ts";
import { countsTable, Rejections, speedSince, speedText } from "./summary.ts";

const options = readArguments("replay", ({ run, rejects, ...flags }, [file, ...more]) => {
  if (more.length > 0) refuse("name one FILE; see --help");
  if (file !== undefined && run !== undefined)
    refuse("give FILE or --run, not both: the file says which rejections it is for");
  return { file, run, rejects, failOnRejects: flags["fail-on-rejects"], ifRunning: flags["if-running"] };
});
await command(
  "insert",
  inTurn("replay", options.ifRunning, replayRejections),
  () => "interrupted: the batches that were replayed stay; run the same command again for the others",
);

async function replayRejections({ config, database, signal }: DatabaseContext): Promise<Outcome> {
  if (options.rejects !== undefined) await assertFree(options.rejects);
  const started = performance.now();
  const rejections = new Rejections(isJson ? undefined : say);
  const rejected: ReplayReport["rejected"] = ({ table, replaces, rejection, reasons = [] }) =>
    rejections.add(`rejection ${replaces}, now ${rejection},`, table, reasons);
  const { file, run } = options;
  const { runs, tables } = await withProgress(signal, (shown) => {
    const common = { msMax: config.WRITE_MS_MAX, report: { ...shown, rejected } };
    return file === undefined ? replayOpen(database, { ...common, run }) : replayFile(database, { ...common, file });
  });
  const speed = speedSince(started, tables);
  const last = `${runs.length === 1 ? "run" : "last run"} ${runs.at(-1)} succeeded in ${speedText(speed)}`;
  const written = await rejectsWritten(database, { runs, path: options.rejects, what: "the replay" });
  const toDo = written.text === undefined ? "" : `\n${written.text}`;
  return {
    status: "succeeded",
    isFailedByRejects: options.failOnRejects && rejectedRows(tables) > 0,
    facts: { run: runs.at(-1) ?? null, runs, ...speed, tables, reasons: rejections.reasons, ...written.facts },
    text: runs.length === 0 ? "there is nothing to replay" : `${countsTable(tables)}${rejections.text}${toDo}\n${last}`,
    ...written.failure,
  };
}
