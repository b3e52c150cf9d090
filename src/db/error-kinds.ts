/** The kinds of errors of the database and of the connection to it. Each has its codes, and a line that says what to do. */
import type { ErrorCode } from "../errors.ts";
import { missingRight, whyNoTls } from "./error-advice.ts";

/** What the table below needs from a driver's error. */
export interface DriverFailure {
  /** The driver's name for the error, or the server's number if the driver has no name. */
  code: string;
  /** The server's or OpenSSL's own message. */
  message: string;
  /** The setting that the password comes from, if it is not DATABASE_URL. */
  passwordFrom?: string | undefined;
}

export interface ErrorKind {
  /**
   * mysql2's names (its constants/errors.js), or numbers that have no name there: MariaDB's, and TiDB's from 8000 on
   * (https://docs.pingcap.com/tidb/stable/error-codes/).
   */
  codes: readonly string[];
  /** The code of the MusterError that such an error becomes. */
  code: ErrorCode;
  /**
   * The message of that MusterError.
   * @param database the words that the line begins with: `the database`, or for the operator `the database at db1:3306`
   */
  line(database: string, failure: DriverFailure): string;
}

const list = (codes: string) => codes.split(/\s+/);

const unreachable: ErrorKind = {
  // ENOENT and EACCES are about the server's socket; ER_UNKNOWN_COM_ERROR comes from a Galera node that is not ready.
  codes: list(`ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ERR_SOCKET_CLOSED ETIMEDOUT EHOSTUNREACH EHOSTDOWN ENETUNREACH
    ENOTFOUND EAI_AGAIN ENOENT EACCES PROTOCOL_CONNECTION_LOST PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR POOL_CLOSED
    ER_SERVER_SHUTDOWN ER_NORMAL_SHUTDOWN ER_FORCING_CLOSE ER_SERVER_ISNT_AVAILABLE ER_SERVER_OFFLINE_MODE
    ER_UNKNOWN_COM_ERROR ER_NET_READ_ERROR ER_NET_READ_INTERRUPTED ER_NET_ERROR_ON_WRITE ER_NET_WRITE_INTERRUPTED
    ER_NEW_ABORTING_CONNECTION 9001 9002 9003 9005`),
  code: "unavailable",
  line: (database, { code }) =>
    `${database} cannot be reached (${code}): check that it runs, its address and the network`,
};
/** The server refuses every write for now. Another host may accept the write, or the same host later. */
export const readOnly: ErrorKind = {
  codes:
    list(`ER_OPTION_PREVENTS_STATEMENT ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION ER_READ_ONLY_MODE ER_INNODB_READ_ONLY
    ER_SCHEMA_READ_ONLY ER_BINLOG_STMT_MODE_AND_ROW_ENGINE`),
  code: "unavailable",
  line: (database, { code }) =>
    `${database} takes no writes now (${code}): it is read-only, or its settings forbid them`,
};
/** The server has no connection left, for any user or for this one. */
export const full: ErrorKind = {
  codes: list("ER_CON_COUNT_ERROR ER_TOO_MANY_USER_CONNECTIONS ER_USER_LIMIT_REACHED"),
  code: "unavailable",
  line: (database, { code }) =>
    `${database} has no connection left for Muster (${code}): try again, or raise its max_connections or max_user_connections`,
};
const diskFull: ErrorKind = {
  codes: list("ER_DISK_FULL ER_DISK_FULL_NOWAIT ER_RECORD_FILE_FULL ER_TEMP_FILE_WRITE_FAILURE EE_WRITE"),
  code: "unavailable",
  line: (database, { code }) => `the disk of ${database} is full (${code}): free some space there`,
};

