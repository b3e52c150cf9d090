/** Rows of the dictionary's tables: listed and looked up. Names come from the schema alone, values are parameters. */
import { escapeId } from "mysql2";
import type { Connection, Pool, PoolConnection, RowDataPacket, TypeCastField } from "mysql2/promise";
import { KEY_MAX, type SqlValue } from "../codecs/columns.ts";
import { JsonArray } from "../codecs/json-rows.ts";
import { fromText } from "../codecs/sql-text.ts";
import type { Column, Row, Table } from "../codecs/tables.ts";
import type { Bounded } from "../db/bounded.ts";
import type { Database } from "../db/database.ts";
import { numberAt, readTextRows } from "../db/text-rows.ts";

/** Ids of one look-up, and of any other statement that names them. */
export const IDS_PER_STATEMENT = 1_000;

export interface RowFilter {
  limit: number;
  /** The last id of the page before. */
  after?: number | undefined;
  /** Values that rows must have, in canonical form: text is compared byte by byte, and null is equal to null. */
  equal?: readonly { column: Column; value: SqlValue }[];
}

/** The first `limit` rows that the filter lets pass, in id order; one query, and for a page without a filter a cheap one. */
export async function listRows({ pool }: Database, table: Table, filter: RowFilter): Promise<Row[]> {
  const { rest, values } = listing(table, filter);
  return select(pool, table, table.name, rest, values);
}

/** The same rows as the text of a JSON array, the last one's id, and whether there are more behind it. */
export async function listRowsAsJson(
  database: Bounded,
  table: Table,
  filter: RowFilter,
): Promise<{ json: Buffer<ArrayBuffer>; last: number; more: boolean }> {
  const { rest, values } = listing(table, { ...filter, limit: filter.limit + 1 });
  const array = new JsonArray(table);
  let last = 0;
  let more = false;
  await database.readText(`SELECT ${columnList(table.columns)} FROM ${escapeId(table.name)} ${rest}`, values, (row) => {
    more = array.rows === filter.limit;
    if (more) return;
    array.add(row);
    if (array.rows === filter.limit) last = numberAt(row, table.key);
  });
  return { json: array.bytes(), last, more };
}

function listing(table: Table, { limit, after, equal = [] }: RowFilter): { rest: string; values: SqlValue[] } {
  // Without a cursor every row is listed, also one with an id below 1, which another program stored.
  const conditions = after === undefined ? ["TRUE"] : [`${keyOf(table)} > ?`];
  const values: SqlValue[] = after === undefined ? [] : [after];
  for (const { column, value } of equal) {
    const name = escapeId(column.name);
    conditions.push(`${name} <=> ?`);
    values.push(value);
    if (typeof value !== "string") continue;
    // To a collation `Ana` and `ANA`, `e` and `é`, `a` and `a ` are equal: an index may serve it, the bytes decide.
    conditions.push(`CAST(${name} AS BINARY) = CAST(? AS BINARY)`);
    values.push(value);
  }
  return { rest: `WHERE ${conditions.join(" AND ")} ORDER BY ${keyOf(table)} LIMIT ?`, values: [...values, limit] };
}

/** The row of that id, or undefined. */
export async function findRow({ pool }: Database, table: Table, id: number): Promise<Row | undefined> {
  const [row] = await select(pool, table, table.name, `WHERE ${keyOf(table)} = ?`, [id]);
  return row;
}

/** The rows behind the id `after`, of a table or of a stage of it, in id order. */
export async function readPage(
  connection: Connection | Pool,
  table: Table,
  { after, limit, from = table.name }: { after: number; limit: number; from?: string },
): Promise<Row[]> {
  return select(connection, table, from, `WHERE ${keyOf(table)} > ? ORDER BY ${keyOf(table)} LIMIT ?`, [after, limit]);
}

