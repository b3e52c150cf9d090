/** The import of files: rows are read, judged and staged, then every table is published whole. */
import type { S3ClientConfig } from "@aws-sdk/client-s3";
import type { MySql2Database } from "drizzle-orm/mysql2";
import type { Dictionary } from "../codecs/dictionary.ts";
import type { TableName } from "../codecs/tables.ts";
import type { Counts } from "../db/ledger.ts";
import { ROLLED_BACK, retried } from "../db/transaction.ts";
import { debugPoint } from "../debug-points.ts";
import { clearDeadRuns, failRun, takeTurn } from "../publish/recovery.ts";
import { dropStages, stageName } from "../publish/stage.ts";
import type { FileRecipe, Recipe } from "../read/recipes/recipe.ts";
import { openSource, type Source } from "../read/sources/source.ts";
import { forgetUncounted } from "../repositories/file-log.ts";
import { type Beginning, type BegunRun, beginRun } from "../repositories/live-run.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { Pulse } from "../repositories/pulse.ts";
import { supersede } from "../repositories/rejection-log.ts";
import { endRun, findRun, noRows } from "../repositories/run-log.ts";
import { ImportStages } from "./import-stages.ts";
import type { Import, ImportReport } from "./import-state.ts";
import { logLate, withLate } from "./late-rejections.ts";
import { assertKnowable, withoutKnown } from "./new-files.ts";
import { checkIds } from "./provisional-ids.ts";
import { publish, type Withheld } from "./publish-tables.ts";
import { readTable } from "./read-table.ts";
import { excessOf, type Limits } from "./reject-limit.ts";

export interface ImportOptions extends Partial<Limits> {
  /** Directories, files, `s3://BUCKET/PREFIX/` or `s3://BUCKET/KEY`, or a source that was opened already. */
  source: string | readonly string[] | Source;
  /** How the files are read, if not by the strict default. */
  recipe?: Recipe | undefined;
  /** Parts of a recipe for all files. They win over the recipe, or over the muster.recipe.json beside the files. */
  options?: FileRecipe | undefined;
  /** Overrides what the S3 client finds in its environment. */
  s3?: S3ClientConfig;
  /** Read only this table's files. */
  table?: TableName | undefined;
  /** Give the verdicts and counts, and write nothing but the run. */
  dryRun?: boolean;
  /** Read only files that no import of their table has read. A known file that has changed refuses the import. */
  newOnly?: boolean;
  /** With `newOnly`: read known files that have changed as well. */
  again?: boolean;
  /** The caller has entered `database.longRuns`, and will leave it. If not, the import waits for a place there. */
  hasPlace?: boolean;
  /** Called in the transaction that writes the run's row. */
  begin?: Beginning | undefined;
  report: ImportReport;
}

export interface ImportOutcome {
  run: string;
  status: "succeeded" | "refused";
  /** Why it was refused. */
  error?: string;
  /** Bytes read from the files. A packed file counts as packed. */
  bytes: number;
  /** How many files were read, and how many were left out because they are known. */
  files: { read: number; known: number };
  tables: Partial<Record<TableName, Counts>>;
}

/**
 * Imports a source. At the end received = inserted + unchanged + rejected + withheld for each table.
 * @throws MusterError `invalid` if the source does not exist or no file in it is named for a table, `refused` if a file is
 * damaged or its header does not fit, `interrupted` by the report's signal. Whatever is thrown, each table has all of its
 * new rows or none
 */
export async function importSource(database: MusterDatabase, options: ImportOptions): Promise<ImportOutcome> {
  return (await beginImport(database, options)).finish();
}

/**
 * Records the run of an import. Its `finish` returns and throws as `importSource` does.
 * @throws MusterError `invalid` if the source does not exist or no file in it is named for a table
 */
export async function beginImport(database: MusterDatabase, options: ImportOptions): Promise<BegunRun<ImportOutcome>> {
  const pulse = new Pulse(database, options.report);
  const { report } = pulse;
  const source = await sourceOf(database.dictionary, options, report);
  for (const line of source.notes) report.say(line);
  if (options.newOnly) assertKnowable(source);
  const {
    dryRun = false,
    newOnly = false,
    again = false,
    maxRejects,
    rejectsKept = Number.POSITIVE_INFINITY,
  } = options;
  const { begin, hasPlace = false } = options;
  const run = await beginRun(database, "import", source.name, { begin, dryRun, hasPlace });
  const stages = new ImportStages(database, run);
  const read = { rows: 0, bytes: 0, of: source.files.reduce((sum, file) => sum + file.bytes, 0) };
  const ways = { dryRun, newOnly, again, filesKnown: 0, maxRejects, rejectsKept };
  const state: Import = { database, run, source, stages, ...ways, report, counts: {}, read };
  return {
    run: run.id,
    finish: () => carryOut(state, pulse),
    abandon: async (error) => void (await failRun(database, run, error, report).finally(run.close)),
  };
}

