import { asCalled } from "../src/build.ts";
import { takesSample } from "../src/codecs/hiring-tables.ts";
import { DATA_FOLDER } from "../src/config.ts";
import { whollyRejected } from "../src/ingest/counts.ts";
import { hasSample } from "../src/ingest/first-load.ts";
import { importSource } from "../src/ingest/import.ts";
import { assertFree } from "../src/ingest/rejects-file.ts";
import { defaultSample } from "../src/ingest/sample.ts";
import { readRecipe } from "../src/read/recipes/recipe-file.ts";
import type { NewRejection } from "../src/repositories/rejection-log.ts";
import { dictionary } from "../src/schema-check.ts";
import { escaped } from "../src/shown.ts";
import { FOR_REAL_RUNS, inTurn } from "./if-running.ts";
import { say, withProgress } from "./progress.ts";
import { rejectedRows, rejectsWritten } from "./rejects.ts";
import { command, type DatabaseContext, isJson, type Outcome, readArguments, refuse } from "./run-command.ts";
import { countsTable, Rejections, speedSince, speedText } from "./summary.ts";

const options = readArguments("import", ({ table, recipe, ...flags }, operands, parts) => {
  const { "dry-run": dryRun, "max-rejects": maxRejects, "new-only": newOnly, again } = flags;
  if (again && !newOnly) refuse("--again is for --new-only: without it every file is read, whether it is known or not");
  const { rejects, "fail-on-rejects": failOnRejects, "if-running": ifRunning } = flags;
  if (ifRunning && dryRun) refuse(FOR_REAL_RUNS);
  if (rejects !== undefined && dryRun)
    refuse(
      "--rejects needs an import, as a dry run keeps no rejected rows that could be replayed: leave --dry-run out",
    );
  return {
    sources: operands,
    recipe,
    rejects,
    failOnRejects,
    ifRunning,
    given: { table, dryRun, maxRejects, newOnly, again, options: parts },
  };
});
await command("import", inTurn("import", options.ifRunning, importFiles), (last) => {
  if (!last) return "interrupted: run the same command again";
  const imported = Object.keys(last.counts);
  if (imported.length === 0) return "interrupted: nothing was changed; run the same command again";
  return `interrupted: ${imported.join(", ")} imported whole, the other tables are as they were; run the same command again`;
});

async function importFiles({ config, database, signal }: DatabaseContext): Promise<Outcome> {
  const sample = () => (database.embedded && takesSample(dictionary.tables) ? defaultSample(DATA_FOLDER) : undefined);
  const one = options.sources.length === 0 ? (config.IMPORT_SOURCE ?? (await sample())) : undefined;
  const source = one === undefined ? options.sources : [one];
  if (source.length === 0) refuse("name a SOURCE to import, or set IMPORT_SOURCE");
  if (options.rejects !== undefined) await assertFree(options.rejects);
  const started = performance.now();
  const rejections = new Rejections(isJson ? undefined : say);
  const rejected = ({ file, position, table, reasons }: NewRejection) =>
    rejections.add(`${escaped(file ?? "")}:${position}`, table, reasons);
  const recipe = options.recipe === undefined ? undefined : await readRecipe(options.recipe);
  const outcome = await withProgress(signal, (report) =>
    importSource(database, { ...options.given, recipe, source, report: { ...report, rejected } }),
  );
  const { run, status, error, bytes, files, tables } = outcome;
  const { reasons } = rejections;
  const hasTakenId = reasons.some(({ code }) => code === "duplicate_id");
  if (hasTakenId && database.embedded && (await hasSample(database, DATA_FOLDER))) say(sampleHasIds(source));
  const speed = speedSince(started, tables, bytes);
  const dry = options.given.dryRun ? "; it was a dry run: nothing was written" : "";
  const rejectedTables = whollyRejected(tables);
  const but = rejectedTables.length > 0 ? `, but every row of ${rejectedTables.join(", ")} was rejected` : "";
  const rows = rejectedRows(tables);
  const written = await rejectsWritten(database, { runs: [run], path: options.rejects, what: "the import" });
  const counts = Object.keys(tables).length === 0 ? "no file was read" : countsTable(tables);
  const toDo = options.given.dryRun || rows === 0 ? "" : `\n${written.text ?? whatToDo(run)}`;
  return {
    ...{ status, error },
    isFailedByRejects: options.failOnRejects && rows > 0,
    facts: { run, ...speed, bytes, files, tables, reasons, ...written.facts },
    text: `${counts}${rejections.text}${toDo}\nrun ${run} ${status} in ${speedText(speed)}${but}${dry}`,
    ...written.failure,
  };
}

/** Where the rejected rows are, and how to correct them. */
function whatToDo(run: string): string {
  const ways = "correct the files and import them again, or correct an export of the rejections and replay it";
  return `rejected rows are kept until they are dealt with (GET /rejections?run=${run}): ${ways}`;
}

/** Says that rows were rejected because the sample uses their ids, and how to begin without the sample. */
function sampleHasIds(sources: readonly string[]): string {
  const source = sources.length === 1 ? sources[0] : "FOLDER";
  const begin = `to begin with your own files, stop Muster, remove ${DATA_FOLDER} and run IMPORT_SOURCE=${source} ${asCalled("npm start")}`;
  return `the sample that the first start loaded has ids of your rows (duplicate_id): ${begin}`;
}
