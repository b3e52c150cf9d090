import type { Table } from "../codecs/tables.ts";
import type { Counts } from "../db/ledger.ts";
import { interruptible, isolationAfterWait, ROLLED_BACK, retried } from "../db/transaction.ts";
import { debugPoint } from "../debug-points.ts";
import { ROWS_PER_TURN } from "../event-loop.ts";
import { publishByAppend } from "../publish/append.ts";
import { isEmpty } from "../publish/definition.ts";
import type { LateVerdicts, Staged } from "../publish/set-aside.ts";
import { stageName } from "../publish/stage.ts";
import { addIndexes } from "../publish/stage-table.ts";
import { publishBySwap } from "../publish/swap.ts";
import { swapVerdict } from "../publish/swappable.ts";
import { explainedSize } from "../publish/transaction-size.ts";
import { countFiles } from "../repositories/file-log.ts";
import { passGates } from "../repositories/gates.ts";
import { supersede } from "../repositories/rejection-log.ts";
import { endRun, noRows, recordCounts } from "../repositories/run-log.ts";
import type { Import } from "./import-state.ts";
import { logLate, withLate } from "./late-rejections.ts";
import { assignsIds } from "./provisional-ids.ts";
import { excessOf } from "./reject-limit.ts";

/**
 * Moves every stage into its table, parents first, while it holds the table's gate: by a swap if possible, else in one
 * transaction. A table's counts and late rejections are committed together with its rows. The last table's commit also ends
 * the run.
 * @returns the tables that were left as they were, if too many rows of one turn out wrong. Then the run has not ended
 */
export async function publish(state: Import, part: readonly Table[]): Promise<Withheld | undefined> {
  const { report, counts } = state;
  const published: Import["counts"] = {};
  for (const table of part) {
    const step = {
      ...{ table, stage: stageName(state.run.id, table), assignsIds: assignsIds(state.source, table) },
      ...{ before: published, last: table === part.at(-1) },
    };
    const swapOrInsert = async () => {
      const swapped = await swapIn(state, step);
      if (swapped !== "not possible") return swapped;
      return retried(ROLLED_BACK, () => insertInto(state, step)).catch(async (error) => {
        throw await explainedSize(error, state.database, state.run.connection, [step]);
      });
    };
    try {
      const written = await interruptible(state.database, state.run.connection, report.signal, swapOrInsert);
      published[table.name] = written;
      counts[table.name] = written;
    } catch (error) {
      if (!(error instanceof TooManyLate)) throw error;
      return { tables: part.slice(part.indexOf(table)), late: { table, verdicts: error.verdicts } };
    }
  }
  return undefined;
}

/** Tables whose new rows are not stored. */
export interface Withheld {
  tables: readonly Table[];
  /** Given if too many rows of the first of the tables turned out wrong when it was published. */
  late?: { table: Table; verdicts: LateVerdicts };
}

/** Thrown to roll back the publish of a table, if too many of its rows turn out wrong. */
class TooManyLate extends Error {
  constructor(readonly verdicts: LateVerdicts) {
    super("too many rows turned out wrong");
  }
}

interface Step extends Omit<Staged, "database"> {
  /** The counts of the tables that are published already. */
  before: Import["counts"];
  last: boolean;
}

/** Lets the stage take the place of an empty table. Changes nothing if that is not possible. */
async function swapIn(
  state: Import,
  { table, stage, assignsIds, before, last }: Step,
): Promise<Counts | "not possible"> {
  const { database, run, report } = state;
  // The stage has provisional ids, or other columns.
  if (assignsIds || !table.judgedAsRead) return "not possible";
  const empty = () => isEmpty(run.connection, table.name);
  if (!(await empty())) return "not possible";
  const verdict = await swapVerdict(database, run.connection, table, stage);
  if (!verdict.swaps) {
    if (verdict.why) report.say(`${table.name} is filled by INSERT: ${verdict.why}`);
    return "not possible";
  }
  tell(state, table, "adding the indexes of");
  await addIndexes(run.connection, table, stage);
  debugPoint("indexes added");
  tell(state, table, "swapping in");
  const counts = state.counts[table.name] ?? noRows();
  const check = async () => ((await empty()) ? counts : undefined);
  const { say, signal } = report;
  const wait = waiting(report);
  const { newOnly } = state;
  const swap = { table, stage, last, newOnly, counts: before, check, wait, say, signal };
  return (await publishBySwap(database, run, swap)) ?? "not possible";
}

/** Reports the step that a publish is at. How far the step itself has come is unknown, because the server does not tell. */
function tell({ report, counts }: Import, table: Table, what: string): void {
  const rows = counts[table.name]?.inserted ?? 0;
  if (rows > 0) report.progress?.({ table: table.name, phase: `publishing: ${what} ${rows} rows`, rows: 0 });
}

const waiting = (report: Import["report"]) => (name: string) => {
  report.signal?.throwIfAborted();
  report.say(`waiting for another writer of ${name}`);
};

/** Inserts the staged rows in one transaction, also into a table with rows. @throws TooManyLate, which undoes it */
async function insertInto(state: Import, { table, stage, assignsIds, before, last }: Step): Promise<Counts> {
  const { run, source, report } = state;
  tell(state, table, "inserting");
  const judged = state.counts[table.name] ?? noRows();
  const published = (counts: Counts) => ({ ...before, [table.name]: counts });
  const refuseExcess = (late: LateVerdicts, rows: number) => {
    report.signal?.throwIfAborted();
    const phase = "publishing: finding the rows that the database refuses";
    if (rows % ROWS_PER_TURN === 0 && rows > 0) report.progress?.({ table: table.name, phase, rows });
    const counts = { ...state.counts, [table.name]: { ...judged, rejected: judged.rejected + rows } };
    if (excessOf(state, Object.values(counts))) throw new TooManyLate(late);
  };
  const { counts, first } = await run.db.transaction(async (transaction) => {
    const gates = { alone: [table.name], shared: table.references.map(({ parent }) => parent.name) };
    await passGates(run.connection, gates, waiting(report));
    const { inserted, late } = await publishByAppend(
      run.connection,
      { database: state.database.name, table, stage, assignsIds },
      (found) => refuseExcess(found, found.rejected.size),
    );
    const logged = await logLate(state, { table, stage }, late);
    refuseExcess(late, logged.rows);
    await supersede(transaction, { run: run.id, source: source.name, tables: [table.name], newOnly: state.newOnly });
    await countFiles(transaction, run.id, table.name);
    const verdicts = withLate(judged, logged);
    const counts = { ...verdicts, inserted, unchanged: verdicts.unchanged + late.unchanged };
    if (last) await endRun(transaction, run.id, { status: "succeeded", counts: published(counts) });
    else await recordCounts(transaction, run.id, published(counts));
    debugPoint("rows inserted");
    return { counts, first: logged.first };
  }, isolationAfterWait(state.database.server));
  for (const rejection of first) report.rejected?.(rejection);
  return counts;
}
