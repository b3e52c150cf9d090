/**
 * Sets of rows as SQL: rows of a stage compared with those of its table, and rows without their parent. Names come only from the
 * schema.
 */
import { escapeId } from "mysql2";
import type { Connection, RowDataPacket } from "mysql2/promise";
import type { Column, Reference, Table } from "../codecs/tables.ts";
import { columnAt, qualified } from "./key-sql.ts";

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
