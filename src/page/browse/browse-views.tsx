/** @jsxImportSource hono/jsx */
/** `/page/tables` and below it: the tables, their rows, and a view of each row. The rules are those of `GET /TABLE`. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { keyIn, keyText } from "../../codecs/key-text.ts";
import { readable } from "../../codecs/readable-table.ts";
import type { Table } from "../../codecs/tables.ts";
import type { Env } from "../../http/env.ts";
import { DOWNLOADS, downloadListing, rowsOfPage } from "../../http/listing.ts";
import { Refusal } from "../../http/problem.ts";
import {
  cursorOf,
  filtersOf,
  keyOfPath,
  lastSegment,
  linesOfTable,
  listingOfTable,
  noRow,
  tablePath,
} from "../../http/row-query.ts";
import { noQuery, parameter, validate } from "../../http/validate.ts";
import { findRow } from "../../repositories/rows.ts";
import type { PageDependencies } from "../page-routes.ts";
import { redirectTo } from "../redirect.ts";
import { COLUMN_FIELD, PAGE_SIZE, PAGE_SIZES, queryOf, type RowsAsked, VALUE_FIELD } from "./filter-form.tsx";
import { type Filters, rowsAddress } from "./row-addresses.ts";
import { RowView } from "./row-view.tsx";
import { RowsView } from "./rows-view.tsx";
import { TableList } from "./table-list.tsx";

/** Any other parameter is the cursor, or a filter by one of the table's columns. */
const RowsQuery = z
  .object({ limit: z.enum(PAGE_SIZES, `must be one of ${PAGE_SIZES.join(", ")}`).default(PAGE_SIZE) })
  .catchall(parameter);
/** The most rows that one query of a page reads: long ones must not fill memory. */
const ROWS_AT_ONCE = 51;
const RowQuery = z.strictObject({ key: parameter.optional() });
const forms = Object.keys(DOWNLOADS) as (keyof typeof DOWNLOADS)[];
const Form = z.enum(forms, `must be one of ${forms.join(", ")}`);

export function browseViews({ frame, pages }: PageDependencies) {
  const { dictionary } = pages;
  const TablePath = tablePath(dictionary);
  const view = "Tables";

  async function showRows(c: Context<Env>, table: Table, asked: RowsAsked, cursor: string | undefined) {
    const read = readable(table);
    const after = cursor === undefined ? undefined : cursorOf(read, cursor);
    const listing = listingOfTable(pages, read, filtersOf(read, asked.filters));
    const { rows, more } = await rowsOfPage({ ...listing, after, pageRows: ROWS_AT_ONCE }, Number(asked.limit));
    const [last] = rows.slice(-1);
    const next = more && last ? keyText(read, keyIn(read, last)) : undefined;
    const page = { rows, next, isFirst: cursor === undefined };
    return frame.answer(c, { title: table.name, view }, <RowsView table={table} asked={asked} page={page} />);
  }

  return new Hono<Env>()
    .get("/page/tables", noQuery, (c) =>
      frame.answer(c, { title: "Tables", view }, <TableList tables={dictionary.tables} />),
    )
    .get("/page/tables/:table", validate("param", TablePath), validate("query", RowsQuery), async (c) => {
      const table = dictionary.of(c.req.valid("param").table);
      const { limit, ...others } = c.req.valid("query");
      const { cursor, [COLUMN_FIELD]: column, [VALUE_FIELD]: value = "", ...filters } = others as Filters;
      // The form sends a filter in two fields. It leads to the address that has the filter as the API takes it.
      if (column !== undefined) {
        const wanted = column === "" ? filters : { ...filters, [column]: value };
        return redirectTo(c, rowsAddress(table, queryOf({ limit, filters: wanted })));
      }
      try {
        return await showRows(c, table, { limit, filters }, cursor);
      } catch (error) {
        if (!(error instanceof Refusal && error.status === 400)) throw error;
        const head = { title: table.name, view, problem: error.message, status: 400 } as const;
        return frame.answer(c, head, <RowsView table={table} asked={{ limit, filters }} />);
      }
    })
    .get(
      "/page/tables/:table/as/:form",
      validate("param", TablePath.extend({ form: Form })),
      validate("query", z.object({}).catchall(parameter)),
      (c) => {
        const { table: fileName, form } = c.req.valid("param");
        const table = readable(dictionary.of(fileName));
        const equal = filtersOf(table, c.req.valid("query") as Filters);
        return downloadListing(c, { form, fileName }, linesOfTable(table), listingOfTable(pages, table, equal));
      },
    )
    .get("/page/tables/:table/:key", validate("param", TablePath), validate("query", RowQuery), async (c) => {
      const table = dictionary.of(c.req.valid("param").table);
      const text = c.req.valid("query").key ?? lastSegment(c);
      const row = await findRow(pages, readable(table), keyOfPath(readable(table), text));
      if (!row) throw noRow(table, text);
      return frame.answer(c, { title: `${table.name} ${text}`, view }, <RowView table={table} row={row} />);
    });
}
