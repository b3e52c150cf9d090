/** `GET /TABLE` and `GET /TABLE/KEY`: rows of every table of the dictionary. A new table needs no route of its own. */
import { Hono } from "hono";
import { z } from "zod";
import { exampleRow } from "../codecs/example.ts";
import { rowSchema, toJson } from "../codecs/json.ts";
import { keyIn, keyText } from "../codecs/key-text.ts";
import { readable } from "../codecs/readable-table.ts";
import type { Table } from "../codecs/tables.ts";
import type { Bounded } from "../db/bounded.ts";
import { type Description, describe, documented, json, lines, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { answerListing } from "../http/listing.ts";
import { negotiate } from "../http/negotiate.ts";
import { CURSOR, idCursor, rowLimit } from "../http/page-parameters.ts";
import {
  cursorOf,
  filterable,
  filtersOf,
  keyOfPath,
  lastSegment,
  linesOfTable,
  listingOfTable,
  noRow,
  tablePath,
} from "../http/row-query.ts";
import { spreadsheetOption } from "../http/stream.ts";
import { noQuery, parameter, validate } from "../http/validate.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { findRow, listRowsAsJson } from "../repositories/rows.ts";

/** Any other parameter is the cursor, or a filter by one of the table's columns. */
const PageQuery = z.object({ limit: rowLimit, spreadsheet: spreadsheetOption }).catchall(parameter);

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
          ...listingOfTable(database, table, equal),
          readJson: (limit, after) => listRowsAsJson(database, table, { limit, after, equal }),
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
