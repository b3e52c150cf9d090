/** Transactions that come to an end: committed, rolled back, or run again a bounded number of times. */
import type { PoolConnection } from "mysql2/promise";
import type { Database } from "./database.ts";
import { withDeadline } from "./deadline.ts";
import { driverError, takesNoWrites } from "./driver-errors.ts";
import { READ_ONLY } from "./error-kinds.ts";
import type { Use } from "./rights.ts";

/** If two transactions wait for each other, InnoDB rolls one of them back with this error. It can be run again. */
export const DEADLOCK = "ER_LOCK_DEADLOCK";
/** Another writer was quicker between a look at the tables and the statement. A new look sees what it wrote. */
export const LOST_RACES = [DEADLOCK, "ER_DUP_ENTRY", "ER_NO_REFERENCED_ROW_2"];
/** After these a whole transaction is tried again. A new connection finds the host that takes writes. */
export const WORTH_ANOTHER_TRY = [...LOST_RACES, ...READ_ONLY];

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
 * @param msMax milliseconds after which the connection is closed, which rolls the transaction back. @throws ETIMEDOUT then
 * @param use what the database must be usable for
 */
export async function transacted<T>(
  { pool, writers, readiness, demoted }: Pick<Database, "pool" | "writers" | "readiness" | "demoted">,
  work: (connection: PoolConnection) => Promise<T>,
  msMax: number,
  use: Use = "insert",
): Promise<T> {
  let connection: PoolConnection | undefined;
  const late = Promise.withResolvers<never>();
  late.promise.catch(() => {}); // nobody awaits it while the work waits for its place
  let lateness: Error | undefined;
  const whole = async () => {
    await readiness.require(use);
    if (lateness) throw lateness;
    connection = await pool.getConnection();
    if (lateness) connection.destroy();
    try {
      // Each statement sees what is committed when it runs. With an older view, a look before a wait would be out of date
      // after it, and a look for a row that does not exist would lock the gap for all others.
      await connection.query("SET TRANSACTION ISOLATION LEVEL READ COMMITTED");
      await connection.beginTransaction();
      const result = await work(connection);
      await connection.commit();
      connection.release();
      return result;
    } catch (error) {
      if (takesNoWrites(error)) {
        connection.destroy();
        demoted();
      } else if (!lateness) await rollBack(connection);
      throw error;
    }
  };
  // A closed connection never answers, so without the race its work would keep the writer's place for ever.
  return withDeadline(
    msMax,
    writers.pass(() => Promise.race([whole(), late.promise])),
    (error) => {
      lateness = error;
      connection?.destroy();
      late.reject(error);
    },
  );
}

/** Gives the connection back without its transaction. If the rollback fails, the connection is closed, which does the same. */
async function rollBack(connection: PoolConnection): Promise<void> {
  await connection.rollback().then(
    () => connection.release(),
    () => connection.destroy(),
  );
}

/**
 * Runs `work`, whose statements on this connection may take long. If the signal aborts, the server ends the connection at
 * once and rolls back what is not committed.
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
