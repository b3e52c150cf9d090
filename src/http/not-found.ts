/** 404 for a path without a route, and 405 for a method that the path does not take (RFC 9110, sections 15.5.5 and 15.5.6). */
import type { Context, Hono, MiddlewareHandler, NotFoundHandler } from "hono";
import type { Env } from "./env.ts";
import { problem } from "./problem.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** For app.notFound. */
export const answerNotFound: NotFoundHandler<Env> = (c) => {
  c.set("isNowhere", true);
  return problem(c, 404, `there is nothing at ${c.req.path}`);
};

/**
 * Answers 405 with Allow if the path takes only other methods. It is mounted before the routes. If several routes fit a path,
 * words win over parameters. So `GET /insert` is 405 rather than 404 for a missing table, and `GET /rejections/replay` is 405
 * rather than 404 for a missing id.
 */
export function refuseOtherMethods(app: Hono<Env>): MiddlewareHandler<Env> {
  let root: Branch | undefined;
  return (c, next) => {
    root ??= treeOf(app);
    const allowed = methodsAt(root, c.req.path.split("/"));
    const method = c.req.method === "HEAD" ? "GET" : c.req.method;
    if (!allowed || allowed.has(method)) return next();
    const list = METHODS.filter((each) => allowed.has(each));
    return Promise.resolve(refuseMethod(c, list));
  };
}

/** The paths of the routes, as a tree of their parts. */
interface Branch {
  words: Map<string, Branch>;
  /** The branch of `:name`, for any other part. */
  parameter: Branch | undefined;
  /** The methods of the routes that end here. */
  methods: Set<string>;
}

const branch = (): Branch => ({ words: new Map(), parameter: undefined, methods: new Set() });

function treeOf(app: Hono<Env>): Branch {
  const root = branch();
  for (const { path, method } of app.routes) {
    // Middleware has the method ALL.
    if (!METHODS.includes(method)) continue;
    let at = root;
    for (const part of path.split("/")) {
      const next = (part.startsWith(":") ? at.parameter : at.words.get(part)) ?? branch();
      if (part.startsWith(":")) at.parameter = next;
      else at.words.set(part, next);
      at = next;
    }
    at.methods.add(method);
  }
  return root;
}

function methodsAt({ words, parameter, methods }: Branch, parts: readonly string[], at = 0): Set<string> | undefined {
  const part = parts[at];
  if (part === undefined) return methods.size > 0 ? methods : undefined;
  const word = words.get(part);
  const found = word && methodsAt(word, parts, at + 1);
  return found ?? (part !== "" && parameter ? methodsAt(parameter, parts, at + 1) : undefined);
}

function refuseMethod(c: Context<Env>, allowed: string[]): Response {
  const list = allowed.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])).join(", ");
  return problem(c, 405, `${c.req.path} takes ${list}, not ${c.req.method}`, { headers: { Allow: list } });
}
