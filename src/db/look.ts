/** What the last look at the server found, and whether Muster can be used for this or that by it. */
import { MusterError } from "../errors.ts";
import { noAnswer } from "./driver-errors.ts";
import type { Facts } from "./facts.ts";
import { lacksFor, lineOf } from "./requirements.ts";
import { type Lack, USES, type Use } from "./rights.ts";

/** While something is refused the server is looked at again this often at most, if somebody asks for it. */
const AGAIN_MS = 1_000;
/** A server that does not answer a look by then is away. */
const ANSWER_MS_MAX = 5_000;

export class Look {
  /** Told in one line when a use is refused from now on, and when all of them can be had again. */
  changed: (line: string) => void = () => {};
  #lacks = new Map<Use, Lack[]>();
  #at = 0;
  #isStale = false;
  #renewal: Promise<void> | undefined;

  /** @param again looks at the server by a new connection, at the host that takes writes if there is one */
  constructor(
    facts: Facts,
    private readonly again: () => Promise<Facts>,
  ) {
    this.#take(facts);
  }

  /** Why a use cannot be had, as far as the last look knows: `unavailable`, with the statement that mends it for the operator. */
  refusal(use: Use): MusterError | undefined {
    const lacks = this.#lacks.get(use);
    if (lacks === undefined) return undefined;
    const wrong = lacks.map((lack) => lack.wrong).join("; ");
    return new MusterError("unavailable", wrong, { located: lacks.map(lineOf).join("\n") });
  }

  /** Returns if a use can be had; looks again before it refuses. @throws MusterError `unavailable` with the reason */
  async require(use: Use): Promise<void> {
    if (this.#isStale || this.#lacks.has(use)) await this.renew();
    const refusal = this.refusal(use);
    if (refusal) throw refusal;
  }

  /** The server has refused a write: what was seen is not true any more. */
  forget(): void {
    this.#isStale = true;
  }

  /** Looks at the server again if something is refused and the last look is not of this second. */
  async renew(): Promise<void> {
    const isWanted = this.#isStale || (this.#lacks.size > 0 && performance.now() - this.#at > AGAIN_MS);
    if (!isWanted) return;
    this.#renewal ??= this.#lookAgain().finally(() => {
      this.#renewal = undefined;
    });
    await this.#renewal;
  }

  async #lookAgain(): Promise<void> {
    const before = this.lines();
    this.#take(await inTime(this.again()));
    const now = this.lines();
    for (const line of now.filter((each) => !before.includes(each))) this.changed(line);
    if (now.length === 0 && before.length > 0) this.changed("the database takes all that Muster writes again");
  }

  #take(facts: Facts): void {
    this.#isStale = false;
    this.#at = performance.now();
    this.#lacks = new Map();
    for (const use of USES) {
      const lacks = lacksFor(facts, use);
      // What it takes to migrate is asked when a migration is pending.
      if (lacks.length > 0 && use !== "migrate") this.#lacks.set(use, lacks);
    }
  }

  /** What is refused and why, for the operator: a line for each reason. */
  lines(): string[] {
    const uses = new Map<string, Use[]>();
    for (const [use, lacks] of this.#lacks) {
      for (const line of lacks.map(lineOf)) uses.set(line, [...(uses.get(line) ?? []), use]);
    }
    return [...uses].map(([line, refused]) => `${refused.join(", ")} refused: ${line}`);
  }

  /** What is refused and why, for everybody. */
  reasons(): Partial<Record<Use, string>> {
    return Object.fromEntries([...this.#lacks.keys()].map((use) => [use, this.refusal(use)?.message]));
  }
}

/** @throws an error of the code ETIMEDOUT if it takes longer than a look may */
async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: Timer | undefined;
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(noAnswer(ANSWER_MS_MAX)), ANSWER_MS_MAX);
  });
  work.catch(() => {}); // after the expiry nobody awaits it
  try {
    return await Promise.race([work, expiry]);
  } finally {
    clearTimeout(timer);
  }
}
