/**
 * Reads the tables of an existing database from information_schema. drizzle-kit's own introspection is not used: it takes the
 * length of an indexed prefix away, orders no index's columns, makes a text of MariaDB's `current_timestamp()`, loses a
 * foreign key without a word if the query for them fails, and knows no bit, set or blob.
 */
import type { Connection } from "mysql2/promise";
import { driverError } from "../db/driver-errors.ts";
import { accountOf, quoted } from "../db/grants.ts";
import type { FoundDatabase, FoundForeignKey, FoundIndex, FoundTable } from "./found.ts";
import { type Ask, type CatalogRow, grouped, unescaped } from "./information-schema.ts";
import { readColumns } from "./read-columns.ts";

/** Muster's own tables, and the journals of its migrations and of Drizzle's. */
const OWN = /^(muster_|__muster_|__drizzle_migrations$)/i;

/** @param connection has the database as its default */
export async function readDatabase(connection: Connection, database: string): Promise<FoundDatabase> {
  const ask: Ask = async (sql) => (await connection.query(sql, [database]))[0] as CatalogRow[];
  const listed = await ask(
    `SELECT table_name AS name, table_type AS type, engine AS engine FROM information_schema.tables
     WHERE table_schema = ? ORDER BY table_name`,
  );
  const theirs = listed.filter(({ name }) => !OWN.test(name ?? ""));
  const [columns, indexes, foreignKeys, triggers] = [
    await readColumns(ask),
    await readIndexes(ask),
    await readForeignKeys(ask),
    await readTriggers(ask),
  ];
  const tables: FoundTable[] = [];
  const others: { name: string; why: string }[] = [];
  for (const { name, type, engine } of theirs) {
    if (!name) continue;
    if (!BASE_TABLES.includes(type ?? "")) {
      others.push({ name, why: `is ${/view/i.test(type ?? "") ? "a view" : `a ${type?.toLowerCase()}`}, not a table` });
      continue;
    }
    const definition = await definitionOf(connection, name);
    if (definition === undefined) {
      const grant = `GRANT SELECT ON ${quoted(database)}.${quoted(name)} TO ${await accountOf(connection)}`;
      others.push({ name, why: `may not be read by this user: as an administrator run: ${grant}` });
      continue;
    }
    const own = indexes.get(name) ?? [];
    tables.push({
      name,
      engine: engine ?? "",
      columns: columns.get(name) ?? [],
      key: own.find((index) => index.name === "PRIMARY")?.parts.map(({ column }) => column ?? "") ?? [],
      indexes: own.filter((index) => index.name !== "PRIMARY"),
      foreignKeys: foreignKeys.get(name) ?? [],
      triggers: triggers.get(name) ?? [],
      definition,
    });
  }
  return { name: database, tables, others };
}

const BASE_TABLES = ["BASE TABLE", "SYSTEM VERSIONED"];

/** SHOW CREATE TABLE; undefined if the user may not read the table. */
async function definitionOf(connection: Connection, name: string): Promise<string | undefined> {
  try {
    await connection.query(`SELECT 1 FROM ${quoted(name)} LIMIT 0`);
    const [rows] = await connection.query(`SHOW CREATE TABLE ${quoted(name)}`);
    return (rows as CatalogRow[])[0]?.["Create Table"] ?? "";
  } catch (error) {
    if (/ACCESS_DENIED/.test(driverError(error)?.code ?? "")) return undefined;
    throw error;
  }
}

async function readIndexes(ask: Ask): Promise<Map<string, FoundIndex[]>> {
  // MariaDB has no expressions in indexes, and no such column.
  const expression = (await hasColumn(ask, "STATISTICS", "EXPRESSION")) ? "expression" : "NULL";
  const rows = await ask(
    `SELECT table_name AS \`table\`, index_name AS name, non_unique AS other, index_type AS kind, column_name AS \`column\`,
            sub_part AS prefix, collation AS direction, ${expression} AS expression
     FROM information_schema.statistics WHERE table_schema = ? ORDER BY table_name, index_name, seq_in_index`,
  );
  const found = new Map<string, FoundIndex[]>();
  for (const { table, name, other, kind, column, prefix, direction, expression } of rows) {
    const indexes = found.get(table ?? "") ?? [];
    found.set(table ?? "", indexes);
    const whole = !column ? `(${unescaped(expression ?? "")})` : quoted(column);
    const part = `${whole}${prefix === null ? "" : `(${prefix})`}${direction === "D" ? " DESC" : ""}`;
    const isWhole = column && prefix === null && direction !== "D";
    const added = { column: column ?? undefined, sql: isWhole ? undefined : part };
    const index = indexes.find((each) => each.name === name);
    if (index) index.parts = [...index.parts, added];
    else indexes.push({ name: name ?? "", unique: Number(other) === 0, kind: kind ?? "", parts: [added] });
  }
  return found;
}

async function readForeignKeys(ask: Ask): Promise<Map<string, FoundForeignKey[]>> {
  const rows = await ask(
    `SELECT k.table_name AS \`table\`, k.constraint_name AS name, k.column_name AS \`column\`,
            k.referenced_table_schema AS \`schema\`, k.referenced_table_name AS parent,
            k.referenced_column_name AS parentColumn, r.delete_rule AS onDelete, r.update_rule AS onUpdate
     FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r
       ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name
      AND r.table_name = k.table_name
     WHERE k.table_schema = ? AND k.referenced_table_name IS NOT NULL
     ORDER BY k.table_name, k.constraint_name, k.ordinal_position`,
  );
  const found = new Map<string, (FoundForeignKey & { columns: string[]; parentColumns: string[] })[]>();
  for (const { table, name, column, schema, parent, parentColumn, onDelete, onUpdate } of rows) {
    const keys = found.get(table ?? "") ?? [];
    found.set(table ?? "", keys);
    let key = keys.find((each) => each.name === name);
    if (!key) {
      const rules = { onDelete: onDelete ?? "", onUpdate: onUpdate ?? "" };
      key = { name: name ?? "", columns: [], schema: schema ?? "", parent: parent ?? "", parentColumns: [], ...rules };
      keys.push(key);
    }
    key.columns.push(column ?? "");
    key.parentColumns.push(parentColumn ?? "");
  }
  return found;
}

async function readTriggers(ask: Ask) {
  const rows = await ask(
    `SELECT event_object_table AS \`table\`, trigger_name AS name FROM information_schema.triggers
     WHERE event_object_schema = ? ORDER BY 1, 2`,
  );
  return grouped(rows, ({ name }) => name ?? "");
}

/** Whether this server's information_schema has the column. */
async function hasColumn(ask: Ask, table: string, column: string): Promise<boolean> {
  const found = await ask(
    `SELECT 1 AS found FROM information_schema.columns WHERE ? IS NOT NULL AND table_schema = 'information_schema'
     AND UPPER(table_name) = '${table}' AND UPPER(column_name) = '${column}'`,
  );
  return found.length > 0;
}
