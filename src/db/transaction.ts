/** Transactions that end: committed, undone, or run again a bounded number of times. */
import type { Pool, PoolConnection } from "mysql2/promise";
import { driverError, noAnswer, takesNoWrites } from "./driver-errors.ts";
import { READ_ONLY } from "./faults.ts";
import type { Look } from "./look.ts";
import type { Use } from "./rights.ts";

/** InnoDB undoes one of two transactions that wait for each other, and asks for it to be run again. */
export const DEADLOCK = "ER_LOCK_DEADLOCK";
/** Lost to another writer between the look and the statement: a new look sees what it wrote. */
export const LOST_RACES = [DEADLOCK, "ER_DUP_ENTRY", "ER_NO_REFERENCED_ROW_2"];
/** What undid a whole transaction that is worth another try: a new connection finds the host that takes writes. */
export const WORTH_ANOTHER_TRY = [...LOST_RACES, ...READ_ONLY];

const ATTEMPTS_MAX = 10;
const PAUSE_MS_MAX = 20;

/** Runs a whole transaction again, after a short pause of random length, where one of these errors undid it. */
export async function retried<T>(codes: readonly string[], transaction: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction();
    } catch (error) {
      const code = driverError(error)?.code;
      if (code === undefined || !codes.includes(code) || attempt === ATTEMPTS_MAX) throw error;
      await Bun.sleep(Math.random() * PAUSE_MS_MAX * attempt);
    }
  }
}

/**
 * Lets so many in at once, the others wait in order. Writers that wait for a gate hold their connections meanwhile, and
 * would leave none for readers.
 */
export class Turnstile {
  #free: number;
  readonly #waiting: { enter(): void; takes: number; since: number }[] = [];

  constructor(private readonly places: number) {
    this.#free = places;
  }

  /** Whether the next one has to wait. */
  get isFull(): boolean {
    return this.#free === 0 || this.#waiting.length > 0;
  }

  /** How long the first of those who wait has waited; 0 if nobody waits. */
  get waitedMs(): number {
    const [first] = this.#waiting;
    return first ? performance.now() - first.since : 0;
  }

  /** @param wanted places; if there are not as many, the work takes all of them */
  async pass<T>(work: () => Promise<T>, wanted = 1): Promise<T> {
    const leave = await this.enter(wanted);
    try {
      return await work();
    } finally {
      leave();
    }
  }

  /**
   * Waits for places as pass() does. What is returned gives them back, and may be called more than once.
   * @param signal gives the waiting up when it aborts, and its reason is thrown
   */
  async enter(wanted = 1, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    const takes = Math.min(wanted, this.places);
    if (this.#waiting.length === 0 && takes <= this.#free) this.#free -= takes;
    else await this.#turn(takes, signal);
    let held = takes;
    return () => {
      this.#free += held;
      held = 0;
      this.#admit();
    };
  }

  async #turn(takes: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const mine = { enter: resolve, takes, since: performance.now() };
    const giveUp = () => {
      const at = this.#waiting.indexOf(mine);
      if (at === -1) return;
      this.#waiting.splice(at, 1);
      reject(signal?.reason);
      // Those behind may want fewer places.
      this.#admit();
    };
    this.#waiting.push(mine);
    signal?.addEventListener("abort", giveUp);
    await promise.finally(() => signal?.removeEventListener("abort", giveUp));
  }

  #admit(): void {
    for (let [first] = this.#waiting; first && first.takes <= this.#free; [first] = this.#waiting) {
      this.#waiting.shift();
      this.#free -= first.takes;
      first.enter();
    }
  }
}

/**
 * Runs `work` in a transaction of its own on a connection of the pool: committed where it returns, undone where it throws.
 * @param msMax past it the connection is given up, and with it the transaction: an error of the code ETIMEDOUT
 * @param use what the database must be usable for
 */
export async function transacted<T>(
  { pool, writers, look, demoted }: { pool: Pool; writers: Turnstile; look: Look; demoted(): void },
  work: (connection: PoolConnection) => Promise<T>,
  msMax: number,
  use: Use = "insert",
): Promise<T> {
  let connection: PoolConnection | undefined;
  let late = false;
  const whole = async () => {
    await look.require(use);
    if (late) throw noAnswer(msMax);
    connection = await pool.getConnection();
    if (late) connection.destroy();
    try {
      // Each statement sees what is committed when it runs: a look before a wait would be out of date behind it, and the
      // look for what is not there would lock the gap for all others.
      await connection.query("SET TRANSACTION ISOLATION LEVEL READ COMMITTED");
      await connection.beginTransaction();
      const result = await work(connection);
      await connection.commit();
      connection.release();
      return result;
    } catch (error) {
      if (takesNoWrites(error)) {
        connection.destroy();
        demoted();
      } else if (!late) await undo(connection);
      throw error;
    }
  };
  let timer: Timer | undefined;
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      late = true;
      connection?.destroy();
      reject(noAnswer(msMax));
    }, msMax);
  });
  // A connection that was destroyed answers nobody, and would keep its writer's place for ever.
  const running = writers.pass(() => Promise.race([whole(), expiry]));
  running.catch(() => {}); // after the expiry nobody awaits it
  try {
    return await Promise.race([running, expiry]);
  } finally {
    clearTimeout(timer);
  }
}

/** Gives a connection back without its transaction, or up where the server undoes that: it is of no use any more. */
async function undo(connection: PoolConnection): Promise<void> {
  await connection.rollback().then(
    () => connection.release(),
    () => connection.destroy(),
  );
}
