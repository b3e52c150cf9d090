/**
 * SQL about keys and about equal rows, for all statements that need it. To change how keys are compared, change this file.
 * Names come only from the schema; values are parameters.
 */
import { escapeId, raw } from "mysql2";
import type { Connection, Pool, RowDataPacket } from "mysql2/promise";
import type { SqlValue } from "../codecs/codec.ts";
import type { Key } from "../codecs/key-text.ts";
import { type Column, numberKeyOf, type Reference, type Table } from "../codecs/tables.ts";

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

const qualified = ({ name }: Column, alias?: string) => (alias ? `${alias}.${escapeId(name)}` : escapeId(name));

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
  { from = table.name, where = "TRUE" }: Partial<RowSet> = {},
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

/** Rows, as SQL: what follows FROM, and what follows WHERE. */
export interface RowSet {
  from: string;
  where: string;
}

export const fromWhere = ({ from, where }: RowSet): string => `FROM ${from} WHERE ${where}`;

/** @param lock a locking clause for the end of the SELECT, with a blank before it */
export async function count(connection: Connection, rows: RowSet, lock = ""): Promise<number> {
  const [counted] = await connection.query<RowDataPacket[]>(`SELECT COUNT(*) AS n ${fromWhere(rows)}${lock}`);
  return counted[0]?.n;
}

/** The condition that rows have equal values in some columns, as the columns' collations decide. */
export const sameIn = (table: Table, columns: readonly number[], one: string, other: string): string =>
  columns.map((index) => `${columnAt(table, index, other)} = ${columnAt(table, index, one)}`).join(" AND ");

/**
 * The condition that rows have the same values, byte by byte, because a collation treats `Ana` and `ANA` as equal. If the first
 * row leaves a column to the server, any value of the other row counts as the same.
 */
export function sameValues({ columns }: Table, one: string, other: string): string {
  const same = columns.map((column) => {
    const bytes = sameBytes(column, one, other);
    return column.serverDefault === undefined ? bytes : `(${qualified(column, one)} IS NULL OR ${bytes})`;
  });
  return `(${same.join(" AND ")})`;
}

/** The condition that a column has the same bytes in two rows. The bytes of a FLOAT are its first six digits, so all are compared. */
function sameBytes(column: Column, one: string, other: string): string {
  const [a, b] = [qualified(column, one), qualified(column, other)];
  const bytes = `BINARY ${a} <=> BINARY ${b}`;
  return column.sqlType.startsWith("float") ? `${a} <=> ${b} AND ${bytes}` : bytes;
}

/**
 * The rows of a stage `s` compared with those of its table `t` by their keys.
 * @param columns in which rows may differ
 */
export function compared(table: Table, stage: string, columns: readonly Column[] = table.columns) {
  const [s, t] = [`${escapeId(stage)} s`, `${escapeId(table.name)} t`];
  const sameKey = table.key
    .map((index) => `${columnAt(table, index, "t")} = ${columnAt(table, index, "s")}`)
    .join(" AND ");
  // A key's columns are never null, so a null in the first one shows that the join found no row.
  const [first = 0] = table.key;
  // Compares bytes, because a collation treats `Ana` and `ANA` as equal.
  const same = columns.map((column) => sameBytes(column, "s", "t")).join(" AND ");
  const inBoth = `${s} JOIN ${t} ON ${sameKey}`;
  return {
    /** Rows that are staged, but not in the table. */
    missing: { from: `${s} LEFT JOIN ${t} ON ${sameKey}`, where: `${columnAt(table, first, "t")} IS NULL` },
    /** Rows that are in the table, but not staged. */
    surplus: { from: `${t} LEFT JOIN ${s} ON ${sameKey}`, where: `${columnAt(table, first, "s")} IS NULL` },
    inBoth: { from: inBoth, where: "TRUE" },
    unchanged: { from: inBoth, where: `(${same})` },
    differing: { from: inBoth, where: `NOT (${same})` },
  };
}

/** A foreign key as SQL: the columns that refer, with the alias of their rows, and the columns that they refer to. */
export interface Pairs {
  columns: readonly string[];
  parentColumns: readonly string[];
}

/** A reference of the dictionary as SQL. @param alias of the rows that refer */
export const pairsOf = (child: Table, { columns, parent, parentColumns }: Reference, alias: string): Pairs => ({
  columns: columns.map((index) => columnAt(child, index, alias)),
  parentColumns: parentColumns.map((index) => columnAt(parent, index)),
});

/**
 * The rows that refer to a parent `p` that does not exist. A row with a null in one of the columns refers to none (MATCH
 * SIMPLE).
 * @param child the rows to check, as SQL after FROM, with their alias
 * @param parent the table that is referred to, as SQL
 */
export function orphans(child: string, { columns, parentColumns }: Pairs, parent: string): RowSet {
  const same = columns.map((column, index) => `p.${parentColumns[index]} = ${column}`);
  const given = columns.map((column) => `${column} IS NOT NULL`);
  return {
    from: `${child} LEFT JOIN ${parent} p ON ${same.join(" AND ")}`,
    where: [...given, `p.${parentColumns[0]} IS NULL`].join(" AND "),
  };
}
