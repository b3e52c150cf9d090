/** `GET /TABLE` and `GET /TABLE/ID`: rows of every table of the dictionary. A new table needs no route of its own. */
import { Hono } from "hono";
import { z } from "zod";
import { Fault, isBlank } from "../codecs/codec.ts";
import { csvCells } from "../codecs/csv.ts";
import type { Dictionary } from "../codecs/dictionary.ts";
import { exampleRow } from "../codecs/example.ts";
import { rowSchema, toJson } from "../codecs/json.ts";
import { pointerTo } from "../codecs/pointer.ts";
import { numberKeyOf, type Row, type Table } from "../codecs/tables.ts";
import type { Bounded } from "../db/bounded.ts";
import { MusterError } from "../errors.ts";
import { type Description, describe, documented, json, lines, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { answerListing, idCursor, rowLimit } from "../http/listing.ts";
import { negotiate } from "../http/negotiate.ts";
import { type Lines, spreadsheetOption } from "../http/stream.ts";
import { faulty, noQuery, parameter, unknownParameter, validate } from "../http/validate.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { findRow, listRows, listRowsAsJson, type RowFilter } from "../repositories/rows.ts";
import { shown } from "../shown.ts";

export const tablePath = ({ names }: Dictionary) =>
  z.object({
    table: z.enum(names, {
      error: ({ input }) => `there is no table ${shown(input)}: the tables are ${names.join(", ")}`,
    }),
  });
const rowPath = (dictionary: Dictionary) =>
  tablePath(dictionary).extend({
    id: z
      .string()
      .regex(/^-?\d{1,10}$/, "there is no such row: ids are numbers")
      .transform(Number)
      .meta(documented({ type: "integer", examples: [1] })),
  });
/** Any other parameter is a filter by one of the table's columns. */
const PageQuery = z.object({ limit: rowLimit, cursor: idCursor, spreadsheet: spreadsheetOption }).catchall(parameter);

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
        const table = dictionary.of(c.req.valid("param").table);
        const { limit, cursor, spreadsheet, ...fields } = c.req.valid("query");
        const equal = filtersOf(table, fields as Record<string, string>);
        return answerListing(c, linesOfTable(table), {
          read: (limit, after) => listRows(database, table, { limit, after, equal }),
          readJson: (limit, after) => listRowsAsJson(database, table, { limit, after, equal }),
          keyOf: (row) => Number(row[numberKeyOf(table)]),
          pageRows: PAGE_ROWS,
          after: cursor,
          ...{ limit, spreadsheet },
        });
      },
    )
    .get("/:table/:id", describe(describeRow), validate("param", rowPath(dictionary)), noQuery, async (c) => {
      const { table: name, id } = c.req.valid("param");
      const table = dictionary.of(name);
      negotiate(c, ["application/json"]);
      const row = await findRow(database, table, id);
      if (!row) throw new MusterError("not_found", `${name} has no id ${id}`);
      return c.json(toJson(table, row), 200);
    });
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
    const column = table.columns.find((each) => each.name === name);
    const value = column && (isBlank(text) ? null : column.codec.fromCsv(text));
    if (column === undefined || value === undefined) errors.push(unknownParameter(name, parametersOf(table)));
    else if (!(value instanceof Fault)) equal.push({ column, value });
    else errors.push({ pointer: pointerTo([name]), code: value.code, detail: `${name} ${value.detail}` });
  }
  if (errors.length > 0) throw faulty(errors);
  return equal;
}

const parametersOf = (table: Table): string[] => [
  ...Object.keys(PageQuery.shape),
  ...table.columns.map(({ name }) => name),
];

function describeRows(table: Table): Description {
  const example = toJson(table, exampleRow(table, 1));
  const filters = table.columns.map(({ name, codec }) => [
    name,
    codec.schema.optional().meta({ examples: [example[name]], description: `Only rows with exactly this ${name}` }),
  ]);
  return {
    ...{ tags: [table.name], summary: `Rows of ${table.name}, by id` },
    reads: { target: "query", schema: z.strictObject(Object.fromEntries(filters)) },
    answers: { 200: lines("Rows", rowSchema(table).meta({ id: table.name }), "Link"), ...problems(406, 503) },
  };
}

function describeRow(table: Table): Description {
  return {
    ...{ tags: [table.name], summary: `One row of ${table.name}` },
    answers: { 200: json("The row", rowSchema(table).meta({ id: table.name })), ...problems(404, 406, 503) },
  };
}
