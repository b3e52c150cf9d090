/** Rows that go into a table by multi-row INSERT: those of requests, and of imports where the server loads no data. */
import { escapeId } from "mysql2";
import type { Connection, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import type { Column, Row, Table } from "../codecs/tables.ts";
import { packetTooLarge } from "../db/refusal.ts";
import { columnList } from "./key-sql.ts";
import { STATEMENT_BYTES_MAX, statementBytes } from "./statement.ts";

const ROWS_PER_INSERT = 1_000;
/** Rows and bytes of an InsertBatch, which is one transaction; and what a number counts among its bytes. */
const ROWS_PER_BATCH = 20 * ROWS_PER_INSERT;
const BYTES_PER_BATCH = 4 * 1024 * 1024;
const NUMBER_BYTES = 8;

/** Inserts rows into a table, or into a stage of it. */
export async function insertRows(
  connection: Connection,
  table: Table,
  rows: readonly Row[],
  into: string = table.name,
): Promise<void> {
  for (const batch of batches(rows)) await insert(connection, into, table.columns, batch);
}

/** Rows that go into a table, or into a stage of it, by multi-row INSERTs. */
export class InsertBatch {
  bytes = 0;
  #rows: Row[] = [];

  get rows(): number {
    return this.#rows.length;
  }

  /** Takes a row. Answers false, and has not taken it, where the batch is to be sent first. */
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
 * @param rows have their values in the order of the columns
 * @throws an error that refusalOf() takes for the row's, if a single row is larger than the server takes
 */
export async function insert(
  connection: Connection,
  into: string,
  columns: readonly Column[],
  rows: readonly Row[],
): Promise<ResultSetHeader> {
  const [only] = rows;
  if (only && rows.length === 1 && rowBytes(only) > STATEMENT_BYTES_MAX) await refuseTooLarge(connection, only);
  // The driver writes one list of lists in three quarters of the time of as many question marks; prepared, the same rows
  // cost MariaDB a little less and the driver, on MySQL, twice as much.
  const [result] = await connection.query<ResultSetHeader>(
    `INSERT INTO ${escapeId(into)} (${columnList(columns)}) VALUES ?`,
    [rows],
  );
  return result;
}

/** Rows in parts that each fit one statement, unless it has one row alone. */
export function* batches(rows: readonly Row[]): Generator<Row[]> {
  let batch: Row[] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = rowBytes(row);
    if (batch.length === ROWS_PER_INSERT || (batch.length > 0 && bytes + size > STATEMENT_BYTES_MAX)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(row);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

function rowBytes(row: Row): number {
  let bytes = 0;
  for (const value of row) bytes += statementBytes(value);
  return bytes;
}

/** Checked before it is sent: the server closes a connection that sends too much. */
async function refuseTooLarge(connection: Connection, row: Row): Promise<void> {
  const [found] = await connection.query<RowDataPacket[]>("SELECT @@max_allowed_packet AS max");
  const max: number = found[0]?.max;
  const bytes = Buffer.byteLength(connection.format("?", [[row]])) + HEAD_BYTES_MAX;
  if (bytes > max) throw packetTooLarge(bytes, max);
}

/** Of an INSERT without its values: the names of its columns are 64 characters at most. */
const HEAD_BYTES_MAX = 32_768;
