/** The page: what there is to see, read only, and the session by which a browser sees it (design section 4). */
import { Hono, type MiddlewareHandler } from "hono";
import { z } from "zod";
import type { Database } from "../db/database.ts";
import { domainError } from "../db/driver-errors.ts";
import { MusterError } from "../errors.ts";
import { indexOfToken, requires, type Tokens } from "../http/auth.ts";
import { bytesOf, mediaTypeOf, takeBody, textOf } from "../http/body.ts";
import { beginSession, endSession, ownForm, SESSION_HOURS } from "../http/cookie-session.ts";
import {
  type Answer,
  type Description,
  describe,
  described,
  documented,
  headersOf,
  problems,
} from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { InFlight } from "../http/in-flight.ts";
import { negotiate } from "../http/negotiate.ts";
import type { GuessJudge } from "../http/rate-limit.ts";
import { noQuery, validate } from "../http/validate.ts";
import { countOpenRejections, listRejections } from "../repositories/rejection-log.ts";
import { departmentsAboveMean, quarterlyHires } from "../repositories/report-queries.ts";
import { countRuns, listRuns } from "../repositories/run-log.ts";
import { YearQuery } from "../routes/reports.ts";
import { COUNTED_MAX } from "./account.ts";
import { dashboardPage, type Listed, type Part, type Parts } from "./dashboard.ts";
import { PAGE_HEADERS, signInPage } from "./frame.ts";

const RUNS_MAX = 20;
const REJECTIONS_MAX = 50;
const PageQuery = YearQuery.extend({
  follow: z
    .literal("true")
    .transform(() => true)
    .optional()
    .meta(documented({ type: "boolean", enum: [true], description: "Read the page again while a run is under way" })),
});
/** Of a form, which has a token. */
const FORM_BYTES_MAX = 4 * 1024;
const FORM_TYPE = "application/x-www-form-urlencoded";

interface Dependencies {
  /** Answers quickly or not at all. */
  database: Database;
  tokens: Tokens | undefined;
  judge: GuessJudge | undefined;
}

export function dashboardRoutes({ database, tokens, judge }: Dependencies) {
  // Forms have room of their own: while others' bodies fill the service, people can still sign in.
  const limited = takeBody(new InFlight(), FORM_BYTES_MAX);
  return new Hono<Env>()
    .get("/", describe(PAGE), signInFirst, requires("reader"), validate("query", PageQuery), async (c) => {
      const { year, follow = false } = c.req.valid("query");
      const parts = await partsOf(database, year);
      const by = c.req.header("Authorization") === undefined ? "session" : "token";
      const shown = { ...parts, year, follow, role: c.get("role") ?? "reader" };
      // Behind a proxy neither the scheme nor the path can be known, and a token must not be sent in the clear.
      const way = tokens
        ? ({ by, address: "ADDRESS" } as const)
        : ({ by: "loopback", address: new URL(c.req.url).origin } as const);
      return c.html(dashboardPage({ ...shown, ...way }), 200, PAGE_HEADERS);
    })
    .post("/sign-in", describe(SIGN_IN), ownForm, limited, formBody, noQuery, async (c) => {
      if (!tokens) return c.redirect(PAGE_ADDRESS, 303);
      const sent = new URLSearchParams(textOf(bytesOf(c))).get("token") ?? "";
      const token = tokens[indexOfToken(sent.trim(), tokens)];
      judge?.(c, token === undefined);
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

/** Each part by itself: a report that takes too long takes nothing else with it. @throws MusterError if none can be had */
async function partsOf(database: Database, year: number): Promise<Parts> {
  const { db } = database;
  const open = { state: "open", limit: REJECTIONS_MAX, newestFirst: true } as const;
  const [quarters, departments, runs, rejections] = await Promise.all([
    part(quarterlyHires(database, year)),
    part(departmentsAboveMean(database, year)),
    part(listed(listRuns(db, { limit: RUNS_MAX }), countRuns(db, COUNTED_MAX))),
    part(listed(listRejections(db, open), countOpenRejections(db, COUNTED_MAX))),
  ]);
  if ([quarters, departments, runs, rejections].every((each) => each.value === undefined))
    throw new MusterError("unavailable", runs.missing ?? "");
  return { quarters, departments, runs, rejections };
}

async function part<T>(value: Promise<T>): Promise<Part<T>> {
  try {
    return { value: await value };
  } catch (error) {
    const domain = domainError(error);
    if (domain instanceof MusterError && domain.code === "unavailable") return { missing: domain.message };
    throw error;
  }
}

async function listed<Row>(rows: Promise<Row[]>, count: Promise<number>): Promise<Listed<Row>> {
  const [found, all] = await Promise.all([rows, count]);
  return { rows: found, all };
}

/** Relative to /sign-in, so that it holds behind a proxy that adds a path. */
const PAGE_ADDRESS = "./";

/** The form alone, where nobody has said who they are. */
const signInFirst: MiddlewareHandler<Env> = (c, next) => {
  negotiate(c, ["text/html"]);
  if (c.get("role") !== undefined || c.req.header("Authorization") !== undefined) return next();
  if (c.get("guessed")) endSession(c);
  return Promise.resolve(c.html(signInPage(), 200, PAGE_HEADERS));
};

const formBody = described<MiddlewareHandler<Env>>(
  (c, next) => {
    mediaTypeOf(c, [FORM_TYPE]);
    return next();
  },
  { answers: problems(415) },
);

const content: Answer["content"] = { "text/html": { schema: z.string() } };
const tags = ["service"];
const toPage: Answer = { description: "To the page", headers: headersOf(["Location", "Set-Cookie"]) };
const PAGE: Description = {
  ...{ tags, summary: "A page for people: reports, runs, open rejections" },
  description: "Where tokens are configured and neither a token nor a session is sent, it is the form to sign in by.",
  answers: { 200: { description: "The page", content, headers: headersOf(["Set-Cookie"]) }, ...problems(406, 503) },
};
const SIGN_IN: Description = {
  ...{ tags, summary: "Begin a session, which counts as its token for GET and HEAD" },
  description: `It is kept in a cookie, for ${SESSION_HOURS} hours. Where no tokens are configured there is none to begin.`,
  body: {
    [FORM_TYPE]: {
      schema: z.object({ token: z.string() }),
      examples: { form: { summary: "As the page sends it", value: "token=TOKEN", status: 303 } },
    },
  },
  answers: {
    303: toPage,
    401: {
      description: "The form once more: the token is not known",
      content,
      headers: headersOf(["WWW-Authenticate"]),
    },
  },
};
const SIGN_OUT: Description = {
  ...{ tags, summary: "End the session of this browser" },
  answers: { 303: toPage },
};
