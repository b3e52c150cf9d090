/** The dashboard, and signing in and out so that a browser can read it (docs/http.md "The page"). */
import { Hono, type MiddlewareHandler } from "hono";
import { z } from "zod";
import { type HiringTables, hiringTables } from "../codecs/hiring-tables.ts";
import type { Table } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import { explainedError } from "../db/driver-errors.ts";
import { MusterError } from "../errors.ts";
import { indexOfToken, requires, type Tokens } from "../http/auth.ts";
import { bytesOf, mediaTypeOf, takeBody, textOf } from "../http/body.ts";
import { beginSession, endSession, ownForm, SESSION_HOURS } from "../http/cookie-session.ts";
import { type Answer, type Description, describe, documented, headersOf, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { InFlight } from "../http/in-flight.ts";
import { negotiate } from "../http/negotiate.ts";
import type { GuessLimit } from "../http/rate-limit.ts";
import { noQuery, validate } from "../http/validate.ts";
import { countOpenRejections, listRejections } from "../repositories/rejection-log.ts";
import { departmentsAboveMean, quarterlyHires } from "../repositories/report-queries.ts";
import { hasRows } from "../repositories/rows.ts";
import { countRuns, listRuns } from "../repositories/run-log.ts";
import { YearQuery } from "../routes/reports.ts";
import { dashboardPage, type Listed, type Part, type Reports } from "./dashboard.ts";
import { PAGE_HEADERS, signInPage } from "./frame.ts";
import { COUNTED_MAX } from "./runs-and-rejections.ts";

const RUNS_MAX = 20;
const REJECTIONS_MAX = 50;
const follow = z
  .literal("true")
  .transform(() => true)
  .optional()
  .meta(documented({ type: "boolean", enum: [true], description: "Reload the page while a run is under way" }));
const PageQuery = z.strictObject({ follow });
/** For a page with reports. */
const yearQuery = () => validate("query", YearQuery.extend({ follow }));
/** A form holds only a token. */
const FORM_BYTES_MAX = 4 * 1024;
const FORM_TYPE = "application/x-www-form-urlencoded";

interface Dependencies {
  /** The database, with a time limit on its queries. */
  database: Database;
  /** The dictionary's tables. */
  tables: readonly Table[];
  tokens: Tokens | undefined;
  /** Undefined if requests are not limited. */
  limitGuesses: GuessLimit | undefined;
}

export function pageRoutes({ database, tables, tokens, limitGuesses }: Dependencies) {
  const hiring = hiringTables(tables);
  const query: ReturnType<typeof yearQuery> = hiring ? yearQuery() : validate("query", PageQuery);
  // Forms have their own limit, so people can sign in even while other bodies use up the service's limit.
  const limited = takeBody(new InFlight(), FORM_BYTES_MAX);
  return new Hono<Env>()
    .get("/", describe(PAGE), signInFirst, requires("reader"), query, async (c) => {
      const { follow = false, ...asked } = c.req.valid("query");
      const parts = await partsOf(database, tables, reportsOf(database, hiring, asked));
      const by = c.req.header("Authorization") === undefined ? "session" : "token";
      const shown = { ...parts, tables, follow, role: c.get("role") ?? "reader" };
      // If there are tokens, the page does not show the service's real address. Behind a proxy its scheme is unknown, and an
      // address with http could make people send a token unencrypted.
      const access = tokens
        ? ({ by, address: "ADDRESS" } as const)
        : ({ by: "loopback", address: new URL(c.req.url).origin } as const);
      return c.html(dashboardPage({ ...shown, ...access }), 200, PAGE_HEADERS);
    })
    .post("/sign-in", describe(SIGN_IN), ownForm, limited, noQuery, async (c) => {
      mediaTypeOf(c, [FORM_TYPE]);
      if (!tokens) return c.redirect(PAGE_ADDRESS, 303);
      const sent = new URLSearchParams(textOf(bytesOf(c))).get("token") ?? "";
      const token = tokens[indexOfToken(sent.trim(), tokens)];
      limitGuesses?.(c, token === undefined);
      if (!token) {
        const challenge = { "WWW-Authenticate": 'Bearer realm="muster", error="invalid_token"' };
        return c.html(signInPage("This token is not known."), 401, { ...PAGE_HEADERS, ...challenge });
      }
      await beginSession(c, token);
      return c.redirect(PAGE_ADDRESS, 303);
    })
    .post("/sign-out", describe(SIGN_OUT), ownForm, limited, noQuery, (c) => {
      endSession(c);
      return c.redirect(PAGE_ADDRESS, 303);
    });
}

/** Undefined if the dictionary has no tables of hires. */
async function reportsOf(
  database: Database,
  hiring: HiringTables | undefined,
  { year }: { year?: number },
): Promise<Reports | undefined> {
  if (!hiring || year === undefined) return undefined;
  const [quarters, departments] = await Promise.all([
    part(quarterlyHires(database, hiring, year)),
    part(departmentsAboveMean(database, hiring, year)),
  ]);
  return { year, quarters, departments };
}

/** Reads each part separately, so a slow report does not hide the others. @throws MusterError if no part is available */
async function partsOf(database: Database, tables: readonly Table[], reading: Promise<Reports | undefined>) {
  const { db } = database;
  const open = { state: "open", limit: REJECTIONS_MAX, newestFirst: true } as const;
  const [reports, runs, rejections] = await Promise.all([
    reading,
    part(listed(listRuns(db, { limit: RUNS_MAX }), countRuns(db, COUNTED_MAX))),
    part(listed(listRejections(db, open), countOpenRejections(db, COUNTED_MAX))),
  ]);
  if ([reports?.quarters, reports?.departments, runs, rejections].every((each) => each?.value === undefined))
    throw new MusterError("unavailable", runs.unavailable ?? "");
  const isNew = runs.value?.total === 0 && (await part(hasRows(database, tables))).value === false;
  return { reports, runs, rejections, isNew };
}

async function part<T>(value: Promise<T>): Promise<Part<T>> {
  try {
    return { value: await value };
  } catch (error) {
    const domain = explainedError(error);
    if (domain instanceof MusterError && domain.code === "unavailable") return { unavailable: domain.message };
    throw error;
  }
}

async function listed<Row>(rows: Promise<Row[]>, count: Promise<number>): Promise<Listed<Row>> {
  const [found, total] = await Promise.all([rows, count]);
  return { rows: found, total };
}

/** The dashboard, relative to /sign-in, so it also works under a path that a proxy adds. */
const PAGE_ADDRESS = "./";

/** Shows the sign-in form if the request carries neither a token nor a session. */
const signInFirst: MiddlewareHandler<Env> = (c, next) => {
  negotiate(c, ["text/html"]);
  if (c.get("role") !== undefined || c.req.header("Authorization") !== undefined) return next();
  if (c.get("guessed")) endSession(c);
  return Promise.resolve(c.html(signInPage(), 200, PAGE_HEADERS));
};

const content: Answer["content"] = { "text/html": { schema: z.string() } };
const tags = ["service"];
const toPage: Answer = { description: "Redirects to the dashboard", headers: headersOf(["Location", "Set-Cookie"]) };
const PAGE: Description = {
  ...{ tags, summary: "The dashboard for people: reports, runs, open rejections" },
  description:
    "If tokens are configured and the request has neither a token nor a session, the answer is the sign-in form.",
  answers: { 200: { description: "The page", content, headers: headersOf(["Set-Cookie"]) }, ...problems(406, 503) },
};
const SIGN_IN: Description = {
  ...{ tags, summary: "Begin a session. It counts as its token for GET and HEAD" },
  description: `The session is a cookie, valid for ${SESSION_HOURS} hours. If no tokens are configured, no session is needed, and none begins.`,
  body: {
    [FORM_TYPE]: {
      schema: z.object({ token: z.string() }),
      examples: { form: { summary: "As the form sends it", value: "token=TOKEN", status: 303 } },
    },
  },
  answers: {
    ...problems(415),
    303: toPage,
    401: {
      description: "The form again: the token is unknown",
      content,
      headers: headersOf(["WWW-Authenticate"]),
    },
  },
};
const SIGN_OUT: Description = {
  ...{ tags, summary: "End this browser's session" },
  answers: { 303: toPage },
};
