/** How long a statement may be. */
import type { SqlValue } from "../codecs/columns.ts";

/** Bytes of a statement with values of more than one row: every server takes them that Muster works with (requirements.ts). */
export const STATEMENT_BYTES_MAX = 960 * 1024;

/** A number with its sign, point and exponent, and what stands between two values. */
const NUMBER_BYTES_MAX = 26;

/** How many bytes of a statement a value takes at most: a UTF-16 unit has three in UTF-8, and two if it is escaped. */
export const statementBytes = (value: SqlValue): number =>
  typeof value === "string" ? 3 * value.length + 3 : NUMBER_BYTES_MAX;
