/** Tells apart the server's refusal of one row and errors of the statement, the connection or the server. */
import { cut, escaped } from "../shown.ts";
import { type DriverError, driverError } from "./driver-errors.ts";

export interface Refusal {
  /** The server's reason, which never contains a statement: `Check constraint 'jobs_chk_1' is violated (error 3819)`. */
  reason: string;
  /**
   * Set if another writer may have been faster: `id` if it took the key, `value` if it stored the same unique value, `parent` if
   * it deleted the parent. The caller then reads the tables again.
   */
  race: "id" | "value" | "parent" | undefined;
}

/**
 * Why the server refused a row of an INSERT or UPDATE: a constraint, a trigger or a column. Undefined if the error has
 * nothing to do with the rows.
 */
export function refusalOf(error: unknown): Refusal | undefined {
  const driver = driverError(error);
  if (driver?.errno === undefined || driver.sqlState === undefined) return undefined;
  if (!ROW_ERRORS.has(driver.errno) && !isRowState(driver.sqlState)) return undefined;
  return refusalBy(driver.errno, driver.sqlMessage);
}

/** The refusal for an error or a warning of this number. */
export function refusalBy(errno: number, message = ""): Refusal {
  return { reason: `${reasonOf(message)} (error ${errno})`, race: raceOf(errno, message) };
}

/** The error for a row that is longer than a statement may be. If it were sent, the server would close the connection. */
export function packetTooLarge(bytes: number, max: number): DriverError {
  const sqlMessage = `A row of ${bytes} bytes is longer than max_allowed_packet, which is ${max}`;
  const facts = { code: "ER_NET_PACKET_TOO_LARGE", errno: 1153, sqlState: "22001", sqlMessage };
  return Object.assign(new Error(sqlMessage), facts);
}

/**
 * Whether an SQLSTATE is about a row. Its first two characters are its class (ISO 9075-2). These classes are about a row:
 * warnings and no data (which a trigger can turn into errors), cardinality, data, integrity, check option, unhandled SIGNAL.
 * A SIGNAL may also have a state of its own, in a class that begins with 5 to 9 or I to Z. But servers use class 70 for
 * a killed statement, and XA for XA transactions.
 */
const isRowState = (state: string) => /^(01|02|21|22|23|44|45)/.test(state) || /^(?!70|XA)[5-9I-Z]/.test(state);

/** The errors that refuse a row although their SQLSTATE says only "general error" or "syntax error". */
const ROW_ERRORS = new Set([
  // A trigger: unknown column, unknown table, SELECT INTO found many rows, unknown function, it changes its own table, its
  // definer does not exist, SIGNAL.
  ...[1054, 1146, 1172, 1305, 1442, 1449, 1644],
  // A view: it is invalid, WITH CHECK OPTION.
  ...[1356, 1369],
  // A value: row too large, column without a default, another character set or type, a function's argument.
  ...[1118, 1364, 1366, 1411],
  // TiDB: a row that is larger than txn-entry-size-limit.
  8025,
  // No partition, another partition, MariaDB's and MySQL's generated columns, MySQL's CHECK constraint.
  ...[1526, 1748, 1906, 3105, 3819],
]);

function raceOf(errno: number, message: string): Refusal["race"] {
  if (errno === 1062) return /for key '(?:.*\.)?PRIMARY'$/s.test(message) ? "id" : "value";
  return errno === 1452 || errno === 1216 ? "parent" : undefined;
}

const REASON_CHARACTERS_MAX = 300;

/** The message without the definitions that it quotes: a foreign key's columns, a generated column's expression. */
function reasonOf(message: string): string {
  const text = message
    .replace(/(CONSTRAINT `(?:[^`]|``)+`) FOREIGN KEY .*$/s, "$1)")
    .replace(/value is out of range in '.*$/s, "value is out of range")
    .replace(/\.$/, "")
    .replace(/'[^']{61,}'/g, (quoted) => `'${cut(quoted.slice(1, -1))}'`);
  return escaped(text.slice(0, REASON_CHARACTERS_MAX).toWellFormed());
}
