/**
 * Builds the dictionary, the list of tables with their columns and codecs, from src/db/schema.ts. Refuses tables and columns
 * that Muster cannot move.
 */
import { getTableColumns, is, SQL } from "drizzle-orm";
import { type ForeignKey, getTableConfig, type MySqlColumn, MySqlTable } from "drizzle-orm/mysql-core";
import { MusterError } from "../errors.ts";
import { type ColumnCodec, Fault, type SqlValue } from "./codec.ts";
import { codecOf } from "./column-types.ts";
import type { Column, Table, TableName } from "./tables.ts";

/** The names of Muster's own tables begin with this (src/db/ledger.ts). */
const OWN_PREFIX = "muster_";
/** Muster's own paths. A table with such a name could not be reached over HTTP. */
const OWN_PATHS = `insert backup backups restore imports runs rejections healthz readyz metrics openapi.json docs
  hired_2021_quarter hired_department`.split(/\s+/);
const RESERVED_COLUMNS = new Set(["limit", "cursor", "spreadsheet"]);
/** Names that need no quoting in SQL, CSV, Avro, URLs, and file names such as TABLE-2021.csv. */
const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;
/** https://dev.mysql.com/doc/refman/8.4/en/identifier-length.html */
const NAME_LENGTH_MAX = 64;

/**
 * Derives a dictionary from the exports of a schema module. Exports that are not tables are ignored.
 * @returns parents before children
 * @throws MusterError `invalid` that names the table or column that Muster cannot move, and says why
 */
export function buildTables(module: object): readonly [Table, ...Table[]] {
  const { aliases = {} } = module as { aliases?: Record<string, readonly string[]> };
  const built = new Map<string, Table>();
  for (const [name, source] of Object.entries(module)) {
    if (!is(source, MySqlTable)) continue;
    const table = buildTable(name, source, aliases);
    const twin = [...built.keys()].find((other) => same(other, name));
    // If lower_case_table_names is set, the server takes both for one table.
    if (twin !== undefined) throw invalid(`the tables ${twin} and ${name}`, "differ in letter case alone: rename one");
    built.set(name, table);
  }
  const sorted = new Set<Table>();
  for (const table of built.values()) addAfterParents(table, built, sorted, []);
  const [first, ...others] = sorted;
  if (!first) throw invalid("it", "exports no table: export one made by mysqlTable()");
  return [first, ...others];
}

function invalid(subject: string, problem: string): MusterError {
  return new MusterError("invalid", `src/db/schema.ts cannot be used: ${subject} ${problem}`);
}

const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();

function buildTable(exported: string, source: MySqlTable, aliases: Record<string, readonly string[]>): Table {
  const { name, schema, foreignKeys, primaryKeys, uniqueConstraints, indexes } = getTableConfig(source);
  const subject = `the table ${name}`;
  if (name !== exported) throw invalid(subject, `is exported as ${exported}: use one name for both`);
  assertName(subject, name);
  if (name.toLowerCase().startsWith(OWN_PREFIX))
    throw invalid(subject, `begins with ${OWN_PREFIX}, as Muster's own tables do: choose another name`);
  if (OWN_PATHS.some((each) => same(each, name)))
    throw invalid(subject, `has the name of Muster's own path /${name}: choose another name`);
  if (schema !== undefined) throw invalid(subject, `lies in the database ${schema}: make it by mysqlTable()`);
  if (uniqueConstraints.length > 0 || indexes.some((each) => each.config.unique))
    throw invalid(subject, `has a unique constraint besides its id, ${NO_VERDICT}`);
  if (primaryKeys.length > 0) throw invalid(subject, `has a primary key of its own: ${KEY_NEEDED}`);
  const parents = new Map(foreignKeys.map((each) => parentOf(name, source, each)));
  const columns: Column[] = [];
  for (const [property, column] of Object.entries(getTableColumns(source))) {
    const twin = columns.find((other) => same(other.name, property));
    if (twin) throw invalid(`${name}.${property}`, `differs from ${twin.name} in letter case alone: rename one`);
    const former = aliases[`${name}.${property}`] ?? [];
    columns.push({
      ...buildColumn(`${name}.${property}`, property, column, parents.has(column.name)),
      aliases: former,
    });
  }
  const key = columns.findIndex((column) => column.isKey);
  if (key === -1) throw invalid(subject, `has no id: ${KEY_NEEDED}`);
  const references = columns.flatMap((each, column) => {
    const table = parents.get(each.name);
    return table ? [{ column, table }] : [];
  });
  return { name: name as TableName, source, columns, key, references };
}

