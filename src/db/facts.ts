/** What the server says about itself and about Muster's user. Muster asks at the start, and again after it refused a use. */
import { getTableName, is } from "drizzle-orm";
import { MySqlTable } from "drizzle-orm/mysql-core";
import type { Connection } from "mysql2/promise";
import { type Grants, grantsOf, quoted } from "./grants.ts";
import * as ledger from "./ledger.ts";
import * as schema from "./schema.ts";

export interface Facts {
  /** The name of the database; in lower case if the server does not tell `HR` from `hr`. */
  database: string;
  /** The session's variables, and TIDB_TRANSACTION_LIMIT. A variable that this server does not have is missing. */
  variables: ReadonlyMap<string, string>;
  /** InnoDB's support in SHOW ENGINES: YES, DEFAULT, NO or DISABLED. */
  innodb: string;
  /** Muster's tables whose engine is not InnoDB. */
  otherEngines: readonly { name: string; engine: string }[];
  /** Whether ALTER DATABASE ... READ ONLY = 1 was run (MySQL). */
  isReadOnlyDatabase: boolean;
  /** What Muster's user may do; undefined if the server does not tell. */
  grants: Grants | undefined;
}

const tablesOf = (module: object): string[] =>
  Object.values(module)
    .filter((each): each is MySqlTable => is(each, MySqlTable))
    .map(getTableName);

/** The names of the dictionary's tables, which hold the users' rows (db/schema.ts). */
export const DICTIONARY: readonly string[] = tablesOf(schema);
/** The names of all tables that Muster uses: the dictionary's, and its own (db/ledger.ts). */
export const TABLES: readonly string[] = [...DICTIONARY, ...tablesOf(ledger)];

/**
 * A setting of TiDB, in bytes. With its default, TiDB limits a transaction by tidb_mem_quota_query instead
 * (https://docs.pingcap.com/tidb/stable/tidb-configuration-file/#txn-total-size-limit).
 */
export const TIDB_TRANSACTION_LIMIT = "txn-total-size-limit";
const TIDB_DEFAULT_LIMIT = "104857600";

/** SQL for the name of the default database; in lower case if the server does not tell `HR` from `hr`. */
export const DATABASE_NAME = "IF(@@lower_case_table_names = 0, DATABASE(), LOWER(DATABASE()))";

/**
 * Reads the facts from the server, which takes a few milliseconds.
 * @param connection has Muster's database as its default
 */
export async function readFacts(connection: Connection): Promise<Facts> {
  const rowsOf = async (statement: string, values: unknown[] = []) =>
    (await connection.query(statement, values))[0] as Record<string, string | null>[];
  const variables = new Map(
    (await rowsOf("SHOW SESSION VARIABLES")).map((row) => [row.Variable_name ?? "", row.Value ?? ""]),
  );
  if (vendorOf(variables.get("version")) === "TiDB") {
    // Few users may see it. Then the limit of memory counts, as it does if this setting has its default.
    const [row] = await rowsOf("SHOW CONFIG WHERE name = ?", [`performance.${TIDB_TRANSACTION_LIMIT}`]).catch(() => []);
    if (row?.Value && row.Value !== TIDB_DEFAULT_LIMIT) variables.set(TIDB_TRANSACTION_LIMIT, row.Value);
  }
  const [one = {}] = await rowsOf(
    `SELECT ${DATABASE_NAME} AS name, (SELECT support FROM information_schema.engines WHERE engine = 'InnoDB') AS innodb`,
  );
  const database = one.name ?? "";
  const others = await rowsOf(
    `SELECT table_name AS name, engine AS engine FROM information_schema.tables
     WHERE table_schema = ? AND table_name IN (?) AND engine <> 'InnoDB'`,
    [database, TABLES],
  );
  const [definition = {}] = await rowsOf(`SHOW CREATE DATABASE ${quoted(database)}`);
  const grants = await grantsOf(connection, database).catch(() => undefined);
  return {
    database,
    variables,
    innodb: one.innodb ?? "NO",
    otherEngines: others.map(({ name, engine }) => ({ name: name ?? "", engine: engine ?? "" })),
    isReadOnlyDatabase: /READ ONLY = 1/.test(definition["Create Database"] ?? ""),
    // Every user has at least the right USAGE. If even that is missing, the server wrote its grants in an unknown form.
    grants: grants?.everywhere.size ? grants : undefined,
  };
}

export type Vendor = "MySQL" | "MariaDB" | "TiDB";

/** @param version what the server calls its version, such as `8.0.11-TiDB-v8.5.3` */
export function vendorOf(version = ""): Vendor {
  if (/MariaDB/i.test(version)) return "MariaDB";
  return /-TiDB-/.test(version) ? "TiDB" : "MySQL";
}
