/** Rows of the dictionary's tables: listed, looked up, inserted. Names come from the schema alone, values are parameters. */
import { escapeId } from "mysql2";
import type { Connection, Pool, PoolConnection, ResultSetHeader, RowDataPacket, TypeCastField } from "mysql2/promise";
import { KEY_MAX, type SqlValue } from "../codecs/columns.ts";
import { fromText } from "../codecs/sql-text.ts";
import type { Column, Row, Table } from "../codecs/tables.ts";
import type { Database } from "../db/client.ts";
import { driverError } from "../db/errors.ts";
import { readTextRows } from "../db/text-rows.ts";
import { MusterError } from "../errors.ts";

/** Rows of one multi-row INSERT or of one look-up by ids, and the characters after which an INSERT is sent earlier. */
export const ROWS_PER_INSERT = 1_000;
const CHARACTERS_PER_INSERT = 4 * 1024 * 1024;
/** Rows of an InsertBatch, which is one transaction; and what a number counts among its bytes. */
const ROWS_PER_BATCH = 20 * ROWS_PER_INSERT;
const NUMBER_BYTES = 8;

export interface RowFilter {
  limit: number;
  /** The last id of the page before. */
  after?: number | undefined;
  /** Values that rows must have, in canonical form: text is compared byte by byte, and null is equal to null. */
  equal?: readonly { column: Column; value: SqlValue }[];
}

/** The first `limit` rows that the filter lets pass, in id order; one query, and for a page without a filter a cheap one. */
export async function listRows({ pool }: Database, table: Table, filter: RowFilter): Promise<Row[]> {
  const { limit, after = 0, equal = [] } = filter;
  const conditions = [`${keyOf(table)} > ?`];
  const values: SqlValue[] = [after];
  for (const { column, value } of equal) {
    const name = escapeId(column.name);
    conditions.push(`${name} <=> ?`);
    values.push(value);
    if (typeof value !== "string") continue;
    // To a collation `Ana` and `ANA`, `e` and `é`, `a` and `a ` are equal: an index may serve it, the bytes decide.
    conditions.push(`CAST(${name} AS BINARY) = CAST(? AS BINARY)`);
    values.push(value);
  }
  const rest = `WHERE ${conditions.join(" AND ")} ORDER BY ${keyOf(table)} LIMIT ?`;
  return select(pool, table, table.name, rest, [...values, limit]);
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

/** Inserts rows into a table, or into a stage of it. */
export async function insertRows(
  connection: Connection,
  table: Table,
  rows: readonly Row[],
  into: string = table.name,
): Promise<void> {
  for (const batch of batches(rows)) {
    const statement = insertStatement(table.columns, into, batch.length);
    // A full batch is the same statement every time, and worth preparing.
    if (batch.length === ROWS_PER_INSERT) await connection.execute(statement, batch.flat());
    else await connection.query(statement, batch.flat());
  }
}

/** Rows that go into a table, or into a stage of it, by multi-row INSERTs. */
export class InsertBatch {
  bytes = 0;
  #rows: Row[] = [];

  get rows(): number {
    return this.#rows.length;
  }

  /** Takes a row. Answers false, and has not taken it, where the batch is to be sent first. */
  add(row: Row): boolean {
    if (this.#rows.length === ROWS_PER_BATCH || this.bytes >= CHARACTERS_PER_INSERT) return false;
    this.#rows.push(row);
    for (const value of row) this.bytes += typeof value === "string" ? value.length : NUMBER_BYTES;
    return true;
  }

  send(connection: Connection, table: Table, into: string): Promise<void> {
    return insertRows(connection, table, this.#rows, into);
  }

  clear(): void {
    this.#rows = [];
    this.bytes = 0;
  }
}

/**
 * Inserts rows whose ids the database assigns.
 * @param idStep auto_increment_increment: the ids of one statement that has only such rows follow each other by it
 * @returns their ids, in their order
 */
export async function insertRowsWithoutId(
  connection: Connection,
  table: Table,
  rows: readonly Row[],
  idStep: number,
): Promise<number[]> {
  const ids: number[] = [];
  const columns = table.columns.filter((column) => !column.isKey);
  for (const batch of batches(rows)) {
    const values = batch.map((row) => row.filter((_, index) => index !== table.key));
    const statement = insertStatement(columns, table.name, batch.length);
    const [{ insertId }] = await connection.query<ResultSetHeader>(statement, values.flat()).catch(outOfIds(table));
    ids.push(...batch.map((_, index) => insertId + index * idStep));
  }
  return ids;
}

/** MySQL gives the last id again and again, and MariaDB an error that the driver has no name for. */
function outOfIds(table: Table): (error: unknown) => never {
  return (error) => {
    const driver = driverError(error);
    const last = driver?.errno === 1062 && driver.sqlMessage?.includes(`'${KEY_MAX}'`);
    if (!last && driver?.errno !== 167) throw error;
    throw new MusterError("conflict", `${table.name} has no id left to assign behind ${KEY_MAX}: send rows with an id`);
  };
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

function insertStatement(columns: readonly Column[], into: string, rows: number): string {
  const group = `(${columns.map(() => "?").join(", ")})`;
  const groups = new Array(rows).fill(group).join(", ");
  return `INSERT INTO ${escapeId(into)} (${columnList(columns)}) VALUES ${groups}`;
}

function* pages(ids: readonly number[]): Generator<number[]> {
  for (let start = 0; start < ids.length; start += ROWS_PER_INSERT) yield ids.slice(start, start + ROWS_PER_INSERT);
}

/** A statement may have 16 MiB on a server as it comes. */
function* batches(rows: readonly Row[]): Generator<Row[]> {
  let batch: Row[] = [];
  let characters = 0;
  for (const row of rows) {
    batch.push(row);
    for (const value of row) if (typeof value === "string") characters += value.length;
    if (batch.length < ROWS_PER_INSERT && characters < CHARACTERS_PER_INSERT) continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
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
  const [rows] = await connection.query<RowDataPacket[][]>({ sql, rowsAsArray: true, ...typeCast }, values);
  return rows.map((row) => table.columns.map((column, index) => column.codec.fromSql(row[index])));
}

const doublesAsText = (field: TypeCastField, next: () => unknown) =>
  field.type === "DOUBLE" ? field.string() : next();
