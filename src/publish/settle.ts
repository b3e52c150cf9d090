/** What follows the RENAME of a swap, in the run that did it or in a later one: see swap.ts for the states. */
import { eq, sql } from "drizzle-orm";
import { drizzle, type MySql2Database } from "drizzle-orm/mysql2";
import { escapeId } from "mysql2";
import type { Connection, PoolConnection, RowDataPacket } from "mysql2/promise";
import type { TableName } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import { driverError } from "../db/driver-errors.ts";
import { type Counts, type RestoreCounts, type RunCounts, type RunKind, runs, type Swap } from "../db/ledger.ts";
import { debugPoint } from "../debug-points.ts";
import { MusterError } from "../errors.ts";
import { passGates } from "../repositories/gates.ts";
import { keptAlive } from "../repositories/live-run.ts";
import { supersede } from "../repositories/rejection-log.ts";
import { STILL_REFERRED_TO } from "./changes.ts";
import { ALTER_TRIES, ddl, RENAME_TRIES } from "./ddl.ts";
import { definitionOf, exists, isEmpty, triggerOn } from "./definition.ts";
import { alter, dropForeignKeys, stagedName } from "./stage-keys.ts";

export const replacedName = (stage: string) => stage.replace(/^stage/, "replaced");

/**
 * Judges a swap by what hangs on the table that was replaced, and drops that table if nothing does. Dropping it is the
 * last question: the server refuses if a foreign key points at it, also one that the user may not see.
 * @returns why the swap is to be undone; undefined if it is right
 */
export async function whatIsWrong(connection: Connection, kind: RunKind, swap: Swap): Promise<string | undefined> {
  const replaced = replacedName(swap.stage);
  if (!(await exists(connection, replaced))) return undefined;
  // An import replaces only what is empty: these rows were written by somebody whom no gate holds.
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

/** How MySQL and MariaDB refuse to drop a table that a foreign key refers to. */
const REFERRED_TO = ["ER_FK_CANNOT_DROP_PARENT", ...STILL_REFERRED_TO];

/** Gives the old table its name again, and with it all that hangs on it. @throws MusterError `unavailable` if it is in use */
export async function renameBack(connection: Connection, { table, stage }: Swap): Promise<void> {
  const [name, next, old] = [table, stage, replacedName(stage)].map((each) => escapeId(each));
  if (await ddl(connection, `RENAME TABLE ${name} TO ${next}, ${old} TO ${name}`, { tries: RENAME_TRIES })) return;
  throw new MusterError("unavailable", `${table} is in use: its swap is undone by the next command`);
}

/** Writes down a swap that was judged right. */
export async function recordSwap(
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

/** Takes the note of a swap back that was not carried out. */
export async function undoSwap(db: MySql2Database, run: string, counts: RunCounts): Promise<void> {
  await db.update(runs).set({ status: "running", swap: null, counts }).where(eq(runs.id, run));
}

/**
 * Finishes or undoes the swap of a run whose own connection is gone, whatever moment it went at.
 * @param connection holds the run's lock
 * @throws MusterError `unavailable` if a writer or a reader is in the way for long: the next command tries again
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
    const isUndone = (await exists(connection, swap.stage)) || !(await isRight(database, connection, { ...run, swap }));
    if (isUndone) {
      const { [swap.table]: _, ...before } = run.counts;
      return undoSwap(db, id, before);
    }
    await recordSwap(db, { ...run, swap });
  }
  await settle(connection, id, say);
}

/** Judges the swap of a dead run, and undoes it if it is wrong. The run's gate went with it, so that others may have written. */
async function isRight(
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
    if ((await whatIsWrong(connection, kind, swap)) === undefined) return true;
    const [rows] = await connection.query<RowDataPacket[]>(`SELECT COUNT(*) AS n FROM ${escapeId(swap.table)}`);
    const own = counts[swap.table] as Counts | RestoreCounts | undefined;
    // Rows that writers have added since would go with the stage: then the swap stays, and `replaced` is kept.
    if (rows[0]?.n !== (kind === "import" ? own?.inserted : own?.received)) return true;
    await renameBack(connection, swap);
    return false;
  } finally {
    await gate.close();
  }
}

/**
 * Ends a swap that is recorded: the old table goes if it is still there, and the foreign keys get its names. Readers that
 * keep on delay it, and nothing else. An old table on which something hangs after all is kept, and said.
 * @returns whether nothing is left to do
 */
export async function settle(connection: PoolConnection, id: string, say: (line: string) => void): Promise<boolean> {
  const db = drizzle(connection);
  const [run] = await db.select().from(runs).where(eq(runs.id, id));
  if (!run?.swap) return true;
  const { table, stage, foreignKeys } = run.swap;
  const replaced = replacedName(stage);
  const wrong = await whatIsWrong(connection, run.kind, run.swap);
  const isFree = wrong ? await dropForeignKeys(connection, replaced) : !(await exists(connection, replaced));
  const named = (await definitionOf(connection, table)).foreignKeys.flatMap(({ name, rule }) => {
    const original = foreignKeys.find((_, index) => stagedName(stage, index) === name);
    const [from, to] = [escapeId(name), escapeId(original ?? "")];
    return original === undefined ? [] : [`DROP FOREIGN KEY ${from}, ADD CONSTRAINT ${to} ${rule}`];
  });
  if (!isFree || !(await alter(connection, table, named))) {
    say(`${table} is in use: the next command gives its foreign keys their names`);
    return false;
  }
  debugPoint("foreign keys named");
  await db.update(runs).set({ swap: null }).where(eq(runs.id, id));
  if (wrong)
    say(`${replaced} is what ${table} was before run ${id}, and is kept: ${wrong}. Move what you need, drop it`);
  return true;
}
