/** What is held at once for requests that are not answered yet. Beyond a bound a request is refused at once, with 503. */
import type { MiddlewareHandler } from "hono";
import { Turnstile } from "../db/turnstile.ts";
import { MusterError } from "../errors.ts";
import { CHUNK_BYTES, turn } from "../event-loop.ts";
import { DEFAULT_LIMITS, type InFlightLimits } from "../limits.ts";
import { described, problems } from "./describe.ts";
import type { Env } from "./env.ts";

/**
 * Bytes of bodies that are parsed, judged and stored at once; the others wait as bytes, since a body takes thirty times its
 * size then: its text, its values, its rows, the statements, the verdicts, the answer. No body counts as more than half of
 * it: one that waits at a gate leaves room for writes to other tables.
 */
const BYTES_AT_WORK_MAX = 2 * 1024 * 1024;
/** A longer body leaves so much garbage that it is collected at once: some 50 ms, and left alone it would pile up. */
const GARBAGE_BYTES = 1024 * 1024;

/** For so long a body has the room that it announces. */
const ANNOUNCED_MS = 1_000;

/** One for each app. */
export class InFlight {
  readonly limits: InFlightLimits;
  readonly #work = new Turnstile(BYTES_AT_WORK_MAX);
  readonly #parsing = new Turnstile(1);
  #requests = 0;
  #bytes = 0;

  constructor(limits: Partial<InFlightLimits> = {}) {
    this.limits = { ...DEFAULT_LIMITS.inFlight, ...limits };
  }

  /** Counts the requests behind it. An answer that is a stream is not counted any more once it has begun. */
  counted(): MiddlewareHandler<Env> {
    const { requestsMax } = this.limits;
    const count: MiddlewareHandler<Env> = async (_, next) => {
      if (this.#requests >= requestsMax) throw busy(`it is answering ${requestsMax} requests, as many as it takes`);
      this.#requests++;
      try {
        await next();
      } finally {
        this.#requests--;
      }
    };
    return described(count, { answers: problems(503) });
  }

  /** Refuses a write, before its body is read, while the first of those that wait for their turn has waited too long. */
  admitted(writers: Turnstile): MiddlewareHandler<Env> {
    const { waitMsMax } = this.limits;
    const admit: MiddlewareHandler<Env> = (_, next) => {
      const ms = this.#work.waitedMs + writers.waitedMs;
      if (ms > waitMsMax) throw busy(`writes are waiting for their turn since ${(ms / 1000).toFixed(1)} s`);
      return next();
    };
    return described(admit, { answers: problems(503) });
  }

  /**
   * Room for one body, until it is disposed of: at first for as many bytes as are announced, and after a second for as many
   * as have come, so that those who send slowly keep nobody out.
   * @throws MusterError `unavailable` if there is no room
   */
  hold(announced: number): Held {
    const { bytesMax } = this.limits;
    let [held, filled] = [0, 0];
    const change = (bytes: number) => {
      this.#bytes += bytes - held;
      held = bytes;
    };
    const take = (bytes: number) => {
      if (bytes <= held) return;
      // A body that is larger than all the room is taken if it is the only one.
      const others = this.#bytes - held;
      if (others > 0 && others + bytes > bytesMax) {
        throw busy(`bodies of requests that wait for their answer fill ${others} of ${bytesMax} bytes`);
      }
      change(bytes);
    };
    take(announced);
    const timer = announced > CHUNK_BYTES ? setTimeout(() => change(filled), ANNOUNCED_MS) : undefined;
    return {
      fill: (bytes) => {
        filled += bytes;
        take(filled);
      },
      [Symbol.dispose]: () => {
        clearTimeout(timer);
        change(0);
      },
    };
  }

  /** Lets a request that has its body go on when there is room to work on it. */
  atWork(): MiddlewareHandler<Env> {
    return (c, next) => {
      const { length } = c.get("body");
      const work = async () => {
        await next();
        if (length > GARBAGE_BYTES) Bun.gc(true);
      };
      return this.#work.pass(work, Math.min(length, BYTES_AT_WORK_MAX / 2));
    };
  }

  /** Parses a body of so many bytes: a long one after others and in its own turn, so that what else has come is answered. */
  parse<T>(bytes: number, work: () => T | Promise<T>): T | Promise<T> {
    if (bytes <= CHUNK_BYTES) return work();
    return this.#parsing.pass(async () => {
      await turn();
      return work();
    });
  }
}

export interface Held extends Disposable {
  /** Says that so many bytes more have come. @throws MusterError `unavailable` if there is no room for them */
  fill(bytes: number): void;
}

const busy = (why: string) =>
  new MusterError("unavailable", `the service is busy: ${why}; nothing was done, try again`);
