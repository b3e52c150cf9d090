import { MusterError } from "../errors.ts";

/** Imports that requests have going in one process: each holds three connections, and a spooled body. */
export const IMPORTS_MAX = 2;

/** The imports that work on after their requests were answered: how many there may be, and how they end with the service. */
export class ImportsUnderWay {
  readonly #stopping = new AbortController();
  readonly #working = new Set<Promise<void>>();
  #free = IMPORTS_MAX;

  readonly #ended = new AbortController();

  /** Is aborted when the service stops. */
  readonly stopping = this.#stopping.signal;
  /** Is aborted when the service has stopped them all. */
  readonly ended = this.#ended.signal;

  /** A place for one import, from its request to its end, which disposing gives back; undefined where all are taken. */
  enter(): Disposable | undefined {
    this.stopping.throwIfAborted();
    if (this.#free === 0) return undefined;
    this.#free--;
    return { [Symbol.dispose]: () => void this.#free++ };
  }

  /** @param work says for itself what becomes of it */
  launch(work: Promise<void>): void {
    const working = work.finally(() => this.#working.delete(working));
    this.#working.add(working);
  }

  /** Interrupts every import, and waits until they have ended. */
  async stop(): Promise<void> {
    this.#stopping.abort(new MusterError("interrupted", "interrupted: the service was stopped, import it again"));
    await Promise.all(this.#working);
    this.#ended.abort();
  }
}
