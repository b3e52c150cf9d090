/** What an existing database has, as information_schema describes it. */

export interface FoundColumn {
  name: string;
  /** The type's name, such as `decimal`. */
  type: string;
  /** The whole type, such as `decimal(5,2) unsigned` or `enum('a','b')`. */
  fullType: string;
  nullable: boolean;
  autoIncrement: boolean;
  default: FoundDefault | undefined;
  /** How it is computed, if it is a generated column. */
  generated: { expression: string; mode: "virtual" | "stored" } | undefined;
  /** It has ON UPDATE CURRENT_TIMESTAMP. */
  updates: boolean;
}

/** A default is a literal, or an expression that the server computes for each row. */
export type FoundDefault = { literal: string } | { expression: string };

export interface FoundIndex {
  name: string;
  unique: boolean;
  /** `BTREE`, `FULLTEXT`, `SPATIAL` and so on. */
  kind: string;
  parts: readonly FoundPart[];
}

/** A part of an index. `sql` is set if it is not a whole column: a prefix, an expression, or a descending column. */
export interface FoundPart {
  column: string | undefined;
  sql: string | undefined;
}

export interface FoundForeignKey {
  name: string;
  columns: readonly string[];
  /** The database of the parent. */
  schema: string;
  parent: string;
  parentColumns: readonly string[];
  onDelete: string;
  onUpdate: string;
}

export interface FoundTable {
  name: string;
  engine: string;
  columns: readonly FoundColumn[];
  key: readonly string[];
  indexes: readonly FoundIndex[];
  foreignKeys: readonly FoundForeignKey[];
  triggers: readonly string[];
  /** SHOW CREATE TABLE. */
  definition: string;
}

export interface FoundDatabase {
  name: string;
  tables: readonly FoundTable[];
  /** Views and the like, and tables that the user may not read, with the reason. */
  others: readonly { name: string; why: string }[];
}
