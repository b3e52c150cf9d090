/** The two reports, by GET or POST, as JSON, CSV or NDJSON (docs/http.md). */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { type HiringTables, NO_HIRING_TABLES } from "../codecs/hiring-tables.ts";
import type { Database } from "../db/database.ts";
import { MusterError } from "../errors.ts";
import { takeBody } from "../http/body.ts";
import { describe, documented, lines, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import type { InFlight } from "../http/in-flight.ts";
import { formOf, type Lines, linesOf, spreadsheetOption, streamLines } from "../http/stream.ts";
import { parameter, validate } from "../http/validate.ts";
import {
  type DepartmentHires,
  departmentsAboveMean,
  type QuarterlyHires,
  quarterlyHires,
} from "../repositories/report-queries.ts";

export const DEFAULT_YEAR = 2021;
/** A year has four digits. */
export const YEARS = { minimum: 1000, maximum: 9999 };
/** A report takes its parameters from the query. A body is accepted up to this size, and ignored. */
const BODY_BYTES_MAX = 64 * 1024;

export const YearQuery = z.strictObject({
  year: parameter
    .regex(/^[1-9]\d{3}$/, `must be a year from ${YEARS.minimum} to ${YEARS.maximum}`)
    .transform(Number)
    .default(DEFAULT_YEAR)
    .meta(
      documented({
        ...{ type: "integer", ...YEARS, default: DEFAULT_YEAR, examples: [2022] },
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
  description: "Each pair of department and job with a hire in the year, in alphabetical order.",
  answers: { 200: lines("The report", PerQuarter), ...problems(406, 503) },
});
const PER_DEPARTMENT = describe({
  ...{ tags: ["reports"], summary: "Departments that hired more than the mean of all departments" },
  description: "Departments without a hire in the year count as zero in the mean. Most hires first.",
  answers: { 200: lines("The report", PerDepartment), ...problems(406, 503) },
});

/** @param tables undefined if the dictionary has none: then both paths answer 404, and the document leaves them out */
export function reportRoutes(database: Database, tables: HiringTables | undefined, inFlight: InFlight): ReportRoutes {
  return tables ? routesOver(database, tables, inFlight) : routesWithoutTables();
}

type ReportRoutes = ReturnType<typeof routesOver>;

function routesWithoutTables(): ReportRoutes {
  const routes: ReportRoutes = new Hono();
  routes.on(["GET", "POST"], ["/hired_2021_quarter", "/hired_department"], () => {
    throw new MusterError("not_found", `there are no reports: ${NO_HIRING_TABLES}`);
  });
  return routes;
}

function routesOver(database: Database, tables: HiringTables, inFlight: InFlight) {
  const query = validate("query", ReportQuery);
  const limited = takeBody(inFlight, BODY_BYTES_MAX);
  const perQuarter = (c: Context, asked: Asked) =>
    report(c, asked, QUARTERS, (year) => quarterlyHires(database, tables, year));
  const aboveMean = (c: Context, asked: Asked) =>
    report(c, asked, ABOVE_MEAN, (year) => departmentsAboveMean(database, tables, year));
  return new Hono<Env>()
    .get("/hired_2021_quarter", PER_QUARTER, query, async (c) => perQuarter(c, c.req.valid("query")))
    .post("/hired_2021_quarter", PER_QUARTER, limited, query, async (c) => perQuarter(c, c.req.valid("query")))
    .get("/hired_department", PER_DEPARTMENT, query, async (c) => aboveMean(c, c.req.valid("query")))
    .post("/hired_department", PER_DEPARTMENT, limited, query, async (c) => aboveMean(c, c.req.valid("query")));
}

const QUARTERS = linesOf<QuarterlyHires>(PerQuarter);
const ABOVE_MEAN = linesOf<DepartmentHires>(PerDepartment);

/** A report is one page: it has at most a row for each department and job, however many hires there are. */
async function report<Row extends object>(
  c: Context,
  { year, spreadsheet }: Asked,
  lines: Lines<Row>,
  read: (year: number) => Promise<Row[]>,
) {
  const form = formOf(c, spreadsheet);
  if (form === "application/json") return c.json(await read(year), 200);
  let isRead = false;
  const nextPage = async () => {
    if (isRead) return undefined;
    isRead = true;
    return read(year);
  };
  return streamLines(c, form, lines, nextPage, spreadsheet);
}
