import { Turnstile } from "../db/turnstile.ts";
import { MusterError } from "../errors.ts";

/** Imports that one process works on at once. Each holds three connections. */
export const IMPORTS_MAX = 2;
/** How long a request waits for a place after its body has arrived. */
const PLACE_MS_MAX = 30_000;

/** Imports that go on after their requests are answered. Limits their number, and ends them with the service. */
export class ImportsUnderWay {
  readonly #stopping = new AbortController();
  readonly #working = new Set<Promise<void>>();
  readonly #places = new Turnstile(IMPORTS_MAX);
  readonly #ended = new AbortController();

  /** Aborts when the service begins to stop. */
  readonly stopping = this.#stopping.signal;
  /** Aborts when all imports have ended. */
  readonly ended = this.#ended.signal;

  /** Whether a new import would have to wait. */
  get isFull(): boolean {
    return this.#places.isFull;
  }

  /**
   * Takes a place for one import among the imports of this process and among its long runs. Holds no connection while it waits.
   * @param gone aborts if the client has gone, which ends the wait
   * @returns the place, which is given back when it is disposed of; undefined if none was free in time
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

  /** @param work must report its own outcome, and not reject */
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
