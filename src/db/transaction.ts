/** Transactions that end: committed, undone, or run again a bounded number of times. */
import type { Pool, PoolConnection } from "mysql2/promise";
import { driverError } from "./errors.ts";

/** InnoDB undoes one of two transactions that wait for each other, and asks for it to be run again. */
export const DEADLOCK = "ER_LOCK_DEADLOCK";
/** Lost to another writer between the look and the statement: a new look sees what it wrote. */
export const LOST_RACES = [DEADLOCK, "ER_DUP_ENTRY", "ER_NO_REFERENCED_ROW_2"];

const ATTEMPTS_MAX = 10;
const PAUSE_MS_MAX = 20;

/** Runs a whole transaction again, after a short pause of random length, where one of these errors undid it. */
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
 * Runs `work` in a transaction of its own on a connection of the pool: committed where it returns, undone where it throws.
 * @param msMax past it the connection is given up, and with it the transaction: an error of the code ETIMEDOUT
 */
export async function transacted<T>(
  pool: Pool,
  work: (connection: PoolConnection) => Promise<T>,
  msMax: number,
): Promise<T> {
  let connection: PoolConnection | undefined;
  let late = false;
  const whole = async () => {
    connection = await pool.getConnection();
    if (late) connection.destroy();
    try {
      await connection.beginTransaction();
      const result = await work(connection);
      await connection.commit();
      connection.release();
      return result;
    } catch (error) {
      // One that cannot even roll back is of no use: the server undoes its transaction when it is gone.
      if (!late)
        await connection.rollback().then(
          () => connection?.release(),
          () => connection?.destroy(),
        );
      throw error;
    }
  };
  let timer: Timer | undefined;
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      late = true;
      connection?.destroy();
      reject(Object.assign(new Error(`no answer within ${msMax} ms`), { code: "ETIMEDOUT" }));
    }, msMax);
  });
  const running = whole();
  running.catch(() => {}); // after the expiry nobody awaits it
  try {
    return await Promise.race([running, expiry]);
  } finally {
    clearTimeout(timer);
  }
}
