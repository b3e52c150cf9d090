/** What a request for rows asks for: the table, the row's key, the cursor, and filters by column. */
import type { Context } from "hono";
import { z } from "zod";
import { Fault, isBlank } from "../codecs/codec.ts";
import { csvCells } from "../codecs/csv.ts";
import type { Dictionary } from "../codecs/dictionary.ts";
import { toJson } from "../codecs/json.ts";
import { type Key, keyIn, keyText, readCursor, readKey } from "../codecs/key-text.ts";
import { pointerTo } from "../codecs/pointer.ts";
import type { Row, Table } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import { MusterError } from "../errors.ts";
import { listRows, type RowFilter } from "../repositories/rows.ts";
import { cut, shown } from "../shown.ts";
import type { Listing } from "./listing.ts";
import { CURSOR_FAULT } from "./page-parameters.ts";
import type { Lines } from "./stream.ts";
import { faulty, unknownParameter } from "./validate.ts";

export const tablePath = ({ names }: Dictionary) =>
  z.object({
    table: z.enum(names, {
      error: ({ input }) => `there is no table ${shown(input)}: the tables are ${names.join(", ")}`,
    }),
  });
/** The last part of the path, still percent-encoded: an encoded comma belongs to a value, and a bare one is between two. */
export const lastSegment = ({ req }: Context) => /([^/?#]*)(?:[?#].*)?$/s.exec(req.url)?.[1] ?? "";

/** @throws MusterError `not_found` if no row of the table can have this key */
export function keyOfPath(table: Table, text: string): Key {
  if (table.numberKey === undefined) {
    const key = readKey(table, text);
    if (key) return key;
    throw noRow(table, text);
  }
  if (/^-?\d{1,16}$/.test(text)) return [Number(text)];
  throw new MusterError("not_found", "there is no such row: ids are numbers");
}

export function noRow(table: Table, text: string): MusterError {
  const what = table.numberKey === undefined ? "row" : table.columns[table.numberKey]?.name;
  return new MusterError("not_found", `${table.name} has no ${what} ${cut(text)}`);
}

/** @throws Refusal 400 for a cursor that no page of the table had */
export function cursorOf(table: Table, text: string): Key {
  const key = readCursor(table, text);
  if (key) return key;
  throw faulty([{ pointer: pointerTo(["cursor"]), detail: `cursor ${CURSOR_FAULT}` }]);
}

/**
 * Reads the filters `?COLUMN=value`. A value is read like a CSV cell, and a blank one means null.
 * @throws Refusal 400 with an entry for each parameter that names no column, or whose value the column cannot hold
 */
export function filtersOf(table: Table, fields: Record<string, string>): NonNullable<RowFilter["equal"]> {
  const errors = [];
  const equal = [];
  for (const [name, text] of Object.entries(fields)) {
    const column = filterable(table).find((each) => each.name === name);
    const value = column && (isBlank(text) ? null : column.codec.fromCsv(text));
    if (column === undefined || value === undefined) errors.push(unknownParameter(name, parametersOf(table)));
    else if (!(value instanceof Fault)) equal.push({ column, value });
    else errors.push({ pointer: pointerTo([name]), code: value.code, detail: `${name} ${value.detail}` });
  }
  if (errors.length > 0) throw faulty(errors);
  return equal;
}

const parametersOf = (table: Table): string[] => [
  "limit",
  "cursor",
  "spreadsheet",
  ...filterable(table).map(({ name }) => name),
];

/** Servers compare JSON in different ways, so no filter is by JSON. */
export const filterable = ({ columns }: Table) => columns.filter(({ sqlType }) => sqlType !== "json");

/** How the rows of a table are written as lines. */
export const linesOfTable = (table: Table): Lines<Row, Record<string, unknown>> => ({
  header: table.columns.map(({ name }) => name),
  cells: (row) => csvCells(table, row),
  toJson: (row) => toJson(table, row),
});

/** The most rows that one query of a stream reads. So many short rows take about 3 MB of memory; to read more is no faster. */
const PAGE_ROWS = 10_000;

/** The rows of a table that fit the filters, in the order of their keys. */
export const listingOfTable = (
  database: Database,
  table: Table,
  equal: RowFilter["equal"] = [],
): Listing<Row, Key> => ({
  read: (limit, after) => listRows(database, table, { limit, after, equal }),
  keyOf: (row) => keyIn(table, row),
  cursorOf: (key) => keyText(table, key),
  pageRows: PAGE_ROWS,
});
