/** Runs transactions, each within a time limit. retried() runs a transaction again, and makes at most ATTEMPTS_MAX attempts. */
import type { MySqlTransactionConfig } from "drizzle-orm/mysql-core";
import type { PoolConnection } from "mysql2/promise";
import type { Database, Server } from "./database.ts";
import { withDeadline } from "./deadline.ts";
import { driverError, TIKV_ABORTED, takesNoWrites } from "./driver-errors.ts";
import { readOnly } from "./error-kinds.ts";
import type { Use } from "./rights.ts";

/**
 * The server has rolled back a transaction that was in another one's way: after a deadlock, or on TiDB after a write conflict
 * (8002, 8022, 9007), a change to a table's definition (8028), or an abort by its storage. That transaction can be run again.
 */
export const ROLLED_BACK = ["ER_LOCK_DEADLOCK", "8002", "8022", "8028", "9007", TIKV_ABORTED];
/** The errors if another writer was faster, after this one's reads and before its write. Reading again shows its rows. */
export const LOST_RACES = [...ROLLED_BACK, "ER_DUP_ENTRY", "ER_NO_REFERENCED_ROW_2"];
/** After these errors a whole transaction is tried again. If the host was read-only, a new connection finds one that is not. */
export const WORTH_ANOTHER_TRY = [...LOST_RACES, ...readOnly.codes];

/**
 * The isolation of a transaction that waits for a lock before it reads. If a snapshot is as old as its transaction, it would miss
 * what was committed during the wait. So each statement there reads what is committed when it runs. Locks keep it as it is.
 */
export const isolationAfterWait = ({ snapshotsAtFirstRead }: Server): MySqlTransactionConfig | undefined =>
  snapshotsAtFirstRead ? undefined : { isolationLevel: "read committed" };

const ATTEMPTS_MAX = 10;
const PAUSE_MS_MAX = 20;

/** Runs a whole transaction again, after a short pause of random length, if it failed with one of these codes. */
export async function retried<T>(codes: readonly string[], transaction: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction();
    } catch (error) {
      const code = driverError(error)?.code;
      if (code === undefined || !codes.includes(code) || attempt === ATTEMPTS_MAX) throw error;
      await Bun.sleep(Math.random() * PAUSE_MS_MAX * attempt);
    }
  }
}

/**
 * Runs `work` in a transaction on a connection of the pool. It is committed if `work` returns, and rolled back if it throws.
 * @param msMax after so many milliseconds the connection is closed, which rolls the transaction back. @throws ETIMEDOUT then
 * @param use the use for which the database must be ready
 */
export async function transacted<T>(
  { pool, writers, readiness, renewConnections }: Pick<Database, "pool" | "writers" | "readiness" | "renewConnections">,
  work: (connection: PoolConnection) => Promise<T>,
  msMax: number,
  use: Use = "insert",
): Promise<T> {
  let connection: PoolConnection | undefined;
  const late = Promise.withResolvers<never>();
  late.promise.catch(() => {}); // nothing else handles this error until the race below begins
  let lateness: Error | undefined;
  const attempt = async () => {
    await readiness.require(use);
    if (lateness) throw lateness;
    connection = await pool.getConnection();
    if (lateness) connection.destroy();
    try {
      // Each statement sees what is committed when it runs. At REPEATABLE READ, a read before a wait for a lock would be out of
      // date after the wait. And a locking read of a row that does not exist would block inserts of its neighbours.
      await connection.query("SET TRANSACTION ISOLATION LEVEL READ COMMITTED");
      await connection.beginTransaction();
      const result = await work(connection);
      await connection.commit();
      connection.release();
      return result;
    } catch (error) {
      if (takesNoWrites(error)) {
        connection.destroy();
        renewConnections();
      } else if (!lateness) await rollBack(connection);
      throw error;
    }
  };
  // A closed connection never answers. Without the race, `attempt` would hold its place among the writers forever.
  return withDeadline(
    msMax,
    writers.pass(() => Promise.race([attempt(), late.promise])),
    (error) => {
      lateness = error;
      connection?.destroy();
      late.reject(error);
    },
  );
}

/** Rolls back, and gives the connection back to the pool. If that fails, closes the connection, which rolls back as well. */
async function rollBack(connection: PoolConnection): Promise<void> {
  await connection.rollback().then(
    () => connection.release(),
    () => connection.destroy(),
  );
}

/**
 * Runs `work`, whose statements on this connection may take long. If the signal aborts, the server ends the connection at once,
 * and rolls back what is not committed.
 */
export async function interruptible<T>(
  { pool }: Database,
  connection: PoolConnection,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  // KILL QUERY would miss a connection that is between two statements.
  const end = () => void pool.query("KILL ?", [connection.threadId]).catch(() => {});
  signal?.addEventListener("abort", end);
  try {
    return await work();
  } finally {
    signal?.removeEventListener("abort", end);
  }
}
