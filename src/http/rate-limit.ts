/** How many requests a minute one client may send. Each process counts for itself. */
import type { Context, MiddlewareHandler } from "hono";
import { addressOf } from "./address.ts";
import type { Env } from "./env.ts";
import { Refusal } from "./problem.ts";

export interface RateLimit {
  /** Requests a minute of one token, or of one address that sends none; where it is infinite guesses alone are limited. */
  perMinute: number;
  /** Proxies whose X-Forwarded-For is believed: addresses and networks. */
  proxies?: readonly string[] | undefined;
  /** Milliseconds that only grow. */
  now?(): number;
}

/**
 * Told of a token that came otherwise than in a header: counts it where it is a guess, and refuses whoever made too many.
 * @returns the seconds until all is forgotten
 */
export type GuessJudge = (c: Context<Env>, guessed: boolean) => number;

const WINDOW_MS = 60_000;
/** Unknown tokens that an address may send a minute. */
export const GUESSES_PER_MINUTE_MAX = 60;
/** Addresses that are counted one by one; what comes from others in the same minute shares one count. */
export const ADDRESSES_MAX = 10_000;

/**
 * Refuses what is over the limit with 429 and Retry-After, and says in RateLimit and RateLimit-Policy how much is left
 * (draft-ietf-httpapi-ratelimit-headers-10). From an address that guesses tokens a right one is refused too, so that it
 * is not told which that is.
 */
export function limitRate({ perMinute, proxies, now = () => performance.now() }: RateLimit) {
  const address = addressOf(proxies);
  const policy = `"minute";q=${perMinute};w=${WINDOW_MS / 1000}`;
  let ends = 0;
  let tokens = new Counts();
  let addresses = new Counts();
  let guesses = new Counts();
  const secondsLeft = () => {
    const at = now();
    if (at >= ends) {
      ends = at + WINDOW_MS;
      [tokens, addresses, guesses] = [new Counts(), new Counts(), new Counts()];
    }
    return Math.ceil((ends - at) / 1000);
  };
  const judge: GuessJudge = (c, guessed) => {
    const seconds = secondsLeft();
    if (guessed) guesses.add(address(c));
    if (!guesses.any || guesses.of(address(c)) <= GUESSES_PER_MINUTE_MAX) return seconds;
    throw tooMany(`this address sent over ${GUESSES_PER_MINUTE_MAX} unknown tokens within a minute`, seconds);
  };
  const requests: MiddlewareHandler<Env> = (c, next) => {
    const seconds = judge(c, c.get("guessed") === true);
    if (perMinute === Number.POSITIVE_INFINITY) return next();
    const token = c.get("token");
    const count = token === undefined ? addresses.add(address(c)) : tokens.add(`${token}`);
    c.header("RateLimit-Policy", policy);
    c.header("RateLimit", `"minute";r=${Math.max(0, perMinute - count)};t=${seconds}`);
    if (count > perMinute) throw tooMany(`these are over ${perMinute} requests within a minute`, seconds);
    return next();
  };
  return { requests, judge };
}

function tooMany(problem: string, seconds: number): Refusal {
  return new Refusal(429, `${problem}: go on in ${seconds} s`, { headers: { "Retry-After": `${seconds}` } });
}

/** Requests by key, in bounded memory. */
class Counts {
  readonly #counts = new Map<string, number>();

  get any(): boolean {
    return this.#counts.size > 0;
  }

  /** @returns how many these are with this one */
  add(key: string): number {
    const count = this.of(key) + 1;
    this.#counts.set(this.#own(key), count);
    return count;
  }

  of(key: string): number {
    return this.#counts.get(this.#own(key)) ?? 0;
  }

  #own(key: string): string {
    return this.#counts.has(key) || this.#counts.size < ADDRESSES_MAX ? key : "others";
  }
}
