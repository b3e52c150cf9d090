/** The dictionary as data: each table's columns with their codecs, its references, the load order. */
import type { MySqlTable } from "drizzle-orm/mysql-core";
import type { Reason } from "../db/ledger.ts";
import * as schema from "../db/schema.ts";
import { MusterError } from "../errors.ts";
import type { ColumnCodec, SqlValue } from "./codec.ts";
import { buildTables } from "./dictionary.ts";

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
  /** It is the table's `id`. */
  isKey: boolean;
  nullable: boolean;
  /**
   * A row must have it: it is not nullable and has no default. An id is required too, unless fromJson is told otherwise, or
   * a recipe says that the database assigns ids (reading-table.ts).
   */
  required: boolean;
  /** The value if none is given: the column's default, else null. */
  fallback: SqlValue;
}

export interface Table {
  name: TableName;
  /** The Drizzle table, for repositories. */
  source: MySqlTable;
  columns: readonly Column[];
  /** Index of `id` in columns. */
  key: number;
  /** Columns that refer to another table's id; `column` is an index into columns. */
  references: readonly { column: number; table: TableName }[];
}

const dictionary = buildTables(schema);
const [first, ...others] = dictionary;

/** Parents before children. */
export const tables: readonly Table[] = dictionary;

export const tableNames: readonly [TableName, ...TableName[]] = [first.name, ...others.map(({ name }) => name)];

export function tableOf(name: TableName): Table {
  const table = tables.find((each) => each.name === name);
  if (!table) throw new MusterError("not_found", `there is no table ${name}`);
  return table;
}

export function isTableName(text: string): text is TableName {
  return tables.some((table) => table.name === text);
}
