/**
 * Whose error was thrown, and what it means: the one place that tells. Drizzle's own message is the SQL with every
 * parameter, so it is never sent or logged.
 */
import type { ConnectionOptions } from "mysql2/promise";
import { type ErrorCode, MusterError } from "../errors.ts";
import { explainedFile, isFileError } from "../file-errors.ts";
import { FULL, faultOf, READ_ONLY } from "./faults.ts";

export interface DriverError extends Error {
  code: string;
  errno?: number;
  sqlState?: string;
  sqlMessage?: string;
  /** Where it was connected to; see locate(). */
  where?: string;
}

/**
 * `muster`: explained already, also what S3 answered (s3-errors.ts) and what a store's files did (file-errors.ts).
 * `database`: the server's or the driver's. `file`: of any other file. `ours`: an error inside Muster.
 */
export type Origin = "muster" | "database" | "file" | "ours";

export function originOf(error: unknown): Origin {
  if (error instanceof MusterError) return "muster";
  if (driverError(error)) return "database";
  return isFileError(error) ? "file" : "ours";
}

/** The driver's error inside whatever was thrown, or undefined if it did not come from the driver. */
export function driverError(error: unknown): DriverError | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof MusterError) return undefined;
    if (isDriverError(each)) return each;
    // What the driver says, without a code, of a statement behind the one at which the connection was lost.
    const lost = LOST.find(([words]) => each.message.includes(words));
    if (lost) return Object.assign(each, { code: lost[1] });
  }
  return undefined;
}

const LOST = [
  ["in closed state", "PROTOCOL_CONNECTION_LOST"],
  ["Pool is closed", "POOL_CLOSED"],
] as const;

/** A file that is not there has a code and a syscall too: the driver's own errors are the server's, the protocol's, and fatal ones. */
function isDriverError(error: Error & { code?: unknown }): error is DriverError {
  // Not every number of the server's has a name in the driver.
  if ("sqlState" in error || "sqlMessage" in error) return true;
  if (typeof error.code !== "string") return false;
  return "fatal" in error || /^(ER_|PROTOCOL_|POOL_|HANDSHAKE_|AUTH_SWITCH_)/.test(error.code);
}

/** The error of something that the database has not answered in time. */
export const noAnswer = (ms: number): Error =>
  Object.assign(new Error(`no answer within ${ms} ms`), { code: "ETIMEDOUT", fatal: true });

/** Adds to a driver's error the address that it was connected to, for the operator. */
export function locate<E>(error: E, { host, port, socketPath }: ConnectionOptions): E {
  const driver = driverError(error);
  if (driver) driver.where ??= socketPath ?? `${host?.includes(":") ? `[${host}]` : host}:${port}`;
  return error;
}

/** Whether NOWAIT found a row held by another transaction: MySQL has an error of its own, MariaDB a lock wait's. */
export function isHeld(error: unknown): boolean {
  const code = driverError(error)?.code;
  return code === "ER_LOCK_NOWAIT" || code === "ER_LOCK_WAIT_TIMEOUT";
}

/** Whether the server gives no more connections. */
export function isFull(error: unknown): boolean {
  return FULL.includes(driverError(error)?.code ?? "");
}

/** Whether the server refuses every write now. */
export function takesNoWrites(error: unknown): boolean {
  return READ_ONLY.includes(driverError(error)?.code ?? "");
}

/** A domain error with one line to show. What nobody outside Muster can mend comes back as it is. */
export function domainError(error: unknown): unknown {
  if (error instanceof MusterError) return error;
  const driver = driverError(error);
  if (!driver) return explainedFile(error, "a file that Muster needs");
  const failure = { code: codeOf(driver), words: driver.sqlMessage ?? driver.message };
  const fault = faultOf(failure);
  if (!fault) return error;
  return new MusterError(fault.code, fault.line("the database", failure), {
    cause: error,
    ...(driver.where !== undefined && { located: fault.line(`the database at ${driver.where}`, failure) }),
  });
}

/** The driver's name for the server's number; the number if it has none. */
const codeOf = ({ code, errno }: DriverError): string => code ?? String(errno);

/** One line to act on; if the error is not explained, never the statement that the driver or Drizzle repeats. */
export function lineOf(error: unknown): string {
  const domain = domainError(error);
  if (domain instanceof MusterError) return domain.located ?? domain.message;
  const driver = driverError(error);
  if (driver) return `the database refused what Muster asked of it (${codeOf(driver)})`;
  return `an error inside Muster: ${error instanceof Error && !("query" in error) ? error.message : "unknown"}`;
}

const REFUSALS = new Set<ErrorCode>(["invalid", "too_large", "not_found", "conflict", "refused", "backup_damaged"]);

/** Whether the user must ask differently: wrong arguments or configuration, or input that was judged and refused. */
export function isRefusal(error: unknown): boolean {
  const domain = domainError(error);
  return domain instanceof MusterError && REFUSALS.has(domain.code);
}