const KEY_NEEDED = 'the key must be int("id").autoincrement().primaryKey()';
const NO_VERDICT = "which Muster cannot check rows against yet: make it an index, or leave it out";

/** The column of a foreign key, and the table that it refers to. */
function parentOf(name: string, source: MySqlTable, foreignKey: ForeignKey): [string, TableName] {
  const { columns, foreignColumns, foreignTable } = foreignKey.reference();
  const [column, parentColumn] = [columns[0], foreignColumns[0]];
  const subject = columns.map((each) => `${name}.${each.name}`).join(", ");
  if (!column || columns.length > 1 || parentColumn?.name !== "id")
    throw invalid(subject, "refers to something other than another table's id");
  if (foreignTable === source) throw invalid(subject, "refers to its own table, which cannot be moved yet");
  const constraint = foreignKey.getName();
  if (constraint.length > NAME_LENGTH_MAX)
    throw invalid(
      subject,
      `has a foreign key called ${constraint}, ${LONG_NAME}: name it by foreignKey({ name: ... })`,
    );
  for (const action of [foreignKey.onDelete, foreignKey.onUpdate]) {
    if (action !== undefined && action !== "restrict" && action !== "no action")
      throw invalid(
        subject,
        `has a foreign key with ${action}, which changes rows without a run that counts them: leave it out`,
      );
  }
  return [column.name, getTableConfig(foreignTable).name as TableName];
}

const LONG_NAME = `longer than ${NAME_LENGTH_MAX} characters`;

function buildColumn(subject: string, property: string, column: MySqlColumn, refers: boolean): Omit<Column, "aliases"> {
  const isKey = property === "id";
  const sqlType = column.getSQLType();
  if (property !== column.name) throw invalid(subject, `is called ${column.name} in SQL: use one name for both`);
  assertName(subject, property);
  if (RESERVED_COLUMNS.has(property)) throw invalid(subject, "has a name that queries use: choose another");
  if (column.generated || column.defaultFn || column.onUpdateFn || is(column.default, SQL))
    throw invalid(subject, "is computed: only a literal default can be moved");
  const isAutoIncrement = "autoIncrement" in column && column.autoIncrement === true;
  if (isKey && (sqlType !== "int" || !column.primary || !isAutoIncrement))
    throw invalid(subject, `is ${sqlType}${column.primary ? ", a primary key" : ""}: ${KEY_NEEDED}`);
  if (column.isUnique) throw invalid(subject, `is unique, ${NO_VERDICT}`);
  if (!isKey && column.primary) throw invalid(subject, `is a primary key: ${KEY_NEEDED}`);
  if (!isKey && isAutoIncrement) throw invalid(subject, "counts up, which only the id does: leave autoincrement() out");
  if (refers && sqlType !== "int") throw invalid(subject, `has the type ${sqlType}: a reference must be int`);
  const codec = codecOf(column, isKey || refers);
  if (!codec)
    throw invalid(
      subject,
      `has the type ${sqlType}, which Muster does not move: docs/adding-a-table.md has those that it moves`,
    );
  const hasDefault = !isKey && column.default !== undefined && column.default !== null;
  const fallback = hasDefault ? fallbackOf(subject, codec, column.default) : null;
  const nullable = !column.notNull;
  return { name: property, codec, sqlType, isKey, nullable, required: !nullable && !hasDefault, fallback };
}

function assertName(subject: string, name: string): void {
  if (!NAME.test(name)) throw invalid(subject, "needs a name of letters, digits and underscores");
  if (name.length > NAME_LENGTH_MAX) throw invalid(subject, `has a name ${LONG_NAME}: shorten it`);
}

/** A column's default. @throws MusterError `invalid` if the column would refuse it as a row's value */
function fallbackOf(subject: string, codec: ColumnCodec, literal: unknown): SqlValue {
  const fallback = codec.fromSql(literal);
  const judged = codec.fromJson(codec.toJson(fallback));
  if (judged instanceof Fault) throw invalid(subject, `has a default that does not fit it: it ${judged.detail}`);
  return fallback;
}

/** Adds a table after its parents, depth first. @param path the children that led here, to name a cycle if there is one */
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
