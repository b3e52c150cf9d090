/** The two reports (design section 8), by GET or by POST, as JSON or CSV. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { csvLine } from "../codecs/csv.ts";
import type { Database } from "../db/client.ts";
import { limitBody } from "../http/body.ts";
import { csv, negotiate } from "../http/negotiate.ts";
import type { Env } from "../http/problem.ts";
import { parameter, validate } from "../http/validate.ts";
import { departmentsAboveMean, quarterlyHires } from "../repositories/reports.ts";

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
  const rows = await quarterlyHires(database, year);
  return form === "application/json" ? c.json(rows) : csv(c, linesOf(rows, QUARTERS));
}

async function aboveMean(c: Context, database: Database, year: number) {
  const form = negotiate(c, FORMS);
  const rows = await departmentsAboveMean(database, year);
  return form === "application/json" ? c.json(rows) : csv(c, linesOf(rows, ABOVE_MEAN));
}

const FORMS = ["application/json", "text/csv"] as const;
const QUARTERS = ["department", "job", "Q1", "Q2", "Q3", "Q4"] as const;
const ABOVE_MEAN = ["id", "department", "hired"] as const;

function linesOf<Field extends string>(rows: Record<Field, unknown>[], fields: readonly Field[]): string[] {
  return [csvLine(fields), ...rows.map((row) => csvLine(fields.map((field) => row[field])))];
}