/** Rows of a table, or of a stage of it, by id; ids that are not there are left out. */
export async function readRows(
  connection: Connection | Pool,
  table: Table,
  ids: readonly number[],
  from: string = table.name,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const page of pages(ids)) {
    rows.push(...(await select(connection, table, from, `WHERE ${keyOf(table)} IN (?)`, [page])));
  }
  return rows;
}

/**
 * As readRows; where the ids are close together one range is read, and rows between them may come with it. An import asks
 * so for a million rows, which are made of the server's text in half of the driver's time.
 */
export async function readRowsNear(
  connection: PoolConnection,
  table: Table,
  ids: readonly number[],
  from: string = table.name,
): Promise<Row[]> {
  let [first, last] = [KEY_MAX, 0];
  for (const id of ids) {
    if (id < first) first = id;
    if (id > last) last = id;
  }
  if (last - first >= 2 * ids.length) return readRows(connection, table, ids, from);
  const sql = `SELECT ${columnList(table.columns)} FROM ${escapeId(from)} WHERE ${keyOf(table)} BETWEEN ? AND ?`;
  const rows: Row[] = [];
  await readTextRows(connection, sql, [first, last], (row) => void rows.push(fromText(table, row)));
  return rows;
}

/** Those of the ids that the table holds. */
export async function existingIds(
  connection: Connection | Pool,
  table: Table,
  ids: readonly number[],
): Promise<Set<number>> {
  const found = new Set<number>();
  for (const page of pages(ids)) {
    const statement = `SELECT ${keyOf(table)} FROM ${escapeId(table.name)} WHERE ${keyOf(table)} IN (?)`;
    const [rows] = await connection.query<RowDataPacket[][]>({ sql: statement, rowsAsArray: true }, [page]);
    for (const [id] of rows) found.add(id as unknown as number);
  }
  return found;
}

/** The lowest and highest id of a table, or of a stage of it; undefined if it is empty. */
export async function idRange(
  connection: Connection | Pool,
  table: Table,
  from: string = table.name,
): Promise<{ first: number; last: number } | undefined> {
  const key = keyOf(table);
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT MIN(${key}) AS first, MAX(${key}) AS last FROM ${escapeId(from)}`,
  );
  const { first, last } = rows[0] as { first: number | null; last: number | null };
  return first === null || last === null ? undefined : { first, last };
}

/** The id column, as SQL. */
export function keyOf(table: Table): string {
  const key = table.columns[table.key];
  if (!key) throw new Error(`${table.name} has no key`);
  return escapeId(key.name);
}

/** Every column in the dictionary's order, as SQL. */
export function columnList(columns: readonly Column[]): string {
  return columns.map((column) => escapeId(column.name)).join(", ");
}

function* pages(ids: readonly number[]): Generator<number[]> {
  for (let start = 0; start < ids.length; start += IDS_PER_STATEMENT) yield ids.slice(start, start + IDS_PER_STATEMENT);
}

/** Not through Drizzle, whose objects of rows would be made to be taken apart again. */
async function select(
  connection: Connection | Pool,
  table: Table,
  from: string,
  rest: string,
  values: unknown[],
): Promise<Row[]> {
  const sql = `SELECT ${columnList(table.columns)} FROM ${escapeId(from)} ${rest}`;
  // mysql2 reads some doubles of 16 digits wrong in the last one; as text they come right.
  const typeCast = table.columns.some((column) => column.sqlType.startsWith("double"))
    ? { typeCast: doublesAsText }
    : {};
  const [answer] = await connection.query<RowDataPacket[][]>({ sql, rowsAsArray: true, ...typeCast }, values);
  // In the driver's own arrays: every page passes here.
  const rows = answer as unknown as SqlValue[][];
  const codecs = table.columns.map(({ codec }) => codec);
  for (const row of rows) {
    for (let index = 0; index < codecs.length; index++) row[index] = codecs[index]?.fromSql(row[index]) ?? null;
  }
  return rows;
}

const doublesAsText = (field: TypeCastField, next: () => unknown) =>
  field.type === "DOUBLE" ? field.string() : next();
