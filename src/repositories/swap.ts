/**
 * A stage takes its table's place by one RENAME (design section 5, Swap).
 *
 * Why nothing is lost: the gate is held on a connection of its own until the run's row says that the table is swapped, as
 * RENAME commits by itself. Why nothing is left in between: the run names its stage before the RENAME. Whoever finds a
 * run that died there sees by the stage's name whether the RENAME was carried out, as it is atomic.
 */
import { eq, sql } from "drizzle-orm";
import { drizzle, type MySql2Database } from "drizzle-orm/mysql2";
import { escapeId } from "mysql2";
import type { Connection, PoolConnection, RowDataPacket } from "mysql2/promise";
import type { Table } from "../codecs/tables.ts";
import type { Database } from "../db/client.ts";
import { interruptible } from "../db/interruptible.ts";
import { type Counts, type RestoreCounts, type RunCounts, runs, type Swap } from "../db/ledger.ts";
import { ddl } from "./ddl.ts";
import { definitionOf, raiseAutoIncrement } from "./definition.ts";
import { passGates } from "./gates.ts";
import { supersede } from "./rejections.ts";
import { keptAlive, type LiveRun } from "./runs.ts";
import { ALTER_TRIES, addForeignKeys, alter, stagedName } from "./stage-keys.ts";

/** Under the gate so many tries of a second each stay well within the time that writers wait (WRITE_MS_MAX). */
const RENAME_TRIES = 5;

/** Whether a stage may take the table's place: foreign keys that point at a table and triggers would go with the old one. */
export async function isSwappable(database: Database, table: Table): Promise<boolean> {
  if (!database.server.swaps) return false;
  const [rows] = await database.pool.query<RowDataPacket[]>(
    `SELECT 1 FROM information_schema.referential_constraints WHERE unique_constraint_schema = ? AND referenced_table_name = ?
     UNION ALL SELECT 1 FROM information_schema.triggers WHERE event_object_schema = ? AND event_object_table = ? LIMIT 1`,
    [database.name, table.name, database.name, table.name],
  );
  return rows.length === 0;
}

/** Whether a table has no row that is committed. */
export async function isEmpty(connection: Connection, name: string): Promise<boolean> {
  const [rows] = await connection.query<RowDataPacket[]>(`SELECT 1 FROM ${escapeId(name)} LIMIT 1`);
  return rows.length === 0;
}

export interface SwapOptions<C> {
  table: Table;
  /** Loaded, with its indexes. */
  stage: string;
  /** With this table the run has succeeded. */
  last: boolean;
  /** Of the run's other tables. */
  counts: RunCounts;
  /** Looks, with the gate held, at what is to be replaced. @returns the table's counts; undefined where it may not be replaced */
  judge(): Promise<C | undefined>;
  /** Is called each time the server's lock wait ends without the gate; may throw. */
  wait(table: string): void;
  say(line: string): void;
  /** Ends the waiting for the gate. */
  signal?: AbortSignal | undefined;
}

/**
 * Swaps a stage in, and writes down that the table is published, and with the last one that the run has succeeded.
 * @returns the counts that `judge` gave; undefined, with nothing changed, where it gave none or where the table was in use
 *   for long
 */
export async function publishBySwap<C extends Counts | RestoreCounts>(
  database: Database,
  run: LiveRun,
  options: SwapOptions<C>,
): Promise<C | undefined> {
  // The run's row has room for one swap: a table whose names are still to be settled comes first.
  if (!(await settle(run.connection, run.id, options.say))) return undefined;
  const counts = await swapAtTheGate(database, run, options);
  if (counts !== undefined) await settle(run.connection, run.id, options.say);
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
    const { nextId, foreignKeys } = await definitionOf(run.connection, table.name);
    await raiseAutoIncrement(run.connection, stage, nextId);
    const swap: Swap = { table: table.name, stage, last, foreignKeys: foreignKeys.map(({ name }) => name) };
    await run.db
      .update(runs)
      .set({ status: "publishing", swap, counts: { ...before, [table.name]: counts } })
      .where(eq(runs.id, run.id));
    await gate.connection.ping(); // a gate that fell to the server's timeout is nobody's
    const [old, next] = [escapeId(table.name), escapeId(stage)];
    const rename = `RENAME TABLE ${old} TO ${escapeId(replacedName(stage))}, ${next} TO ${old}`;
    if (await ddl(run.connection, rename, { tries: RENAME_TRIES })) {
      await recordSwap(run.db, { ...run, swap });
      return counts;
    }
    say(`${table.name} is being read for long: it is filled by INSERT`);
    await undoSwap(run.db, run.id, before);
    return undefined;
  } finally {
    await gate.close();
  }
}

