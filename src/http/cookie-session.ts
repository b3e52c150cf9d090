/** A browser's session: a cookie that stands for a token where nothing is written (design section 4, `GET /`). */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { Env } from "./env.ts";
import { Refusal } from "./problem.ts";

const COOKIE = "muster_session";
export const SESSION_HOURS = 12;
const SESSION_S = SESSION_HOURS * 3600;

interface Key {
  /** SHA-256 of a token. */
  digest: Buffer;
}

/**
 * Sets the cookie, `EXPIRES.HMAC`: the second (since 1970) at which it ends, and the HMAC-SHA256 of that text under the
 * token's digest, in base64url. Nothing is kept: it holds in every process with that token, and ends with it.
 */
export function beginSession(c: Context<Env>, { digest }: Key): void {
  const expires = `${Math.floor(Date.now() / 1000) + SESSION_S}`;
  const value = `${expires}.${seal(digest, expires).toString("base64url")}`;
  setCookie(c, COOKIE, value, { ...attributesOf(c), maxAge: SESSION_S });
}

export function endSession(c: Context<Env>): void {
  deleteCookie(c, COOKIE, attributesOf(c));
}

/**
 * The token of the session that a request comes with, as its index.
 * @returns undefined without a session and after its end, -1 where none of the tokens has sealed it
 */
export function sessionOf(c: Context<Env>, tokens: readonly Key[]): number | undefined {
  const [, expires, mac] = /^(\d{1,12})\.([\w-]{43})$/.exec(getCookie(c, COOKIE) ?? "") ?? [];
  if (expires === undefined || mac === undefined || Number(expires) * 1000 <= Date.now()) return undefined;
  const sent = Buffer.from(mac, "base64url");
  let found = -1;
  // Every token is tried, whichever fits: the time taken tells nothing.
  for (const [index, { digest }] of tokens.entries()) if (timingSafeEqual(seal(digest, expires), sent)) found = index;
  return found;
}

/**
 * Refuses a form that a page of another site sends (403). By Sec-Fetch-Site too, since a proxy may have changed the Host;
 * what is no browser sends neither header.
 */
export const ownForm: MiddlewareHandler<Env> = (c, next) => {
  const origin = c.req.header("Origin");
  const own = origin === undefined || c.req.header("Sec-Fetch-Site") === "same-origin" || hostOf(origin) === hostIn(c);
  if (!own) throw new Refusal(403, "the form was sent by a page of another site");
  return next();
};

const seal = (digest: Buffer, expires: string): Buffer => createHmac("sha256", digest).update(expires).digest();

/** The page's own origin tells how a browser came here, whatever proxies are between. */
function attributesOf(c: Context<Env>) {
  const secure = (c.req.header("Origin") ?? c.req.url).startsWith("https:");
  return { httpOnly: true, sameSite: "Strict", path: "/", secure } as const;
}

const hostOf = (origin: string): string | undefined => (URL.canParse(origin) ? new URL(origin).host : undefined);

const hostIn = (c: Context<Env>): string => c.req.header("Host")?.toLowerCase() ?? new URL(c.req.url).host;
