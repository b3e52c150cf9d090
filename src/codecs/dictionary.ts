/**
 * Builds the dictionary, the list of tables with their columns and codecs, from src/db/schema.ts. Refuses tables and columns
 * that Muster cannot move.
 */
import { is } from "drizzle-orm";
import { getTableConfig, MySqlTable } from "drizzle-orm/mysql-core";
import { MusterError } from "../errors.ts";
import { type ColumnRemarks, columnsOf, type TableParts } from "./dictionary-columns.ts";
import { isNumber, judgedAsRead, keyOf, referencesOf, uniquesOf } from "./dictionary-keys.ts";
import { assertName, invalid, same } from "./dictionary-names.ts";
import type { Table, TableName } from "./tables.ts";

/** The names of Muster's own tables begin with this (src/db/ledger.ts). */
const OWN_PREFIX = "muster_";
/** Muster's own paths. A table with such a name could not be reached over HTTP. */
const OWN_PATHS =
  `insert inspect backup backups restore imports runs rejections healthz readyz metrics openapi.json docs page
  hired_2021_quarter hired_department`.split(/\s+/);

/** The tables that Muster moves, from a schema module. It is passed to what needs it. */
export class Dictionary {
  /** Parents before children. */
  readonly tables: readonly [Table, ...Table[]];
  /** In the same order. */
  readonly names: readonly [TableName, ...TableName[]];

  /** @throws MusterError as buildTables() does */
  constructor(schemaModule: object) {
    this.tables = buildTables(schemaModule);
    const [first, ...others] = this.tables;
    this.names = [first.name, ...others.map(({ name }) => name)];
  }

  has(name: string): name is TableName {
    return this.tables.some((table) => table.name === name);
  }

  /** @throws MusterError `not_found` */
  of(name: string): Table {
    const table = this.tables.find((each) => each.name === name);
    if (!table) throw new MusterError("not_found", `there is no table ${name}`);
    return table;
  }
}

/**
 * Derives the tables from the exports of a schema module.
 * @returns parents before children
 * @throws MusterError `invalid` that names the table or column that Muster cannot move, and says why
 */
export function buildTables(module: object): readonly [Table, ...Table[]] {
  // Exports that are neither tables nor one of these remarks are ignored. A table may be called zones, too.
  const { aliases, zones } = module as { aliases?: unknown; zones?: unknown };
  const remarks = { ...(!isTable(aliases) && { aliases }), ...(!isTable(zones) && { zones }) } as ColumnRemarks;
  const built = new Map<string, Built>();
  for (const [name, source] of Object.entries(module)) {
    if (!isTable(source)) continue;
    const twin = [...built.keys()].find((other) => same(other, name));
    // If lower_case_table_names is set, the server takes both for one table.
    if (twin !== undefined) throw invalid(`the tables ${twin} and ${name}`, "differ in letter case alone: rename one");
    built.set(name, buildTable(name, source, remarks));
  }
  assertZones(remarks, [...built.values()]);
  const known = new Map([...built].map(([name, { table }]) => [name, table]));
  for (const { table, parts } of built.values()) link(table, parts, known);
  const sorted = new Set<Table>();
  for (const { table } of built.values()) addAfterParents(table, sorted, []);
  const [first, ...others] = sorted;
  if (!first) throw invalid("it", "exports no table: export one made by mysqlTable()");
  for (const [order, table] of [...sorted].entries()) {
    table.order = order;
    table.referredBy = referrersOf(table, sorted);
  }
  return [first, ...others];
}

/** @throws MusterError `invalid` if a zone is given for a column that does not exist */
function assertZones({ zones = {} }: ColumnRemarks, built: readonly Built[]): void {
  const columns = new Set(built.flatMap(({ table }) => table.readable.map((column) => `${table.name}.${column.name}`)));
  const unknown = Object.keys(zones).find((subject) => !columns.has(subject));
  if (unknown !== undefined) throw invalid(unknown, "has a zone in zones, and is no column: write TABLE.COLUMN");
}

const isTable = (value: unknown): value is MySqlTable => is(value, MySqlTable);

interface Built {
  table: Table;
  parts: TableParts;
}

/** A table without its references, which need the other tables. */
function buildTable(exported: string, source: MySqlTable, remarks: ColumnRemarks): Built {
  const { name, schema } = getTableConfig(source);
  const subject = `the table ${name}`;
  if (name !== exported) throw invalid(subject, `is exported as ${exported}: use one name for both`);
  assertName(subject, name);
  if (name.toLowerCase().startsWith(OWN_PREFIX))
    throw invalid(subject, `begins with ${OWN_PREFIX}, as Muster's own tables do: choose another name`);
  if (OWN_PATHS.some((each) => same(each, name)))
    throw invalid(subject, `has the name of Muster's own path /${name}: choose another name`);
  if (schema !== undefined) throw invalid(subject, `lies in the database ${schema}: make it by mysqlTable()`);
  const parts = columnsOf(name, source, remarks);
  const { columns, readable } = parts;
  const key = keyOf(subject, source, parts);
  const [only = -1, ...more] = key;
  const column = columns[only];
  const numberKey = column && more.length === 0 && isNumber(column, parts) ? only : undefined;
  const assigned = columns.findIndex(({ isAssigned }) => isAssigned);
  const table: Table = {
    ...{ name: name as TableName, source, columns, readable, key, numberKey },
    assigned: assigned === -1 ? undefined : assigned,
    ...{ references: [], uniques: uniquesOf(source, parts), judgedAsRead: false, order: -1, referredBy: [] },
  };
  return { table, parts };
}

/** Gives a table its references. */
function link(table: Table, parts: TableParts, known: ReadonlyMap<string, Table>): void {
  table.references = referencesOf(table, parts, known);
  table.judgedAsRead = judgedAsRead(table);
}

/** Adds a table after its parents, depth first. @param path the children that led here, to name a cycle if there is one */
function addAfterParents(table: Table, sorted: Set<Table>, path: readonly Table[]) {
  if (path.includes(table)) {
    const names = [...path.slice(path.indexOf(table)), table].map((each) => each.name);
    throw invalid(names.join(" -> "), "refer to each other in a circle, so that neither can be loaded first");
  }
  for (const { parent } of table.references) if (parent !== table) addAfterParents(parent, sorted, [...path, table]);
  sorted.add(table);
}

const referrersOf = (parent: Table, tables: ReadonlySet<Table>): Table[] =>
  [...tables].filter(({ references }) => references.some((reference) => reference.parent === parent));
