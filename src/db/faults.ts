/** What the database and the way to it answer, as lines to act on: the one table from an error's code to its meaning. */
import type { ErrorCode } from "../errors.ts";

/** What is known of a driver's error. */
export interface Failure {
  /** The driver's name for it, or the server's number if the driver has no name. */
  code: string;
  /** The server's or TLS's own words. */
  words: string;
}

export interface Fault {
  code: ErrorCode;
  /** @param at is `the database`, with its address for those who may see it */
  line(at: string, failure: Failure): string;
}

const TRY_AGAIN = "the rows are held by another writer: try again";

const away: Fault = {
  code: "unavailable",
  line: (at, { code }) => `${at} is away (${code}): see that it runs and can be reached`,
};
const ended: Fault = {
  code: "unavailable",
  line: (at, { code }) => `${at} ended the statement or its connection (${code}): try again`,
};
const noConnection: Fault = {
  code: "unavailable",
  line: (at, { code }) =>
    `${at} has no connection left for Muster (${code}): try again, or raise its max_connections or max_user_connections`,
};
const readOnly: Fault = {
  code: "unavailable",
  line: (at, { code }) => `${at} takes no writes now (${code}): it is read-only, or its settings forbid them`,
};
const diskFull: Fault = {
  code: "unavailable",
  line: (at, { code }) => `the disk of ${at} is full (${code}): free some space there`,
};
const short: Fault = {
  code: "unavailable",
  line: (at, { code }) => `${at} is short of memory or threads (${code}): try again later`,
};
const held: Fault = { code: "unavailable", line: () => TRY_AGAIN };
const tooLarge: Fault = {
  code: "refused",
  line: (at, { code }) =>
    `${at} refuses a transaction of this size (${code}): send less at once, or raise its limit ` +
    "(max_binlog_cache_size; in a cluster group_replication_transaction_size_limit or wsrep_max_ws_size)",
};
const login: Fault = {
  code: "invalid",
  line: (at, { code }) =>
    `${at} refuses the user or password of DATABASE_URL (${code}): check them. Write % @ / ? # in them as %25 %40 %2F %3F %23, ` +
    "and add ?ssl=true, or ?ssl=FILE with the CA's certificate, if the server or the account asks for TLS",
};
const changed: Fault = {
  code: "unavailable",
  line: (at, { code, words }) => {
    const [, name = "a table or column"] = /(?:Table|database|column) '(?:[^'.]*\.)?([^']{1,200})'/.exec(words) ?? [];
    return `${at} lacks ${name} (${code}): somebody has removed it. Start Muster again to see what is missing`;
  },
};
const rights: Fault = { code: "unavailable", line: (at, { code, words }) => `${at} ${lackOf(words)} (${code})` };
const noTls: Fault = {
  code: "invalid",
  line: (at) => `${at} does not speak TLS: set it up there (ssl_cert, ssl_key), or remove ?ssl= from DATABASE_URL`,
};
const tlsOnly: Fault = {
  code: "invalid",
  line: (at) =>
    `${at} takes connections by TLS alone: add ?ssl=true to DATABASE_URL, or ?ssl=FILE with the CA's certificate`,
};
const tls: Fault = { code: "invalid", line: (at, { words }) => `${at} cannot be trusted: ${certificateFault(words)}` };
const method: Fault = {
  code: "invalid",
  line: (at, { words }) =>
    `${at} wants a way to sign in that Muster does not have (${/client_\w+|\w+_password/.exec(words)?.[0] ?? "unknown"}): ` +
    "let the account of DATABASE_URL use caching_sha2_password or mysql_native_password",
};

