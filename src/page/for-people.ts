/** Answers of JSON as a page, for a person whose browser has followed a link to them: with a way back, and errors too. */
import type { Context, MiddlewareHandler } from "hono";
import { html } from "hono/html";
import type { Env } from "../http/env.ts";
import { PROBLEM_TYPE, type Problem } from "../http/problem.ts";
import { type Html, PAGE_HEADERS, pageOf } from "./frame.ts";

/**
 * Programs are answered as ever. Many of them name text/html too (Java does), so an answer of JSON is a page only if the
 * request is a browser's that goes to another page. An error of a page, or of a path without a route, is a page for every request that names text/html.
 */
export const forPeople: MiddlewareHandler<Env> = async (c, proceed) => {
  await proceed();
  const type = c.res.headers.get("Content-Type") ?? "";
  const isProblem = type.startsWith(PROBLEM_TYPE);
  if (!isProblem && !type.startsWith("application/json")) return;
  if (!(isNavigation(c) && c.req.path !== "/openapi.json") && !(isProblem && isForPage(c))) return;
  const value: unknown = await c.res.json();
  const home = "../".repeat(c.req.path.split("/").length - 2) || "./";
  const next = nextOf(c.res.headers.get("Link"));
  const page = isProblem ? problemPage(value as Problem, home) : valuePage(c.req.path, value, { home, next });
  const { status } = c.res;
  // The answer's own headers stay, but for its type.
  c.res = new Response(String(await page), { status, headers: { "Content-Type": "text/html; charset=UTF-8" } });
  for (const [name, text] of Object.entries(PAGE_HEADERS)) c.res.headers.set(name, text);
};

/** Browsers say so by one header or the other: the first over https and to this machine, the second over http. */
function isNavigation(c: Context<Env>): boolean {
  const goes = c.req.header("Sec-Fetch-Mode") === "navigate" || c.req.header("Upgrade-Insecure-Requests") === "1";
  return goes && namesHtml(c);
}

const namesHtml = (c: Context<Env>) => /\btext\/html\b/i.test(c.req.header("Accept") ?? "");

/** Whether a request that names text/html is for a page, or for nothing that there is. */
function isForPage(c: Context<Env>): boolean {
  return namesHtml(c) && (c.get("isNowhere") === true || /^\/(sign-in|sign-out|docs.*)?$/.test(c.req.path));
}

/** The address of the next page of a listing, from the one that is shown. */
function nextOf(link: string | null): string | undefined {
  return /\?[^>]*/.exec(link ?? "")?.[0];
}

function problemPage({ title, status, detail, instance }: Problem, home: string): Html {
  return pageOf(
    html`<section class="alone" aria-labelledby="problem"><h2 id="problem">${status} ${title}</h2>
<p class="bad" role="alert">${detail}</p>
<p><a href="${home}">${status === 401 ? "Sign in" : "To the page"}</a></p>
<p class="note">Request ${instance}</p>
</section>`,
    { home },
  );
}

function valuePage(path: string, value: unknown, { home, next }: { home: string; next: string | undefined }): Html {
  const count = Array.isArray(value) ? html` <small>${value.length} shown</small>` : "";
  return pageOf(
    html`<section aria-labelledby="value"><div class="head"><h2 id="value">${path}${count}</h2>
<p><a href="${home}">To the page</a>${next && html` <a href="${next}">Next</a>`}</p></div>
<pre class="json" tabindex="0">${JSON.stringify(value, null, 2)}</pre>
</section>`,
    { home },
  );
}
