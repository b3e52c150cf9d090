/**
 * Who may ask for what: bearer tokens with a role (RFC 6750), for reading alone a session that stands for one, or, where
 * none are configured, this machine alone.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { MusterError } from "../errors.ts";
import { sessionOf } from "./cookie-session.ts";
import { described, problems } from "./describe.ts";
import { type Env, ROLES, type Role } from "./env.ts";
import { Refusal } from "./problem.ts";

/** Tokens are kept as SHA-256 digests: of one length, so that they compare in constant time. */
export type Tokens = readonly { role: Role; digest: Buffer }[];

/**
 * Reads API_TOKENS, `reader:TOKEN,writer:TOKEN,admin:TOKEN`; a role may have several tokens.
 * @returns undefined where none are configured
 * @throws MusterError `invalid` that names the entry by its place, never by its text
 */
export function readTokens(text: string | undefined): Tokens | undefined {
  if (text === undefined) return undefined;
  const tokens = text.split(",").map((entry, index) => {
    // The characters of a bearer token are those of RFC 6750, section 2.1.
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
    `API_TOKENS: entry ${twice + 1} has the token of an entry before it: give each its own`,
  );
}

/** @throws MusterError `invalid` where anyone on the network could reach a service that asks for no token */
export function assertBindable(host: string, tokens: Tokens | undefined): void {
  if (tokens || isLoopback(host)) return;
  const problem = `HOST=${host} would open Muster to the network without tokens`;
  throw new MusterError(
    "invalid",
    `${problem}: set API_TOKENS=reader:TOKEN,writer:TOKEN,admin:TOKEN or HOST=127.0.0.1`,
  );
}

/**
 * Finds the caller's role; what a role is needed for is said by `requires`. Without tokens everybody on this machine is
 * admin, and a page of another site that a browser was led here with (DNS rebinding) is refused by its Host or Origin.
 * @param origins of pages of other sites that are let in
 */
export function authenticate(tokens: Tokens | undefined, origins: readonly string[] = []): MiddlewareHandler<Env> {
  const find: MiddlewareHandler<Env> = (c, next) => {
    if (tokens) {
      const sent = sentToken(c, tokens);
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

/** Lets callers with this role or a higher one pass; 401 without a token, 403 with a lesser one (RFC 6750, section 3). */
export function requires(role: Role): MiddlewareHandler<Env> {
  const check: MiddlewareHandler<Env> = (c, next) => {
    const has = c.get("role");
    if (has === undefined) {
      const sent = c.req.header("Authorization") !== undefined;
      const challenge = `Bearer realm="muster"${sent ? ', error="invalid_token"' : ""}`;
      const detail = sent ? "the token is not known" : "a token is needed: Authorization: Bearer TOKEN";
      throw new Refusal(401, detail, { headers: { "WWW-Authenticate": challenge } });
    }
    if (ROLES.indexOf(has) < ROLES.indexOf(role)) {
      const challenge = `Bearer realm="muster", error="insufficient_scope", scope="${role}"`;
      throw new Refusal(403, `this needs the role ${role}, and the token is a ${has}'s`, {
        headers: { "WWW-Authenticate": challenge },
      });
    }
    return next();
  };
  return described(check, { role, answers: problems(401, 403) });
}

/**
 * Which of the tokens was sent, as its index: in Authorization, else by a session, which counts where nothing is written,
 * so that no page of another site can write by it. -1 for one that is not known, undefined for none.
 */
function sentToken(c: Context<Env>, tokens: Tokens): number | undefined {
  const authorization = c.req.header("Authorization");
  if (authorization !== undefined) {
    const [, token] = /^Bearer +(\S+) *$/i.exec(authorization) ?? [];
    return token === undefined ? -1 : indexOfToken(token, tokens);
  }
  const session = c.req.method === "GET" || c.req.method === "HEAD" ? sessionOf(c, tokens) : undefined;
  // A cache between may not know that the answer is for the cookie's owner alone, as it does of Authorization (RFC 9111).
  if (session !== undefined) c.header("Cache-Control", "private");
  return session;
}

/** @returns -1 where it is none of them */
export function indexOfToken(token: string, tokens: Tokens): number {
  const digest = digestOf(token);
  let found = -1;
  // Every token is compared, whichever matches: the time taken tells nothing.
  for (const [index, each] of tokens.entries()) if (timingSafeEqual(each.digest, digest)) found = index;
  return found;
}

const digestOf = (token: string): Buffer => createHash("sha256").update(token).digest();

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);

const withoutPort = (host: string): string => host.replace(/:\d*$/, "");

const hostOf = (origin: string): string => (URL.canParse(origin) ? new URL(origin).hostname : origin);

function notLoopback(header: string): Refusal {
  return new Refusal(403, `without API_TOKENS only this machine is answered, and the ${header} header names another`);
}
