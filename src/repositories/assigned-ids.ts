/** Rows without an id: the database assigns one, or Muster does if AUTO_INCREMENT has reached its end. */
import { escapeId } from "mysql2";
import type { Connection, RowDataPacket } from "mysql2/promise";
import type { SqlValue } from "../codecs/codec.ts";
import { largestId, numberKeyOf, type Row, sameRow, type Table } from "../codecs/tables.ts";
import { type DriverError, driverError } from "../db/driver-errors.ts";
import { vendorOf } from "../db/facts.ts";
import { refusalOf } from "../db/refusal.ts";
import { MusterError } from "../errors.ts";
import { insert } from "./inserts.ts";
import { highestId, keyOf } from "./key-sql.ts";
import { readRows } from "./rows.ts";

/**
 * AUTO_INCREMENT never goes down, even if the row with the high id was refused, undone or deleted. If no more than this many
 * ids are left after it, but lower ids are free, Muster itself assigns the ids that follow the highest stored one.
 */
const LAST_IDS = 1_000_000;
/** How often Muster tries to insert the ids that it chose. Another writer may choose the same ids at the same time. */
const TRIES_MAX = 10;

/**
 * Inserts rows without an id by one statement. Their ids are consecutive (db/session-variables.ts).
 * @returns their ids, in their order, as the AUTO_INCREMENT column's codec reads them
 * @throws MusterError `conflict` if no id is left after the highest one
 */
export async function insertRowsWithoutId(
  connection: Connection,
  table: Table,
  rows: readonly Row[],
): Promise<SqlValue[]> {
  const assigned = await insert(connection, table, rows, { without: table.assigned }).catch((error) => {
    if (isOutOfIds(driverError(error), table)) return "out of ids" as const;
    throw error;
  });
  if (assigned === "out of ids") return insertAfterHighest(connection, table, rows);
  if (table.numberKey === undefined) return idsOf(connection, table, rows.length);
  const { insertId } = assigned;
  const ids = rows.map((_, index) => insertId + index);
  const last = ids.at(-1) ?? insertId;
  if (last <= largestId(table) - LAST_IDS || (await highestId(connection, table, insertId - 1)) === insertId - 1)
    return ids;
  if (!(await takeBack(connection, table, ids, rows))) return ids;
  return insertAfterHighest(connection, table, rows);
}

/** The ids that the connection's last statement was given, if they may be larger than a number is exact. */
async function idsOf(connection: Connection, { columns, assigned = -1 }: Table, count: number): Promise<SqlValue[]> {
  const [rows] = await connection.query<RowDataPacket[]>("SELECT CAST(LAST_INSERT_ID() AS CHAR) AS first");
  const first = BigInt(rows[0]?.first);
  return Array.from({ length: count }, (_, index) => columns[assigned]?.codec.fromSql(first + BigInt(index)) ?? null);
}

/** When no id is left, MySQL gives the last id again, or fails to read the next one. MariaDB and TiDB have their own errors. */
export function isOutOfIds(error: DriverError | undefined, table: Table): boolean {
  const { errno, sqlMessage = "" } = error ?? {};
  if (table.numberKey === undefined) return false;
  if (errno === 1062) return LAST_ID_TAKEN.exec(sqlMessage)?.[1] === String(largestId(table));
  return errno === 1467 || errno === 167 || (errno === 1690 && /^constant \d+ overflows/.test(sqlMessage));
}

const LAST_ID_TAKEN = /^Duplicate entry '(\d+)' for key '(.*\.)?PRIMARY'$/;

async function insertAfterHighest(connection: Connection, table: Table, rows: readonly Row[]): Promise<number[]> {
  const [key, max] = [numberKeyOf(table), largestId(table)];
  for (let attempt = 1; ; attempt++) {
    const first = 1 + (await highestId(connection, table, max));
    if (first + rows.length - 1 > max) {
      const advice = "send rows with an id, or lower the highest id of the table";
      throw new MusterError("conflict", `${table.name} has no id left to assign after ${first - 1}: ${advice}`);
    }
    const withId = rows.map((row, index) => row.with(key, first + index));
    try {
      await insert(connection, table, withId);
      return withId.map((_, index) => first + index);
    } catch (error) {
      if (refusalOf(error)?.race !== "id" || attempt === TRIES_MAX) throw error;
    }
  }
}

/**
 * The statement that lets the database assign the ids after the highest one again. TiDB lowers AUTO_INCREMENT only by FORCE, and
 * then also below ids that are stored.
 * @param max no higher id counts
 */
export async function loweringOf(connection: Connection, table: Table, max = largestId(table)): Promise<string> {
  const [rows] = await connection.query<RowDataPacket[]>("SELECT VERSION() AS version");
  const alter = `ALTER TABLE ${table.name}`;
  if (vendorOf(rows[0]?.version) !== "TiDB") return `${alter} AUTO_INCREMENT = 1`;
  return `${alter} FORCE AUTO_INCREMENT = ${1 + (await highestId(connection, table, max))}`;
}

/**
 * Deletes rows that the caller's transaction has just inserted.
 * @returns false, with nothing deleted, if a trigger has changed these rows
 */
async function takeBack(
  connection: Connection,
  table: Table,
  ids: readonly number[],
  rows: readonly Row[],
): Promise<boolean> {
  const key = numberKeyOf(table);
  const stored = new Map((await readRows(connection, table, ids)).map((row) => [row[key], row]));
  const isOurs = ids.every((id, index) => sameRow(stored.get(id) ?? [], rows[index]?.with(key, id) ?? []));
  if (!isOurs) return false;
  await connection
    .query(`DELETE FROM ${escapeId(table.name)} WHERE ${keyOf(table)} IN (?)`, [ids])
    .catch(async (error) => {
      // A user who may insert need not have the right to delete.
      if (driverError(error)?.code !== "ER_TABLEACCESS_DENIED_ERROR") throw error;
      const mend = await loweringOf(connection, table, (ids[0] ?? 1) - 1);
      throw new MusterError(
        "conflict",
        `AUTO_INCREMENT of ${table.name} is at its end, and lower ids are free: ${mend}`,
        {
          cause: error,
        },
      );
    });
  return true;
}
