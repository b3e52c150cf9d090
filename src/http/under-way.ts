import { withDeadline } from "../db/deadline.ts";
import { Turnstile } from "../db/turnstile.ts";
import { MusterError } from "../errors.ts";
import type { BegunRun } from "../repositories/live-run.ts";

/** Imports that one process works on at once. Each holds three connections. */
export const IMPORTS_MAX = 2;

/** A request whose run has begun. `begun` is missing if there is nothing to do any more. */
interface BegunRequest {
  begun?: BegunRun;
}

interface Going<Request extends BegunRequest> {
  /** The run must begin within this time. If it begins later, it is ended at once. */
  msMax: number;
  /** Given back when the run has ended. */
  held: AsyncDisposableStack;
  /** Carries out the run. It must report how the run ended, and not reject. */
  finish(begun: NonNullable<Request["begun"]>): Promise<void>;
}

/** Work that goes on after its request is answered. Limits how much there is, and ends it with the service. */
export class WorkUnderWay {
  readonly #stopping = new AbortController();
  readonly #ended = new AbortController();
  readonly #working = new Set<Promise<unknown>>();

  /** The imports of this process. */
  readonly imports = new Turnstile(IMPORTS_MAX);
  /**
   * Backups, restores and verifications run one at a time. Each holds several connections, so many at once would leave none for
   * readers, or would wait for each other.
   */
  readonly backups = new Turnstile(1);
  /** Aborts when the service begins to stop. */
  readonly stopping = this.#stopping.signal;
  /** Aborts when all work has ended. */
  readonly ended = this.#ended.signal;

  /**
   * Takes a place among the work of each kind. Holds no connection while it waits.
   * @param gone aborts if the client has gone, which ends the wait
   * @param msMax how long it waits
   * @returns the places, which are given back when they are disposed of; undefined if one was not free in time
   */
  async enter(kinds: readonly Turnstile[], gone: AbortSignal, msMax: number): Promise<Disposable | undefined> {
    this.stopping.throwIfAborted();
    const ended = AbortSignal.any([gone, this.stopping, AbortSignal.timeout(msMax)]);
    const place = new DisposableStack();
    try {
      for (const places of kinds) place.defer(await places.enter(1, ended));
      return place;
    } catch (error) {
      place.dispose();
      this.stopping.throwIfAborted();
      if (ended.aborted) return undefined;
      throw error;
    }
  }

  /** Waits until the run of a request has begun, and lets it go on after the answer. */
  goOn<Request extends BegunRequest>(beginning: Promise<Request>, options: Going<Request>): Promise<Request> {
    const answered = this.#answered(beginning, options);
    this.#launch(answered);
    return answered;
  }

  async #answered<Request extends BegunRequest>(
    beginning: Promise<Request>,
    { msMax, held, finish }: Going<Request>,
  ): Promise<Request> {
    try {
      const request = await withDeadline(msMax, beginning);
      if (request.begun) this.#launch(holding(held.move(), finish(request.begun)));
      return request;
    } catch (error) {
      // The run may still begin after its request has failed.
      const late = beginning.then((request) => request.begun?.abandon(error));
      this.#launch(holding(held.move(), late));
      throw error;
    }
  }

  #launch(work: Promise<unknown>): void {
    const working = work.catch(() => {}).finally(() => this.#working.delete(working));
    this.#working.add(working);
  }

  /** Interrupts all work, and waits until it has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort(new MusterError("interrupted", "interrupted: the service was stopped, send it again"));
    while (this.#working.size > 0) await Promise.all(this.#working);
    this.#ended.abort();
  }
}

/** Waits until the work has ended, and then gives back what its request held. */
async function holding(held: AsyncDisposableStack, work: Promise<unknown>): Promise<void> {
  await using _ = held;
  await work;
}
