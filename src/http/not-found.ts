/** What is answered where no route takes the request (RFC 9110, sections 15.5.5 and 15.5.6). */
import type { Context, Hono, MiddlewareHandler, NotFoundHandler } from "hono";
import type { Env } from "./env.ts";
import { problem } from "./problem.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/**
 * For app.notFound: 405 with Allow where the path takes other methods, else 404. Asked only when nothing has answered,
 * unlike hono/method-not-allowed, which every request would pass.
 */
export function answerNothing(app: Hono<Env>): NotFoundHandler<Env> {
  return (c) => {
    const { path } = c.req;
    // Middleware matches every method too, as ALL.
    const takes = (method: string) => app.router.match(method, path)[0].some(([[, route]]) => route.method === method);
    const allowed = METHODS.filter(takes);
    return allowed.length === 0 ? problem(c, 404, `there is nothing at ${path}`) : refuseMethod(c, allowed);
  };
}

/**
 * For the routes whose path is a pattern, mounted after it: a path that another route has word for word is none of theirs,
 * so that `GET /insert` is 405 and not a table that is missing.
 */
export function exactPathsFirst(app: Hono<Env>): MiddlewareHandler<Env> {
  let exact: Map<string, Set<string>> | undefined;
  return (c, next) => {
    exact ??= exactPaths(app);
    const allowed = exact.get(c.req.path);
    const method = c.req.method === "HEAD" ? "GET" : c.req.method;
    return !allowed || allowed.has(method) ? next() : Promise.resolve(refuseMethod(c, [...allowed]));
  };
}

function exactPaths(app: Hono<Env>): Map<string, Set<string>> {
  const exact = new Map<string, Set<string>>();
  for (const { path, method } of app.routes) {
    if (METHODS.includes(method) && !/[:*]/.test(path)) exact.set(path, (exact.get(path) ?? new Set()).add(method));
  }
  return exact;
}

function refuseMethod(c: Context<Env>, allowed: string[]): Response {
  const list = allowed.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])).join(", ");
  return problem(c, 405, `${c.req.path} takes ${list}, not ${c.req.method}`, { headers: { Allow: list } });
}
