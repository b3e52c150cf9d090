/** The two reports (design section 8), by GET or by POST, as JSON, CSV or NDJSON. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import type { Database } from "../db/database.ts";
import { takeBody } from "../http/body.ts";
import { describe, documented, lines, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import type { InFlight } from "../http/in-flight.ts";
import { formOf, linesOf, spreadsheetOption, streamLines } from "../http/stream.ts";
import { parameter, validate } from "../http/validate.ts";
import {
  type DepartmentHires,
  departmentsAboveMean,
  type QuarterlyHires,
  quarterlyHires,
} from "../repositories/report-queries.ts";

const DEFAULT_YEAR = 2021;
/** A report's request says all in its query: a body is not looked at. */
const BODY_BYTES_MAX = 64 * 1024;

export const YearQuery = z.strictObject({
  year: parameter
    .regex(/^[1-9]\d{3}$/, "must be a year from 1000 to 9999")
    .transform(Number)
    .default(DEFAULT_YEAR)
    .meta(
      documented({
        ...{ type: "integer", minimum: 1000, maximum: 9999, default: DEFAULT_YEAR, examples: [2022] },
        description: "The year of the hires, in UTC",
      }),
    ),
});
const ReportQuery = YearQuery.extend({ spreadsheet: spreadsheetOption });

type Asked = z.infer<typeof ReportQuery>;

const hires = z.int().min(0);
const PerQuarter = z
  .strictObject({ department: z.string(), job: z.string(), Q1: hires, Q2: hires, Q3: hires, Q4: hires })
  .meta({ id: "QuarterlyHires" }) satisfies z.ZodType<QuarterlyHires>;
const PerDepartment = z
  .strictObject({ id: z.int(), department: z.string(), hired: hires })
  .meta({ id: "DepartmentHires" }) satisfies z.ZodType<DepartmentHires>;

const PER_QUARTER = describe({
  ...{ tags: ["reports"], summary: "Hires per department and job, by quarter" },
  description: "Pairs with a hire in the year, in the alphabetical order of departments, then of jobs.",
  answers: { 200: lines("The report", PerQuarter), ...problems(406, 503) },
});
const PER_DEPARTMENT = describe({
  ...{ tags: ["reports"], summary: "Departments that hired more than the mean over all departments" },
  description: "Those without a hire in the year count as zero. Most hires first.",
  answers: { 200: lines("The report", PerDepartment), ...problems(406, 503) },
});

export function reportRoutes(database: Database, inFlight: InFlight) {
  const query = validate("query", ReportQuery);
  const limited = takeBody(inFlight, BODY_BYTES_MAX);
  return new Hono<Env>()
    .get("/hired_2021_quarter", PER_QUARTER, query, async (c) => quarters(c, database, c.req.valid("query")))
    .post("/hired_2021_quarter", PER_QUARTER, limited, query, async (c) => quarters(c, database, c.req.valid("query")))
    .get("/hired_department", PER_DEPARTMENT, query, async (c) => aboveMean(c, database, c.req.valid("query")))
    .post("/hired_department", PER_DEPARTMENT, limited, query, async (c) =>
      aboveMean(c, database, c.req.valid("query")),
    );
}

async function quarters(c: Context, database: Database, { year, spreadsheet }: Asked) {
  const form = formOf(c, spreadsheet);
  const read = () => quarterlyHires(database, year);
  return form === "application/json"
    ? c.json(await read(), 200)
    : streamLines(c, form, QUARTERS, onePage(read), spreadsheet);
}

async function aboveMean(c: Context, database: Database, { year, spreadsheet }: Asked) {
  const form = formOf(c, spreadsheet);
  const read = () => departmentsAboveMean(database, year);
  return form === "application/json"
    ? c.json(await read(), 200)
    : streamLines(c, form, ABOVE_MEAN, onePage(read), spreadsheet);
}

const QUARTERS = linesOf<QuarterlyHires>(["department", "job", "Q1", "Q2", "Q3", "Q4"]);
const ABOVE_MEAN = linesOf<DepartmentHires>(["id", "department", "hired"]);

/** A report is one query: its rows are as many as departments and jobs make, whatever the number of hires. */
async function* onePage<Row>(read: () => Promise<Row[]>) {
  yield await read();
}
