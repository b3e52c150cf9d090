/** Names rows in messages: by their keys, or by the values of other columns. */
import type { Connection, RowDataPacket } from "mysql2/promise";
import type { Table } from "../codecs/tables.ts";
import { columnAt } from "../repositories/key-sql.ts";
import { fromWhere, type RowSet } from "../repositories/row-sets.ts";

/**
 * The values of some columns in the first of some rows, without repetitions: as in CSV, percent-encoded, with commas between
 * them. A key then is as keyText() writes it.
 * @param columns indexes into the table's columns
 * @param rows with the table's rows under the alias
 */
export async function namesOf(
  connection: Connection,
  { table, columns, alias }: { table: Table; columns: readonly number[]; alias: string },
  rows: RowSet,
  { max, last = false, lock = "" }: { max: number; last?: boolean; lock?: string },
): Promise<string[]> {
  const names = columns.map((index) => columnAt(table, index, alias));
  const order = names.map((name) => (last ? `${name} DESC` : name)).join(", ");
  const sql = `SELECT DISTINCT ${names.join(", ")} ${fromWhere(rows)} ORDER BY ${order} LIMIT ${max}${lock}`;
  const [found] = await connection.query<RowDataPacket[][]>({ sql, rowsAsArray: true });
  const codecs = columns.map((index) => table.columns[index]?.codec);
  return found.map((values) =>
    codecs.map((codec, place) => encodeURIComponent(codec?.toCsv(codec.fromSql(values[place])) ?? "")).join(","),
  );
}
