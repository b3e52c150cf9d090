/**
 * Recognises the driver's errors, and turns them into MusterErrors. Drizzle's own message is the SQL with every parameter, so
 * it is never sent or logged.
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
  /** The address that was connected to; see locate(). */
  where?: string;
}

/**
 * Where an error comes from. `muster`: a MusterError, also one about S3 or a backup store. `database`: the server or the
 * driver. `file`: any other file. `ours`: a fault inside Muster.
 */
export type Origin = "muster" | "database" | "file" | "ours";

export function originOf(error: unknown): Origin {
  if (error instanceof MusterError) return "muster";
  if (driverError(error)) return "database";
  return isFileError(error) ? "file" : "ours";
}

/** The driver's error inside an error; undefined if it does not come from the driver. */
export function driverError(error: unknown): DriverError | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof MusterError) return undefined;
    if (isDriverError(each)) return each;
    const known = WITHOUT_CODE.find(([words]) => each.message.includes(words));
    if (known) return Object.assign(each, { code: known[1] });
  }
  return undefined;
}

/** The driver gives no code to the errors of statements that were waiting when the connection was lost. */
const WITHOUT_CODE = [
  ["in closed state", "PROTOCOL_CONNECTION_LOST"],
  ["Pool is closed", "POOL_CLOSED"],
] as const;

function isDriverError(error: Error & { code?: unknown }): error is DriverError {
  // Not every number of the server has a name in the driver.
  if ("sqlState" in error || "sqlMessage" in error) return true;
  if (typeof error.code !== "string") return false;
  // A file's error has a code too, but is not marked as fatal.
  return "fatal" in error || /^(ER_|PROTOCOL_|POOL_|HANDSHAKE_|AUTH_SWITCH_)/.test(error.code);
}

/** Adds to a driver's error the address that was connected to, for the operator. */
export function locate<E>(error: E, { host, port, socketPath }: ConnectionOptions): E {
  const driver = driverError(error);
  if (driver) driver.where ??= socketPath ?? `${host?.includes(":") ? `[${host}]` : host}:${port}`;
  return error;
}

/** Whether NOWAIT found a row that another transaction holds. MySQL has an error for it, MariaDB uses that of a lock wait. */
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

/** The error of a database or a file as a MusterError with a line to act on. A fault inside Muster comes back as it is. */
export function explainedError(error: unknown): unknown {
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

/** One line for the operator. It never has a statement, which the driver's and Drizzle's messages repeat. */
export function lineOf(error: unknown): string {
  const domain = explainedError(error);
  if (domain instanceof MusterError) return domain.located ?? domain.message;
  const driver = driverError(error);
  if (driver) return `an error inside Muster: the database refused a statement (${codeOf(driver)})`;
  return `an error inside Muster: ${error instanceof Error && !("query" in error) ? error.message : "unknown"}`;
}

const REFUSALS = new Set<ErrorCode>(["invalid", "too_large", "not_found", "conflict", "refused", "backup_damaged"]);

/** Whether the user must ask differently: the arguments or the configuration are wrong, or the input was refused. */
export function isRefusal(error: unknown): boolean {
  const domain = explainedError(error);
  return domain instanceof MusterError && REFUSALS.has(domain.code);
}
