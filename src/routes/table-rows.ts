/** `GET /TABLE` and `GET /TABLE/KEY`: rows of every table of the dictionary. A new table needs no route of its own. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { Fault, isBlank } from "../codecs/codec.ts";
import { csvCells } from "../codecs/csv.ts";
import type { Dictionary } from "../codecs/dictionary.ts";
import { exampleRow } from "../codecs/example.ts";
import { rowSchema, toJson } from "../codecs/json.ts";
import { type Key, keyIn, keyText, readCursor, readKey } from "../codecs/key-text.ts";
import { pointerTo } from "../codecs/pointer.ts";
import { readable } from "../codecs/readable-table.ts";
import type { Row, Table } from "../codecs/tables.ts";
import type { Bounded } from "../db/bounded.ts";
import { MusterError } from "../errors.ts";
import { type Description, describe, documented, json, lines, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { answerListing, CURSOR, CURSOR_FAULT, idCursor, rowLimit } from "../http/listing.ts";
import { negotiate } from "../http/negotiate.ts";
import { type Lines, spreadsheetOption } from "../http/stream.ts";
import { faulty, noQuery, parameter, unknownParameter, validate } from "../http/validate.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { findRow, listRows, listRowsAsJson, type RowFilter } from "../repositories/rows.ts";
import { cut, shown } from "../shown.ts";

export const tablePath = ({ names }: Dictionary) =>
  z.object({
    table: z.enum(names, {
      error: ({ input }) => `there is no table ${shown(input)}: the tables are ${names.join(", ")}`,
    }),
  });
/** Any other parameter is the cursor, or a filter by one of the table's columns. */
const PageQuery = z.object({ limit: rowLimit, spreadsheet: spreadsheetOption }).catchall(parameter);

/** The most rows that one query of a stream reads. So many short rows take about 3 MB of memory; to read more is no faster. */
const PAGE_ROWS = 10_000;

export function tableRoutes(database: MusterDatabase & Bounded) {
  const { dictionary } = database;
  return new Hono<Env>()
    .get(
      "/:table",
      describe(describeRows),
      validate("param", tablePath(dictionary)),
      validate("query", PageQuery),
      async (c) => {
        const table = readable(dictionary.of(c.req.valid("param").table));
        const { limit, spreadsheet, ...others } = c.req.valid("query");
        const { cursor, ...fields } = others as Record<string, string>;
        const after = cursor === undefined ? undefined : cursorOf(table, cursor);
        const equal = filtersOf(table, fields);
        return answerListing(c, linesOfTable(table), {
          read: (limit, after) => listRows(database, table, { limit, after, equal }),
          readJson: (limit, after) => listRowsAsJson(database, table, { limit, after, equal }),
          keyOf: (row) => keyIn(table, row),
          cursorOf: (key) => keyText(table, key),
          pageRows: PAGE_ROWS,
          ...{ after, limit, spreadsheet },
        });
      },
    )
    .get("/:table/:id", describe(describeRow), validate("param", tablePath(dictionary)), noQuery, async (c) => {
      const table = readable(dictionary.of(c.req.valid("param").table));
      const text = lastSegment(c);
      const key = keyOfPath(table, text);
      negotiate(c, ["application/json"]);
      const row = await findRow(database, table, key);
      if (!row) throw noRow(table, text);
      return c.json(toJson(table, row), 200);
    });
}

/** The last part of the path, still percent-encoded: an encoded comma belongs to a value, and a bare one is between two. */
const lastSegment = ({ req }: Context) => /([^/?#]*)(?:[?#].*)?$/s.exec(req.url)?.[1] ?? "";

/** @throws MusterError `not_found` if no row of the table can have this key */
function keyOfPath(table: Table, text: string): Key {
  if (table.numberKey === undefined) {
    const key = readKey(table, text);
    if (key) return key;
    throw noRow(table, text);
  }
  if (/^-?\d{1,16}$/.test(text)) return [Number(text)];
  throw new MusterError("not_found", "there is no such row: ids are numbers");
}

function noRow(table: Table, text: string): MusterError {
  const what = table.numberKey === undefined ? "row" : table.columns[table.numberKey]?.name;
  return new MusterError("not_found", `${table.name} has no ${what} ${cut(text)}`);
}

/** @throws Refusal 400 for a cursor that no page of the table had */
function cursorOf(table: Table, text: string): Key {
  const key = readCursor(table, text);
  if (key) return key;
  throw faulty([{ pointer: pointerTo(["cursor"]), detail: `cursor ${CURSOR_FAULT}` }]);
}

const linesOfTable = (table: Table): Lines<Row, Record<string, unknown>> => ({
  header: table.columns.map(({ name }) => name),
  cells: (row) => csvCells(table, row),
  toJson: (row) => toJson(table, row),
});

/**
 * Reads the filters `?COLUMN=value`. A value is read like a CSV cell, and a blank one means null.
 * @throws Refusal 400 with an entry for each parameter that names no column, or whose value the column cannot hold
 */
function filtersOf(table: Table, fields: Record<string, string>): NonNullable<RowFilter["equal"]> {
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
const filterable = ({ columns }: Table) => columns.filter(({ sqlType }) => sqlType !== "json");

function describeRows(written: Table): Description {
  const table = readable(written);
  const example = toJson(table, exampleRow(table, 1));
  const filters = filterable(table).map(({ name, codec }) => [
    name,
    codec.schema.optional().meta({ examples: [example[name]], description: `Only rows with exactly this ${name}` }),
  ]);
  return {
    ...{ tags: [table.name], summary: `Rows of ${table.name}, by ${keyNames(table).join(", ")}` },
    reads: { target: "query", schema: z.strictObject({ cursor: cursorSchema(table), ...Object.fromEntries(filters) }) },
    answers: { 200: lines("Rows", rowSchema(table).meta({ id: table.name }), "Link"), ...problems(406, 503) },
  };
}

function describeRow(written: Table): Description {
  const table = readable(written);
  return {
    ...{ tags: [table.name], summary: `One row of ${table.name}` },
    reads: { target: "param", schema: pathSchema(table) },
    answers: { 200: json("The row", rowSchema(table).meta({ id: table.name })), ...problems(404, 406, 503) },
  };
}

const keyNames = ({ key, columns }: Table): string[] => key.map((index) => columns[index]?.name ?? "");

/** A cursor is the text of a key, but programs need not know that. */
function cursorSchema(table: Table): z.ZodType {
  if (table.numberKey !== undefined) return idCursor;
  const example = keyText(table, keyIn(table, exampleRow(table, 1)));
  const cursor = documented({ type: "string", examples: [example], description: CURSOR });
  return parameter.meta(cursor).optional();
}

/** The key in the path: a number, a text, or a list of its columns' values, which OpenAPI's clients join by commas. */
function pathSchema(table: Table): z.ZodType {
  const key = keyIn(table, exampleRow(table, 1));
  if (table.numberKey !== undefined)
    return z.object({ id: z.string().meta(documented({ type: "integer", examples: key })) });
  const values = key.map((value, place) => table.columns[table.key[place] ?? -1]?.codec.toCsv(value) ?? "");
  const description = `${keyNames(table).join(", ")}, as in CSV`;
  const [count, [only]] = [values.length, values];
  const list = { type: "array", items: { type: "string" }, minItems: count, maxItems: count, examples: [values] };
  const documentedKey = count === 1 ? { type: "string", examples: [only], description } : { ...list, description };
  return z.object({ key: z.string().meta(documented(documentedKey)) });
}
