import { MusterError } from "../errors.ts";

/** Imports that one process works on at once: each holds three connections. */
export const IMPORTS_MAX = 2;
/** A body that has come waits so long for its import to begin. */
const PLACE_MS_MAX = 30_000;

/** The imports that work on after their requests were answered: how many there may be, and how they end with the service. */
export class ImportsUnderWay {
  readonly #stopping = new AbortController();
  readonly #working = new Set<Promise<void>>();
  #free = IMPORTS_MAX;
  readonly #waiting: (() => void)[] = [];

  readonly #ended = new AbortController();

  /** Is aborted when the service stops. */
  readonly stopping = this.#stopping.signal;
  /** Is aborted when the service has stopped them all. */
  readonly ended = this.#ended.signal;

  /** Whether a new import would have to wait for its place. */
  get isFull(): boolean {
    return this.#free === 0;
  }

  /**
   * A place for one import, which disposing gives back. Those who wait get it in their order.
   * @param gone gives the wait up when it aborts
   * @returns undefined if no place was free in time
   */
  async enter(gone: AbortSignal): Promise<Disposable | undefined> {
    this.stopping.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else if (!(await this.#freed(AbortSignal.any([gone, this.stopping, AbortSignal.timeout(PLACE_MS_MAX)])))) {
      this.stopping.throwIfAborted();
      return undefined;
    }
    return { [Symbol.dispose]: () => this.#leave() };
  }

  #freed(ended: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const take = () => resolve(true);
    this.#waiting.push(take);
    ended.addEventListener("abort", () => {
      const at = this.#waiting.indexOf(take);
      if (at !== -1) this.#waiting.splice(at, 1);
      resolve(false);
    });
    return promise;
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
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
