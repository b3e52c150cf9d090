/** Builds the columns of a dictionary's tables. */
import { getTableColumns, is, SQL } from "drizzle-orm";
import { getTableConfig, type MySqlColumn, MySqlDialect, type MySqlTable } from "drizzle-orm/mysql-core";
import { shown } from "../shown.ts";
import { type ColumnCodec, Fault, type SqlValue } from "./codec.ts";
import { codecOf, sqlTypeOf } from "./column-types.ts";
import { assertName, invalid, same } from "./dictionary-names.ts";
import type { Column } from "./tables.ts";
import { isZone } from "./time-zones.ts";

const RESERVED_COLUMNS = new Set(["limit", "cursor", "spreadsheet", "muster_row"]);

/** A table's columns, and Drizzle's columns for them. */
export interface TableParts {
  columns: readonly Column[];
  /** The columns that are written, and those that the server generates. */
  readable: readonly Column[];
  sources: ReadonlyMap<Column, MySqlColumn>;
}

/** What the schema module says about columns besides its tables, by `TABLE.COLUMN`. */
export interface ColumnRemarks {
  /** Former names. */
  aliases?: Record<string, readonly string[]>;
  /** The zone whose local time a datetime holds. Others hold UTC. */
  zones?: Record<string, string>;
}

/** @throws MusterError `invalid` that names the column that Muster cannot move, and says why */
export function columnsOf(
  table: string,
  source: MySqlTable,
  { aliases = {}, zones = {} }: ColumnRemarks = {},
): TableParts {
  const { keys, ids } = keysOf(source);
  const sources = new Map<Column, MySqlColumn>();
  for (const [property, column] of Object.entries(getTableColumns(source))) {
    const subject = `${table}.${property}`;
    const twin = [...sources.keys()].find((other) => same(other.name, property));
    if (twin) throw invalid(subject, `differs from ${twin.name} in letter case alone: rename one`);
    const former = aliases[subject] ?? [];
    const zone = Object.hasOwn(zones, subject) ? zoneOf(subject, column, zones[subject]) : undefined;
    sources.set(
      {
        ...buildColumn(subject, property, column, { isKey: keys.has(column), isId: ids.has(column), zone }),
        aliases: former,
      },
      column,
    );
  }
  const readable = [...sources.keys()];
  const columns = readable.filter((column) => !sources.get(column)?.generated);
  return { columns: columns.length === readable.length ? readable : columns, readable, sources };
}

/** The columns that belong to a primary key or refer to one, and those whose key is AUTO_INCREMENT: they are above 0. */
function keysOf(source: MySqlTable): { keys: ReadonlySet<MySqlColumn>; ids: ReadonlySet<MySqlColumn> } {
  const { primaryKeys, foreignKeys } = getTableConfig(source);
  const columns: MySqlColumn[] = Object.values(getTableColumns(source));
  const references = foreignKeys.map((each) => each.reference());
  const counting = references.flatMap((each) =>
    each.columns.filter((_, index) => countsUp(each.foreignColumns[index])),
  );
  const own = [...columns.filter((column) => column.primary), ...primaryKeys.flatMap((each) => each.columns)];
  return {
    keys: new Set([...own, ...references.flatMap((each) => each.columns)]),
    ids: new Set([...columns.filter(countsUp), ...counting]),
  };
}

export const countsUp = (column: MySqlColumn | undefined): boolean =>
  column !== undefined && "autoIncrement" in column && column.autoIncrement === true;

function buildColumn(
  subject: string,
  property: string,
  column: MySqlColumn,
  use: { isKey: boolean; isId: boolean; zone: string | undefined },
): Omit<Column, "aliases"> {
  const sqlType = sqlTypeOf(column);
  if (property !== column.name) throw invalid(subject, `is called ${column.name} in SQL: use one name for both`);
  assertName(subject, property);
  if (RESERVED_COLUMNS.has(property)) throw invalid(subject, "has a name that queries use: choose another");
  if (column.defaultFn || column.onUpdateFn)
    throw invalid(subject, "is computed by this program: give it a literal default, or one that the server computes");
  const codec = codecOf(column, use);
  if (!codec)
    throw invalid(
      subject,
      `has the type ${sqlType}, which Muster does not move: docs/adding-a-table.md has those that it moves`,
    );
  const isAssigned = countsUp(column);
  const serverDefault = serverDefaultOf(subject, column);
  const hasLiteral =
    !isAssigned && serverDefault === undefined && column.default !== undefined && column.default !== null;
  const fallback = hasLiteral ? fallbackOf(subject, codec, column.default) : null;
  const nullable = !column.notNull;
  const required = !nullable && !hasLiteral && serverDefault === undefined;
  return {
    ...{ name: property, codec, sqlType, isKey: false, isAssigned, nullable, required, fallback, serverDefault },
    ...(use.zone !== undefined && { zone: use.zone }),
  };
}

/** @throws MusterError `invalid` if the column has no zone, or there is no such zone */
function zoneOf(subject: string, column: MySqlColumn, zone: unknown): string {
  if (!/^datetime\b/.test(column.getSQLType()))
    throw invalid(subject, "has a zone in zones, and is not a datetime: take it out of zones");
  if (typeof zone === "string" && isZone(zone)) return zone;
  throw invalid(subject, `has the zone ${shown(zone)}, which does not exist: write one like America/Bogota or -05:00`);
}

/** The SQL of a default that the server computes. @throws MusterError `invalid` if it has parameters */
function serverDefaultOf(subject: string, column: MySqlColumn): string | undefined {
  if (!is(column.default, SQL)) return undefined;
  const { sql, params } = new MySqlDialect().sqlToQuery(column.default);
  if (params.length === 0) return sql;
  throw invalid(subject, "has a default with parameters: write the values into the SQL");
}

/** A column's default. @throws MusterError `invalid` if the column would refuse it as a row's value */
function fallbackOf(subject: string, codec: ColumnCodec, literal: unknown): SqlValue {
  const fallback = codec.fromSql(literal);
  const judged = codec.fromJson(codec.toJson(fallback));
  if (judged instanceof Fault) throw invalid(subject, `has a default that does not fit it: it ${judged.detail}`);
  return fallback;
}
