/** Rows of the dictionary's tables, listed and looked up. Names come from the schema alone, values are parameters. */
import { escapeId } from "mysql2";
import type { Connection, Pool, PoolConnection, RowDataPacket, TypeCastField } from "mysql2/promise";
import type { SqlValue } from "../codecs/codec.ts";
import { type Key, keyIn } from "../codecs/key-text.ts";
import { type Column, isText, type Row, type Table } from "../codecs/tables.ts";
import { JsonArray } from "../codecs/text-to-json.ts";
import { fromText } from "../codecs/text-to-row.ts";
import type { Bounded } from "../db/bounded.ts";
import type { Database } from "../db/database.ts";
import { readTextRows } from "../db/text-rows.ts";
import {
  afterKey,
  idPages,
  inKeyRange,
  keyList,
  keyOf,
  parameterOf,
  selectList,
  toSql,
  withValues,
} from "./key-sql.ts";

export interface RowFilter {
  limit: number;
  /** The key of the last row of the page before. */
  after?: Key | undefined;
  /** Values that rows must have, as a codec reads them. Text is compared byte by byte. A null value matches null. */
  equal?: readonly { column: Column; value: SqlValue }[];
}

/** The first `limit` rows that fit the filter, in the order of their keys. */
export async function listRows({ pool }: Database, table: Table, filter: RowFilter): Promise<Row[]> {
  const { rest, values } = listing(table, filter);
  return select(pool, table, table.name, rest, values);
}

/** The same rows as the text of a JSON array, with the key of the last one, and whether more follow. */
export async function listRowsAsJson(
  database: Bounded,
  table: Table,
  filter: RowFilter,
): Promise<{ json: Buffer<ArrayBuffer>; last: Key | undefined; more: boolean }> {
  const { rest, values } = listing(table, { ...filter, limit: filter.limit + 1 });
  const array = new JsonArray(table);
  let last: Key | undefined;
  let more = false;
  await database.readText(`SELECT ${selectList(table.columns)} FROM ${escapeId(table.name)} ${rest}`, values, (row) => {
    more = array.rows === filter.limit;
    if (more) return;
    array.add(row);
    if (array.rows === filter.limit) last = keyIn(table, fromText(table, row));
  });
  return { json: array.bytes(), last, more };
}

function listing(table: Table, { limit, after, equal = [] }: RowFilter): { rest: string; values: unknown[] } {
  // Without a cursor, rows with an id below 1 are listed too: another program stored them.
  const start = after === undefined ? { sql: "TRUE", values: [] } : afterKey(table, after);
  const conditions = [start.sql];
  const values = [...start.values];
  for (const { column, value } of equal) {
    const name = escapeId(column.name);
    conditions.push(`${name} <=> ?`);
    values.push(parameterOf(column, value));
    if (typeof value !== "string") continue;
    // A collation treats `Ana` and `ANA`, `e` and `é`, `a` and `a ` as equal. The condition above finds them all by the index.
    // This one compares their bytes.
    const text = isText(column) ? `CONVERT(${name} USING utf8mb4)` : name;
    conditions.push(`CAST(${text} AS BINARY) = CAST(? AS BINARY)`);
    values.push(toSql(column, value));
  }
  return { rest: `WHERE ${conditions.join(" AND ")} ORDER BY ${keyList(table)} LIMIT ?`, values: [...values, limit] };
}

/** Whether any of the tables has a row. */
export async function hasRows({ pool }: Pick<Database, "pool">, tables: readonly Table[]): Promise<boolean> {
  for (const { name } of tables) {
    const [[row]] = await pool.query<RowDataPacket[]>(`SELECT EXISTS (SELECT 1 FROM ${escapeId(name)}) AS found`);
    if (row?.found) return true;
  }
  return false;
}

/** The row of that key, or undefined. */
export async function findRow({ pool }: Database, table: Table, key: Key): Promise<Row | undefined> {
  const { sql, values } = withValues(table, table.key, key);
  const [row] = await select(pool, table, table.name, `WHERE ${sql}`, values);
  return row;
}

/** Rows of a table, or of its stage, by id. Ids that do not exist are left out. */
export async function readRows(
  connection: Connection | Pool,
  table: Table,
  ids: readonly number[],
  from: string = table.name,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const page of idPages(ids)) {
    rows.push(...(await select(connection, table, from, `WHERE ${keyOf(table)} IN (?)`, [page])));
  }
  return rows;
}

/**
 * Like readRows, but if the ids are close together it reads the whole range. The answer may then hold other rows too. It parses
 * the values without the driver, which takes twice as long: an import may read a million known rows.
 */
export async function readRowsNear(
  connection: PoolConnection,
  table: Table,
  ids: readonly number[],
  from: string = table.name,
): Promise<Row[]> {
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const id of ids) {
    if (id < first) first = id;
    if (id > last) last = id;
  }
  if (last - first >= 2 * ids.length) return readRows(connection, table, ids, from);
  const sql = `SELECT ${selectList(table.columns)} FROM ${escapeId(from)} WHERE ${inKeyRange(table)}`;
  const rows: Row[] = [];
  await readTextRows(connection, sql, [first, last], (row) => void rows.push(fromText(table, row)));
  return rows;
}

/** Does not use Drizzle, which would make an object of each row. The rows are wanted as arrays. */
export async function select(
  connection: Connection | Pool,
  table: Table,
  from: string,
  rest: string,
  values: unknown[],
): Promise<Row[]> {
  const sql = `SELECT ${selectList(table.columns)} FROM ${escapeId(from)} ${rest}`;
  // mysql2 gets the last of 16 digits wrong in some doubles. As text they are right.
  const typeCast = table.columns.some((column) => /^(double|float)/.test(column.sqlType))
    ? { typeCast: doublesAsText }
    : {};
  const [answer] = await connection.query<RowDataPacket[][]>({ sql, rowsAsArray: true, ...typeCast }, values);
  // Changes the driver's arrays instead of copying them, for speed: every page of rows passes here.
  const rows = answer as unknown as SqlValue[][];
  const codecs = table.columns.map(({ codec }) => codec);
  for (const row of rows) {
    for (let index = 0; index < codecs.length; index++) row[index] = codecs[index]?.fromSql(row[index]) ?? null;
  }
  return rows;
}

const doublesAsText = (field: TypeCastField, next: () => unknown) =>
  field.type === "DOUBLE" ? field.string() : next();
