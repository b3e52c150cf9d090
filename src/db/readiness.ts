/** What Muster can use the server for, as of the last time it looked at the server's facts (facts.ts). */
import { MusterError } from "../errors.ts";
import { withDeadline } from "./deadline.ts";
import type { Facts } from "./facts.ts";
import { lackLine, lacksFor } from "./requirements.ts";
import { type Lack, USES, type Use } from "./rights.ts";

/** While a use is refused, Muster looks at the server again, at most this often. */
const AGAIN_MS = 1_000;
/** If the server has not answered a look within this time, it counts as unreachable. */
const ANSWER_MS_MAX = 5_000;

export class Readiness {
  /** Called with a line for the log: when a use begins to be refused, and when no use is refused any more. */
  changed: (line: string) => void = () => {};
  /** The uses that are refused. */
  #lacks = new Map<Use, Lack[]>();
  #at = 0;
  #isStale = false;
  #renewal: Promise<void> | undefined;

  /** @param again reads the facts over a new connection, from the host that takes writes if there is one */
  constructor(
    facts: Facts,
    private readonly again: () => Promise<Facts>,
  ) {
    this.#take(facts);
  }

  /**
   * Why the last look refuses a use: `unavailable`, with the statement to run for the operator. Undefined if the use is
   * allowed.
   */
  refusal(use: Use): MusterError | undefined {
    const lacks = this.#lacks.get(use);
    if (lacks === undefined) return undefined;
    const wrong = lacks.map((lack) => lack.wrong).join("; ");
    return new MusterError("unavailable", wrong, { located: lacks.map(lackLine).join("\n") });
  }

  /**
   * Returns if the server can be used for this. If not, it looks again before it refuses.
   * @throws MusterError `unavailable` with the reason
   */
  async require(use: Use): Promise<void> {
    if (this.#isStale || this.#lacks.has(use)) await this.renew();
    const refusal = this.refusal(use);
    if (refusal) throw refusal;
  }

  /** The server has refused a write, so the last look is out of date. */
  forget(): void {
    this.#isStale = true;
  }

  /** Looks again if a use is refused and the last look is older than a second, or if it is out of date. */
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
    this.#take(await withDeadline(ANSWER_MS_MAX, this.again()));
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
      // Leave out `migrate`: no request migrates, and migrate() checks its requirements itself if a migration is pending.
      if (lacks.length > 0 && use !== "migrate") this.#lacks.set(use, lacks);
    }
  }

  /** What is refused and why, for the operator: a line for each reason. */
  lines(): string[] {
    const uses = new Map<string, Use[]>();
    for (const [use, lacks] of this.#lacks) {
      for (const line of lacks.map(lackLine)) uses.set(line, [...(uses.get(line) ?? []), use]);
    }
    return [...uses].map(([line, refused]) => `${refused.join(", ")} refused: ${line}`);
  }

  /** What is refused and why, for clients. */
  reasons(): Partial<Record<Use, string>> {
    return Object.fromEntries([...this.#lacks.keys()].map((use) => [use, this.refusal(use)?.message]));
  }
}
