/** 404 for a path without a route, and 405 for a method that the path does not take (RFC 9110, sections 15.5.5 and 15.5.6). */
import type { Hono, MiddlewareHandler, NotFoundHandler } from "hono";
import type { Env } from "./env.ts";
import { problem } from "./problem.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** For app.notFound. */
export const answerNotFound: NotFoundHandler<Env> = (c) => {
  c.set("isNowhere", true);
  return problem(c, 404, `there is nothing at ${c.req.path}`);
};

/**
 * Answers 405 with Allow if the path takes only other methods. It must be mounted before the routes. If several patterns fit a
 * path, a word in a pattern wins over a parameter. So `GET /insert` gets 405, because `insert` is not taken for a table's name,
 * and `GET /rejections/replay` gets 405, because `replay` is not taken for an id. As a table or an id, they would get 404.
 */
export function refuseOtherMethods(app: Hono<Env>): MiddlewareHandler<Env> {
  let patterns: Pattern[] | undefined;
  return async (c, next) => {
    patterns ??= patternsOf(app);
    const { path, method } = c.req;
    const asked = path.split("/");
    const allowed = patterns.find(({ parts }) => fits(parts, asked))?.methods;
    if (!allowed || allowed.has(method === "HEAD" ? "GET" : method)) return next();
    const list = METHODS.filter((each) => allowed.has(each)).flatMap((each) =>
      each === "GET" ? ["GET", "HEAD"] : each,
    );
    const Allow = list.join(", ");
    return problem(c, 405, `${path} takes ${Allow}, not ${method}`, { headers: { Allow } });
  };
}

/** A path as the app mounts it, such as `/runs/:id`. */
interface Pattern {
  parts: string[];
  methods: Set<string>;
}

/** The patterns of all routes, sorted so that a word comes before a parameter at the first part where two patterns differ. */
function patternsOf(app: Hono<Env>): Pattern[] {
  const patterns = new Map<string, Pattern>();
  for (const { path, method } of app.routes) {
    // Middleware has the method ALL.
    if (!METHODS.includes(method)) continue;
    const pattern = patterns.get(path) ?? { parts: path.split("/"), methods: new Set() };
    patterns.set(path, pattern);
    pattern.methods.add(method);
  }
  const rankOf = ({ parts }: Pattern) => parts.map((part) => (part.startsWith(":") ? 1 : 0)).join("");
  return [...patterns.values()].sort((a, b) => rankOf(a).localeCompare(rankOf(b)));
}

const fits = (pattern: readonly string[], path: readonly string[]) =>
  pattern.length === path.length &&
  pattern.every((part, at) => (part.startsWith(":") ? path[at] !== "" : part === path[at]));
