/** Limits on bodies that are imported: how many, how many bytes on the disk, and how slow. */
import type { Context } from "hono";
import { MusterError } from "../errors.ts";
import type { ImportLimits } from "../limits.ts";
import type { Env } from "./env.ts";
import { RETRY_AFTER_S, Refusal } from "./problem.ts";

/** The disk space that one body takes, from its first byte until the end of its import. Disposing gives it back. */
export interface Upload extends Disposable {
  /** @throws MusterError `unavailable` if there is no room for these further bytes */
  add(bytes: number): void;
}

/** Counts the bodies that one process holds. */
export class Uploads {
  #count = 0;
  #bytes = 0;

  constructor(private readonly limits: Pick<ImportLimits, "uploadsMax" | "spooledBytesMax">) {}

  /** @throws Refusal 429 if there are too many already */
  begin(): Upload {
    const { uploadsMax, spooledBytesMax } = this.limits;
    if (this.#count >= uploadsMax) {
      throw tooMany(`${uploadsMax} bodies are being received or imported, the most this process takes`);
    }
    this.#count++;
    let own = 0;
    return {
      add: (bytes) => {
        if (this.#bytes + bytes > spooledBytesMax) {
          const held = `bodies that are being imported take ${this.#bytes} of ${spooledBytesMax} bytes`;
          throw new MusterError("unavailable", `${held}: nothing was imported, try again`);
        }
        own += bytes;
        this.#bytes += bytes;
      },
      [Symbol.dispose]: () => {
        this.#count--;
        this.#bytes -= own;
      },
    };
  }
}

export const tooMany = (why: string) =>
  new Refusal(429, `${why}: try again`, { headers: { "Retry-After": `${RETRY_AFTER_S}` } });

/**
 * Yields the bytes of a request's body as they arrive. To judge whether the body is too slow, only the time spent waiting for
 * bytes counts.
 * @param stopping ends the reading when it aborts
 * @throws Refusal 408 (RFC 9110, section 15.5.9) if the body is too slow; MusterError `interrupted` if the client left; the
 * reason of `stopping` if that aborts; and whatever `upload.add` throws
 */
export async function* bodyOf(
  c: Context<Env>,
  upload: Upload,
  { bytesPerSecondMin, slowMsMax }: Pick<ImportLimits, "bytesPerSecondMin" | "slowMsMax">,
  stopping: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { body, signal: gone } = c.req.raw;
  if (!body) return;
  const reader = body.getReader();
  let failure: unknown;
  const end = (reason: unknown) => {
    failure ??= reason;
    // Ends the read that is waiting for bytes.
    void reader.cancel(reason).catch(() => {});
  };
  const stop = () => end(stopping.reason);
  stopping.addEventListener("abort", stop);
  let bytes = 0;
  let waitedMs = 0;
  const tooSlow = () => {
    const slow = `the body is too slow: ${bytes} bytes in ${Math.round(waitedMs / 1000)} s`;
    return new Refusal(408, `${slow}, send at least ${bytesPerSecondMin} bytes a second`);
  };
  try {
    stopping.throwIfAborted();
    for (;;) {
      const since = performance.now();
      // If nothing arrives for this long, the body is too slow.
      const msMax = Math.min(Math.max(slowMsMax, (bytes / bytesPerSecondMin) * 1000) - waitedMs, TIMEOUT_MS_MAX);
      const timer = setTimeout(() => {
        waitedMs += performance.now() - since;
        end(tooSlow());
      }, msMax);
      const { value, done } = await reader.read().finally(() => clearTimeout(timer));
      if (failure) throw failure;
      if (done) break;
      waitedMs += performance.now() - since;
      bytes += value.length;
      upload.add(value.length);
      yield value;
    }
  } catch (error) {
    throw gone.aborted ? clientIsGone() : error;
  } finally {
    stopping.removeEventListener("abort", stop);
    await reader.cancel().catch(() => {});
  }
  // If the client gives up, that may look like the regular end of the body.
  if (gone.aborted) throw clientIsGone();
}

/** The longest time that setTimeout takes. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

const clientIsGone = () =>
  new MusterError("interrupted", "the client left before its body was whole: nothing was imported");
