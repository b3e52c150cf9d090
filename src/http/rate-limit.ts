/** Limits how many requests a client may send in a minute. Each process counts only its own requests. */
import type { Context, MiddlewareHandler } from "hono";
import { addressOf } from "./client-address.ts";
import type { Env } from "./env.ts";
import { Refusal } from "./problem.ts";

export interface RateLimit {
  /** Requests a minute for each token, or each address without a token. If infinite, only unknown tokens are limited. */
  perMinute: number;
  /** Addresses and networks of proxies whose X-Forwarded-For is trusted. */
  proxies?: readonly string[] | undefined;
  /** A monotonic clock in milliseconds. */
  now?(): number;
}

/**
 * Counts unknown tokens by address. The sign-in form calls it too.
 * @param guessed whether the request's token is unknown
 * @returns the seconds until all counts start again from 0
 * @throws Refusal 429 if the address sent too many
 */
export type GuessLimit = (c: Context<Env>, guessed: boolean) => number;

const WINDOW_MS = 60_000;
/** Unknown tokens that an address may send in a minute. */
export const GUESSES_PER_MINUTE_MAX = 60;
/** How many addresses have their own count. Further addresses in the same minute share one, which bounds memory. */
export const ADDRESSES_MAX = 10_000;

/**
 * Refuses requests over the limit with 429 and Retry-After. RateLimit and RateLimit-Policy say how many are left
 * (draft-ietf-httpapi-ratelimit-headers-10). An address that sent too many unknown tokens is refused even with a valid one,
 * so that it does not learn which token is valid.
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
  const limitGuesses: GuessLimit = (c, guessed) => {
    const seconds = secondsLeft();
    if (guessed) guesses.add(address(c));
    if (!guesses.any || guesses.of(address(c)) <= GUESSES_PER_MINUTE_MAX) return seconds;
    throw tooMany(`this address sent more than ${GUESSES_PER_MINUTE_MAX} unknown tokens in a minute`, seconds);
  };
  const requests: MiddlewareHandler<Env> = (c, next) => {
    const seconds = limitGuesses(c, c.get("guessed") === true);
    if (perMinute === Number.POSITIVE_INFINITY) return next();
    const token = c.get("token");
    const count = token === undefined ? addresses.add(address(c)) : tokens.add(`${token}`);
    c.header("RateLimit-Policy", policy);
    c.header("RateLimit", `"minute";r=${Math.max(0, perMinute - count)};t=${seconds}`);
    if (count > perMinute) throw tooMany(`rate limit of ${perMinute} requests per minute exceeded`, seconds);
    return next();
  };
  return { requests, limitGuesses };
}

function tooMany(problem: string, seconds: number): Refusal {
  return new Refusal(429, `${problem}; retry in ${seconds} s`, { headers: { "Retry-After": `${seconds}` } });
}

/** Counts by key, in bounded memory. */
class Counts {
  readonly #counts = new Map<string, number>();

  get any(): boolean {
    return this.#counts.size > 0;
  }

  /** @returns the new count */
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
