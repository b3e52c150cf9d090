/** What browsers may do with answers: security headers for every answer, and CORS for pages of other origins. */
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { secureHeaders } from "hono/secure-headers";
import type { Env } from "./env.ts";

/**
 * Forbids browsers to guess an answer's type, to show it in a frame, to run scripts in it, or to send its address to other
 * sites. HTML pages set their own headers instead. Strict-Transport-Security is left to the proxy that speaks TLS.
 */
export const secured = secureHeaders({
  overwrite: false,
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  xFrameOptions: "DENY",
  strictTransportSecurity: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
});

const REQUEST_HEADERS = [
  ...["Accept", "Authorization", "Content-Encoding", "Content-Type", "Idempotency-Key", "If-None-Match", "If-Range"],
  ...["Last-Event-ID", "Prefer", "Range", "X-Request-Id"],
];
const ANSWER_HEADERS = [
  ...["Content-Disposition", "Content-Range", "ETag", "Idempotent-Replayed", "Link", "Location", "Preference-Applied"],
  ...["RateLimit", "RateLimit-Policy", "Retry-After", "WWW-Authenticate", "X-Request-Id"],
];
/** How long a browser keeps the answer to a preflight. */
const PREFLIGHT_S = 600;

/** Answers preflights, and allows pages of these origins to read answers (Fetch standard, CORS). */
export function crossOrigin(origins: readonly string[]): MiddlewareHandler<Env> {
  const answer = cors({
    origin: [...origins],
    allowMethods: ["GET", "HEAD", "POST", "DELETE"],
    allowHeaders: REQUEST_HEADERS,
    exposeHeaders: ANSWER_HEADERS,
    maxAge: PREFLIGHT_S,
  });
  return (c, next) => {
    // A request without Origin does not come from a page of another origin, so it needs no CORS headers. Its answer still has
    // Vary, because a cache must not give it to such a page.
    if (c.req.header("Origin") !== undefined) return answer(c, next);
    c.header("Vary", "Origin", { append: true });
    return next();
  };
}