const replacedName = (stage: string) => stage.replace(/^stage/, "replaced");

/** The run's part of a swap that was carried out. */
async function recordSwap(
  db: MySql2Database,
  { id, kind, source, swap }: Pick<typeof runs.$inferSelect, "id" | "kind" | "source"> & { swap: Swap },
): Promise<void> {
  await db.transaction(async (transaction) => {
    if (kind === "import") await supersede(transaction, { run: id, source: source ?? "", tables: [swap.table] });
    const end = { status: "succeeded", finished_at: sql`UTC_TIMESTAMP(3)` } as const;
    await transaction
      .update(runs)
      .set(swap.last ? end : { status: "running" })
      .where(eq(runs.id, id));
  });
}

async function undoSwap(db: MySql2Database, run: string, counts: RunCounts): Promise<void> {
  await db.update(runs).set({ status: "running", swap: null, counts }).where(eq(runs.id, run));
}

/**
 * Finishes or undoes the swap of a run whose own connection is gone, whatever moment it went at.
 * @param connection holds the run's lock
 */
export async function resolveSwap(connection: PoolConnection, id: string, say: (line: string) => void): Promise<void> {
  const db = drizzle(connection);
  const [run] = await db.select().from(runs).where(eq(runs.id, id));
  if (!run?.swap) return;
  const { swap } = run;
  if (await exists(connection, swap.stage)) {
    const { [swap.table]: _, ...before } = run.counts;
    return undoSwap(db, id, before);
  }
  if (run.status === "publishing") await recordSwap(db, { ...run, swap });
  await settle(connection, id, say);
}

async function exists(connection: Connection, name: string): Promise<boolean> {
  const [rows] = await connection.query<RowDataPacket[]>(
    "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?",
    [name],
  );
  return rows.length > 0;
}

/**
 * After the swap: the old table goes, and the foreign keys get its names. Readers that keep on delay it, nothing else.
 * @returns whether nothing is left to do
 */
async function settle(connection: PoolConnection, id: string, say: (line: string) => void): Promise<boolean> {
  const db = drizzle(connection);
  const [run] = await db.select().from(runs).where(eq(runs.id, id));
  if (!run?.swap) return true;
  const { table, stage, foreignKeys } = run.swap;
  const replaced = replacedName(stage);
  // What an import replaces was empty: what is in there now was written by somebody whom no gate holds.
  const keep = run.kind === "import" && (await exists(connection, replaced)) && !(await isEmpty(connection, replaced));
  const named = (await definitionOf(connection, table)).foreignKeys.flatMap(({ name, rule }) => {
    const original = foreignKeys.find((_, index) => stagedName(stage, index) === name);
    const [from, to] = [escapeId(name), escapeId(original ?? "")];
    return original === undefined ? [] : [`DROP FOREIGN KEY ${from}, ADD CONSTRAINT ${to} ${rule}`];
  });
  const free = keep ? dropForeignKeys(connection, replaced) : drop(connection, replaced);
  const done = (await free) && (await alter(connection, table, named));
  if (!done) {
    say(`${table} is in use: the next command gives its foreign keys their names`);
    return false;
  }
  await db.update(runs).set({ swap: null }).where(eq(runs.id, id));
  if (keep)
    say(`rows that another program wrote into ${table} beside its publish are in ${replaced}: move them and drop it`);
  return true;
}

const drop = (connection: Connection, name: string) =>
  ddl(connection, `DROP TABLE IF EXISTS ${escapeId(name)}`, { tries: ALTER_TRIES });

async function dropForeignKeys(connection: Connection, name: string): Promise<boolean> {
  const { foreignKeys } = await definitionOf(connection, name);
  return alter(
    connection,
    name,
    foreignKeys.map((each) => `DROP FOREIGN KEY ${escapeId(each.name)}`),
  );
}