/** The server refuses a transaction, or one of its statements or rows, because of its size. */
export const tooLarge: ErrorKind = {
  codes: list("ER_TRANS_CACHE_FULL 8004 8025 8175"),
  code: "refused",
  line: (database, { code }) =>
    `${database} refuses a transaction of this size (${code}): send less at once, or raise its limit ` +
    "(max_binlog_cache_size; on Galera wsrep_max_ws_size; on TiDB " +
    "tidb_mem_quota_query or txn-total-size-limit)",
};

/** A MySQL group refuses a transaction because of its size, or because the member has lost its group. */
export const refusedByGroup: ErrorKind = {
  codes: ["ER_RUN_HOOK_ERROR"],
  code: "unavailable",
  line: (database, { code }) =>
    `${database} refuses the transaction (${code}): it has lost its MySQL group, or the transaction is larger than ` +
    "group_replication_transaction_size_limit: try again, or send less at once",
};

const KINDS: readonly ErrorKind[] = [
  unreachable,
  readOnly,
  full,
  diskFull,
  {
    // 1927 is ER_CONNECTION_KILLED and 1969 ER_STATEMENT_TIMEOUT.
    codes: list(
      `ER_QUERY_INTERRUPTED ER_SESSION_WAS_KILLED ER_CLIENT_INTERACTION_TIMEOUT ER_QUERY_TIMEOUT 1927 1969 9006`,
    ),
    code: "unavailable",
    line: (database, { code }) => `${database} ended the statement or its connection (${code}): try again`,
  },
  {
    codes: list(`ER_OUTOFMEMORY ER_OUT_OF_SORTMEMORY ER_OUT_OF_RESOURCES ER_CANT_CREATE_THREAD ER_LOCK_TABLE_FULL
      ER_TOO_MANY_CONCURRENT_TRXS ER_CAPACITY_EXCEEDED_IN_PARSER`),
    code: "unavailable",
    line: (database, { code }) => `${database} is short of memory or threads (${code}): try again later`,
  },
  {
    codes: list(`ER_LOCK_WAIT_TIMEOUT ER_LOCK_DEADLOCK ER_LOCK_NOWAIT ER_CHECKREAD ER_TABLE_DEF_CHANGED
      ER_TRANSACTION_ROLLBACK_DURING_COMMIT TIKV_ABORTED 8002 8022 8027 8028 9004 9007`),
    code: "unavailable",
    line: () => "the rows are held by another writer: try again",
  },
  {
    codes: list("ER_NO_SUCH_TABLE ER_BAD_FIELD_ERROR ER_BAD_DB_ERROR"),
    code: "unavailable",
    line: (database, { code, message }) => {
      const [, name = "a table or column"] =
        /(?:Table|database|column) '(?:[^'.]*\.)?([^']{1,200})'/.exec(message) ?? [];
      return `${database} lacks ${name} (${code}), which was removed or renamed: start Muster again to see what is missing`;
    },
  },
  tooLarge,
  refusedByGroup,
  {
    codes: ["ER_NET_PACKET_TOO_LARGE"],
    code: "too_large",
    line: (database) =>
      `this is more than ${database} takes in one statement: send fewer or shorter rows, or raise its max_allowed_packet`,
  },
  {
    codes: list("ER_CLIENT_LOCAL_FILES_DISABLED ER_NOT_ALLOWED_COMMAND"),
    code: "unavailable",
    line: (database, { code }) =>
      `${database} takes no LOAD DATA any more (${code}), since local_infile was switched off: try again, which uses INSERT`,
  },
  {
    codes: ["ER_AUTOINC_READ_FAILED"],
    code: "conflict",
    line: (database) => `${database} has no id left to assign: send rows with an id`,
  },
  {
    codes: list(`ER_ACCESS_DENIED_ERROR ER_ACCESS_DENIED_NO_PASSWORD_ERROR ER_ACCESS_DENIED_CHANGE_USER_ERROR
      ER_ACCOUNT_HAS_BEEN_LOCKED ER_MUST_CHANGE_PASSWORD ER_MUST_CHANGE_PASSWORD_LOGIN ER_HOST_NOT_PRIVILEGED`),
    code: "invalid",
    line: (database, { code, passwordFrom }) =>
      passwordFrom !== undefined
        ? `${database} refuses the user of DATABASE_URL or the password of ${passwordFrom}, which was read twice (${code}): ` +
          "check both, and add ?ssl=true, or ?ssl=FILE with the CA's certificate, if the account asks for TLS"
        : `${database} refuses the user or password of DATABASE_URL (${code}): check them. Write % @ / ? # in them as %25 %40 %2F %3F %23, ` +
          "and add ?ssl=true, or ?ssl=FILE with the CA's certificate, if the server or the account asks for TLS",
  },
  {
    codes: ["PASSWORD_NOT_READ"],
    code: "unavailable",
    line: (_, { message }) => message,
  },
  {
    codes: ["MYSQL_CLEAR_PASSWORD_NOT_ENABLED"],
    code: "invalid",
    line: (database) =>
      `${database} asks for the password as clear text (mysql_clear_password), which Muster sends only over TLS: add ` +
      "?ssl=true to DATABASE_URL, or ?ssl=FILE with the CA's certificate",
  },
  {
    codes: ["ER_HOST_IS_BLOCKED"],
    code: "unavailable",
    line: (database, { code }) =>
      `${database} has blocked this machine after many failed connections (${code}): run FLUSH HOSTS there`,
  },
  {
    codes: list(`ER_DBACCESS_DENIED_ERROR ER_TABLEACCESS_DENIED_ERROR ER_COLUMNACCESS_DENIED_ERROR
      ER_SPECIFIC_ACCESS_DENIED_ERROR ER_PROCACCESS_DENIED_ERROR`),
    code: "unavailable",
    line: (database, { code, message }) => `${database} ${missingRight(message)} (${code})`,
  },
  {
    codes: ["ER_SECURE_TRANSPORT_REQUIRED"],
    code: "invalid",
    line: (database) =>
      `${database} accepts only TLS connections: add ?ssl=true to DATABASE_URL, or ?ssl=FILE with the CA's certificate`,
  },
  {
    codes: ["HANDSHAKE_NO_SSL_SUPPORT"],
    code: "invalid",
    line: (database) =>
      `${database} does not speak TLS: set it up there (ssl_cert, ssl_key), or remove ?ssl= from DATABASE_URL`,
  },
  {
    codes: ["HANDSHAKE_SSL_ERROR"],
    code: "invalid",
    line: (database, { message }) => `${database} cannot be trusted: ${whyNoTls(message)}`,
  },
  {
    codes: ["AUTH_SWITCH_PLUGIN_ERROR"],
    code: "invalid",
    line: (database, { message }) =>
      `${database} asks for a way to sign in that Muster does not have (${/client_\w+|\w+_password/.exec(message)?.[0] ?? "unknown"}): ` +
      "let the account of DATABASE_URL use caching_sha2_password or mysql_native_password",
  },
];

const BY_CODE = new Map(KINDS.flatMap((kind) => kind.codes.map((code) => [code, kind])));

/** The kind of an error. Undefined for any other error, which means that Muster sent a wrong statement. */
export function kindOf({ code, message }: DriverFailure): ErrorKind | undefined {
  if (code === "HANDSHAKE_SSL_ERROR" && /ECONN|EPIPE|disconnected|closed/.test(message)) return unreachable;
  // A full disk has many codes: InnoDB, the temporary files and the binary log each have their own.
  if (/No space left on device|\b(?:error|errno:?) (?:28|122)\b/i.test(message)) return diskFull;
  // TiDB refuses some of these transactions with ER_UNKNOWN_ERROR.
  if (/^txn too large\b/.test(message)) return tooLarge;
  // The driver's other protocol errors mean that the connection broke in the middle of an answer.
  return BY_CODE.get(code) ?? (code.startsWith("PROTOCOL_") ? unreachable : undefined);
}
