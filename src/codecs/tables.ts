/** The dictionary as data: each table's columns with their codecs, its references, the load order. TO BE WRITTEN. */
import type { MySqlTable } from "drizzle-orm/mysql-core";
import type { Reason } from "../db/ledger.ts";
import type { ColumnCodec, SqlValue } from "./columns.ts";

export type TableName = "departments" | "jobs" | "hired_employees"; // derived from the schema module's exports

/** A row's values in the order of its table's columns. */
export type Row = readonly SqlValue[];

/** A row as its shape alone judges it: values that are undefined are at fault, or an id that the database shall assign. */
export interface Shaped {
  values: (SqlValue | undefined)[];
  reasons: Reason[];
}

export interface Column {
  name: string;
  codec: ColumnCodec;
  /** Neither nullable nor with a default, and not an id over REST. */
  required: boolean;
  /** What stands for a missing value: the column's default, else null. */
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

/** Parents before children. */
export declare const tables: readonly Table[];
export declare const tableNames: readonly [TableName, ...TableName[]];
export declare function tableOf(name: TableName): Table;
