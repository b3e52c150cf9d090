/**
 * The session variables that Muster relies on. One SET at the start of every connection makes them what they must be,
 * whatever the server's defaults or init_connect say.
 *
 * MySQL runs what stands in `/*!80000 ... *\/`, and MariaDB does not (it leaves out the versions 50700 to 99999:
 * https://mariadb.com/kb/en/comment-syntax/). MariaDB runs what stands in `/*M!110402 ... *\/` from that version of its own.
 */
import { MusterError } from "../errors.ts";
import { driverError } from "./driver-errors.ts";

type Settings = Readonly<Record<string, string | number>>;

/** A statement waits so long for a table whose definition another one uses: a day, as MariaDB does by itself. */
export const LOCK_WAIT_TIMEOUT_S = 86_400;

const ALL: Settings = {
  // Text goes and comes as the driver writes and reads it, and is compared as the tables compare it.
  character_set_client: "utf8mb4",
  character_set_results: "utf8mb4",
  collation_connection: "utf8mb4_unicode_ci",
  // Each statement outside a transaction is its own: it sees what is committed, and is committed.
  autocommit: 1,
  // COMMIT and ROLLBACK begin no other transaction and keep the connection.
  completion_type: "NO_CHAIN",
  // Wrong values are errors, and a backslash in a text escapes, as the driver writes it.
  sql_mode: "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
  // Instants are UTC.
  time_zone: "+00:00",
  // A SELECT returns all of its rows. DEFAULT would be the server's own limit.
  sql_select_limit: "18446744073709551615",
  // UPDATE and DELETE may join, and a SELECT may look at any number of rows.
  sql_safe_updates: 0,
  sql_big_selects: 1,
  // `id IS NULL` finds rows without an id, not the last one inserted.
  sql_auto_is_null: 0,
  // Text is sorted by all of it that a name can have.
  max_sort_length: 1024,
  // The server checks what it is told to check.
  foreign_key_checks: 1,
  unique_checks: 1,
  // The ids that one statement assigns follow each other by 1. A cluster changes the step by itself.
  auto_increment_increment: 1,
  auto_increment_offset: 1,
  // Tables have transactions and foreign keys.
  default_storage_engine: "InnoDB",
  // SHOW CREATE TABLE quotes every name.
  sql_quote_show_create: 1,
  // Whoever waits for a row gets an error in time for a request to be answered.
  innodb_lock_wait_timeout: 30,
  lock_wait_timeout: LOCK_WAIT_TIMEOUT_S,
  // A connection that has nothing to do for a while, or is slow to read or write, is kept.
  wait_timeout: 28_800,
  net_read_timeout: 600,
  net_write_timeout: 600,
  // The server's reasons are shown beside Muster's own, which are in English.
  lc_messages: "en_US",
};

const MYSQL: Settings = {
  // A statement sees what was committed when its transaction began, and may write.
  transaction_isolation: "REPEATABLE-READ",
  transaction_read_only: 0,
  // Muster bounds its statements itself.
  max_execution_time: 0,
  // An ALTER changes the table in place if it can.
  old_alter_table: 0,
};

const MARIADB: Settings = {
  // As MySQL's above: MariaDB has these names since the beginning.
  tx_isolation: "REPEATABLE-READ",
  tx_read_only: 0,
  max_statement_time: 0,
  alter_algorithm: "DEFAULT",
  // A transaction that waits for its client is kept.
  idle_transaction_timeout: 0,
  idle_readonly_transaction_timeout: 0,
  idle_write_transaction_timeout: 0,
  // CHECK constraints hold.
  check_constraint_checks: 1,
  // DROP and RENAME of what is not there fail.
  sql_if_exists: 0,
};

/** A locking read sees what is committed now, as in MySQL. The servers before this version do so by themselves. */
const MARIADB_SNAPSHOT: Settings = { innodb_snapshot_isolation: 0 };

const assignments = (settings: Settings) =>
  Object.entries(settings).map(
    ([name, value]) => `${name} = ${typeof value === "number" ? value : literal(name, value)}`,
  );

/** This one takes a number alone, which is larger than those of JavaScript. */
const literal = (name: string, value: string) => (name === "sql_select_limit" ? value : `'${value}'`);

const list = (settings: Settings) => assignments(settings).join(", ");

/**
 * The first statement of every connection. One that does not answer OK to it is of no use, since its session may be anything.
 * autocommit goes off and on again: that ends a transaction which init_connect has begun.
 */
export const SET_SESSION = `SET autocommit = 0, ${list(ALL)} /*!80000 , ${list(MYSQL)} */ /*M!100600 , ${list(MARIADB)} */ /*M!110402 , ${list(MARIADB_SNAPSHOT)} */`;

/** What to throw if SET_SESSION fails: MusterError `unavailable` if the server refuses it, the driver's error if it is away. */
export function sessionError(error: unknown): unknown {
  const driver = driverError(error);
  if (driver?.sqlMessage === undefined) return error;
  const line = `the database refuses the session that Muster needs (${driver.sqlMessage}): let its user set this variable`;
  return new MusterError("unavailable", line, { cause: error });
}

/** Names for SHOW SESSION VARIABLES; see assertSession. */
export const SESSION_VARIABLES = [ALL, MYSQL, MARIADB, MARIADB_SNAPSHOT].flatMap((settings) => Object.keys(settings));

/**
 * Checks that the session is what the SET asked for: what stands between Muster and the server may have changed it.
 * @param shown by SHOW SESSION VARIABLES, the server's version among them; what the server does not have is left out
 * @throws MusterError `refused` that names the first variable with another value
 */
export function assertSession(shown: ReadonlyMap<string, string>): void {
  const own = /MariaDB/i.test(shown.get("version") ?? "") ? { ...MARIADB, ...MARIADB_SNAPSHOT } : MYSQL;
  for (const [name, value] of Object.entries({ ...ALL, ...own })) {
    const found = shown.get(name);
    if (found === undefined || isSame(found, String(value))) continue;
    throw new MusterError(
      "refused",
      `the session variable ${name} is ${found}, and Muster needs ${value}: set it so on the server, or remove what sets it otherwise`,
    );
  }
}

function isSame(found: string, wanted: string): boolean {
  const [one, other] = [found, wanted].map((text) => text.toUpperCase().replace(/^ON$/, "1").replace(/^OFF$/, "0"));
  if (one === other) return true;
  // A mode is a set of words, and a time may have decimals.
  const words = (text = "") => text.split(",").sort().join(",");
  return words(one) === words(other) || (/^0\.0+$/.test(one ?? "") && other === "0");
}
