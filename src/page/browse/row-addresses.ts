/** The addresses of rows on the page, relative to the root of the service. */
import { type Key, keyText, readKey } from "../../codecs/key-text.ts";
import { readable } from "../../codecs/readable-table.ts";
import type { Reference, Row, Table } from "../../codecs/tables.ts";
import type { DOWNLOADS } from "../../http/listing.ts";
import { address } from "../address.ts";

/** Filters as they stand in a query: the value of a column as in CSV, and a blank one for null. */
export type Filters = Readonly<Record<string, string>>;

/** The rows of a table. */
export const rowsAddress = (table: Table, query: Filters = {}): string => address(`page/tables/${table.name}`, query);

/** The same rows as a file. */
export const downloadAddress = (table: Table, form: keyof typeof DOWNLOADS, filters: Filters): string =>
  address(`page/tables/${table.name}/as/${form}`, filters);

/** Keys that stand in a path as they are. Proxies decode some percent signs, and browsers take dots alone for folders. */
const PLAIN = /^(?!\.+$)[\w,.~!*'()-]+$/;

/**
 * A row's own view. Its key is the last part of the path, or `?key=` if it is not plain.
 * @returns undefined if Muster's rules refuse the key, which another program stored: then no address leads to the row
 */
export function rowAddress(table: Table, key: Key): string | undefined {
  const text = keyText(table, key);
  if (table.numberKey === undefined && readKey(table, text) === undefined) return undefined;
  if (PLAIN.test(text)) return `page/tables/${table.name}/${text}`;
  return address(`page/tables/${table.name}/row`, { key: text });
}

/**
 * The row that a row refers to.
 * @param row of readable(table)
 * @returns undefined if it refers to none
 */
export function parentAddress(
  table: Table,
  { columns, parent, parentColumns }: Reference,
  row: Row,
): string | undefined {
  const values = new Map(
    parentColumns.map((column, place) => [column, writtenValue(table, columns[place] ?? -1, row)]),
  );
  if ([...values.values()].includes(null)) return undefined;
  const key = parent.key.map((column) => values.get(column));
  // A reference to a unique constraint does not have the key: the rows are filtered by it.
  if (key.every((value) => value !== undefined)) return rowAddress(readable(parent), key);
  return filtered(
    parent,
    [...values].map(([column, value]) => [column, value ?? null]),
  );
}

/**
 * The rows of a child table that refer to a row of this one.
 * @param row of readable(table)
 * @returns undefined if no row can
 */
export const childrenAddress = (table: Table, child: Table, { columns, parentColumns }: Reference, row: Row) =>
  filtered(
    child,
    columns.map((column, place) => [column, writtenValue(table, parentColumns[place] ?? -1, row)]),
  );

/** The rows with these values. Undefined if a value is missing or blank: a blank filter means null. */
function filtered(
  table: Table,
  values: readonly (readonly [column: number, value: Row[number]])[],
): string | undefined {
  const filters: Record<string, string> = {};
  for (const [index, value] of values) {
    const column = table.columns[index];
    const text = column?.codec.toCsv(value) ?? "";
    if (!column || value === null || text.trim() === "") return undefined;
    filters[column.name] = text;
  }
  return rowsAddress(table, filters);
}

/** The value of one of the table's written columns. */
function writtenValue(table: Table, index: number, row: Row): Row[number] {
  const column = table.columns[index];
  return (column && row[table.readable.indexOf(column)]) ?? null;
}
