/** The rows of a request's body (design section 4, Insert): each with its place, its verdict by shape, and its pointer. */
import { pointerTo } from "../codecs/pointer.ts";
import { type Shaped, type TableName, tableOf } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { CHUNK_BYTES, turn } from "../event-loop.ts";
import { csvRows } from "./csv-rows.ts";
import { ndjsonRows } from "./json-and-avro-rows.ts";

/** Rows of one request, in all its tables. */
export const ROWS_PER_REQUEST_MAX = 1_000;

/** A row of a batch, as its shape alone judges it. */
export interface BatchRow {
  table: TableName;
  /** Its place among the batch's rows of this table, 0-based. */
  index: number;
  shaped: Shaped;
  /** The row as it came; asked for where it is refused. */
  raw(): Uint8Array;
  /** The columns of its cells, where it came as CSV. */
  columns?: string[];
  /** A JSON Pointer (RFC 6901) into the body: to the field where it has one, else to the row. */
  pointer(field?: string): string;
  /** The rejection whose mended row this is, and where that one stood. */
  replaces?: number;
  origin?: { file: string | null; position: number };
}

/** Rows of newline-delimited JSON; a line that is not JSON is a row at fault, and an empty one is none. */
export async function rowsOfNdjson(bytes: Uint8Array, only: TableName): Promise<BatchRow[]> {
  const rows: BatchRow[] = [];
  for await (const block of ndjsonRows(tableOf(only), pieces(bytes), "the body", { keyOptional: true })) {
    for (const { values, reasons, raw } of block) {
      const index = rows.length;
      add(rows, { table: only, index, shaped: { values, reasons }, raw: () => raw, pointer: pointerAt([index]) });
    }
  }
  return notEmpty(rows);
}

/**
 * Rows of CSV, with or without a header.
 * @param say is told in one line each what of the body is left out
 * @throws MusterError `refused` for a header that does not fit
 */
export async function rowsOfCsv(bytes: Uint8Array, only: TableName, say: (line: string) => void): Promise<BatchRow[]> {
  const rows: BatchRow[] = [];
  for await (const block of csvRows(tableOf(only), pieces(bytes), "the body", say)) {
    for (const row of block) {
      // The record itself, which knows where each of its cells is, would take far more than its bytes.
      const { values, reasons, columns, raw } = row;
      const index = rows.length;
      add(rows, {
        table: only,
        index,
        shaped: { values, reasons },
        raw: () => raw,
        columns,
        pointer: pointerAt([index]),
      });
    }
  }
  return notEmpty(rows);
}

function tooManyRows(): MusterError {
  return new MusterError("too_large", `the body has more than ${ROWS_PER_REQUEST_MAX} rows: send fewer at once`);
}

/** In pieces, so that a body of too many rows is given up early, and others are answered while a long one is read. */
async function* pieces(bytes: Uint8Array) {
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    if (start > 0) await turn();
    yield bytes.subarray(start, start + CHUNK_BYTES);
  }
}

export function add(rows: BatchRow[], row: BatchRow): void {
  if (rows.length === ROWS_PER_REQUEST_MAX) throw tooManyRows();
  rows.push(row);
}

export type Path = readonly (string | number)[];

export const pointerAt = (path: Path) => (field?: string) => pointerTo(field === undefined ? path : [...path, field]);

export function notEmpty(rows: BatchRow[]): BatchRow[] {
  if (rows.length === 0) throw new MusterError("invalid", "the body has no row");
  return rows;
}
