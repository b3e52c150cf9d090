/** Driver errors to domain errors. Drizzle's own message is the SQL with every parameter: it is never sent or logged. */
import { type ErrorCode, MusterError } from "../errors.ts";

export interface DriverError extends Error {
  code: string;
  errno?: number;
  sqlState?: string;
  sqlMessage?: string;
}

/** The server or the way to it is gone, or it takes no writes now: the same statement may succeed later. */
const AWAY = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ERR_SOCKET_CLOSED",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENOENT", // the socket of a server that is down
  "PROTOCOL_CONNECTION_LOST",
  "PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR",
  "POOL_CLOSED",
  "ER_CON_COUNT_ERROR",
  "ER_SERVER_SHUTDOWN",
  "ER_SERVER_ISNT_AVAILABLE",
  "ER_OPTION_PREVENTS_STATEMENT",
  "ER_QUERY_INTERRUPTED",
  "ER_CONNECTION_KILLED",
  "ER_SERVER_OFFLINE_MODE",
]);

/** The driver's error inside whatever was thrown, or undefined where it did not come from the driver. */
export function driverError(error: unknown): DriverError | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof MusterError) return undefined;
    if (isDriverError(each)) return each;
    if (each.message.includes(CLOSED)) return Object.assign(each, { code: "PROTOCOL_CONNECTION_LOST" });
  }
  return undefined;
}

/** What the driver says, without a code, of a statement behind the one at which the connection was lost. */
const CLOSED = "in closed state";

/** A file that is not there has a code too: the driver's own are the server's, the protocol's, and those of its socket. */
function isDriverError(error: Error & { code?: unknown; syscall?: unknown }): error is DriverError {
  const { code, syscall } = error;
  // Not every number of the server's has a name in the driver.
  if ("sqlState" in error || ("errno" in error && "sqlMessage" in error)) return true;
  if (typeof code !== "string") return false;
  return (
    /^(ER_|PROTOCOL_|POOL_)/.test(code) ||
    code === "ETIMEDOUT" ||
    code === "ERR_SOCKET_CLOSED" ||
    SOCKET_CALLS.has(String(syscall))
  );
}

const SOCKET_CALLS = new Set(["connect", "read", "write", "getaddrinfo", "recv", "send"]);

/** Whether NOWAIT found a row held by another transaction: MySQL has an error of its own, MariaDB a lock wait's. */
export function isHeld(error: unknown): boolean {
  const code = driverError(error)?.code;
  return code === "ER_LOCK_NOWAIT" || code === "ER_LOCK_WAIT_TIMEOUT";
}

/** A domain error with one line to show; what is not the database's comes back as it is. */
export function domainError(error: unknown): unknown {
  const driver = driverError(error);
  if (!driver) return error;
  if (AWAY.has(driver.code)) {
    return new MusterError(
      "unavailable",
      `the database is away (${driver.code}): see that it runs and can be reached`,
      {
        cause: error,
      },
    );
  }
  if (driver.code === "ER_LOCK_WAIT_TIMEOUT" || driver.code === "ER_LOCK_DEADLOCK") {
    return new MusterError("unavailable", "the rows are held by another writer: try again", { cause: error });
  }
  if (driver.code === "ER_RUN_HOOK_ERROR") {
    const limit = "what its group_replication_transaction_size_limit allows";
    return new MusterError("refused", `the cluster refuses a transaction of this size: it is over ${limit}`, {
      cause: error,
    });
  }
  if (driver.code === "ER_ACCESS_DENIED_ERROR" || driver.code === "ER_DBACCESS_DENIED_ERROR") {
    return new MusterError("invalid", "the database refuses the user or password of DATABASE_URL", { cause: error });
  }
  return error;
}

/** One line to act on; of an error that is not ours, never the statement that the driver or Drizzle repeats. */
export function lineOf(error: unknown): string {
  const domain = domainError(error);
  if (domain instanceof MusterError) return domain.message;
  const driver = driverError(error);
  if (driver) return `the database refused what Muster asked of it (${driver.code})`;
  const { code, path } = error as NodeJS.ErrnoException;
  if (code && path)
    return `${path} cannot be used (${code}): see that it is what you mean, and may be read and written`;
  return `an error inside Muster: ${error instanceof Error && !("query" in error) ? error.message : "unknown"}`;
}

const REFUSALS = new Set<ErrorCode>(["invalid", "too_large", "not_found", "conflict", "refused", "backup_damaged"]);

/** Whether the user must ask differently: wrong arguments or configuration, or input that was judged and refused. */
export function isRefusal(error: unknown): boolean {
  const domain = domainError(error);
  return domain instanceof MusterError && REFUSALS.has(domain.code);
}
