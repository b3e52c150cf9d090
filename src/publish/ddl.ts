/** DDL beside readers and writers: it must never make them wait for long. */
import type { Connection } from "mysql2/promise";
import { driverError } from "../db/driver-errors.ts";
import { LOCK_WAIT_TIMEOUT_S } from "../db/session-variables.ts";

/** Seconds that one try waits for those who use the table, while others wait behind it; and the pause that lets these pass. */
const DDL_WAIT_S = 1;
const PAUSE_MS = 100;

/** Tries of a second each. Under the gate they stay well within the time that writers wait (WRITE_MS_MAX). */
export const RENAME_TRIES = 5;
export const ALTER_TRIES = 8;

/**
 * Runs a statement of DDL, which commits what the connection has open.
 * @param unchecked leaves foreign keys unverified, for whoever verifies them
 * @returns false where the table was in use at every try
 */
export async function ddl(
  connection: Connection,
  statement: string,
  { tries, unchecked = false }: { tries: number; unchecked?: boolean },
): Promise<boolean> {
  await connection.query(
    `SET SESSION lock_wait_timeout = ${DDL_WAIT_S}, foreign_key_checks = ${unchecked ? "OFF" : "ON"}`,
  );
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        await connection.query(statement);
        return true;
      } catch (error) {
        const code = driverError(error)?.code;
        if (code !== "ER_LOCK_WAIT_TIMEOUT" && code !== "ER_LOCK_DEADLOCK") throw error;
        if (attempt === tries) return false;
        await Bun.sleep(PAUSE_MS);
      }
    }
  } finally {
    const usual = `SET SESSION lock_wait_timeout = ${LOCK_WAIT_TIMEOUT_S}, foreign_key_checks = ON`;
    // Nobody may use a connection whose session is not known.
    await connection.query(usual).catch(() => connection.destroy());
  }
}
