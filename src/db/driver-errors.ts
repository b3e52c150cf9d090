/**
 * Recognises the driver's errors, and turns them into MusterErrors. Drizzle's own message is the SQL with every parameter, so
 * it is never sent or logged.
 */
import type { ConnectionOptions } from "mysql2/promise";
import { type ErrorCode, MusterError } from "../errors.ts";
import { explainedFile, isFileError } from "../file-errors.ts";
import { type DriverFailure, type ErrorKind, full, kindOf, readOnly, refusedByGroup, tooLarge } from "./error-kinds.ts";

export interface DriverError extends Error {
  /** The driver's name for the error, or the server's number if the driver has no name for it. */
  code?: string;
  errno?: number;
  sqlState?: string;
  sqlMessage?: string;
  /** The server's address with its port, added by locate(). Node's own `address` has no port. */
  serverAddress?: string;
  /** The setting that the refused password comes from, if it is not DATABASE_URL. */
  passwordFrom?: string;
}

/**
 * Where an error comes from. `muster`: a MusterError, even one about S3 or a backup store. `database`: the server or the
 * driver. `file`: any other file. `ours`: a fault inside Muster.
 */
export type Origin = "muster" | "database" | "file" | "ours";

export function originOf(error: unknown): Origin {
  if (error instanceof MusterError) return "muster";
  if (driverError(error)) return "database";
  return isFileError(error) ? "file" : "ours";
}

/**
 * The driver's error inside an error; undefined if the driver did not raise it. If the driver gave the error no code, this adds
 * one to it.
 */
export function driverError(error: unknown): DriverError | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof MusterError) return undefined;
    if (isDriverError(each)) return Object.assign(each, { code: codeOf(each) });
    const known = WITHOUT_CODE.find(([words]) => each.message.includes(words));
    if (known) return Object.assign(each, { code: known[1] });
  }
  return undefined;
}

function codeOf({ code, errno, sqlMessage = "" }: DriverError): string {
  // The number as well, since a DBA's trigger may say anything.
  return errno === 1105 && sqlMessage.startsWith("tikv aborts txn") ? TIKV_ABORTED : (code ?? String(errno));
}

/**
 * The storage of TiDB has aborted a transaction, so nothing of it is stored. The server has only its general number for this
 * (1105), so that its words must tell.
 */
export const TIKV_ABORTED = "TIKV_ABORTED";

/** The driver gives no code to the errors of statements that were waiting when the connection was lost. */
const WITHOUT_CODE = [
  ["in closed state", "PROTOCOL_CONNECTION_LOST"],
  ["Pool is closed", "POOL_CLOSED"],
] as const;

function isDriverError(error: Error & { code?: unknown }): error is DriverError {
  // These errors come from the server.
  if ("sqlState" in error || "sqlMessage" in error) return true;
  if (typeof error.code !== "string") return false;
  // A file's error has a code too, such as ENOENT, but only the driver sets `fatal`.
  return "fatal" in error || /^(ER_|PROTOCOL_|POOL_|HANDSHAKE_|AUTH_SWITCH_|PASSWORD_)/.test(error.code);
}

/** Adds the server's address to a driver's error, for the operator. */
export function locate<E>(error: E, { host, port, socketPath }: ConnectionOptions): E {
  const driver = driverError(error);
  if (driver) driver.serverAddress ??= socketPath ?? `${host?.includes(":") ? `[${host}]` : host}:${port}`;
  return error;
}

/**
 * Whether NOWAIT found a row that another transaction holds. MySQL has its own error for this, MariaDB reports a lock wait
 * timeout.
 */
export function isHeld(error: unknown): boolean {
  const code = driverError(error)?.code;
  return code === "ER_LOCK_NOWAIT" || code === "ER_LOCK_WAIT_TIMEOUT";
}

/** Whether the server has no connection left. */
export const isFull = (error: unknown): boolean => isOf(full, error);
/** Whether the server refuses every write now. */
export const takesNoWrites = (error: unknown): boolean => isOf(readOnly, error);
export const isTooLarge = (error: unknown): boolean => isOf(tooLarge, error);
export const isRefusedByGroup = (error: unknown): boolean => isOf(refusedByGroup, error);

function isOf(kind: ErrorKind, error: unknown): boolean {
  const driver = driverError(error);
  return driver !== undefined && kindOf(failureOf(driver)) === kind;
}

const failureOf = ({ code = "unknown", sqlMessage, message, passwordFrom }: DriverError): DriverFailure => ({
  ...{ code, message: sqlMessage ?? message, passwordFrom },
});

/** Turns an error of the database or of a file into a MusterError that says what to do. Returns any other error unchanged. */
export function explainedError(error: unknown): unknown {
  if (error instanceof MusterError) return error;
  const driver = driverError(error);
  if (!driver) return explainedFile(error, "a file that Muster needs");
  const { serverAddress } = driver;
  const failure = failureOf(driver);
  const kind = kindOf(failure);
  if (!kind) return error;
  return new MusterError(kind.code, kind.line("the database", failure), {
    cause: error,
    ...(serverAddress !== undefined && { located: kind.line(`the database at ${serverAddress}`, failure) }),
  });
}

/**
 * One line for the operator. It never contains a statement. If a message of the driver or of Drizzle may contain one, that
 * message is left out.
 */
export function lineOf(error: unknown): string {
  const domain = explainedError(error);
  if (domain instanceof MusterError) return domain.located ?? domain.message;
  const driver = driverError(error);
  if (driver) return `an error inside Muster: the database refused a statement (${failureOf(driver).code})`;
  return `an error inside Muster: ${error instanceof Error && !("query" in error) ? error.message : "unknown"}`;
}

const REFUSALS = new Set<ErrorCode>(["invalid", "too_large", "not_found", "conflict", "refused", "backup_damaged"]);

/** Whether the user must change something: the arguments or the configuration are wrong, or the input was refused. */
export function isRefusal(error: unknown): boolean {
  const domain = explainedError(error);
  return domain instanceof MusterError && REFUSALS.has(domain.code);
}
