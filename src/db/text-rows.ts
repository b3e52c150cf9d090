/** Reads rows as the bytes that the server sends. The driver makes values of them, which costs time for millions of rows. */
import type { PoolConnection } from "mysql2/promise";

/** One row: its columns from `offset` to `end`, each after its length (MySQL protocol, Text Resultset Row). */
export interface TextRow {
  buffer: Buffer;
  offset: number;
  end: number;
}

/** A first byte below this is the length itself. This byte means NULL. A first byte above it says how long the length is. */
export const SHORT_LENGTH_END = 0xfb;

/** The whole number in a column, by its index. */
export function numberAt({ buffer, offset }: TextRow, index: number): number {
  let { length, start } = lengthAt(buffer, offset);
  for (let column = 0; column < index; column++) ({ length, start } = lengthAt(buffer, start + (length ?? 0)));
  const end = start + (length ?? 0);
  const negative = buffer[start] === MINUS;
  let value = 0;
  // The digit first: near 2^53 the sum of the value and the byte would not be exact.
  for (let at = negative ? start + 1 : start; at < end; at++) value = value * 10 + ((buffer[at] ?? 0) - ZERO);
  return negative ? -value : value;
}

const MINUS = 45;
const ZERO = 48;

/** A column's length, undefined for NULL, and where its value starts (MySQL protocol, Length-Encoded Integer). */
export function lengthAt(buffer: Buffer, at: number): { length: number | undefined; start: number } {
  const first = buffer[at] ?? 0;
  if (first < SHORT_LENGTH_END) return { length: first, start: at + 1 };
  if (first === SHORT_LENGTH_END) return { length: undefined, start: at + 1 };
  if (first === 0xfc) return { length: buffer.readUInt16LE(at + 1), start: at + 3 };
  if (first === 0xfd) return { length: buffer.readUIntLE(at + 1, 3), start: at + 4 };
  // The upper half is 0: no value has more than four gigabytes.
  return { length: buffer.readUInt32LE(at + 1), start: at + 9 };
}

/** mysql2's command for a statement. It passes each packet after the column definitions to `row`; queryText() replaces that. */
interface Statement {
  row(packet: Packet, connection: unknown): unknown;
}
type Packet = TextRow & { isEOF(): boolean };
type Done = (error: Error | null, rows?: unknown[]) => void;

/** The driver's connection, whose methods take callbacks. */
type Core = { query(sql: string, values: readonly unknown[], done: Done): Statement };

/**
 * Runs a SELECT and hands each row to `each` as it arrives. The row object is valid only until `each` returns. The row's buffer
 * stays unchanged.
 * @throws the driver's error, or the error of `each` after the answer has ended
 */
export function readTextRows(
  connection: PoolConnection,
  sql: string,
  values: readonly unknown[],
  each: (row: TextRow) => void,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  queryText(connection.connection, { sql, values, each }, (error) => (error ? reject(error) : resolve()));
  return promise;
}

/** Does the same as readTextRows, but with a callback, for db/bounded.ts. */
export function queryText(
  connection: object,
  { sql, values, each }: { sql: string; values: readonly unknown[]; each: (row: TextRow) => void },
  done: (error: unknown) => void,
): void {
  let failure: { error: unknown } | undefined;
  const statement = (connection as Core).query(sql, values, (error, rows) => {
    if (error) done(error);
    else if (failure) done(failure.error);
    else if (rows?.length !== 0) done(new Error("mysql2 has read the rows by itself: its row function has moved"));
    else done(null);
  });
  const readEnd = statement.row;
  statement.row = (packet, from) => {
    if (packet.isEOF()) return readEnd.call(statement, packet, from);
    try {
      if (!failure) each(packet);
    } catch (error) {
      failure = { error };
    }
    return statement.row;
  };
}
