/**
 * Authorization. A request needs a bearer token with a role (RFC 6750). To read, and on the page, a browser's session is enough.
 * If no tokens are configured, only requests from this machine are answered.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { MusterError } from "../errors.ts";
import { mayUseSession, sessionOf } from "./cookie-session.ts";
import { described, problems } from "./describe.ts";
import { type Env, has, type Role } from "./env.ts";
import { Refusal } from "./problem.ts";

/** Tokens are kept as SHA-256 digests. These have equal length, so comparing them takes constant time. */
export type Tokens = readonly { role: Role; digest: Buffer<ArrayBuffer> }[];

/**
 * Reads API_TOKENS, `reader:TOKEN,writer:TOKEN,admin:TOKEN`; a role may have several tokens.
 * @returns undefined if `text` is undefined
 * @throws MusterError `invalid` that names a bad entry by its position, never by its text
 */
export function readTokens(text: string | undefined): Tokens | undefined {
  if (text === undefined) return undefined;
  const tokens = text.split(",").map((entry, index) => {
    // RFC 6750, section 2.1, lists the characters of a bearer token.
    const [, role, token] = /^\s*(reader|writer|admin):([A-Za-z0-9._~+/-]+=*)\s*$/.exec(entry) ?? [];
    if (role && token) return { role: role as Role, digest: digestOf(token) };
    const form = "reader:TOKEN, writer:TOKEN or admin:TOKEN, a token being letters, digits and -._~+/";
    throw new MusterError("invalid", `API_TOKENS: entry ${index + 1} must be ${form}`);
  });
  const twice = tokens.findIndex(({ digest }, index) =>
    tokens.slice(0, index).some((each) => each.digest.equals(digest)),
  );
  if (twice === -1) return tokens;
  throw new MusterError(
    "invalid",
    `API_TOKENS: entry ${twice + 1} repeats the token of an earlier entry: give each entry its own`,
  );
}

/** @throws MusterError `invalid` if the service would be open to the network without tokens */
export function assertBindable(host: string, tokens: Tokens | undefined): void {
  if (tokens || isLoopback(host)) return;
  const problem = `HOST=${host} would open Muster to the network without tokens`;
  throw new MusterError(
    "invalid",
    `${problem}: set API_TOKENS=reader:TOKEN,writer:TOKEN,admin:TOKEN or HOST=127.0.0.1`,
  );
}

/**
 * Finds the caller's role. `requires` then decides whether it is enough. If no tokens are configured, every caller on this
 * machine is admin. A page of another site could reach this machine through the user's browser (DNS rebinding), so a Host or
 * Origin header that names another machine is refused.
 * @param origins other sites whose pages are allowed
 */
export function authenticate(tokens: Tokens | undefined, origins: readonly string[] = []): MiddlewareHandler<Env> {
  const find: MiddlewareHandler<Env> = async (c, next) => {
    if (tokens) {
      const sent = await sentToken(c, tokens);
      if (sent === -1) c.set("guessed", true);
      c.set("token", sent === -1 ? undefined : sent);
      c.set("role", sent === undefined ? undefined : tokens[sent]?.role);
    } else {
      const host = c.req.header("Host") ?? new URL(c.req.url).host;
      const origin = c.req.header("Origin");
      if (!isLoopback(withoutPort(host))) throw notLoopback("Host");
      if (origin !== undefined && !isLoopback(hostOf(origin)) && !origins.includes(origin)) throw notLoopback("Origin");
      c.set("role", "admin");
    }
    return next();
  };
  return described(find, { answers: problems(403) });
}

/**
 * Lets callers with this role or a higher one pass. A caller without a role gets 401, and one with a lower role 403 (RFC 6750,
 * section 3).
 */
export function requires(role: Role): MiddlewareHandler<Env> {
  const check: MiddlewareHandler<Env> = (c, next) => {
    const own = c.get("role");
    if (own === undefined) {
      const sent = c.req.header("Authorization") !== undefined;
      const challenge = `Bearer realm="muster"${sent ? ', error="invalid_token"' : ""}`;
      const detail = sent ? "the token is not known" : "a token is needed: send Authorization: Bearer TOKEN";
      throw new Refusal(401, detail, { headers: { "WWW-Authenticate": challenge } });
    }
    if (!has(own, role)) {
      const challenge = `Bearer realm="muster", error="insufficient_scope", scope="${role}"`;
      throw new Refusal(403, `this needs the role ${role}, and your token has the role ${own}`, {
        headers: { "WWW-Authenticate": challenge },
      });
    }
    return next();
  };
  return described(check, { role, answers: problems(401, 403) });
}

/**
 * Finds the token of a request: in Authorization, or else by the browser's session. A session counts for GET and HEAD, and for
 * the forms that the page itself sends. So no page of another site can write with it, and nothing can call the API by it.
 * @returns the token's index, -1 for an unknown one, undefined for none
 */
async function sentToken(c: Context<Env>, tokens: Tokens): Promise<number | undefined> {
  const authorization = c.req.header("Authorization");
  if (authorization !== undefined) {
    const [, token] = /^Bearer +(\S+) *$/i.exec(authorization) ?? [];
    return token === undefined ? -1 : indexOfToken(token, tokens);
  }
  const session = mayUseSession(c) ? await sessionOf(c, tokens) : undefined;
  // A shared cache does not store the answer to a request with Authorization (RFC 9111). But if the request only has a cookie,
  // the cache may store the answer, unless it is private.
  if (session !== undefined) c.header("Cache-Control", "private");
  return session;
}

/** @returns -1 if the token is unknown */
export function indexOfToken(token: string, tokens: Tokens): number {
  const digest = digestOf(token);
  let found = -1;
  // Every token is compared, even after a match, so the time taken tells an attacker nothing.
  for (const [index, each] of tokens.entries()) if (timingSafeEqual(each.digest, digest)) found = index;
  return found;
}

const digestOf = (token: string): Buffer<ArrayBuffer> => createHash("sha256").update(token).digest();

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);

const withoutPort = (host: string): string => host.replace(/:\d*$/, "");

const hostOf = (origin: string): string => (URL.canParse(origin) ? new URL(origin).hostname : origin);

function notLoopback(header: string): Refusal {
  return new Refusal(
    403,
    `without API_TOKENS only this machine is answered, but the ${header} header names another one`,
  );
}
