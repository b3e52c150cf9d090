/** Limits on the memory and number of requests that are not answered yet. A request beyond a limit gets 503 immediately. */
import type { MiddlewareHandler } from "hono";
import { Turnstile } from "../db/turnstile.ts";
import { MusterError } from "../errors.ts";
import { CHUNK_BYTES, turn } from "../event-loop.ts";
import { DEFAULT_LIMITS, type InFlightLimits } from "../limits.ts";
import { described, problems } from "./describe.ts";
import type { Env } from "./env.ts";

/**
 * How many bytes of bodies are parsed, judged and stored at once. Other bodies wait as plain bytes, because a body that is
 * worked on takes thirty times its size: text, values, rows, statements, verdicts, answer. No body counts as more than half
 * of this. So if one body waits for a table's gate (repositories/gates.ts), there is still room for writes to other tables.
 */
const BYTES_AT_WORK_MAX = 2 * 1024 * 1024;
/**
 * Garbage is collected once the bodies that were parsed have this many bytes together. Bun alone waits until the process has
 * 250 MB, because bodies that are being worked on keep the garbage of others alive. With this limit the process stays below
 * 230 MB in the insert bench, and inserts take 2 % longer: a collection takes about 50 ms.
 */
const GARBAGE_BYTES_MAX = 12 * 1024 * 1024;
/** After a body longer than this, garbage is collected in any case. */
const LONG_BODY_BYTES = 1024 * 1024;

/** For this long, the whole Content-Length of a body is reserved. After that, only the bytes that have arrived are. */
const ANNOUNCED_MS = 1_000;

/** Counts what the requests of one app hold. */
export class InFlight {
  readonly limits: InFlightLimits;
  readonly #work = new Turnstile(BYTES_AT_WORK_MAX);
  readonly #parsing = new Turnstile(1);
  #requests = 0;
  #bytes = 0;
  /** Bytes of the bodies parsed since the last collection. */
  #garbageBytes = 0;

  constructor(limits: Partial<InFlightLimits> = {}) {
    this.limits = { ...DEFAULT_LIMITS.inFlight, ...limits };
  }

  /** Counts requests until they are answered. A streamed answer counts until it begins. */
  counted(): MiddlewareHandler<Env> {
    const { requestsMax } = this.limits;
    const count: MiddlewareHandler<Env> = async (_, next) => {
      if (this.#requests >= requestsMax) throw busy(`it is working on ${requestsMax} requests, the most it takes`);
      this.#requests++;
      try {
        await next();
      } finally {
        this.#requests--;
      }
    };
    return described(count, { answers: problems(503) });
  }

  /** Refuses a write, before its body is read, if the first write in the queue has already waited too long. */
  admitted(writers: Turnstile): MiddlewareHandler<Env> {
    const { waitMsMax } = this.limits;
    const admit: MiddlewareHandler<Env> = (_, next) => {
      const ms = this.#work.waitedMs + writers.waitedMs;
      if (ms > waitMsMax) throw busy(`writes have been waiting for ${(ms / 1000).toFixed(1)} s`);
      return next();
    };
    return described(admit, { answers: problems(503) });
  }

  /**
   * Reserves memory for one body, until the result is disposed of. At first it reserves the announced bytes. After a second it
   * reserves only the bytes that have arrived, so slow senders do not block others.
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
      // A body larger than bytesMax is accepted if it is the only one.
      const others = this.#bytes - held;
      if (others > 0 && others + bytes > bytesMax) {
        throw busy(`bodies of unanswered requests fill ${others} of ${bytesMax} bytes`);
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

  /** Makes a request whose body has arrived wait until there is memory to work on the body. */
  atWork(): MiddlewareHandler<Env> {
    return (c, next) => {
      const { length } = c.get("body");
      const work = async () => {
        await next();
        if (this.#garbageBytes < GARBAGE_BYTES_MAX) return;
        this.#garbageBytes = 0;
        Bun.gc(true);
      };
      return this.#work.pass(work, Math.min(length, BYTES_AT_WORK_MAX / 2));
    };
  }

  /** Parses a body of this length. Long bodies are parsed one by one, and other events are handled in between. */
  parse<T>(bytes: number, work: () => T | Promise<T>): T | Promise<T> {
    this.#garbageBytes += bytes > LONG_BODY_BYTES ? GARBAGE_BYTES_MAX : bytes;
    if (bytes <= CHUNK_BYTES) return work();
    return this.#parsing.pass(async () => {
      await turn();
      return work();
    });
  }
}

export interface Held extends Disposable {
  /** Counts bytes that have arrived. @throws MusterError `unavailable` if there is no room for them */
  fill(bytes: number): void;
}

const busy = (why: string) =>
  new MusterError("unavailable", `the service is busy: ${why}; nothing was done, try again`);
