/** Who refers to a table: the foreign keys that point at it, of this database and of every other on the server. */
import type { Connection, RowDataPacket } from "mysql2/promise";
import { type TableName, tables } from "../codecs/tables.ts";
import { allows, grantsOf, quoted } from "../db/grants.ts";

/** A foreign key that refers to one of our tables. */
export interface Referrer {
  /** The database and table that have the foreign key, and the key's name. */
  schema: string;
  table: string;
  constraint: string;
  parent: TableName;
  /** `RESTRICT`, `NO ACTION`, `CASCADE`, `SET NULL` or `SET DEFAULT`. */
  onDelete: string;
  onUpdate: string;
  /** Whether src/db/schema.ts declares the table that has it. */
  isOurs: boolean;
}

/** The foreign keys that refer to these tables, as far as the user may see them: see `sightOf`. */
export async function referrersOf(
  connection: Connection,
  database: string,
  parents: readonly TableName[],
): Promise<Referrer[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT constraint_schema AS \`schema\`, table_name AS \`table\`, constraint_name AS \`constraint\`,
       referenced_table_name AS parent, delete_rule AS onDelete, update_rule AS onUpdate
     FROM information_schema.referential_constraints
     WHERE unique_constraint_schema = ? AND referenced_table_name IN (?)`,
    [database, parents],
  );
  return (rows as Omit<Referrer, "isOurs">[]).map((row) => ({
    ...row,
    isOurs: row.schema === database && tables.some(({ name }) => name === row.table),
  }));
}

/** What the user may not see, each as the statement that would show it. */
export interface Sight {
  triggers: string | undefined;
  foreignKeys: string | undefined;
}

/**
 * What information_schema leaves out: it has no rows for what the user may not see, so that "no rows" does not mean "none".
 * Triggers are shown with the right TRIGGER. A foreign key is shown with any right on its table but SELECT, which is not
 * enough on MariaDB: of the rights that can be given on every table, SHOW VIEW opens the least.
 */
export async function sightOf(connection: Connection, database: string): Promise<Sight> {
  const { account, everywhere, here } = await grantsOf(connection, database);
  return {
    triggers: allows(here, "TRIGGER") ? undefined : `GRANT TRIGGER ON ${quoted(database)}.* TO ${account}`,
    foreignKeys: allows(everywhere, ...SHOWING) ? undefined : `GRANT SHOW VIEW ON *.* TO ${account}`,
  };
}

const SHOWING = [
  ...["SHOW VIEW", "CREATE VIEW", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "INDEX", "REFERENCES"],
  "TRIGGER",
];
