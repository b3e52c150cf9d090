/**
 * A stage takes its table's place by one RENAME. The table that was there is called `replaced_...` until it is dropped.
 *
 * Why nothing is lost: RENAME commits by itself, so the gate is held on a connection of its own until the run's row says
 * that the table is swapped. The run's row names the stage before the RENAME. Whoever finds it later sees by the tables
 * that exist and by the run's status how far the swap has come, whatever moment its process died at:
 *
 *   stage   replaced   run's status        how far the swap is            what comes next
 *   exists  -          running             not begun                      note the swap in the run's row
 *   exists  -          publishing          noted, or renamed back         RENAME; of a dead run: take the note back
 *   -       exists     publishing          renamed, not yet judged        judge it: drop `replaced`, or RENAME back
 *   -       -          publishing          judged right                   record the counts and the run's status
 *   -       maybe      running, succeeded  recorded                       settle it: names of foreign keys, take the note back
 *
 * Judging comes after the RENAME, since only then nobody can hang anything on the old table any more: see settle.ts.
 */
import { eq } from "drizzle-orm";
import { escapeId } from "mysql2";
import type { Table } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import { type Counts, type RestoreCounts, type RunCounts, runs, type Swap } from "../db/ledger.ts";
import { interruptible } from "../db/transaction.ts";
import { debugPoint } from "../debug-points.ts";
import { passGates } from "../repositories/gates.ts";
import { keptAlive, type LiveRun } from "../repositories/live-run.ts";
import { ddl, RENAME_TRIES } from "./ddl.ts";
import { definitionOf, raiseAutoIncrement } from "./definition.ts";
import { recordSwap, renameBack, replacedName, settle, undoSwap, whatIsWrong } from "./settle.ts";
import { addForeignKeys, dropForeignKeys } from "./stage-keys.ts";

export interface SwapOptions<C> {
  table: Table;
  /** Loaded, with its indexes. */
  stage: string;
  /** With this table the run has succeeded. */
  last: boolean;
  /** The counts of the run's other tables. */
  counts: RunCounts;
  /** Looks, with the gate held, at what is to be replaced. @returns the table's counts; undefined if it may not be replaced */
  judge(): Promise<C | undefined>;
  /** Is called each time the server's lock wait ends without the gate; may throw. */
  wait(table: string): void;
  say(line: string): void;
  /** Ends the waiting for the gate. */
  signal?: AbortSignal | undefined;
}

/**
 * Swaps a stage in, and writes down that the table is published, and with the last one that the run has succeeded.
 * @returns the counts that `judge` gave; undefined, with nothing changed, if it gave none, if the table was in use for long,
 *   or if something of others was found to hang on it
 */
export async function publishBySwap<C extends Counts | RestoreCounts>(
  database: Database,
  run: LiveRun,
  options: SwapOptions<C>,
): Promise<C | undefined> {
  // The run's row has room for one swap: a table whose names are still to be settled comes first.
  if (!(await settle(run.connection, run.id, options.say))) return undefined;
  const counts = await swapAtTheGate(database, run, options);
  if (counts === undefined) return undefined;
  debugPoint("swap recorded");
  await settle(run.connection, run.id, options.say);
  return counts;
}

async function swapAtTheGate<C extends Counts | RestoreCounts>(
  database: Database,
  run: LiveRun,
  { table, stage, last, counts: before, judge, wait, say, signal }: SwapOptions<C>,
): Promise<C | undefined> {
  const gate = await keptAlive(database);
  try {
    await gate.connection.beginTransaction();
    const shared = table.references.map((reference) => reference.table);
    await interruptible(database, gate.connection, signal, () =>
      passGates(gate.connection, { alone: [table.name], shared }, wait),
    );
    const counts = await judge();
    if (counts === undefined) return undefined;
    if (!(await addForeignKeys(run.connection, table, stage))) return undefined;
    debugPoint("foreign keys added");
    const { nextId, foreignKeys } = await definitionOf(run.connection, table.name);
    await raiseAutoIncrement(run.connection, stage, nextId);
    const swap: Swap = { table: table.name, stage, last, foreignKeys: foreignKeys.map(({ name }) => name) };
    await run.db
      .update(runs)
      .set({ status: "publishing", swap, counts: { ...before, [table.name]: counts } })
      .where(eq(runs.id, run.id));
    debugPoint("swap noted");
    await gate.connection.ping(); // a gate that fell to the server's timeout is nobody's
    const wrong = await rename(run, swap);
    if (wrong === undefined) {
      debugPoint("old table dropped");
      await recordSwap(run.db, { ...run, swap });
      return counts;
    }
    say(`${table.name} is filled by INSERT: ${wrong}`);
    await undoSwap(run.db, run.id, before);
    // Its rows are only read from here on: they must not keep their parents from being deleted.
    await dropForeignKeys(run.connection, stage);
    return undefined;
  } finally {
    await gate.close();
  }
}

/** @returns why the stage did not take the table's place, or is back in its own */
async function rename({ connection, kind }: LiveRun, swap: Swap): Promise<string | undefined> {
  const [old, next] = [escapeId(swap.table), escapeId(swap.stage)];
  const statement = `RENAME TABLE ${old} TO ${escapeId(replacedName(swap.stage))}, ${next} TO ${old}`;
  if (!(await ddl(connection, statement, { tries: RENAME_TRIES }))) return "it is being read for long";
  debugPoint("renamed");
  const wrong = await whatIsWrong(connection, kind, swap);
  if (wrong !== undefined) await renameBack(connection, swap);
  return wrong;
}
