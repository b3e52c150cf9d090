/** The rows of a request's body, each with its place in the body. */
import { pointerTo } from "../codecs/pointer.ts";
import type { Table, TableName } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { CHUNK_BYTES, turn } from "../event-loop.ts";
import type { FileRow, ReadOptions } from "./file-row.ts";
import { type MediaType, readerOfBody } from "./formats/file-formats.ts";

/** How many rows one request may have, in all tables together. */
export const ROWS_PER_REQUEST_MAX = 1_000;

/** A row of a request's body or of a replay. Its position is its index; for a replayed row it is the position in its file. */
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

/**
 * Reads a body that has the rows of one table in a file format, such as CSV.
 * @throws MusterError `refused` if it cannot be read, `invalid` if it has no row, `too_large` for more than
 * ROWS_PER_REQUEST_MAX rows
 */
export async function rowsOfBody(
  type: MediaType,
  bytes: Uint8Array,
  table: Table,
  { say, recipe }: Pick<ReadOptions, "say" | "recipe">,
): Promise<BatchRow[]> {
  const rows: BatchRow[] = [];
  const blocks = readerOfBody(type, { format: recipe?.format }).read(table, pieces(bytes), "the body", {
    say,
    recipe,
    keyOptional: true,
  });
  for await (const block of blocks) {
    // Copies only what is needed. A CSV row would also keep the bounds of all its cells in memory.
    for (const { values, reasons, columns, recipe, raw } of block) {
      const index = rows.length;
      const pointer = pointerAt([index]);
      addRow(rows, {
        table: table.name,
        index,
        position: index,
        values,
        reasons,
        raw,
        recipe,
        ...(columns && { columns }),
        pointer,
      });
    }
  }
  return notEmpty(rows);
}

/** Cuts the body into pieces. So a body with too many rows is refused early, and other requests get their turn in between. */
async function* pieces(bytes: Uint8Array) {
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    if (start > 0) await turn();
    yield bytes.subarray(start, start + CHUNK_BYTES);
  }
}

/** @throws MusterError `too_large` for more than ROWS_PER_REQUEST_MAX rows */
export function addRow(rows: BatchRow[], row: BatchRow): void {
  if (rows.length === ROWS_PER_REQUEST_MAX)
    throw new MusterError("too_large", `the body has more than ${ROWS_PER_REQUEST_MAX} rows: send fewer at once`);
  rows.push(row);
}

export type Path = readonly (string | number)[];

export const pointerAt = (path: Path) => (field?: string) => pointerTo(field === undefined ? path : [...path, field]);

export function notEmpty(rows: BatchRow[]): BatchRow[] {
  if (rows.length === 0) throw new MusterError("invalid", "the body has no row");
  return rows;
}
