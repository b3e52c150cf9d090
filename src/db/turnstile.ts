/** Lets a number of callers in at once. The others wait, and enter in the order of their arrival. */
export class Turnstile {
  #free: number;
  readonly #waiting: { enter(): void; takes: number; since: number }[] = [];

  constructor(private readonly places: number) {
    this.#free = places;
  }

  /** How many milliseconds the first in the line has waited; 0 if nobody waits. */
  get waitedMs(): number {
    const [first] = this.#waiting;
    return first ? performance.now() - first.since : 0;
  }

  /** Runs `work` once there is room. @param wanted how many places it takes; if there are fewer in all, it takes all of them */
  async pass<T>(work: () => Promise<T>, wanted = 1): Promise<T> {
    const leave = await this.enter(wanted);
    try {
      return await work();
    } finally {
      leave();
    }
  }

  /**
   * Waits for places as pass() does. Returns a function that gives them back; calling it again has no effect.
   * @param signal ends the wait when it aborts. @throws the signal's reason
   */
  async enter(wanted = 1, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const mine = { enter: resolve, takes: Math.min(wanted, this.places), since: performance.now() };
    const giveUp = () => {
      const at = this.#waiting.indexOf(mine);
      if (at === -1) return;
      this.#waiting.splice(at, 1);
      reject(signal?.reason);
      // The next one in the line may want fewer places than this one, so it may enter now.
      this.#admit();
    };
    signal?.addEventListener("abort", giveUp);
    this.#waiting.push(mine);
    this.#admit();
    await promise.finally(() => signal?.removeEventListener("abort", giveUp));
    let held = mine.takes;
    return () => {
      this.#free += held;
      held = 0;
      this.#admit();
    };
  }

  #admit(): void {
    for (let [first] = this.#waiting; first && first.takes <= this.#free; [first] = this.#waiting) {
      this.#waiting.shift();
      this.#free -= first.takes;
      first.enter();
    }
  }
}