/** By the driver's names (mysql2, constants/errors.js), and by the numbers that have none there: those are MariaDB's. */
const FAULTS = new Map<string, Fault>(
  Object.entries({
    ECONNREFUSED: away,
    ECONNRESET: away,
    ECONNABORTED: away,
    EPIPE: away,
    ERR_SOCKET_CLOSED: away,
    ETIMEDOUT: away,
    EHOSTUNREACH: away,
    EHOSTDOWN: away,
    ENETUNREACH: away,
    ENOTFOUND: away,
    EAI_AGAIN: away,
    ENOENT: away, // the socket of a server that is down
    EACCES: away, // a socket that this user may not open
    PROTOCOL_CONNECTION_LOST: away,
    PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR: away,
    POOL_CLOSED: away,
    ER_SERVER_SHUTDOWN: away,
    ER_NORMAL_SHUTDOWN: away,
    ER_FORCING_CLOSE: away,
    ER_SERVER_ISNT_AVAILABLE: away,
    ER_SERVER_OFFLINE_MODE: away,
    ER_UNKNOWN_COM_ERROR: away, // a Galera node that is not ready
    ER_NET_READ_ERROR: away,
    ER_NET_READ_INTERRUPTED: away,
    ER_NET_ERROR_ON_WRITE: away,
    ER_NET_WRITE_INTERRUPTED: away,
    ER_NEW_ABORTING_CONNECTION: away,
    ER_QUERY_INTERRUPTED: ended,
    ER_SESSION_WAS_KILLED: ended,
    ER_CLIENT_INTERACTION_TIMEOUT: ended,
    ER_QUERY_TIMEOUT: ended,
    1927: ended, // ER_CONNECTION_KILLED
    1969: ended, // ER_STATEMENT_TIMEOUT
    ER_CON_COUNT_ERROR: noConnection,
    ER_TOO_MANY_USER_CONNECTIONS: noConnection,
    ER_USER_LIMIT_REACHED: noConnection,
    ER_OPTION_PREVENTS_STATEMENT: readOnly,
    ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION: readOnly,
    ER_READ_ONLY_MODE: readOnly,
    ER_INNODB_READ_ONLY: readOnly,
    ER_SCHEMA_READ_ONLY: readOnly,
    ER_BINLOG_STMT_MODE_AND_ROW_ENGINE: readOnly,
    ER_DISK_FULL: diskFull,
    ER_DISK_FULL_NOWAIT: diskFull,
    ER_RECORD_FILE_FULL: diskFull,
    ER_TEMP_FILE_WRITE_FAILURE: diskFull,
    EE_WRITE: diskFull,
    ER_OUTOFMEMORY: short,
    ER_OUT_OF_SORTMEMORY: short,
    ER_OUT_OF_RESOURCES: short,
    ER_CANT_CREATE_THREAD: short,
    ER_LOCK_TABLE_FULL: short,
    ER_TOO_MANY_CONCURRENT_TRXS: short,
    ER_CAPACITY_EXCEEDED_IN_PARSER: short,
    ER_LOCK_WAIT_TIMEOUT: held,
    ER_LOCK_DEADLOCK: held,
    ER_LOCK_NOWAIT: held,
    ER_CHECKREAD: held,
    ER_TABLE_DEF_CHANGED: held,
    ER_TRANSACTION_ROLLBACK_DURING_COMMIT: held,
    ER_TRANS_CACHE_FULL: tooLarge,
    ER_RUN_HOOK_ERROR: tooLarge,
    ER_NET_PACKET_TOO_LARGE: {
      code: "too_large",
      line: (at) =>
        `this is more than ${at} takes in one statement: send fewer or shorter rows, or raise its max_allowed_packet`,
    },
    ER_AUTOINC_READ_FAILED: {
      code: "conflict",
      line: (at) => `${at} has no id left to assign: send rows with an id`,
    },
    ER_ACCESS_DENIED_ERROR: login,
    ER_ACCESS_DENIED_NO_PASSWORD_ERROR: login,
    ER_ACCESS_DENIED_CHANGE_USER_ERROR: login,
    ER_ACCOUNT_HAS_BEEN_LOCKED: login,
    ER_MUST_CHANGE_PASSWORD: login,
    ER_MUST_CHANGE_PASSWORD_LOGIN: login,
    ER_HOST_NOT_PRIVILEGED: login,
    ER_HOST_IS_BLOCKED: {
      code: "unavailable",
      line: (at, { code }) =>
        `${at} has blocked this machine after many failed connections (${code}): run FLUSH HOSTS there`,
    },
    ER_DBACCESS_DENIED_ERROR: rights,
    ER_TABLEACCESS_DENIED_ERROR: rights,
    ER_COLUMNACCESS_DENIED_ERROR: rights,
    ER_SPECIFIC_ACCESS_DENIED_ERROR: rights,
    ER_PROCACCESS_DENIED_ERROR: rights,
    ER_NO_SUCH_TABLE: changed,
    ER_BAD_FIELD_ERROR: changed,
    ER_BAD_DB_ERROR: changed,
    ER_SECURE_TRANSPORT_REQUIRED: tlsOnly,
    HANDSHAKE_NO_SSL_SUPPORT: noTls,
    HANDSHAKE_SSL_ERROR: tls,
    AUTH_SWITCH_PLUGIN_ERROR: method,
  }),
);

