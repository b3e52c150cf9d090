/**
 * The session variables that Muster relies on. One SET at the start of every connection gives them their values, whatever
 * the server's defaults or init_connect say.
 *
 * Only MySQL runs `/*!80000 ... *\/`, since MariaDB skips the versions 50700 to 99999. Only MariaDB runs `/*M!110402 ... *\/`,
 * from its version 11.4.2 on (https://mariadb.com/kb/en/comment-syntax/). Only TiDB runs `/*T! ... *\/`
 * (https://docs.pingcap.com/tidb/stable/comment-syntax/).
 */
import { MusterError } from "../errors.ts";
import { driverError } from "./driver-errors.ts";
import { type Vendor, vendorOf } from "./facts.ts";

type Settings = Readonly<Record<string, string | number | bigint>>;

/** Seconds for which a statement waits for a table that another transaction uses: a day, which is MariaDB's default. */
export const LOCK_WAIT_TIMEOUT_S = 86_400;

const ALL: Settings = {
  // The driver writes and reads UTF-8. Texts are compared by the collation of the tables.
  character_set_client: "utf8mb4",
  character_set_results: "utf8mb4",
  collation_connection: "utf8mb4_unicode_ci",
  // A statement outside a transaction commits by itself.
  autocommit: 1,
  // COMMIT and ROLLBACK do not begin another transaction, and keep the connection.
  completion_type: "NO_CHAIN",
  // Wrong values are errors. A backslash in a text escapes, as the driver expects.
  sql_mode: "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
  // Instants are UTC.
  time_zone: "+00:00",
  // A SELECT returns all of its rows. DEFAULT would mean the server's own limit.
  sql_select_limit: 18446744073709551615n,
  // UPDATE and DELETE may have joins, and a SELECT may look at any number of rows.
  sql_safe_updates: 0,
  sql_big_selects: 1,
  // `id IS NULL` finds rows without an id, not the last one inserted.
  sql_auto_is_null: 0,
  // ORDER BY compares this many bytes of a text. The longest name has 255 characters of 4 bytes.
  max_sort_length: 1024,
  // Foreign keys and unique keys are checked.
  foreign_key_checks: 1,
  unique_checks: 1,
  // The ids that one statement assigns are consecutive. Galera changes the step by itself (wsrep_auto_increment_control).
  auto_increment_increment: 1,
  auto_increment_offset: 1,
  // Tables have transactions and foreign keys.
  default_storage_engine: "InnoDB",
  // SHOW CREATE TABLE quotes every name.
  sql_quote_show_create: 1,
  // Seconds that a statement waits for a row. They are few, so that the request still gets an answer.
  innodb_lock_wait_timeout: 30,
  lock_wait_timeout: LOCK_WAIT_TIMEOUT_S,
  // Seconds. They are many, so that a connection can be idle or slow for a while.
  wait_timeout: 28_800,
  net_read_timeout: 600,
  net_write_timeout: 600,
  // The server's messages are shown beside Muster's own, which are in English.
  lc_messages: "en_US",
};

const MYSQL: Settings = {
  // A transaction sees what was committed when it began, and may write.
  transaction_isolation: "REPEATABLE-READ",
  transaction_read_only: 0,
  // Muster has its own time limits.
  max_execution_time: 0,
  // An ALTER changes the table in place if it can.
  old_alter_table: 0,
};

const MARIADB: Settings = {
  // The same as MySQL's, by MariaDB's names.
  tx_isolation: "REPEATABLE-READ",
  tx_read_only: 0,
  max_statement_time: 0,
  alter_algorithm: "DEFAULT",
  // The server does not end a transaction that waits for its client.
  idle_transaction_timeout: 0,
  idle_readonly_transaction_timeout: 0,
  idle_write_transaction_timeout: 0,
  // CHECK constraints are checked.
  check_constraint_checks: 1,
  // DROP and RENAME of a table that does not exist fail.
  sql_if_exists: 0,
};

/** Makes a locking read see what is committed now, as on MySQL. Before 11.4.2 MariaDB does so by default. */
const MARIADB_SNAPSHOT: Settings = { innodb_snapshot_isolation: 0 };

