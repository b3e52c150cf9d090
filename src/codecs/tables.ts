/** The dictionary as data: each table's columns with their codecs, its references, the load order. */
import type { MySqlTable } from "drizzle-orm/mysql-core";
import type { Reason } from "../db/ledger.ts";
import type * as schema from "../db/schema.ts";
import type { ColumnCodec, SqlValue } from "./codec.ts";
import { largestNumber } from "./column-types.ts";

/** The schema module's exports that are tables. */
export type TableName = {
  [Name in keyof typeof schema]: (typeof schema)[Name] extends MySqlTable ? Name : never;
}[keyof typeof schema];

/** A stored row's values, in the order of its table's columns. */
export type Row = readonly SqlValue[];

/** Whether two rows are identical. Values are canonical, so that equal ones are `===`. */
export function sameRow(a: readonly (SqlValue | undefined)[], b: readonly (SqlValue | undefined)[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** The values of some columns. Undefined if one of them is null, left to the server, or at fault. */
export function givenValues(values: ReadRow["values"], columns: readonly number[]): SqlValue[] | undefined {
  const given = columns.map((index) => values[index] ?? null);
  return given.includes(null) ? undefined : given;
}

/** A row as a codec reads it, judged by its shape alone: no id or reference is looked up. */
export interface ReadRow {
  /** In the order of the table's columns. A value at fault is undefined, and so is an id that the database shall assign. */
  readonly values: readonly (SqlValue | undefined)[];
  /** Why the row is rejected. Empty if its shape is right. */
  readonly reasons: readonly Reason[];
}

export interface Column {
  name: string;
  /** Former names, from the schema module's `aliases`. */
  aliases: readonly string[];
  codec: ColumnCodec;
  /** As Drizzle spells it: `int`, `varchar(255)`, `datetime(3)`. */
  sqlType: string;
  /** Whose local time a datetime holds. If it is left out, its values are UTC. */
  zone?: string;
  /** It belongs to the table's primary key. */
  isKey: boolean;
  /** It is AUTO_INCREMENT: the server assigns a value to a row that has none. */
  isAssigned: boolean;
  nullable: boolean;
  /**
   * A row must have it: it is not nullable and has no default. An id is required too, unless fromJson is told otherwise, or
   * a recipe says that the database assigns ids (reading-table.ts).
   */
  required: boolean;
  /** The value if none is given: the column's literal default, else null. */
  fallback: SqlValue;
  /** The SQL of a default that the server computes, such as `(now())`. A row without a value then has undefined. */
  serverDefault: string | undefined;
}

/** A foreign key. Its columns are indexes into the columns of the two tables, in pairs. */
export interface Reference {
  columns: readonly number[];
  /** It may be the table itself. */
  parent: Table;
  parentColumns: readonly number[];
}

/** A unique constraint besides the primary key. Rows with a null in one of its columns do not collide. */
export interface Unique {
  name: string;
  columns: readonly number[];
}

export interface Table {
  name: TableName;
  /** The Drizzle table, for repositories. */
  source: MySqlTable;
  /** The columns that are written, in the schema's order. */
  columns: readonly Column[];
  /** The columns that can be read: those that are written, and those that the server generates. In the schema's order. */
  readable: readonly Column[];
  /** The primary key, as indexes into columns. */
  key: readonly number[];
  /** The only column of the key if all its values are safe integers. */
  numberKey: number | undefined;
  /** The AUTO_INCREMENT column of the key. */
  assigned: number | undefined;
  references: readonly Reference[];
  /** The tables that refer to it, parents before children. */
  referredBy: readonly Table[];
  uniques: readonly Unique[];
  /** Its place in the dictionary, from 0. Parents come before their children. */
  order: number;
  /**
   * Whether rows can be judged in this process while they are read: the key is a number, every reference is to another table's
   * number, and nothing else must be unique or is computed by the server. The server judges the rows of all other tables.
   */
  judgedAsRead: boolean;
}

/** The index of the only column of a key that is a number. Call this only for tables that have such a key. */
export function numberKeyOf({ name, numberKey }: Table): number {
  if (numberKey === undefined) throw new Error(`the key of ${name} is not a number`);
  return numberKey;
}

/** Whether a column has text, of which a collation may call two values equal that have other bytes. */
export const isText = ({ sqlType }: Column): boolean =>
  /^(char|varchar|tinytext|text|mediumtext|longtext|enum|set)\b/.test(sqlType);

export const hasTextKey = ({ key, columns }: Table): boolean =>
  columns.some((column, index) => key.includes(index) && isText(column));

/** The largest number that a table's key takes. Call this only for tables that have such a key. */
export const largestId = (table: Table): number => largestNumber(table.columns[numberKeyOf(table)]?.sqlType ?? "");

/** The largest next id that a table can have: one more than the largest id that its column takes. 1 if it assigns no ids. */
export function largestNextId(table: Table): bigint {
  const column = table.assigned === undefined ? undefined : table.columns[table.assigned];
  if (!column) return 1n;
  const bits = column.sqlType.endsWith("unsigned") ? 64n : 63n;
  return (table.numberKey === undefined ? 2n ** bits - 1n : BigInt(largestId(table))) + 1n;
}
