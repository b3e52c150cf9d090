/** The dictionary as data: each table's columns with their codecs, its references, the load order. */
import { getTableColumns, is, SQL } from "drizzle-orm";
import { getTableConfig, type MySqlColumn, MySqlTable } from "drizzle-orm/mysql-core";
import type { Reason } from "../db/ledger.ts";
import * as schema from "../db/schema.ts";
import { MusterError } from "../errors.ts";
import { type ColumnCodec, codecOf, Fault, type SqlValue } from "./columns.ts";

/** The schema module's exports that are tables. */
export type TableName = {
  [Name in keyof typeof schema]: (typeof schema)[Name] extends MySqlTable ? Name : never;
}[keyof typeof schema];

/** A row's values in the order of its table's columns. */
export type Row = readonly SqlValue[];

/** Whether two rows are the same byte by byte: in their canonical form, equal values are identical. */
export function sameRow(a: readonly (SqlValue | undefined)[], b: readonly (SqlValue | undefined)[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** A row as its shape alone judges it: values that are undefined are at fault, or an id that the database shall assign. */
export interface Shaped {
  values: (SqlValue | undefined)[];
  reasons: Reason[];
}

export interface Column {
  name: string;
  codec: ColumnCodec;
  /** As Drizzle spells it: `int`, `varchar(255)`, `datetime(3)`. */
  sqlType: string;
  /** It is the table's `id`. */
  isKey: boolean;
  nullable: boolean;
  /** Neither nullable nor with a default. An id is required; that it may be left out over REST is fromJson's option. */
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

/** Route segments, query parameters and Muster's own tables: a table or a column of that name could not be reached. */
const RESERVED_TABLES = new Set(
  `runs rejections gates idempotency_keys insert backup backups restore imports healthz readyz metrics openapi.json docs
  hired_2021_quarter hired_department`.split(/\s+/),
);
const RESERVED_COLUMNS = new Set(["limit", "cursor"]);
/** What SQL, CSV, Avro, URLs and file names such as TABLE-2021.csv all take without quoting. */
const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

/**
 * Derives the dictionary from the exports of a schema module; exports that are not tables are left alone.
 * @returns parents before children
 * @throws MusterError `invalid` that names the table or column which Muster cannot move, and why
 */
export function buildTables(module: object): readonly Table[] {
  const built: Table[] = [];
  for (const [name, source] of Object.entries(module)) {
    if (is(source, MySqlTable)) built.push(buildTable(name, source));
  }
  const known = new Map(built.map((table) => [table.name, table]));
  const sorted = new Set<Table>();
  for (const table of built) addAfterParents(table, known, sorted, []);
  return [...sorted];
}

/** Parents before children. */
export const tables: readonly Table[] = buildTables(schema);

export const tableNames: readonly [TableName, ...TableName[]] = namesOf(tables);

/** The table of that name. */
export function tableOf(name: TableName): Table {
  const table = tables.find((each) => each.name === name);
  if (!table) throw new MusterError("not_found", `there is no table ${name}`);
  return table;
}

/** Whether a text, from a URL or an argument, names a table of the dictionary. */
export function isTableName(text: string): text is TableName {
  return tables.some((table) => table.name === text);
}

function namesOf([first, ...others]: readonly Table[]): readonly [TableName, ...TableName[]] {
  if (!first) throw invalid("src/db/schema.ts", "exports no table");
  return [first.name, ...others.map((table) => table.name)];
}

const invalid = (subject: string, problem: string) =>
  new MusterError("invalid", `the schema cannot be used: ${subject} ${problem}`);

function buildTable(exported: string, source: MySqlTable): Table {
  const { name, foreignKeys, uniqueConstraints, indexes } = getTableConfig(source);
  if (name !== exported) throw invalid(`the table ${name}`, `is exported as ${exported}: use one name for both`);
  if (!NAME.test(name)) throw invalid(`the table ${name}`, "needs a name of letters, digits and underscores");
  if (RESERVED_TABLES.has(name))
    throw invalid(`the table ${name}`, "has a name that Muster uses itself: choose another");
  if (uniqueConstraints.length > 0 || indexes.some((each) => each.config.unique)) {
    throw invalid(`the table ${name}`, "has a unique constraint besides its id, for which a row has no verdict yet");
  }
  const parents = new Map<string, TableName>();
  for (const foreignKey of foreignKeys) {
    const { columns, foreignColumns, foreignTable } = foreignKey.reference();
    const [column, parentColumn] = [columns[0], foreignColumns[0]];
    if (!column || columns.length > 1 || parentColumn?.name !== "id") {
      const subject = columns.map((each) => `${name}.${each.name}`).join(", ");
      throw invalid(subject, "refers to something other than another table's id");
    }
    if (foreignTable === source)
      throw invalid(`${name}.${column.name}`, "refers to its own table: that cannot be moved");
    parents.set(column.name, getTableConfig(foreignTable).name as TableName);
  }
  const columns = Object.entries(getTableColumns(source)).map(([property, column]) =>
    buildColumn(`${name}.${property}`, property, column, parents.has(column.name)),
  );
  const key = columns.findIndex((column) => column.isKey);
  if (key === -1) throw invalid(`the table ${name}`, 'has no id: int("id").autoincrement().primaryKey()');
  const references = columns.flatMap((each, column) => {
    const table = parents.get(each.name);
    return table ? [{ column, table }] : [];
  });
  return { name: name as TableName, source, columns, key, references };
}

function buildColumn(subject: string, property: string, column: MySqlColumn, refers: boolean): Column {
  const isKey = property === "id";
  const sqlType = column.getSQLType();
  if (property !== column.name) throw invalid(subject, `is called ${column.name} in SQL: use one name for both`);
  if (!NAME.test(property)) throw invalid(subject, "needs a name of letters, digits and underscores");
  if (RESERVED_COLUMNS.has(property)) throw invalid(subject, "has a name that paging uses: choose another");
  if (column.generated || column.defaultFn || column.onUpdateFn || is(column.default, SQL)) {
    throw invalid(subject, "is computed: only a literal default can be moved");
  }
  const countsUp = "autoIncrement" in column && column.autoIncrement === true;
  if (isKey && (!sqlType.startsWith("int") || !column.primary || !countsUp)) {
    throw invalid(subject, 'must be int("id").autoincrement().primaryKey()');
  }
  if (column.isUnique) throw invalid(subject, "is unique, for which a row has no verdict yet");
  if (!isKey && column.primary) throw invalid(subject, "is a primary key: that must be the column id, alone");
  const codec = codecOf(column, isKey || refers);
  if (!codec) {
    const types = refers ? "a reference must be int" : "see the column types in README";
    throw invalid(subject, `has the type ${sqlType}, which Muster does not move: ${types}`);
  }
  const hasDefault = !isKey && column.default !== undefined && column.default !== null;
  const fallback = hasDefault ? fallbackOf(subject, codec, column.default) : null;
  const nullable = !column.notNull;
  return { name: property, codec, sqlType, isKey, nullable, required: !nullable && !hasDefault, fallback };
}

/** A default that its own column would refuse as a row's value is an error of the schema. */
function fallbackOf(subject: string, codec: ColumnCodec, literal: unknown): SqlValue {
  const fallback = codec.fromSql(literal);
  const judged = codec.fromJson(codec.toJson(fallback));
  if (judged instanceof Fault) throw invalid(subject, `has a default that does not fit it: it ${judged.detail}`);
  return fallback;
}

/** Depth first; `path` holds the children that led here, so that a cycle can be named. */
function addAfterParents(table: Table, known: ReadonlyMap<string, Table>, sorted: Set<Table>, path: readonly Table[]) {
  if (path.includes(table)) {
    const names = [...path.slice(path.indexOf(table)), table].map((each) => each.name);
    throw invalid(names.join(" -> "), "refer to each other in a circle, so that neither can be loaded first");
  }
  for (const reference of table.references) {
    const parent = known.get(reference.table);
    const column = table.columns[reference.column];
    if (!parent) throw invalid(`${table.name}.${column?.name}`, `refers to ${reference.table}, which is not exported`);
    addAfterParents(parent, known, sorted, [...path, table]);
  }
  sorted.add(table);
}
