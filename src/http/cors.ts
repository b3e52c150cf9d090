/** Pages of other origins that may read the answers (Fetch standard, CORS): those that are configured, no others. */
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import type { Env } from "./env.ts";

const REQUEST_HEADERS = [
  ...["Accept", "Authorization", "Content-Encoding", "Content-Type", "Idempotency-Key", "If-None-Match", "If-Range"],
  ...["Last-Event-ID", "Prefer", "Range", "X-Request-Id"],
];
const ANSWER_HEADERS = [
  ...["Content-Disposition", "Content-Range", "ETag", "Idempotent-Replayed", "Link", "Location", "Preference-Applied"],
  ...["RateLimit", "RateLimit-Policy", "Retry-After", "WWW-Authenticate", "X-Request-Id"],
];
/** A browser asks once in so long whether it may send a request. */
const PREFLIGHT_S = 600;

/** Answers preflights, and tells browsers which pages may read an answer. Requests without Origin are no browser's page. */
export function crossOrigin(origins: readonly string[]): MiddlewareHandler<Env> {
  const answer = cors({
    origin: [...origins],
    allowMethods: ["GET", "HEAD", "POST", "DELETE"],
    allowHeaders: REQUEST_HEADERS,
    exposeHeaders: ANSWER_HEADERS,
    maxAge: PREFLIGHT_S,
  });
  return (c, next) => {
    if (c.req.header("Origin") !== undefined) return answer(c, next);
    c.header("Vary", "Origin", { append: true });
    return next();
  };
}