const TIDB: Settings = {
  // Given `t.a = s.a`, TiDB takes `BINARY t.a <=> BINARY s.a` for true if a column's collation is the connection's, although `Ana`
  // and `ANA` differ. Under this collation, equal values have equal bytes.
  collation_connection: "utf8mb4_0900_bin",
  // LOCK IN SHARE MODE locks the rows, as FOR UPDATE does. TiDB has no shared locks, and would refuse the statement or ignore it.
  tidb_enable_shared_lock_promotion: 1,
  tidb_enable_noop_functions: "OFF",
  // A statement waits for the rows that it needs, and finds duplicates at once, not when the transaction is committed.
  tidb_txn_mode: "pessimistic",
  tidb_constraint_check_in_place_pessimistic: 1,
  // A statement is never committed in parts.
  tidb_dml_type: "STANDARD",
  tidb_batch_insert: 0,
  tidb_batch_delete: 0,
  // A transaction sees everything that was committed before it began.
  tidb_low_resolution_tso: 0,
  tidb_read_staleness: 0,
  tidb_enable_external_ts_read: 0,
  tidb_guarantee_linearizability: 1,
  // The server does not end a transaction that waits for its client.
  tidb_idle_transaction_timeout: 0,
};

/** What SET_SESSION sets on each server besides ALL. */
const OWN: Record<Vendor, Settings> = {
  MySQL: MYSQL,
  MariaDB: { ...MARIADB, ...MARIADB_SNAPSHOT },
  TiDB: { ...MYSQL, ...TIDB },
};

const list = (settings: Settings) =>
  Object.entries(settings)
    .map(([name, value]) => `${name} = ${typeof value === "string" ? `'${value}'` : value}`)
    .join(", ");

/**
 * The first statement of every connection. If it fails, the connection must not be used. It sets autocommit to 0 and then to 1,
 * which ends a transaction that init_connect may have begun.
 */
export const SET_SESSION = `SET autocommit = 0, ${list(ALL)} /*!80000 , ${list(MYSQL)} */ /*M!100600 , ${list(MARIADB)} */ /*M!110402 , ${list(MARIADB_SNAPSHOT)} */ /*T! , ${list(TIDB)} */`;

/** The errors of a server that does not know a variable or a collation, because it is too old. */
const LACKING = ["ER_UNKNOWN_SYSTEM_VARIABLE", "ER_UNKNOWN_COLLATION"];

/**
 * The error to throw if SET_SESSION fails: `unavailable` if the server refuses it, the driver's own error if the connection
 * failed.
 */
export function sessionError(error: unknown): unknown {
  const driver = driverError(error);
  if (driver?.sqlMessage === undefined) return error;
  const mend = LACKING.includes(driver.code ?? "")
    ? "use MySQL 8.0, MariaDB 10.6, TiDB 8.3, or a later one"
    : "let its user set this variable";
  const line = `the database refuses the session that Muster needs (${driver.sqlMessage}): ${mend}`;
  return new MusterError("unavailable", line, { cause: error });
}

/**
 * Checks that the session has the values of SET_SESSION: a proxy between Muster and the server may have changed them.
 * @param shown the answer to SHOW SESSION VARIABLES, with the server's version. Variables that the server lacks are missing
 * @throws MusterError `refused` that names the first variable with another value
 */
export function assertSession(shown: ReadonlyMap<string, string>): void {
  const own = OWN[vendorOf(shown.get("version"))];
  for (const [name, value] of Object.entries({ ...ALL, ...own })) {
    const found = shown.get(name);
    if (found === undefined || isSame(found, String(value))) continue;
    const mend =
      name.startsWith("auto_increment_") && shown.get("wsrep_auto_increment_control") === "ON"
        ? "on every node of the Galera cluster run SET GLOBAL wsrep_auto_increment_control = OFF, and put it in its configuration"
        : "set it so on the server, or remove what changes it";
    throw new MusterError("refused", `the session variable ${name} is ${found}, and Muster needs ${value}: ${mend}`);
  }
}

function isSame(found: string, wanted: string): boolean {
  const [one, other] = [found, wanted].map((text) => text.toUpperCase().replace(/^ON$/, "1").replace(/^OFF$/, "0"));
  if (one === other) return true;
  // sql_mode is a set of words, and a time may have decimals.
  const sorted = (text = "") => text.split(",").sort().join(",");
  return sorted(one) === sorted(other) || (/^0\.0+$/.test(one ?? "") && other === "0");
}
