/** Many refused rows found by one statement: INSERT IGNORE leaves them out, and has a warning for each. */
import { escapeId } from "mysql2";
import type { Connection, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import type { Table } from "../codecs/tables.ts";
import { type Refusal, refusalBy, refusalOf } from "../db/refusal.ts";
import { columnList, compared, fromWhere, inKeyRange, type KeyRange, keyOf } from "../repositories/key-sql.ts";
import { triggerOn } from "./definition.ts";
import { sightOf } from "./referrers.ts";

/** As many as a server keeps. Rows of one sieving must be fewer. */
const WARNINGS_MAX = 65_535;

export interface Sieved {
  inserted: number;
  refused: ReadonlyMap<number, Refusal>;
}

/**
 * Inserts those rows of a stage's range that the server does not refuse, inside the caller's transaction.
 *
 * IGNORE leaves out rows that break a constraint, and changes the values of those that do not fit their columns. Each has a
 * warning, in the order of the rows. If there is one warning for each row that was left out, and no other, then nothing
 * was changed, and the warnings are the rows' reasons. Else all of it is undone.
 * @see https://dev.mysql.com/doc/refman/8.4/en/sql-mode.html#ignore-effect-on-execution
 * @returns undefined, with nothing done, if the server does not say clearly which rows it refuses
 */
export async function sieve(
  connection: Connection,
  table: Table,
  stage: string,
  { first, last }: KeyRange,
): Promise<Sieved | undefined> {
  const [columns, key] = [columnList(table.columns), keyOf(table)];
  await connection.query(`SET SESSION max_error_count = ${WARNINGS_MAX}`);
  await connection.query("SAVEPOINT sieve");
  try {
    const [{ affectedRows: inserted }] = await connection.query<ResultSetHeader>(
      `INSERT IGNORE INTO ${escapeId(table.name)} (${columns})
       SELECT ${columns} FROM ${escapeId(stage)} WHERE ${inKeyRange(table)} ORDER BY ${key}`,
      [first, last],
    );
    const [warnings] = await connection.query<RowDataPacket[]>("SHOW WARNINGS");
    const refusals = warnings.flatMap(({ Code, Message }) => (LEFT_OUT.has(Code) ? refusalBy(Code, Message) : []));
    const isClear = refusals.length === warnings.length && refusals.every(({ race }) => race !== "id");
    const ids = isClear ? await missing(connection, table, stage, { first, last }) : [];
    if (ids.length > 0 && ids.length === refusals.length) {
      return { inserted, refused: new Map(refusals.map((refusal, index) => [ids[index] ?? 0, refusal])) };
    }
  } catch (error) {
    if (!refusalOf(error)) throw error;
  }
  await connection.query("ROLLBACK TO SAVEPOINT sieve");
  return undefined;
}

/** Errors that IGNORE makes warnings, and leaves the row out: CHECK, keys, foreign keys, a view's check option, partitions. */
const LEFT_OUT = new Set([1062, 1216, 1369, 1452, 1526, 1748, 3819, 4025]);

/** The staged ids of a range that the table lacks. */
async function missing(
  connection: Connection,
  table: Table,
  stage: string,
  { first, last }: KeyRange,
): Promise<number[]> {
  const key = keyOf(table, "s");
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT ${key} AS id ${fromWhere(compared(table, stage).missing)} AND ${inKeyRange(table, "s")} ORDER BY ${key}`,
    [first, last],
  );
  return rows.map(({ id }) => id);
}

/** A trigger would do its work for rows that are left out too: so there must be none, and the user must be able to see it. */
export async function isSievable(connection: Connection, database: string, table: Table): Promise<boolean> {
  if ((await triggerOn(connection, table.name)) !== undefined) return false;
  return (await sightOf(connection, database)).triggers === undefined;
}
