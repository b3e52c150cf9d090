/** What the server says about a table: its definition, its triggers, and the foreign keys that point at it. */
import { escapeId } from "mysql2";
import type { Connection, Pool, RowDataPacket } from "mysql2/promise";
import type { Table, TableName } from "../codecs/tables.ts";
import { allows, grantsOf, quoted } from "../db/grants.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";

export interface Definition {
  /** One line for each column, in the table's order, without the table's own collation. */
  columns: string[];
  /** `KEY name (columns)`, without the primary key. */
  keys: string[];
  /** `rule` is all that follows the constraint's name. */
  foreignKeys: { name: string; rule: string }[];
  /** All other lines: the primary key, checks, periods, the table's options, partitions. */
  rest: string[];
  /** The id that is assigned next: 1 if the table never had a row. A bigint counts beyond JavaScript's numbers. */
  nextId: bigint;
  /**
   * Equal for two tables that differ only in their names, their constraints' names, their next ids, and in whether a column
   * repeats the table's collation.
   */
  shape: string;
}

/**
 * Reads SHOW CREATE TABLE, which has a line for each column, key and constraint. (information_schema may give a next id that
 * is a day old.)
 * @param schema the table's database, if it is another one
 */
export async function definitionOf(connection: Connection, name: string, schema?: string): Promise<Definition> {
  const table = schema === undefined ? quoted(name) : `${quoted(schema)}.${quoted(name)}`;
  const [rows] = await connection.query<RowDataPacket[]>(`SHOW CREATE TABLE ${table}`);
  const text: string = rows[0]?.["Create Table"] ?? ""; // a view has none
  const [, collation = ""] = TABLE_COLLATION.exec(text) ?? [];
  const lines = text
    .replace(NEXT_ID, "$1")
    .split("\n")
    .slice(1)
    .map((line) => withoutTableCollation(line.trim().replace(/,$/, ""), collation));
  const foreignKeys = lines.flatMap((line) => {
    const [, name = "", rule] = FOREIGN_KEY.exec(line) ?? [];
    return rule === undefined ? [] : [{ name: name.replaceAll("``", "`"), rule }];
  });
  return {
    columns: lines.filter((line) => COLUMN.test(line)),
    keys: lines.filter((line) => KEY.test(line)),
    foreignKeys,
    rest: lines.filter((line) => ![COLUMN, KEY, FOREIGN_KEY].some((kind) => kind.test(line))),
    nextId: BigInt(NEXT_ID.exec(text)?.[2] ?? 1),
    shape: lines.map((line) => FOREIGN_KEY.exec(line)?.[2] ?? line).join("\n"),
  };
}

/** A foreign key's rule in parts. All names are in quotes; that of a table in another database has the database before it. */
export interface RuleParts {
  columns: string[];
  parent: string;
  parentColumns: string[];
}

/** The parts of a foreign key's rule. */
export function partsOf(rule: string): RuleParts {
  const [, own = "", parent = "", referred = ""] = RULE.exec(rule) ?? [];
  return { columns: namesIn(own), parent, parentColumns: namesIn(referred) };
}

const RULE =
  /^FOREIGN KEY \(((?:`(?:[^`]|``)+`(?:, ?)?)+)\) REFERENCES ((?:`(?:[^`]|``)+`\.?){1,2}) \(((?:`(?:[^`]|``)+`(?:, ?)?)+)\)/;

/** The names in a list, in quotes. */
export const namesIn = (list: string): string[] => list.match(/`(?:[^`]|``)+`/g) ?? [];

const COLUMN = /^`/;
const KEY = /^([A-Z]+ )?KEY `/;
const FOREIGN_KEY = /^CONSTRAINT `((?:[^`]|``)+)` (FOREIGN KEY .*)$/;
/** The table's own collation, in the line of its options. */
const TABLE_COLLATION = /^\) .*? COLLATE=(\w+)/m;
/** A column's name and type, then its character set and collation. Values of an enum may have brackets. */
const COLLATED = /^(`(?:[^`]|``)+` [a-z]+(?:\((?:'(?:[^']|'')*'|[^')])*\))?)(?: CHARACTER SET \w+)? COLLATE (\w+)/;

/** A column's line without the table's own collation: MySQL repeats it in tables that mysqldump's file has made again. */
const withoutTableCollation = (line: string, collation: string): string =>
  line.replace(COLLATED, (whole, start: string, own: string) => (own === collation ? start : whole));

/** Matches only in the line of the table's options, because a column's comment may contain the same words. */
const NEXT_ID = /^(\) .*?) AUTO_INCREMENT=(\d+)/m;

