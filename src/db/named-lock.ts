/** Named locks of the server. They end with the connection that holds them. */
import type { Connection, RowDataPacket } from "mysql2/promise";
import { driverError } from "./driver-errors.ts";

/** TiDB has no queue. If several wait for a lock, it ends some of their attempts with one of these errors, of number 1105. */
const BUSY = /^(pessimistic lock retry limit reached|lock wait timeout)/i;
/** So many attempts are made even if there is no time left: if all fail, somebody has the lock. */
const ATTEMPTS_MIN = 5;
const PAUSE_MS_MAX = 100;

/** Takes a lock. Waits at most this many seconds for it. @returns whether it was free in time */
export async function tryLock(connection: Connection, name: string, seconds: number): Promise<boolean> {
  const end = performance.now() + seconds * 1000;
  for (let attempt = 1; ; attempt++) {
    const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
    try {
      const [rows] = await connection.query<RowDataPacket[]>("SELECT GET_LOCK(?, ?) AS taken", [name, left]);
      return rows[0]?.taken === 1;
    } catch (error) {
      const { errno, sqlMessage = "" } = driverError(error) ?? {};
      if (errno !== 1105 || !BUSY.test(sqlMessage)) throw error;
      if (attempt >= ATTEMPTS_MIN && performance.now() >= end) return false;
    }
    await Bun.sleep(Math.random() * PAUSE_MS_MAX);
  }
}
