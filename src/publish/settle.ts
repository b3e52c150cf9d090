/**
 * The steps after the RENAME of a swap, and what a later command does with the swap of a run that died. swap.ts lists the
 * states.
 */
import { eq, sql } from "drizzle-orm";
import { drizzle, type MySql2Database } from "drizzle-orm/mysql2";
import { escapeId } from "mysql2";
import type { Connection, PoolConnection, RowDataPacket } from "mysql2/promise";
import type { TableName } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import { driverError } from "../db/driver-errors.ts";
import { type Counts, type RestoreCounts, type RunCounts, type RunKind, runs, type Swap } from "../db/ledger.ts";
import { ROLLED_BACK, retried } from "../db/transaction.ts";
import { debugPoint } from "../debug-points.ts";
import { MusterError } from "../errors.ts";
import { countFiles, forgetSince } from "../repositories/file-log.ts";
import { passGates } from "../repositories/gates.ts";
import { keptAlive } from "../repositories/live-run.ts";
import { supersede } from "../repositories/rejection-log.ts";
import { backupIn } from "../repositories/run-log.ts";
import { ALTER_TRIES, alter, ddl, dropForeignKeys, RENAME_TRIES } from "./ddl.ts";
import { definitionOf, exists, isEmpty, triggerOn } from "./definition.ts";
import { STILL_REFERRED_TO } from "./refused-rows.ts";
import { stagedName } from "./stage-table.ts";

/** What the old table is called after the RENAME. */
export const replacedName = (stage: string) => stage.replace(/^stage/, "replaced");

/**
 * Step 4: drops the old table, unless another program used it up to the RENAME. The DROP itself is the last check: the server
 * refuses it if a foreign key points at the table, even one that the user may not see.
 * @returns why the old table must stay. Undefined if it is gone, or if only its readers delay the DROP
 */
export async function dropReplaced(connection: Connection, kind: RunKind, swap: Swap): Promise<string | undefined> {
  const replaced = replacedName(swap.stage);
  if (!(await exists(connection, replaced))) return undefined;
  // An import swaps only an empty table. If it has rows now, a program that does not use the gate wrote them.
  if (kind === "import" && !(await isEmpty(connection, replaced))) return "another program is writing into it";
  const trigger = await triggerOn(connection, replaced);
  if (trigger !== undefined) return `it was given the trigger ${trigger}`;
  const [old, now] = [await definitionOf(connection, replaced), await definitionOf(connection, swap.table)];
  if (old.shape !== now.shape) return "its definition was changed meanwhile";
  try {
    await ddl(connection, `DROP TABLE ${escapeId(replaced)}`, { tries: ALTER_TRIES });
    return undefined;
  } catch (error) {
    if (REFERRED_TO.includes(driverError(error)?.code ?? "")) return "a foreign key of another table refers to it";
    throw error;
  }
}

/** The errors of MySQL and MariaDB if a table is to be dropped and a foreign key refers to it. */
const REFERRED_TO = ["ER_FK_CANNOT_DROP_PARENT", ...STILL_REFERRED_TO];

/** Gives the old table its name back, and the stage its own. @throws MusterError `unavailable` if the table stays in use */
export async function renameBack(connection: Connection, { table, stage }: Swap): Promise<void> {
  const [name, next, old] = [table, stage, replacedName(stage)].map((each) => escapeId(each));
  if (await ddl(connection, `RENAME TABLE ${name} TO ${next}, ${old} TO ${name}`, { tries: RENAME_TRIES })) return;
  throw new MusterError("unavailable", `${table} is in use: the next command undoes its swap`);
}

/** Step 5: records that the table is published. If it is the last table, this records that the run has succeeded. */
export async function recordSwap(
  db: MySql2Database,
  { id, kind, source, swap }: Pick<typeof runs.$inferSelect, "id" | "kind" | "source"> & { swap: Swap },
): Promise<void> {
  const record = async (transaction: MySql2Database) => {
    if (kind === "import") {
      const { table, newOnly = false } = swap;
      await supersede(transaction, { run: id, source: source ?? "", tables: [table], newOnly });
      await countFiles(transaction, id, table);
    } else await forgetSince(transaction, swap.table, backupIn(source));
    const end = { status: "succeeded", finished_at: sql`UTC_TIMESTAMP(3)` } as const;
    await transaction
      .update(runs)
      .set(swap.last ? end : { status: "running" })
      .where(eq(runs.id, id));
  };
  await retried(ROLLED_BACK, () => db.transaction(record));
}

