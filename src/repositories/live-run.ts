/** Runs that take a while: imports, restores, backups. */
import { sql } from "drizzle-orm";
import { drizzle, type MySql2Database } from "drizzle-orm/mysql2";
import type { PoolConnection } from "mysql2/promise";
import type { Database } from "../db/database.ts";
import { takesNoWrites } from "../db/driver-errors.ts";
import { type RunKind, runs } from "../db/ledger.ts";
import { holdRunLock, owner } from "./locks.ts";
import { findRun } from "./run-log.ts";

/** A run under way. Its connection holds the lock that shows that the run is alive, and publishes its rows. */
export interface LiveRun {
  id: string;
  kind: RunKind;
  source: string;
  connection: PoolConnection;
  /** Drizzle over that connection. */
  db: MySql2Database;
  /** Releases the locks and closes the connection. Call it after the run's row says how the run ended. */
  close(): Promise<void>;
}

/** Called in the transaction that writes the run's row, so that the caller can write something together with it. */
export type Beginning = (transaction: MySql2Database, run: string) => Promise<void>;

/** A run that is recorded, and has done nothing yet. The caller must call one of its functions. */
export interface BegunRun<Outcome = unknown> {
  run: string;
  finish(): Promise<Outcome>;
  /** Ends the run, and records the error as its reason. */
  abandon(error: unknown): Promise<void>;
}

/**
 * Writes the row of a run that takes a while. The run's lock is taken first: a run without a lock counts as dead.
 * @param dryRun whether it stores nothing
 * @param hasPlace whether the caller has entered `database.longRuns`, and will leave it. If not, this waits for a place there
 */
export async function beginRun(
  database: Database,
  kind: RunKind,
  source: string,
  {
    begin,
    dryRun = false,
    hasPlace = false,
  }: { begin?: Beginning | undefined; dryRun?: boolean; hasPlace?: boolean } = {},
): Promise<LiveRun> {
  const id = Bun.randomUUIDv7();
  await using opening = new AsyncDisposableStack();
  if (!hasPlace) opening.defer(await database.longRuns.enter());
  const { connection, close } = await keptAlive(database);
  opening.defer(close);
  const db = drizzle(connection);
  try {
    await holdRunLock(database, connection, id);
    const values = { id, kind, source, status: "running", dry_run: dryRun, counts: {}, owner: owner() } as const;
    const writeRow = async (transaction: MySql2Database) => {
      await transaction.insert(runs).values({ ...values, started_at: sql`UTC_TIMESTAMP(3)` });
      await begin?.(transaction, id);
    };
    // Under REPEATABLE READ a locking search for a row that does not exist would block other inserts near it (gap lock).
    await db.transaction(writeRow, { isolationLevel: "read committed" });
  } catch (error) {
    if (takesNoWrites(error)) database.renewConnections();
    throw error;
  }
  const held = opening.move();
  let isTold = false;
  const end = async () => {
    await held.disposeAsync();
    if (!isTold) isTold = await tellEnd(database, id);
  };
  return { id, kind, source, connection, db, close: end };
}

/** Reads from the run's row how the run ended, and tells the listeners. @returns false if it has not ended yet */
async function tellEnd({ db, ended }: Database, id: string): Promise<boolean> {
  if (ended.size === 0) return true;
  const run = await findRun(db, id).catch(() => undefined);
  if (!run?.finished_at) return false;
  const seconds = (Date.parse(run.finished_at) - Date.parse(run.started_at)) / 1000;
  for (const listener of ended) listener({ ...run, seconds });
  return true;
}

/** How long the server waits before it closes the connection of a host that vanished. */
const ALIVE_TIMEOUT_S = 60;

/** A connection that may hold locks and be idle for long. The server releases its locks soon if this host vanishes. */
export async function keptAlive(
  database: Database,
): Promise<{ connection: PoolConnection; close: () => Promise<void> }> {
  const connection = await database.pool.getConnection();
  const keepAlive = setInterval(() => connection.ping().catch(() => {}), (ALIVE_TIMEOUT_S * 1000) / 3);
  const close = async () => {
    clearInterval(keepAlive);
    await connection.query("ROLLBACK").catch(() => {});
    await connection.query("SELECT RELEASE_ALL_LOCKS()").catch(() => {});
    connection.destroy();
  };
  try {
    await connection.query(`SET SESSION wait_timeout = ${ALIVE_TIMEOUT_S}`);
    return { connection, close };
  } catch (error) {
    await close();
    throw error;
  }
}