async function sourceOf(
  dictionary: Dictionary,
  { source, table: only, recipe, options, s3 }: ImportOptions,
  { say, signal }: ImportReport,
): Promise<Source> {
  if (typeof source === "object" && "files" in source) return source;
  return openSource({ dictionary, locations: [source].flat(), only, recipe, options, s3, signal, say });
}

async function carryOut(begun: Import, pulse: Pulse<ImportReport>): Promise<ImportOutcome> {
  const { database, run, stages, report, counts, read } = begun;
  let state = begun;
  const figures = () => ({ bytes: read.bytes, files: { read: state.source.files.length, known: state.filesKnown } });
  pulse.start(run.id, () => Object.values(counts).reduce((sum, { rejected }) => sum + rejected, 0));
  try {
    await clearDeadRuns(database, report.say);
    for (const table of tablesOf(begun)) {
      pulse.note({ table: table.name, phase: "waiting", rows: 0 });
      await takeTurn(database, run, table.name, report);
    }
    if (begun.newOnly) state = await withoutKnown(begun);
    const sourceTables = tablesOf(state);
    await checkIds(database, { source: state.source, tables: sourceTables, report });
    for (const table of sourceTables) await readTable(state, table);
    const isWithheld =
      state.dryRun || sourceTables.length === 0 || excessOf(state, Object.values(counts)) !== undefined;
    const withheld = isWithheld ? { tables: sourceTables } : await publish(state, sourceTables);
    const end = withheld ? await withhold(state, withheld) : { status: "succeeded" as const, tables: counts };
    debugPoint("run ended");
    // The run has ended. If its stages cannot be dropped now, a later command drops them.
    await dropStages(database, run.id).catch(() => report.say("what the import staged could not be removed now"));
    return { run: run.id, ...figures(), ...end };
  } catch (error) {
    stages.abandon();
    const shown = await failRun(database, run, error, report);
    // The run may have succeeded all the same: the answer to its last commit was lost, or the error came after that commit.
    const record = await findRun(database.db, run.id).catch(() => undefined);
    if (record?.status !== "succeeded") throw shown;
    return { run: run.id, status: "succeeded", ...figures(), tables: record.counts as Import["counts"] };
  } finally {
    await pulse.stop();
    await run.close();
  }
}

/** The tables that the files of an import are for, parents first. */
const tablesOf = ({ database, source: { files } }: Import) =>
  database.dictionary.tables.filter(({ name }) => files.some(({ table }) => table === name));

/**
 * Ends a dry run, an import without a new file, or one with too many rejected rows. The good rows of `tables` are not stored: they are counted as
 * withheld. All rejections are logged in the transaction that ends the run.
 */
async function withhold(
  state: Import,
  { tables, late }: Withheld,
): Promise<Pick<ImportOutcome, "status" | "error" | "tables">> {
  const { run, source, dryRun, report } = state;
  const names = tables.map(({ name }) => name);
  const end = async (transaction: MySql2Database) => {
    const counts = { ...state.counts };
    const logged = late && (await logLate(state, { ...late, stage: stageName(run.id, late.table) }, late.verdicts));
    for (const name of names) {
      const judged = counts[name] ?? noRows();
      const { inserted, ...verdicts } = logged && name === late.table.name ? withLate(judged, logged) : judged;
      counts[name] = { ...verdicts, inserted: 0, withheld: inserted };
    }
    const why = excessOf(state, Object.values(counts));
    const error = why && `${why}: ${whatIsImported(state, names)}`;
    if (!dryRun) {
      await supersede(transaction, { run: run.id, source: source.name, tables: names, newOnly: state.newOnly });
      await forgetUncounted(transaction, run.id);
    }
    const outcome = { status: error ? ("refused" as const) : ("succeeded" as const), ...(error && { error }) };
    await endRun(transaction, run.id, { ...outcome, counts });
    return { outcome, counts, first: logged?.first ?? [] };
  };
  const { outcome, counts, first } = await retried(ROLLED_BACK, () => run.db.transaction(end));
  for (const rejection of first) report.rejected?.(rejection);
  return { ...outcome, tables: counts };
}

/** A sentence that says which tables were imported and which were not. */
function whatIsImported({ counts }: Import, withheld: readonly TableName[]): string {
  const done = Object.keys(counts).filter((name) => !withheld.some((each) => each === name));
  if (done.length === 0) return "nothing was imported";
  const were = (names: readonly string[]) => `${names.join(" and ")} ${names.length === 1 ? "was" : "were"}`;
  return `${were(withheld)} not imported, ${were(done)}`;
}
