/** Reads rows from CSV records, and writes them as CSV lines. Columns have the dictionary's order, or that of a header. */
import type { Reason } from "../db/ledger.ts";
import { controlIn, Fault, INVALID_UTF8, isBlank, NOT_UTF8, type SqlValue } from "./codec.ts";
import type { CsvRecord } from "./csv-parser.ts";
import { absent, accepted, missing } from "./json.ts";
import { badRow, malformedCsv, wrongFieldCount } from "./reasons.ts";
import type { ReadRow, Row, Table } from "./tables.ts";

/**
 * For each cell of a record, the index of its column, taken from a header or a recipe; LEFT_OUT if the cell is not read.
 * Undefined means the dictionary's order.
 */
export type CellOrder = readonly number[] | undefined;

export const LEFT_OUT = -1;

/**
 * Judges one record by its shape alone. Columns that `order` leaves out are missing.
 * @param orderedBy where `order` comes from, for the message about a record of another length
 */
export function fromRecord(table: Table, record: CsvRecord, order: CellOrder, orderedBy?: string): ReadRow {
  if (record.malformed !== undefined) return { values: [], reasons: [malformedCsv(record.malformed)] };
  if (record.length !== (order ?? table.columns).length) {
    return withWrongFieldCount(table, record.length, record.cells, order, orderedBy);
  }
  const values = flawlessValues(table, record, order);
  return values ? { values, reasons: [] } : fromCsv(table, record.cells, order);
}

function withWrongFieldCount(
  table: Table,
  count: number,
  cells: readonly string[],
  order: CellOrder,
  by = "the header",
): ReadRow {
  const reasons = [wrongFieldCount(table, count, order && { fields: order.length, by })];
  const control = controlIn(cells.join());
  if (control) reasons.push(badRow(control));
  return { values: table.columns.map(() => undefined), reasons };
}

/** The fast path: the values of a record without any fault. Undefined if fromCsv must judge it. */
function flawlessValues({ columns }: Table, record: CsvRecord, order: CellOrder): ReadRow["values"] | undefined {
  const { bytes, bounds, first, length } = record;
  const values: (SqlValue | undefined)[] = length === columns.length ? [] : columns.map(absent);
  let hasGaps = false;
  for (let index = 0; index < length; index++) {
    const at = order?.[index] ?? index;
    if (at === LEFT_OUT) {
      hasGaps = length === columns.length;
      continue;
    }
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
  // No value is null here, because a blank cell is left to fromCsv.
  return hasGaps ? columns.map((column, at) => values[at] ?? absent(column)) : values;
}

/** Judges the cells of one record by their shape alone. Columns that `order` leaves out are missing. */
export function fromCsv(table: Table, cells: readonly string[], order: CellOrder): ReadRow {
  const { columns } = table;
  if (cells.length !== (order ?? columns).length) return withWrongFieldCount(table, cells.length, cells, order);
  const values = new Array<SqlValue | undefined>(columns.length).fill(undefined);
  const reasons: Reason[] = [];
  for (const [index, cell] of cells.entries()) {
    const at = order?.[index] ?? index;
    const column = columns[at];
    if (column === undefined) continue;
    if (isBlank(cell)) values[at] = missing(column, reasons);
    else values[at] = accepted(column, cell === INVALID_UTF8 ? NOT_UTF8 : column.codec.fromCsv(cell), reasons);
  }
  for (const [at, column] of columns.entries()) {
    if (order && !order.includes(at)) values[at] = missing(column, reasons);
  }
  return { values, reasons };
}

/** The header line of toCsv's rows. */
export const csvHeader = (table: Table): string => csvLine(table.columns.map((column) => column.name));

/** A stored row as one line. Parsing the line gives the same row again. */
export const toCsv = (table: Table, row: Row): string => csvLine(csvCells(table, row));

/** The cells of toCsv's line, unquoted. */
export const csvCells = (table: Table, row: Row): string[] =>
  table.columns.map((column, index) => column.codec.toCsv(row[index] ?? null));

/** One RFC 4180 line with its CRLF; null and undefined are empty cells. */
export const csvLine = (cells: readonly unknown[]): string =>
  `${cells.map((cell) => quotedIfNeeded(cellText(cell))).join(",")}\r\n`;

/** The text of a cell, unquoted. */
export const cellText = (cell: unknown): string => (cell === null || cell === undefined ? "" : String(cell));

/**
 * Quotes what RFC 4180 demands, and three things more: blanks at either end, because readers drop them; a BOM, because a reader
 * could take it for the file's; `\N`, because other programs read it as NULL.
 */
function quotedIfNeeded(text: string): string {
  return /[",\r\n\uFEFF]|^[ \t]|[ \t]$|^\\N$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
