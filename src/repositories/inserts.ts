/** Multi-row INSERTs: for the rows of requests, and for those of imports if the server does not allow LOAD DATA LOCAL. */
import { escapeId, format, raw } from "mysql2";
import type { Connection, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import type { ColumnCodec, SqlValue } from "../codecs/codec.ts";
import type { Column, Row, Table } from "../codecs/tables.ts";
import { packetTooLarge } from "../db/refusal.ts";
import { columnList } from "./key-sql.ts";

/** How many bytes a statement of several rows may have. Every server that Muster works with accepts it (requirements.ts). */
const STATEMENT_BYTES_MAX = 960 * 1024;
const ROWS_PER_INSERT = 1_000;
/** An InsertBatch is sent in one transaction. Its bytes are counted roughly: one for each character of text, 8 for a number. */
const ROWS_PER_BATCH = 20 * ROWS_PER_INSERT;
const BYTES_PER_BATCH = 4 * 1024 * 1024;
const NUMBER_BYTES = 8;

/** How many characters a number takes at most: with its sign, point and exponent, and what separates it from the next value. */
const NUMBER_LENGTH_MAX = 26;

/** How many bytes of a statement a value takes at most. A UTF-16 unit takes three bytes in UTF-8, or two if it is escaped. */
export const statementBytes = (value: SqlValue): number =>
  typeof value === "string" ? 3 * value.length + 3 : NUMBER_LENGTH_MAX;

/** Inserts rows into a table, or into a stage of it. */
export async function insertRows(
  connection: Connection,
  table: Table,
  rows: readonly Row[],
  into: string = table.name,
): Promise<void> {
  for (const part of inParts(rows, rowBytes)) await insert(connection, table, part, { into });
}

/** Rows on their way into a table or its stage. */
export class InsertBatch {
  bytes = 0;
  #rows: Row[] = [];

  get rows(): number {
    return this.#rows.length;
  }

  /** @returns false if the batch is full: the row was not added */
  add(row: Row): boolean {
    if (this.#rows.length === ROWS_PER_BATCH || this.bytes >= BYTES_PER_BATCH) return false;
    this.#rows.push(row);
    for (const value of row) this.bytes += typeof value === "string" ? value.length : NUMBER_BYTES;
    return true;
  }

  send(connection: Connection, table: Table, into: string): Promise<void> {
    return insertRows(connection, table, this.#rows, into);
  }

  clear(): void {
    this.#rows = [];
    this.bytes = 0;
  }
}

/**
 * Inserts rows by one statement.
 * @param rows with their values in the order of the table's columns
 * @param options into: the table itself, or a stage of it. without: the index of a column that the statement leaves out
 * @throws an error for which refusalOf() blames the row, if a single row is larger than the server takes
 */
export async function insert(
  connection: Connection,
  { name, columns }: Table,
  rows: readonly Row[],
  { into = name, without }: { into?: string; without?: number | undefined } = {},
): Promise<ResultSetHeader> {
  const [only] = rows;
  if (only && rows.length === 1 && rowBytes(only) > STATEMENT_BYTES_MAX) await refuseTooLarge(connection, only);
  const places = [...columns.keys()].filter((place) => place !== without);
  const list = columnList(columns.filter((_, place) => place !== without));
  // Makes the values' text here: the driver takes half as long again. A prepared statement is slower too (on MySQL by half).
  const [result] = await connection.query<ResultSetHeader>(`INSERT INTO ${escapeId(into)} (${list}) VALUES ?`, [
    raw(valuesText(columns, places, rows)),
  ]);
  return result;
}

/** The values of the rows as SQL. */
function valuesText(columns: readonly Column[], places: readonly number[], rows: readonly Row[]): string {
  const needsDefault = columns.some(({ codec, serverDefault }) => codec.toSql || serverDefault !== undefined);
  const leftOut = needsDefault ? "DEFAULT" : "NULL";
  const codecs = columns.map(({ codec }) => codec);
  const texts = rows.map((row) => {
    let text = "";
    for (const place of places) {
      const value = row[place];
      if (text !== "") text += ", ";
      text += value === undefined ? leftOut : literal(value, codecs[place]);
    }
    return text;
  });
  return `(${texts.join("), (")})`;
}

/** A value as SQL. Most are numbers, or texts without a character that must be escaped. */
export function literal(value: SqlValue, codec: ColumnCodec | undefined): string {
  if (codec?.toSql) return sqlText(codec.toSql(value));
  if (typeof value === "number") return `${value}`;
  if (value === null) return "NULL";
  return ESCAPED.test(value) ? sqlText(value) : `'${value}'`;
}

/** A value as the driver writes it. */
const sqlText = (value: unknown) => format("?", [value] as Parameters<typeof format>[1]);

/** The characters that the driver escapes (sql-escaper). test/insert-values.test.ts compares every character with it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const ESCAPED = /[\0\b\t\n\r\x1A"'\\]/;

/** Rows in parts within both limits. A row that has too many bytes alone is a part of its own. */
export function* inParts<R>(
  rows: Iterable<R>,
  bytesOf: (row: R) => number,
  { rowsMax = ROWS_PER_INSERT, bytesMax = STATEMENT_BYTES_MAX } = {},
): Generator<R[]> {
  let part: R[] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = bytesOf(row);
    if (part.length === rowsMax || (part.length > 0 && bytes + size > bytesMax)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(row);
    bytes += size;
  }
  if (part.length > 0) yield part;
}

export function rowBytes(row: Row): number {
  let bytes = 0;
  for (const value of row) bytes += statementBytes(value);
  return bytes;
}

/** Refuses a row that is larger than the server accepts. If the row were sent, the server would close the connection. */
async function refuseTooLarge(connection: Connection, row: Row): Promise<void> {
  const [found] = await connection.query<RowDataPacket[]>("SELECT @@max_allowed_packet AS max");
  const max: number = found[0]?.max;
  const bytes = Buffer.byteLength(connection.format("?", [[row]])) + HEAD_BYTES_MAX;
  if (bytes > max) throw packetTooLarge(bytes, max);
}

/** How many bytes an INSERT has at most, without its values. A column's name has at most 64 characters. */
const HEAD_BYTES_MAX = 32_768;
