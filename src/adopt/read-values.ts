/** Looks at the rows of an existing database, if the type of a column alone does not say how its values are to be read. */
import type { Connection } from "mysql2/promise";
import { quoted } from "../db/grants.ts";
import type { Seen } from "./column-source.ts";
import type { FoundColumn, FoundDatabase, FoundTable } from "./found.ts";

/** @returns what the rows of each table say, by the table's name */
export async function readValues(connection: Connection, { tables }: FoundDatabase): Promise<Map<string, Seen>> {
  const exact = new Map<string, Set<string>>();
  const seen = new Map<string, Seen>();
  for (const table of tables) {
    const notBoolean = new Set<string>();
    const numbers = new Set<string>();
    for (const column of table.columns) {
      if (column.fullType === "tinyint(1)" && (await hasOther(connection, table, column))) notBoolean.add(column.name);
      if (column.type === "bigint" && table.key.includes(column.name) && (await isExact(connection, table, column)))
        numbers.add(column.name);
    }
    exact.set(table.name, numbers);
    seen.set(table.name, { notBoolean, exactNumbers: numbers, belowOne: await leastBelowOne(connection, table) });
  }
  for (const table of tables) followParents(table, tables, exact);
  return seen;
}

/** Whether a column of tinyint(1), which Drizzle calls boolean, has values that are neither 0 nor 1. */
async function hasOther(connection: Connection, table: FoundTable, { name }: FoundColumn): Promise<boolean> {
  const column = quoted(name);
  const [rows] = await connection.query(
    `SELECT 1 FROM ${quoted(table.name)} WHERE ${column} <> 0 AND ${column} <> 1 LIMIT 1`,
  );
  return (rows as unknown[]).length > 0;
}

/** Whether a key's numbers are from 1 to 2^53 - 1. If there are none yet, only a key that counts up begins with 1. */
async function isExact(connection: Connection, table: FoundTable, column: FoundColumn): Promise<boolean> {
  const name = quoted(column.name);
  const [rows] = await connection.query(
    `SELECT CAST(MIN(${name}) AS CHAR) AS least, CAST(MAX(${name}) AS CHAR) AS most FROM ${quoted(table.name)}`,
  );
  const [{ least, most } = { least: null, most: null }] = rows as { least: string | null; most: string | null }[];
  if (least === null || most === null) return column.autoIncrement;
  return BigInt(least) >= 1n && BigInt(most) <= BigInt(Number.MAX_SAFE_INTEGER);
}

/** A value of a key that counts up which no row of Muster's may have, because the server would assign another. */
async function leastBelowOne(connection: Connection, table: FoundTable): Promise<string | undefined> {
  const column = table.columns.find(({ autoIncrement }) => autoIncrement);
  if (!column) return undefined;
  const name = quoted(column.name);
  const [rows] = await connection.query(
    `SELECT CAST(MIN(${name}) AS CHAR) AS least FROM ${quoted(table.name)} WHERE ${name} < 1`,
  );
  return (rows as { least: string | null }[])[0]?.least ?? undefined;
}

/** A column that refers to another takes the form of that one, whatever values it has itself. */
function followParents(table: FoundTable, tables: readonly FoundTable[], exact: ReadonlyMap<string, Set<string>>) {
  const own = exact.get(table.name);
  for (const column of table.columns) {
    const root = rootOf(table, column.name, tables, new Set());
    if (root === undefined || column.type !== "bigint") continue;
    if (exact.get(root.table)?.has(root.column)) own?.add(column.name);
    else own?.delete(column.name);
  }
}

/** The column that a chain of foreign keys ends at; undefined if the column refers to none. */
function rootOf(
  table: FoundTable,
  column: string,
  tables: readonly FoundTable[],
  passed: Set<string>,
): { table: string; column: string } | undefined {
  const foreignKey = table.foreignKeys.find(({ columns }) => columns.includes(column));
  const parent = tables.find(({ name }) => name === foreignKey?.parent);
  const referred = foreignKey?.parentColumns[foreignKey.columns.indexOf(column)];
  if (!parent || referred === undefined || passed.has(`${table.name}.${column}`)) return undefined;
  passed.add(`${table.name}.${column}`);
  return rootOf(parent, referred, tables, passed) ?? { table: parent.name, column: referred };
}
