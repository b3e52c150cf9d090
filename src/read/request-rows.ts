/** The rows of a request's body, each with its place and its pointer. */
import { pointerTo } from "../codecs/pointer.ts";
import { type TableName, tableOf } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { CHUNK_BYTES, turn } from "../event-loop.ts";
import { csvRows, type FileRow } from "./csv-rows.ts";
import { ndjsonRows } from "./json-and-avro-rows.ts";

/** Rows of one request, in all its tables. */
export const ROWS_PER_REQUEST_MAX = 1_000;

/** A row of a batch: of a request's body, or of a replay. Its position is its index, or of a replayed row that in its file. */
export interface BatchRow extends FileRow {
  readonly table: TableName;
  /** Its place among the batch's rows of this table, 0-based. */
  readonly index: number;
  /** A JSON Pointer (RFC 6901) into the body: to the field if one is given, else to the row. */
  pointer(field?: string): string;
  /** The rejection whose row is replayed, and the file that it came from; null if it came by request. */
  readonly replaces?: number;
  readonly file?: string | null;
}

/** Rows of newline-delimited JSON; a line that is not JSON is a row at fault, and an empty one is none. */
export async function rowsOfNdjson(bytes: Uint8Array, only: TableName): Promise<BatchRow[]> {
  const rows: BatchRow[] = [];
  for await (const block of ndjsonRows(tableOf(only), pieces(bytes), "the body", { keyOptional: true })) {
    for (const { values, reasons, raw } of block) {
      const index = rows.length;
      add(rows, { table: only, index, position: index, values, reasons, raw, pointer: pointerAt([index]) });
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
      const pointer = pointerAt([index]);
      add(rows, { table: only, index, position: index, values, reasons, raw, ...(columns && { columns }), pointer });
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
