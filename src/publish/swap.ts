/**
 * Publishes a table by swap: one RENAME puts the stage in the table's place. The old table is called `replaced_...` from then
 * on, until it is dropped. Readers see the old table or the new one, whole.
 *
 * RENAME commits by itself, and the process may die at any moment. So after every step a later command can tell how far the
 * swap has come: by the run's status, and by whether `stage_...` and `replaced_...` exist.
 *
 *   step                           stage    replaced  run's status          if the run dies now, the next command
 *   1. take the gate, look         exists   -         running               drops the stage
 *   2. note the swap in the run    exists   -         publishing            takes the note back, drops the stage
 *   3. RENAME                      -        exists    publishing            checks the old table: does 4, or renames back
 *   4. drop the old table          -        -         publishing            goes on with 5
 *   5. record that it is published -        -         running or succeeded  goes on with 6
 *   6. settle it                   -        -         (no swap is noted)    has nothing to do
 *
 * The gate is held from 1 to 5, on a connection of its own because RENAME would end a transaction on this one. Other programs
 * do not use the gate: they may still write into the old table, or add a trigger or a foreign key to it. So step 4 checks the
 * old table after the RENAME, when nobody can reach it by its name any more. If readers keep the old table in use, step 4 does
 * not drop it. Step 6 tries again, and after it the next command. settle.ts has steps 4 to 6, and what a later command does.
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
import { ddl, dropForeignKeys, RENAME_TRIES, raiseAutoIncrement } from "./ddl.ts";
import { definitionOf } from "./definition.ts";
import { dropReplaced, recordSwap, renameBack, replacedName, settle, takeNoteBack } from "./settle.ts";
import { addForeignKeys } from "./stage-table.ts";

export interface SwapOptions<C> {
  table: Table;
  /** The name of the stage, which is loaded and has its indexes. */
  stage: string;
  /** Whether this is the last table of the run, which has then succeeded. */
  last: boolean;
  newOnly?: boolean;
  /** The counts of the tables that the run has published before. */
  counts: RunCounts;
  /** Looks at the old table while the gate is held. @returns the table's counts; undefined if it must not be replaced */
  check(): Promise<C | undefined>;
  /** Called each time a lock wait times out before the gate is free; it may throw. */
  wait(table: string): void;
  say(line: string): void;
  /** Ends the wait for the gate. */
  signal?: AbortSignal | undefined;
}

/**
 * Swaps a stage in, and records that the table is published. If it is the last table, this records that the run has succeeded.
 * @returns the counts from `check`. Undefined, with nothing changed, if `check` returns none, if the table stays in use for
 *   long, or if another program has used it meanwhile
 */
export async function publishBySwap<C extends Counts | RestoreCounts>(
  database: Database,
  run: LiveRun,
  options: SwapOptions<C>,
): Promise<C | undefined> {
  // The run's row has room for one swap, so the swap of the previous table must be settled first.
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
  { table, stage, last, newOnly, counts: before, check, wait, say, signal }: SwapOptions<C>,
): Promise<C | undefined> {
  const gate = await keptAlive(database);
  try {
    await gate.connection.beginTransaction();
    const shared = table.references.map(({ parent }) => parent.name);
    await interruptible(database, gate.connection, signal, () =>
      passGates(gate.connection, { alone: [table.name], shared }, wait),
    );
    const counts = await check();
    if (counts === undefined) return undefined;
    if (!(await addForeignKeys(run.connection, table, stage))) return undefined;
    debugPoint("foreign keys added");
    const { nextId, foreignKeys } = await definitionOf(run.connection, table.name);
    await raiseAutoIncrement(run.connection, stage, nextId);
    const names = foreignKeys.map(({ name }) => name);
    const swap: Swap = { table: table.name, stage, last, foreignKeys: names, ...(newOnly && { newOnly }) };
    await run.db
      .update(runs)
      .set({ status: "publishing", swap, counts: { ...before, [table.name]: counts } })
      .where(eq(runs.id, run.id));
    debugPoint("swap noted");
    await gate.connection.ping(); // throws if the server has closed this connection, which has released the gate
    const wrong = await rename(run, swap);
    if (wrong === undefined) {
      debugPoint("old table dropped");
      await recordSwap(run.db, { ...run, swap });
      return counts;
    }
    say(`${table.name} is ${run.kind === "import" ? "filled by INSERT" : "restored row by row"}: ${wrong}`);
    await takeNoteBack(run.db, run.id, before);
    // The stage is only read from now on. Drop its foreign keys: they would keep others from deleting the parents.
    await dropForeignKeys(run.connection, stage);
    return undefined;
  } finally {
    await gate.close();
  }
}

/** Steps 3 and 4. @returns undefined if the stage has taken the table's place; otherwise why not, with both tables as before */
async function rename({ connection, kind }: LiveRun, swap: Swap): Promise<string | undefined> {
  const [old, next] = [escapeId(swap.table), escapeId(swap.stage)];
  const statement = `RENAME TABLE ${old} TO ${escapeId(replacedName(swap.stage))}, ${next} TO ${old}`;
  if (!(await ddl(connection, statement, { tries: RENAME_TRIES }))) return "readers keep it in use";
  debugPoint("renamed");
  const wrong = await dropReplaced(connection, kind, swap);
  if (wrong !== undefined) await renameBack(connection, swap);
  return wrong;
}
