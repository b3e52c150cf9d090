/** A browser's session: a signed cookie that stands for a token, for reading and for the forms of the page. */
import type { Context, MiddlewareHandler } from "hono";
import { deleteCookie, getSignedCookie, setSignedCookie } from "hono/cookie";
import type { Env } from "./env.ts";
import { Refusal } from "./problem.ts";

const COOKIE = "muster_session";
export const SESSION_HOURS = 12;
const SESSION_S = SESSION_HOURS * 3600;

interface Token {
  /** SHA-256 of the token. It is the key that signs the cookie. */
  digest: Buffer<ArrayBuffer>;
}

/**
 * Sets the cookie: the time when the session ends, in seconds since 1970, signed with the token's digest (HMAC-SHA256). The
 * service stores nothing: every process that has the token accepts the cookie, and removing the token ends the session.
 */
export async function beginSession(c: Context<Env>, { digest }: Token): Promise<void> {
  const end = Math.floor(Date.now() / 1000) + SESSION_S;
  await setSignedCookie(c, COOKIE, `${end}`, digest, { ...attributesOf(c), maxAge: SESSION_S });
}

export function endSession(c: Context<Env>): void {
  deleteCookie(c, COOKIE, attributesOf(c));
}

/**
 * Finds the token of the request's session.
 * @returns its index, -1 if no token has signed the cookie, undefined without a session or after its end
 */
export async function sessionOf(c: Context<Env>, tokens: readonly Token[]): Promise<number | undefined> {
  let found: number | undefined;
  let isSigned = false;
  let isForged = false;
  // Every token is tried, even after a match, so the time taken tells an attacker nothing.
  for (const [index, { digest }] of tokens.entries()) {
    const end = await getSignedCookie(c, digest, COOKIE);
    if (end === false) isForged = true;
    if (!end) continue;
    isSigned = true;
    if (Number(end) * 1000 > Date.now()) found = index;
  }
  return isForged && !isSigned ? -1 : found;
}

/**
 * Answers 403 to a form that another site sends, or a page of another port of this machine. Clients that are not browsers send
 * neither Origin nor Sec-Fetch-Site, and are let through: no session counts for them.
 */
export const ownForm: MiddlewareHandler<Env> = (c, next) => {
  const isBrowser = c.req.header("Origin") !== undefined || c.req.header("Sec-Fetch-Site") !== undefined;
  if (isBrowser && !reads(c) && !isOwn(c)) throw new Refusal(403, "the form was sent by a page of another site");
  return next();
};

/** The page's addresses begin with this. Only there may a session write. */
const PAGE = "/page/";

/**
 * Whether the request may count for its session: it reads, or the browser says that a view of the page sends this form. Every
 * browser says so with a POST.
 */
export const mayUseSession = (c: Context<Env>): boolean =>
  reads(c) || (c.req.method === "POST" && c.req.path.startsWith(PAGE) && isOwn(c));

const reads = ({ req }: Context<Env>) => req.method === "GET" || req.method === "HEAD";

/**
 * Whether our own page is the sender. Sec-Fetch-Site says so, and it counts alone if it is there: it tells http from https, and
 * a proxy may have changed Host. Browsers leave it out over http, except to their own machine. Then Origin must name the
 * host that the request was sent to.
 */
function isOwn(c: Context<Env>): boolean {
  const site = c.req.header("Sec-Fetch-Site");
  if (site !== undefined) return site === "same-origin";
  const origin = c.req.header("Origin");
  return origin !== undefined && hostOf(origin) === hostIn(c);
}

/**
 * The cookie's attributes. It has no Path, so browsers send it below the path of /sign-in alone: `/`, or what a proxy adds. So
 * two services on one host have a session each. The page's Origin tells if the browser uses https: behind a proxy the
 * request's URL has http.
 */
function attributesOf(c: Context<Env>) {
  const secure = (c.req.header("Origin") ?? c.req.url).startsWith("https:");
  return { httpOnly: true, sameSite: "Strict", path: "", secure } as const;
}

const hostOf = (origin: string): string | undefined => (URL.canParse(origin) ? new URL(origin).host : undefined);

const hostIn = (c: Context<Env>): string => c.req.header("Host")?.toLowerCase() ?? new URL(c.req.url).host;
