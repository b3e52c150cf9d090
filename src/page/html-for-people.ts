/** Shows JSON and errors as HTML pages, with a way back, to people whose browser followed a link to them. */
import type { Context, MiddlewareHandler } from "hono";
import { html } from "hono/html";
import type { Env } from "../http/env.ts";
import { PROBLEM_TYPE, type Problem } from "../http/problem.ts";
import { type Html, PAGE_HEADERS, pageOf } from "./frame.ts";

/**
 * Programs still get JSON. Some of them accept text/html too (Java does), so JSON becomes a page only if a browser navigates to
 * it. Errors of HTML pages, and of paths without a route, become a page for every client that accepts text/html.
 */
export const htmlForPeople: MiddlewareHandler<Env> = async (c, proceed) => {
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
  // Assigning c.res keeps the headers of the old answer, except its type.
  c.res = new Response(String(await page), { status, headers: { "Content-Type": "text/html; charset=UTF-8" } });
  for (const [name, text] of Object.entries(PAGE_HEADERS)) c.res.headers.set(name, text);
};

/**
 * Whether a browser navigates to this address, and accepts HTML. Browsers say that they navigate by Sec-Fetch-Mode over https
 * and to their own machine, and by Upgrade-Insecure-Requests over http.
 */
function isNavigation(c: Context<Env>): boolean {
  const navigates = c.req.header("Sec-Fetch-Mode") === "navigate" || c.req.header("Upgrade-Insecure-Requests") === "1";
  return navigates && acceptsHtml(c);
}

const acceptsHtml = (c: Context<Env>) => /\btext\/html\b/i.test(c.req.header("Accept") ?? "");

/** Whether the client accepts text/html, and the path belongs to an HTML page or to no route. */
function isForPage(c: Context<Env>): boolean {
  return acceptsHtml(c) && (c.get("isNowhere") === true || /^\/(sign-in|sign-out|docs.*)?$/.test(c.req.path));
}

/** The address of a listing's next page, relative to the page shown. */
function nextOf(link: string | null): string | undefined {
  return /\?[^>]*/.exec(link ?? "")?.[0];
}

function problemPage({ title, status, detail, instance }: Problem, home: string): Html {
  return pageOf(
    html`<section class="alone" aria-labelledby="problem"><h2 id="problem">${status} ${title}</h2>
<p class="bad" role="alert">${detail}</p>
<p><a href="${home}">${status === 401 ? "Sign in" : "To the dashboard"}</a></p>
<p class="note">Request ${instance}</p>
</section>`,
    { home },
  );
}

function valuePage(path: string, value: unknown, { home, next }: { home: string; next: string | undefined }): Html {
  const count = Array.isArray(value) ? html` <small>${value.length} shown</small>` : "";
  return pageOf(
    html`<section aria-labelledby="value"><div class="head"><h2 id="value">${path}${count}</h2>
<p><a href="${home}">To the dashboard</a>${next && html` <a href="${next}">Next</a>`}</p></div>
<pre class="json" tabindex="0">${JSON.stringify(value, null, 2)}</pre>
</section>`,
    { home },
  );
}
