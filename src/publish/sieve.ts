/** Inserts many rows by one statement, and finds those that are refused: INSERT IGNORE skips them, with a warning for each. */
import { escapeId } from "mysql2";
import type { Connection, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import type { Table } from "../codecs/tables.ts";
import { type Refusal, refusalBy, refusalOf } from "../db/refusal.ts";
import { inKeyRange, type KeyRange, keyOf } from "../repositories/key-sql.ts";
import { compared, fromWhere } from "../repositories/row-sets.ts";
import { hiddenFrom, triggerOn } from "./definition.ts";
import { copied, stagedTable } from "./staged-table.ts";

/** The most warnings that a server keeps. One call must insert fewer rows. */
const WARNINGS_MAX = 65_535;

/**
 * Inserts the rows of a stage's range that the server does not refuse, inside the caller's transaction.
 *
 * IGNORE skips a row that breaks a constraint. But a row whose values do not fit is stored with changed values. The server
 * gives a warning for either, in the order of the rows. So the result counts only if all warnings are about constraints, and
 * there are as many as rows missing from the table: then no value was changed, and the n-th warning is the reason for the n-th
 * missing row. Otherwise everything is undone.
 * @see https://dev.mysql.com/doc/refman/8.4/en/sql-mode.html#ignore-effect-on-execution
 * @returns undefined, with nothing done, if the server does not say clearly which rows it refuses
 */
export async function sieve(
  connection: Connection,
  table: Table,
  stage: string,
  { first, last }: KeyRange,
): Promise<{ inserted: number; refused: ReadonlyMap<number, Refusal> } | undefined> {
  const [{ columns, values }, rows] = [copied(table), stagedTable(table)];
  await connection.query(`SET SESSION max_error_count = ${WARNINGS_MAX}`);
  await connection.query("SAVEPOINT sieve");
  try {
    const [{ affectedRows: inserted }] = await connection.query<ResultSetHeader>(
      `INSERT IGNORE INTO ${escapeId(table.name)} (${columns})
       SELECT ${values} FROM ${escapeId(stage)} WHERE ${inKeyRange(rows)} ORDER BY ${keyOf(rows)}`,
      [first, last],
    );
    const [warnings] = await connection.query<RowDataPacket[]>("SHOW WARNINGS");
    const refusals = warnings.flatMap(({ Code, Message }) => (SKIPPED.has(Code) ? refusalBy(Code, Message) : []));
    const isClear =
      refusals.length === warnings.length && refusals.every(({ race }) => race !== "id" && race !== "value");
    const ids = isClear ? await missingIds(connection, table, stage, { first, last }) : [];
    if (ids.length > 0 && ids.length === refusals.length) {
      return { inserted, refused: new Map(refusals.map((refusal, index) => [ids[index] ?? 0, refusal])) };
    }
  } catch (error) {
    if (!refusalOf(error)) throw error;
  }
  await connection.query("ROLLBACK TO SAVEPOINT sieve");
  return undefined;
}

/** Errors for which IGNORE skips the row: CHECK, keys, foreign keys, a view's check option, partitions. */
const SKIPPED = new Set([1062, 1216, 1369, 1452, 1526, 1748, 3819, 4025]);

/** The staged ids of a range that the table lacks, in their order. */
async function missingIds(
  connection: Connection,
  table: Table,
  stage: string,
  { first, last }: KeyRange,
): Promise<number[]> {
  const staged = stagedTable(table);
  const key = keyOf(staged, "s");
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT ${key} AS id ${fromWhere(compared(table, stage).missing)} AND ${inKeyRange(staged, "s")} ORDER BY ${key}`,
    [first, last],
  );
  return rows.map(({ id }) => Number(id));
}

/** Whether the table certainly has no trigger. A trigger would also run for skipped rows, and could store something. */
export async function hasNoTrigger(connection: Connection, database: string, table: Table): Promise<boolean> {
  if ((await triggerOn(connection, table.name)) !== undefined) return false;
  return (await hiddenFrom(connection, database)).triggers === undefined;
}
