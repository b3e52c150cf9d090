/** The two reports (design section 8), by GET or by POST, as JSON, CSV or NDJSON. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import type { Database } from "../db/client.ts";
import { limitBody } from "../http/body.ts";
import type { Env } from "../http/env.ts";
import { negotiate } from "../http/negotiate.ts";
import { LINE_FORMS, linesOf, streamLines } from "../http/stream.ts";
import { parameter, validate } from "../http/validate.ts";
import {
  type DepartmentHires,
  departmentsAboveMean,
  type QuarterlyHires,
  quarterlyHires,
} from "../repositories/reports.ts";

const DEFAULT_YEAR = 2021;
/** A report's request says all in its query: a body is not looked at. */
const BODY_BYTES_MAX = 64 * 1024;

const ReportQuery = z.strictObject({
  year: parameter
    .regex(/^[1-9]\d{3}$/, "must be a year from 1000 to 9999")
    .transform(Number)
    .default(DEFAULT_YEAR),
});

export function reportRoutes(database: Database) {
  const query = validate("query", ReportQuery);
  const limited = limitBody(BODY_BYTES_MAX);
  return new Hono<Env>()
    .get("/hired_2021_quarter", query, async (c) => quarters(c, database, c.req.valid("query").year))
    .post("/hired_2021_quarter", limited, query, async (c) => quarters(c, database, c.req.valid("query").year))
    .get("/hired_department", query, async (c) => aboveMean(c, database, c.req.valid("query").year))
    .post("/hired_department", limited, query, async (c) => aboveMean(c, database, c.req.valid("query").year));
}

async function quarters(c: Context, database: Database, year: number) {
  const form = negotiate(c, FORMS);
  const read = () => quarterlyHires(database, year);
  return form === "application/json" ? c.json(await read()) : streamLines(c, form, QUARTERS, onePage(read));
}

async function aboveMean(c: Context, database: Database, year: number) {
  const form = negotiate(c, FORMS);
  const read = () => departmentsAboveMean(database, year);
  return form === "application/json" ? c.json(await read()) : streamLines(c, form, ABOVE_MEAN, onePage(read));
}

const FORMS = ["application/json", ...LINE_FORMS] as const;
const QUARTERS = linesOf<QuarterlyHires>(["department", "job", "Q1", "Q2", "Q3", "Q4"]);
const ABOVE_MEAN = linesOf<DepartmentHires>(["id", "department", "hired"]);

/** A report is one query: its rows are as many as departments and jobs make, whatever the number of hires. */
async function* onePage<Row>(read: () => Promise<Row[]>) {
  yield await read();
}
