/**
 * SQL about columns and keys, for all statements that need it. To change how keys are compared, change this file and row-sets.ts.
 * Names come only from the schema; values are parameters.
 */
import { escapeId, raw } from "mysql2";
import type { Connection, Pool, RowDataPacket } from "mysql2/promise";
import type { SqlValue } from "../codecs/codec.ts";
import type { Key } from "../codecs/key-text.ts";
import { type Column, numberKeyOf, type Table } from "../codecs/tables.ts";

/** How many ids one statement names at most. */
const IDS_PER_STATEMENT = 1_000;

/** The only column of a key that is a number, as SQL. Give the table's alias if the statement has one. */
export const keyOf = (table: Table, alias?: string): string => columnAt(table, numberKeyOf(table), alias);

/** The columns of a key of any kind, for ORDER BY and PRIMARY KEY. */
export const keyList = (table: Table, alias?: string): string =>
  table.key.map((index) => columnAt(table, index, alias)).join(", ");

/** A column as SQL, by its index. */
export function columnAt({ name, columns }: Table, index: number, alias?: string): string {
  const column = columns[index];
  if (!column) throw new Error(`${name} has no column ${index}`);
  return qualified(column, alias);
}

/** A condition of a statement, with its parameters. */
export interface Condition {
  sql: string;
  values: unknown[];
}

/**
 * A value as a parameter of a condition. Digits are sent as a number: the server compares text with numbers as doubles, which
 * are not exact.
 */
export function parameterOf(column: Column, value: SqlValue): unknown {
  const { sqlType } = column;
  const isNumber = /^(bigint|decimal)/.test(sqlType) && typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value);
  return isNumber ? raw(value) : toSql(column, value);
}

/** The rows with these values in these columns, as the server compares them. */
export function withValues(
  table: Table,
  indices: readonly number[],
  values: readonly SqlValue[],
  alias?: string,
): Condition {
  return {
    sql: indices.map((index) => `${columnAt(table, index, alias)} = ?`).join(" AND "),
    values: parametersOf(table, indices, values),
  };
}

/**
 * The rows after a key, in the order of the key. The first column is compared on its own too: so the server reads only the rest
 * of the index.
 */
export function afterKey(table: Table, key: Key, alias?: string): Condition {
  const columns = table.key.map((index) => columnAt(table, index, alias));
  const values = parametersOf(table, table.key, key);
  const rest = later(columns, values);
  if (columns.length === 1) return rest;
  return { sql: `${columns[0]} >= ? AND (${rest.sql})`, values: [values[0], ...rest.values] };
}

function later([column, ...others]: readonly string[], [value, ...more]: readonly unknown[]): Condition {
  if (others.length === 0) return { sql: `${column} > ?`, values: [value] };
  const rest = later(others, more);
  return { sql: `${column} > ? OR (${column} = ? AND (${rest.sql}))`, values: [value, value, ...rest.values] };
}

const parametersOf = (table: Table, indices: readonly number[], values: readonly SqlValue[]): unknown[] =>
  indices.map((index, place) => {
    const column = table.columns[index];
    return column ? parameterOf(column, values[place] ?? null) : null;
  });

/** Every column in the dictionary's order. */
export function columnList(columns: readonly Column[], alias?: string): string {
  return columns.map((column) => qualified(column, alias)).join(", ");
}

/** What to select to read the columns: for most of them their names (ColumnCodec.select). */
export function selectList(columns: readonly Column[], alias?: string): string {
  return columns
    .map((column) => column.codec.select?.(qualified(column, alias)) ?? qualified(column, alias))
    .join(", ");
}

/** A column's value as a statement takes it (ColumnCodec.toSql). */
export const toSql = ({ codec }: Column, value: SqlValue | undefined): unknown =>
  value !== undefined && codec.toSql ? codec.toSql(value) : value;

export const qualified = ({ name }: Column, alias?: string) => (alias ? `${alias}.${escapeId(name)}` : escapeId(name));

/** The ids in parts that each fit one statement. */
export function* idPages(ids: readonly number[]): Generator<number[]> {
  for (let start = 0; start < ids.length; start += IDS_PER_STATEMENT) yield ids.slice(start, start + IDS_PER_STATEMENT);
}

/** The ids among `ids` that the table holds, or its stage. */
export async function existingIds(
  connection: Connection | Pool,
  table: Table,
  ids: readonly number[],
  from: string = table.name,
): Promise<Set<number>> {
  const found = new Set<number>();
  const sql = `SELECT ${keyOf(table)} FROM ${escapeId(from)} WHERE ${keyOf(table)} IN (?)`;
  for (const page of idPages(ids)) {
    const [rows] = await connection.query<RowDataPacket[][]>({ sql, rowsAsArray: true }, [page]);
    for (const [id] of rows) found.add(id as unknown as number);
  }
  return found;
}

/** Keys from the first to the last, both included. */
export interface KeyRange {
  first: number;
  last: number;
}

/** The condition that a key lies in a range: its parameters are the first and the last key. */
export const inKeyRange = (table: Table, alias?: string): string => `${keyOf(table, alias)} BETWEEN ? AND ?`;

/** The lowest and the highest key among some rows of a table or a stage. Undefined if there are no such rows. */
export async function keyRange(
  connection: Connection | Pool,
  table: Table,
  { from = table.name, where = "TRUE" }: { from?: string; where?: string } = {},
): Promise<KeyRange | undefined> {
  const key = keyOf(table);
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT MIN(${key}) AS first, MAX(${key}) AS last FROM ${escapeId(from)} WHERE ${where}`,
  );
  const { first, last } = rows[0] as { first: number | null; last: number | null };
  return first === null || last === null ? undefined : { first, last };
}

/** The highest id of the table up to `max`, else 0. Compares by <=, as MariaDB takes `< 2147483648` for `< 2147483647`. */
export async function highestId(connection: Connection, table: Table, max: number): Promise<number> {
  const key = keyOf(table);
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT GREATEST(0, COALESCE(MAX(${key}), 0)) AS highest FROM ${escapeId(table.name)} WHERE ${key} <= ?`,
    [max],
  );
  return rows[0]?.highest;
}