/** Takes back the note of step 2 if the swap was not carried out. @param counts of the run's tables without this one */
export async function takeNoteBack(db: MySql2Database, run: string, counts: RunCounts): Promise<void> {
  await db.update(runs).set({ status: "running", swap: null, counts }).where(eq(runs.id, run));
}

/**
 * Step 6: drops the old table if it still exists, gives the foreign keys the names that they had in it, and removes the note
 * from the run. An old table that must stay after all keeps its new name, and `say` is called with the reason.
 * @returns false if readers keep a table in use; the next command then settles the swap
 */
export async function settle(connection: PoolConnection, id: string, say: (line: string) => void): Promise<boolean> {
  const db = drizzle(connection);
  const [run] = await db.select().from(runs).where(eq(runs.id, id));
  if (!run?.swap) return true;
  const { table, stage, foreignKeys } = run.swap;
  const replaced = replacedName(stage);
  const wrong = await dropReplaced(connection, run.kind, run.swap);
  // The names are free if the old table has been dropped, or has lost its foreign keys.
  const areFree = wrong ? await dropForeignKeys(connection, replaced) : !(await exists(connection, replaced));
  const renames = (await definitionOf(connection, table)).foreignKeys.flatMap(({ name, rule }) => {
    const original = foreignKeys.find((_, index) => stagedName(stage, index) === name);
    const [from, to] = [escapeId(name), escapeId(original ?? "")];
    return original === undefined ? [] : [`DROP FOREIGN KEY ${from}, ADD CONSTRAINT ${to} ${rule}`];
  });
  if (!areFree || !(await alter(connection, table, renames))) {
    say(`${table} is in use: the next command gives its foreign keys their names`);
    return false;
  }
  debugPoint("foreign keys named");
  await db.update(runs).set({ swap: null }).where(eq(runs.id, id));
  if (wrong)
    say(`${replaced} is what ${table} was before run ${id}, and is kept: ${wrong}. Move what you need, drop it`);
  return true;
}

/**
 * Finishes or undoes the swap of a run that died, whatever step it had reached.
 * @param connection holds the run's lock
 * @throws MusterError `unavailable` if a writer or a reader keeps the table for long; the next command then tries again
 */
export async function resolveSwap(
  database: Database,
  connection: PoolConnection,
  id: string,
  say: (line: string) => void,
): Promise<void> {
  const db = drizzle(connection);
  const [run] = await db.select().from(runs).where(eq(runs.id, id));
  if (!run?.swap) return;
  const { swap } = run;
  if (run.status === "publishing") {
    const isRenamed = !(await exists(connection, swap.stage));
    if (!isRenamed || !(await standsAfterDeath(database, connection, { ...run, swap }))) {
      const { [swap.table]: _, ...before } = run.counts;
      return takeNoteBack(db, id, before);
    }
    await recordSwap(db, { ...run, swap });
  }
  await settle(connection, id, say);
}

/**
 * Step 4 for a dead run. Its gate was released when it died, so others may have written into the new table since.
 * @returns false if the tables were renamed back
 */
async function standsAfterDeath(
  database: Database,
  connection: Connection,
  { kind, swap, counts }: { kind: RunKind; swap: Swap; counts: RunCounts },
): Promise<boolean> {
  const gate = await keptAlive(database);
  try {
    await gate.connection.beginTransaction();
    await passGates(gate.connection, { alone: [swap.table as TableName] }, () => {
      throw new MusterError("unavailable", `${swap.table} is being written: the next command goes on`);
    });
    if ((await dropReplaced(connection, kind, swap)) === undefined) return true;
    const [rows] = await connection.query<RowDataPacket[]>(`SELECT COUNT(*) AS n FROM ${escapeId(swap.table)}`);
    const own = counts[swap.table] as Counts | RestoreCounts | undefined;
    // Renaming back would remove rows that others have stored in the new table. So the swap stands, and the old table is kept.
    if (rows[0]?.n !== (kind === "import" ? own?.inserted : own?.received)) return true;
    await renameBack(connection, swap);
    return false;
  } finally {
    await gate.close();
  }
}
