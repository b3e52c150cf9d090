import { Turnstile } from "../db/turnstile.ts";
import { MusterError } from "../errors.ts";

/** Imports that one process works on at once: each holds three connections. */
export const IMPORTS_MAX = 2;
/** A body that has come waits so long for its import to begin. */
const PLACE_MS_MAX = 30_000;

/** The imports that work on after their requests were answered: how many there may be, and how they end with the service. */
export class ImportsUnderWay {
  readonly #stopping = new AbortController();
  readonly #working = new Set<Promise<void>>();
  readonly #places = new Turnstile(IMPORTS_MAX);
  readonly #ended = new AbortController();

  /** Is aborted when the service stops. */
  readonly stopping = this.#stopping.signal;
  /** Is aborted when the service has stopped them all. */
  readonly ended = this.#ended.signal;

  /** Whether a new import would have to wait for its place. */
  get isFull(): boolean {
    return this.#places.isFull;
  }

  /**
   * A place for one import, among the imports of this process and among its long runs. Disposing gives it back. Nothing of
   * the database is held by those who wait.
   * @param gone gives the wait up when it aborts
   * @returns undefined if no place was free in time
   */
  async enter(longRuns: Turnstile, gone: AbortSignal): Promise<Disposable | undefined> {
    this.stopping.throwIfAborted();
    const ended = AbortSignal.any([gone, this.stopping, AbortSignal.timeout(PLACE_MS_MAX)]);
    const place = new DisposableStack();
    try {
      for (const places of [this.#places, longRuns]) place.defer(await places.enter(1, ended));
      return place;
    } catch (error) {
      place.dispose();
      this.stopping.throwIfAborted();
      if (ended.aborted) return undefined;
      throw error;
    }
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
