/** How many rows tables have, in a time that does not grow with them. */
import { escapeId } from "mysql2";
import type { Pool, RowDataPacket } from "mysql2/promise";
import type { TableName } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";

/** Tables are counted up to this number of rows. That takes about 20 ms a table. */
const COUNTED_ROWS_MAX = 100_000;

export interface RowCount {
  table: TableName;
  rows: number;
  /** `about`: the server's estimate. `over`: there are more than `rows`, and the server has no estimate yet. */
  is: "exact" | "about" | "over";
}

/** The number of rows of each table: exact up to `atMost`, above that as the server estimates it. */
export async function countTableRows(
  { pool }: Database,
  tables: readonly TableName[],
  atMost = COUNTED_ROWS_MAX,
): Promise<RowCount[]> {
  const counts = tables.map(
    (table) => `SELECT ? AS name, COUNT(*) AS n FROM (SELECT 1 FROM ${escapeId(table)} LIMIT ${atMost + 1}) AS counted`,
  );
  const [counted] = await pool.query<RowDataPacket[]>(counts.join(" UNION ALL "), [...tables]);
  const byTable = new Map(counted.map(({ name, n }) => [name, Number(n)]));
  const found: RowCount[] = [];
  for (const table of tables) {
    const rows = byTable.get(table) ?? 0;
    found.push({ table, ...(rows <= atMost ? { rows, is: "exact" } : await estimate(pool, table, atMost)) });
  }
  return found;
}

/** EXPLAIN knows the number of today. MySQL's information_schema may answer with that of yesterday. TiDB calls it estRows. */
async function estimate(pool: Pool, table: TableName, atLeast: number): Promise<Omit<RowCount, "table">> {
  const [[plan]] = await pool.query<RowDataPacket[]>(`EXPLAIN FORMAT=TRADITIONAL SELECT 1 FROM ${escapeId(table)}`);
  const rows = Math.round(Number(plan?.rows ?? plan?.estRows ?? 0));
  return rows > atLeast ? { rows, is: "about" } : { rows: atLeast, is: "over" };
}
