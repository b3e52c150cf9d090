/** `/`: reports, the last runs and the open rejections. */
import { Hono } from "hono";
import { z } from "zod";
import { type HiringTables, hiringTables } from "../codecs/hiring-tables.ts";
import { MusterError } from "../errors.ts";
import { requires } from "../http/auth.ts";
import { type Answer, type Description, describe, headersOf, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { validate } from "../http/validate.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { countOpenRejections, listRejections } from "../repositories/rejection-log.ts";
import { departmentsAboveMean, quarterlyHires } from "../repositories/report-queries.ts";
import { hasRows } from "../repositories/rows.ts";
import { countRuns, listRuns } from "../repositories/run-log.ts";
import { YearQuery } from "../routes/reports.ts";
import { dashboard, type Listed, type Reports } from "./dashboard.ts";
import type { Frame } from "./frame.tsx";
import { part } from "./part.ts";
import { COUNTED_MAX } from "./runs-and-rejections.ts";
import { signInFirst } from "./sign-in.tsx";

const RUNS_MAX = 20;
const REJECTIONS_MAX = 50;
/** @param database with a time limit on its queries */
export function overviewRoutes(database: MusterDatabase, frame: Frame) {
  const { tables } = database.dictionary;
  const hiring = hiringTables(tables);
  const query = validate("query", YearQuery);
  return new Hono<Env>().get("/", describe(PAGE), signInFirst(frame), requires("reader"), query, async (c) => {
    const parts = await partsOf(database, reportsOf(database, hiring, c.req.valid("query")));
    const needsToken = frame.site.hasTokens;
    // If there are tokens, the page does not show the service's real address. Behind a proxy its scheme is unknown, and an
    // address with http could make people send a token unencrypted.
    const address = needsToken ? "ADDRESS" : new URL(c.req.url).origin;
    return frame.answer(c, { title: "Muster", view: "Overview" }, dashboard({ ...parts, tables, needsToken, address }));
  });
}

/** Undefined if the dictionary has no tables of hires. */
async function reportsOf(
  database: MusterDatabase,
  hiring: HiringTables | undefined,
  { year }: { year: number },
): Promise<Reports | undefined> {
  if (!hiring) return undefined;
  const [quarters, departments] = await Promise.all([
    part(quarterlyHires(database, hiring, year)),
    part(departmentsAboveMean(database, hiring, year)),
  ]);
  return { year, quarters, departments };
}

/** Reads each part separately, so a slow report does not hide the others. @throws MusterError if no part is available */
async function partsOf(database: MusterDatabase, reading: Promise<Reports | undefined>) {
  const { db, dictionary } = database;
  const open = { state: "open", limit: REJECTIONS_MAX, newestFirst: true } as const;
  const [reports, runs, rejections] = await Promise.all([
    reading,
    part(listed(listRuns(db, { limit: RUNS_MAX }), countRuns(db, COUNTED_MAX))),
    part(listed(listRejections(db, open), countOpenRejections(db, COUNTED_MAX))),
  ]);
  if ([reports?.quarters, reports?.departments, runs, rejections].every((each) => each?.value === undefined))
    throw new MusterError("unavailable", runs.unavailable ?? "");
  const isNew = runs.value?.total === 0 && (await part(hasRows(database, dictionary.tables))).value === false;
  return { reports, runs, rejections, isNew };
}

async function listed<Row>(rows: Promise<Row[]>, count: Promise<number>): Promise<Listed<Row>> {
  const [found, total] = await Promise.all([rows, count]);
  return { rows: found, total };
}

const content: Answer["content"] = { "text/html": { schema: z.string() } };
const PAGE: Description = {
  ...{ tags: ["service"], summary: "The page for people. Its other views are below `/page/`" },
  description:
    "If tokens are configured and the request has neither a token nor a session, the answer is the sign-in form.",
  answers: { 200: { description: "The page", content, headers: headersOf(["Set-Cookie"]) }, ...problems(406, 503) },
};
