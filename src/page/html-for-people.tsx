/** @jsxImportSource hono/jsx */
/** Shows JSON and errors as HTML pages, with a way back, to people whose browser followed a link to them. */
import type { Context, MiddlewareHandler } from "hono";
import type { Env } from "../http/env.ts";
import { PROBLEM_TYPE, Problem } from "../http/problem.ts";
import { type Frame, PAGE_HEADERS, viewAt } from "./frame.tsx";

/**
 * Programs still get JSON. Some of them accept text/html too (Java does), so JSON becomes a page only if a browser navigates to
 * it. Errors of HTML pages, and of paths without a route, become a page for every client that accepts text/html. htmx takes
 * the problem out of such a page and shows it in place.
 */
export function htmlForPeople(frame: Frame): MiddlewareHandler<Env> {
  return async (c, proceed) => {
    await proceed();
    const type = c.res.headers.get("Content-Type") ?? "";
    const isProblem = type.startsWith(PROBLEM_TYPE);
    if (!isProblem && !type.startsWith("application/json")) return;
    if (!(isNavigation(c) && c.req.path !== "/openapi.json") && !(isProblem && isForPage(c))) return;
    const value: unknown = await c.res.json();
    const { status } = c.res;
    const page = await (isProblem ? problemPage(c, frame, Problem.parse(value)) : valuePage(c, frame, value));
    // Assigning c.res keeps the headers of the old answer, except its type.
    c.res = new Response(await page.text(), { status, headers: { "Content-Type": "text/html; charset=UTF-8" } });
    for (const [name, text] of Object.entries(PAGE_HEADERS)) c.res.headers.set(name, text);
  };
}

/**
 * Whether a browser navigates to this address, and accepts HTML. Browsers say that they navigate by Sec-Fetch-Mode over https
 * and to their own machine, and by Upgrade-Insecure-Requests over http.
 */
function isNavigation(c: Context<Env>): boolean {
  const navigates = c.req.header("Sec-Fetch-Mode") === "navigate" || c.req.header("Upgrade-Insecure-Requests") === "1";
  return navigates && acceptsHtml(c);
}

const acceptsHtml = (c: Context<Env>) => /\btext\/html\b/i.test(c.req.header("Accept") ?? "");

/** Whether the client accepts text/html or is htmx, and the path belongs to an HTML page or to no route. */
function isForPage(c: Context<Env>): boolean {
  if (c.req.header("HX-Request") !== undefined) return true;
  return acceptsHtml(c) && (c.get("isNowhere") === true || /^\/(sign-in|sign-out|docs.*|page.*)?$/.test(c.req.path));
}

/** The address of a listing's next page, relative to the root. */
function nextOf(c: Context<Env>): string | undefined {
  const query = /\?[^>]*/.exec(c.res.headers.get("Link") ?? "")?.[0];
  return query === undefined ? undefined : `${c.req.path.slice(1)}${query}`;
}

function problemPage(c: Context<Env>, frame: Frame, { title, status, detail, instance }: Problem) {
  const view = viewAt(c.req.path, c.get("role"));
  return frame.answer(
    c,
    { title: `${status} ${title}`, problem: detail, ...(view && { view: view.name }) },
    <section class="card alone" aria-labelledby="title">
      <h1 id="title">
        {status} {title}
      </h1>
      {view && (
        <p>
          <a href={view.address}>Back to {view.name}</a>
        </p>
      )}
      <p>
        <a href="./">{status === 401 ? "Sign in" : "To the overview"}</a>
      </p>
      <p class="note">Request {instance}</p>
    </section>,
  );
}

function valuePage(c: Context<Env>, frame: Frame, value: unknown) {
  const next = nextOf(c);
  return frame.answer(
    c,
    { title: c.req.path },
    <section class="card" aria-labelledby="title">
      <div class="head">
        <h1 id="title">
          {c.req.path} {Array.isArray(value) && <small>{value.length} shown</small>}
        </h1>
        <p>
          <a href="./">To the overview</a> {next !== undefined && <a href={next}>Next</a>}
        </p>
      </div>
      <pre class="whole" tabindex={0}>
        {JSON.stringify(value, null, 2)}
      </pre>
    </section>,
  );
}
