/**
 * DDL on tables that others use. While a statement waits for a reader of the table, everybody else waits behind the statement.
 * So each try is short, and the others get their turn between two tries.
 */
import { escapeId } from "mysql2";
import type { Connection } from "mysql2/promise";
import { driverError } from "../db/driver-errors.ts";
import { LOCK_WAIT_TIMEOUT_S } from "../db/session-variables.ts";
import { MusterError } from "../errors.ts";
import { definitionOf } from "./definition.ts";

/** How long one try waits for others to stop using the table. */
const DDL_WAIT_S = 1;
const PAUSE_MS = 100;

/** Tries of a second each. Writers wait at the gate meanwhile. All tries end well before the writers give up (WRITE_MS_MAX). */
export const RENAME_TRIES = 5;
export const ALTER_TRIES = 8;
const RAISE_TRIES = 20;

/**
 * Runs a statement of DDL. This also commits the connection's open transaction.
 * @param unchecked turns foreign key checks off for the statement: the caller must verify the keys itself
 * @returns false if the table was in use at every try
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
    // With foreign key checks still off, the connection would store orphans: close it.
    await connection.query(usual).catch(() => connection.destroy());
  }
}

/**
 * Does work with foreign key checks off. The caller has verified, or will verify, every foreign key itself, and no trigger runs:
 * what a trigger stores would not be checked either.
 */
export async function withoutChecks<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  await connection.query("SET SESSION foreign_key_checks = OFF");
  try {
    return await work();
  } finally {
    // With the checks still off, the connection would store orphans: close it.
    await connection.query("SET SESSION foreign_key_checks = ON").catch(() => connection.destroy());
  }
}

/**
 * Alters a table without verifying its foreign keys.
 * @param parts of the ALTER TABLE, such as `ADD KEY ...`. If there are none, nothing is done
 * @returns false if the table was in use at every try
 */
export async function alter(connection: Connection, name: string, parts: readonly string[]): Promise<boolean> {
  if (parts.length === 0) return true;
  return ddl(connection, `ALTER TABLE ${escapeId(name)} ${parts.join(", ")}`, { tries: ALTER_TRIES, unchecked: true });
}

/** Drops all foreign keys of a table. @returns false if the table was in use at every try */
export async function dropForeignKeys(connection: Connection, name: string): Promise<boolean> {
  const { foreignKeys } = await definitionOf(connection, name);
  return alter(
    connection,
    name,
    foreignKeys.map((each) => `DROP FOREIGN KEY ${escapeId(each.name)}`),
  );
}

/**
 * Makes sure that a table assigns no id below `next`. It never lowers the next id. This also commits the connection's open
 * transaction.
 * @throws MusterError `unavailable` if the table was in use at every try
 */
export async function raiseAutoIncrement(connection: Connection, name: string, next: bigint): Promise<void> {
  if ((await definitionOf(connection, name)).nextId >= next) return;
  const statement = `ALTER TABLE ${escapeId(name)} AUTO_INCREMENT = ${next}`;
  if (await ddl(connection, statement, { tries: RAISE_TRIES })) return;
  throw new MusterError("unavailable", `${name} is in use by long statements of other programs: try again`);
}
