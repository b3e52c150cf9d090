/** Rows as CSV lines in the order of the dictionary or of a header (design sections 2 and 5). */
import type { Reason } from "../db/ledger.ts";
import { controlIn, Fault, isBlank, type SqlValue } from "./codec.ts";
import { type CsvRecord, INVALID_UTF8 } from "./csv-parser.ts";
import { accepted, missing } from "./json.ts";
import type { ReadRow, Row, Table } from "./tables.ts";

/**
 * Judges one record by its shape alone.
 * @param order for each cell the index of its column, as the header has it; undefined is the dictionary's order. Columns
 * that it leaves out are missing.
 */
export function fromRecord(table: Table, record: CsvRecord, order: readonly number[] | undefined): ReadRow {
  const { malformed } = record;
  if (malformed !== undefined) return { values: [], reasons: [{ code: "malformed_csv", detail: malformed }] };
  if (record.length !== (order ?? table.columns).length) {
    return wrongFieldCount(table, record.length, record.cells, order);
  }
  const values = flawlessValues(table, record, order);
  return values ? { values, reasons: [] } : fromCsv(table, record.cells, order);
}

function wrongFieldCount(
  { name, columns }: Table,
  count: number,
  cells: readonly string[],
  order: readonly number[] | undefined,
): ReadRow {
  const wanted = order ? `the header has ${order.length} fields` : `${name} has ${columns.length} fields`;
  const reasons: Reason[] = [{ code: "wrong_field_count", detail: `${wanted}, and this row has ${count}` }];
  const control = controlIn(cells.join());
  if (control) reasons.push({ code: control.code, detail: `the row ${control.detail}` });
  return { values: columns.map(() => undefined), reasons };
}

/** The values of a record with which nothing is wrong, by the shortest way; undefined leaves it to fromCsv. */
function flawlessValues(
  { columns }: Table,
  record: CsvRecord,
  order: readonly number[] | undefined,
): SqlValue[] | undefined {
  const { bytes, bounds, first, length } = record;
  const values: SqlValue[] = length === columns.length ? [] : columns.map(({ fallback }) => fallback);
  for (let index = 0; index < length; index++) {
    const at = order?.[index] ?? index;
    const codec = columns[at]?.codec;
    const bound = first + 3 * index;
    const start = bounds[bound] ?? 0;
    const end = bounds[bound + 1] ?? 0;
    let value: SqlValue | Fault | undefined = codec?.fromBytes?.(bytes, start, end);
    if (value === undefined && record.isPlain(index)) value = codec?.fromPlainBytes?.(bytes, start, end);
    if (value === undefined) {
      const cell = record.cell(index);
      if (isBlank(cell) || cell === INVALID_UTF8) return undefined;
      value = codec?.fromCsv(cell);
    }
    if (value === undefined || value instanceof Fault) return undefined;
    values[at] = value;
  }
  return values;
}

/**
 * Judges the cells of one record by their shape alone.
 * @param order as fromRecord takes it
 */
export function fromCsv(table: Table, cells: readonly string[], order: readonly number[] | undefined): ReadRow {
  const { columns } = table;
  if (cells.length !== (order ?? columns).length) return wrongFieldCount(table, cells.length, cells, order);
  const values = new Array<SqlValue | undefined>(columns.length).fill(undefined);
  const reasons: Reason[] = [];
  for (let index = 0; index < cells.length; index++) {
    const at = order?.[index] ?? index;
    const column = columns[at];
    const cell = cells[index];
    if (column === undefined || cell === undefined) continue;
    if (isBlank(cell)) values[at] = missing(column, reasons);
    else values[at] = accepted(column, cell === INVALID_UTF8 ? NOT_UTF8 : column.codec.fromCsv(cell), reasons);
  }
  for (const [at, column] of columns.entries()) {
    if (order && !order.includes(at)) values[at] = missing(column, reasons);
  }
  return { values, reasons };
}

const NOT_UTF8 = new Fault("invalid_text", "holds bytes that are not UTF-8");

/** The header line of toCsv's rows. */
export const csvHeader = (table: Table): string => csvLine(table.columns.map((column) => column.name));

/** A stored row as one line, from which the parser and fromCsv make the same row again. */
export const toCsv = (table: Table, row: Row): string => csvLine(csvCells(table, row));

/** The cells of that line, unquoted. */
export const csvCells = (table: Table, row: Row): string[] =>
  table.columns.map((column, index) => column.codec.toCsv(row[index] ?? null));

/** One RFC 4180 line with its CRLF; null and undefined are empty cells. */
export const csvLine = (cells: readonly unknown[]): string =>
  `${cells.map((cell) => quotedIfNeeded(cellText(cell))).join(",")}\r\n`;

/** The text of a cell, unquoted. */
export const cellText = (cell: unknown): string => (cell === null || cell === undefined ? "" : String(cell));

/** Also blanks at the ends, which a reader drops, a BOM, which it could take for the file's, and what others read as NULL. */
function quotedIfNeeded(text: string): string {
  return /[",\r\n\uFEFF]|^[ \t]|[ \t]$|^\\N$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