const codesOf = (wanted: Fault) => [...FAULTS].flatMap(([code, fault]) => (fault === wanted ? [code] : []));

/** How a server refuses every write, for it is read-only or its settings forbid them: another host may take it, or the same one later. */
export const READ_ONLY: readonly string[] = codesOf(readOnly);
/** How a server gives no more connections, to anybody or to this user. */
export const FULL: readonly string[] = codesOf(noConnection);

/** What an error means; undefined if it is not the database's state, but a statement that should not have been sent. */
export function faultOf({ code, words }: Failure): Fault | undefined {
  // By many codes: of the engine, of a temporary file, of the binary log.
  if (code === "HANDSHAKE_SSL_ERROR" && /ECONN|EPIPE|disconnected|closed/.test(words)) return away;
  if (/No space left on device|\b(?:error|errno:?) (?:28|122)\b/i.test(words)) return diskFull;
  // The driver's, of an answer that was cut in the middle.
  return FAULTS.get(code) ?? (code.startsWith("PROTOCOL_") ? away : undefined);
}

/** Such as "INSERT command denied to user 'u'@'h' for table `db`.`jobs`". Without the user, which is in DATABASE_URL. */
function lackOf(words: string): string {
  const [, right, place] =
    /^([\w ,]+) command denied to user .* for (?:table|column .* in table) (.+)$/s.exec(words) ?? [];
  if (right && place) {
    // MariaDB names the database, too.
    const table = place.replaceAll(/[`']/g, "").replace(/^.*\./s, "");
    return `does not let Muster's user ${right} in ${table}: as an administrator GRANT ${right} on it to that user`;
  }
  const needed = /at least one of\) the (.+) privilege/.exec(words)?.[1];
  if (needed) return `does not give Muster's user the privilege ${needed}: as an administrator GRANT it`;
  const database = /to database '([^']+)'/.exec(words)?.[1];
  if (database)
    return `does not let Muster's user into ${database}: as an administrator run GRANT ALL ON ${database}.* TO that user`;
  return "does not give Muster's user a right that it needs: see what it is granted";
}

/** What is wrong with the server's certificate, and what to do, by the words of OpenSSL or Node. */
function certificateFault(words: string): string {
  if (/does not match/.test(words)) {
    return `its certificate is for another host name (${/altnames?: (.*)$/.exec(words)?.[1] ?? words}): connect by the name that the certificate has`;
  }
  if (/expired/.test(words)) return "its certificate has expired: renew it there";
  if (/not yet valid/.test(words)) return "its certificate is not valid yet: see to the clocks";
  if (/self.signed|issuer|unable to verify|first certificate/i.test(words)) {
    return `its certificate is signed by no authority that is known here (${words}): give the CA's certificate as ?ssl=FILE in DATABASE_URL`;
  }
  return `TLS failed (${words}): see ?ssl= in DATABASE_URL`;
}