/** Whether a table has no committed row. */
export async function isEmpty(connection: Connection, name: string): Promise<boolean> {
  const [rows] = await connection.query<RowDataPacket[]>(`SELECT 1 FROM ${escapeId(name)} LIMIT 1`);
  return rows.length === 0;
}

/** Whether the database has such a table. */
export async function exists(connection: Connection, name: string): Promise<boolean> {
  const [rows] = await connection.query<RowDataPacket[]>(
    "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?",
    [name],
  );
  return rows.length > 0;
}

/**
 * Whether the server assigns an id to a row that comes without one. Another program may have made the table otherwise. For a
 * view the server does not say: it holds if it holds for the table behind the view.
 */
export async function mayAssignIds(
  connection: Connection | Pool,
  { name, columns, assigned }: Table,
): Promise<boolean> {
  if (assigned === undefined) return false;
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT 1 FROM information_schema.columns c
     JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
     WHERE c.table_schema = DATABASE() AND c.table_name = ? AND c.column_name = ?
       AND (c.extra LIKE '%auto_increment%' OR t.table_type = 'VIEW')`,
    [name, columns[assigned]?.name],
  );
  return rows.length > 0;
}

/** The name of a trigger on a table, if the user may see one: see `hiddenFrom`. */
export async function triggerOn(connection: Connection, table: string): Promise<string | undefined> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT trigger_name AS name FROM information_schema.triggers
     WHERE event_object_schema = DATABASE() AND event_object_table = ? LIMIT 1`,
    [table],
  );
  return rows[0]?.name;
}

/** A foreign key that refers to one of our tables, from this database or another one on the server. */
export interface Referrer {
  /** The database and the table that have the foreign key, and the key's name. */
  schema: string;
  table: string;
  constraint: string;
  /** The table of ours that it refers to. */
  parent: TableName;
  /** `RESTRICT`, `NO ACTION`, `CASCADE`, `SET NULL` or `SET DEFAULT`. */
  onDelete: string;
  onUpdate: string;
  /** Whether src/db/schema.ts declares the table that has the foreign key. */
  isOurs: boolean;
}

/** The foreign keys that refer to these tables, if the user may see them: see `hiddenFrom`. */
export async function referrersOf(
  { name: database, dictionary, server }: MusterDatabase,
  connection: Connection,
  parents: readonly TableName[],
): Promise<Referrer[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT r.constraint_schema AS \`schema\`, r.table_name AS \`table\`, r.constraint_name AS \`constraint\`,
       r.referenced_table_name AS parent, r.delete_rule AS onDelete, r.update_rule AS onUpdate
     FROM information_schema.referential_constraints r
     WHERE ${server.namesParents ? "r.unique_constraint_schema = ?" : PARENT_IN} AND r.referenced_table_name IN (?)`,
    [database, parents],
  );
  return (rows as Omit<Referrer, "isOurs">[]).map((row) => ({
    ...row,
    isOurs: row.schema === database && dictionary.has(row.table),
  }));
}

/** TiDB calls the child's database `unique_constraint_schema`. Only its key_column_usage names the parent's. */
const PARENT_IN = `EXISTS (
  SELECT 1 FROM information_schema.key_column_usage k
  WHERE k.constraint_schema = r.constraint_schema AND k.table_name = r.table_name AND k.constraint_name = r.constraint_name
    AND k.referenced_table_schema = ?)`;

/**
 * What information_schema hides from the user. It leaves out what the user may not see, so "no rows" does not prove that there
 * are none. It shows triggers to users with the right TRIGGER. It shows a foreign key to users with any right on its table,
 * but on MariaDB SELECT alone is not enough. SHOW VIEW is the smallest right that can be given on every table.
 * @returns the GRANT that would show the triggers, and the one for the foreign keys; undefined if the user sees them all
 */
export async function hiddenFrom(
  connection: Connection,
  database: string,
): Promise<{ triggers: string | undefined; foreignKeys: string | undefined }> {
  const { account, everywhere, here } = await grantsOf(connection, database);
  return {
    triggers: allows(here, "TRIGGER") ? undefined : `GRANT TRIGGER ON ${quoted(database)}.* TO ${account}`,
    foreignKeys: allows(everywhere, ...SHOWS_FOREIGN_KEYS) ? undefined : `GRANT SHOW VIEW ON *.* TO ${account}`,
  };
}

const SHOWS_FOREIGN_KEYS = [
  ...["SHOW VIEW", "CREATE VIEW", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "INDEX", "REFERENCES"],
  "TRIGGER",
];
