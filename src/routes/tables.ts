/** The dictionary's tables: pages of rows, and one row by id. A new table needs no route. */
import { Hono } from "hono";
import { z } from "zod";
import { Fault, shown } from "../codecs/codec.ts";
import { csvHeader, toCsv } from "../codecs/csv.ts";
import { isBlank, toJson } from "../codecs/json.ts";
import { pointerTo } from "../codecs/pointer.ts";
import { type Table, tableNames, tableOf } from "../codecs/tables.ts";
import type { Database } from "../db/client.ts";
import { MusterError } from "../errors.ts";
import { csv, negotiate } from "../http/negotiate.ts";
import { idCursor, limitParameter, pageOf } from "../http/paging.ts";
import { type Env, Refusal } from "../http/problem.ts";
import { NoQuery, parameter, unknownParameter, validate } from "../http/validate.ts";
import { findRow, listRows, type RowFilter } from "../repositories/rows.ts";

export const TablePath = z.object({
  table: z.enum(tableNames, {
    error: ({ input }) => `there is no table ${shown(input)}: the tables are ${tableNames.join(", ")}`,
  }),
});
const RowPath = TablePath.extend({
  id: z
    .string()
    .regex(/^\d{1,10}$/, "there is no such row: ids are numbers")
    .transform(Number),
});
/** Any other parameter is a filter, and judged by the table's columns. */
const PageQuery = z.object({ limit: limitParameter, cursor: idCursor }).catchall(parameter);

export function tableRoutes(database: Database) {
  return new Hono<Env>()
    .get("/:table", validate("param", TablePath), validate("query", PageQuery), async (c) => {
      const table = tableOf(c.req.valid("param").table);
      const { limit, cursor, ...fields } = c.req.valid("query");
      const form = negotiate(c, ["application/json", "text/csv"]);
      const equal = filtersOf(table, fields as Record<string, string>);
      const rows = await listRows(database, table, { limit: limit + 1, after: cursor, equal });
      const page = pageOf(c, rows, limit, (row) => row[table.key]);
      if (form === "application/json") return c.json(page.map((row) => toJson(table, row)));
      return csv(c, [csvHeader(table), ...page.map((row) => toCsv(table, row))]);
    })
    .get("/:table/:id", validate("param", RowPath), validate("query", NoQuery), async (c) => {
      const { table: name, id } = c.req.valid("param");
      const table = tableOf(name);
      negotiate(c, ["application/json"]);
      const row = await findRow(database, table, id);
      if (!row) throw new MusterError("not_found", `${name} has no id ${id}`);
      return c.json(toJson(table, row));
    });
}

/**
 * The values that `?FIELD=value` asks for, read as a CSV cell is: a blank one is null.
 * @throws Refusal 400 with an entry for each parameter that is not a column's name or whose value its column cannot hold
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
  if (errors.length > 0) throw new Refusal(400, errors.map(({ detail }) => detail).join("; "), { errors });
  return equal;
}

const parametersOf = (table: Table): string[] => ["limit", "cursor", ...table.columns.map(({ name }) => name)];
