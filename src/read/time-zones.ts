/** The clocks of time zones: which instant a local time is. */

const DAY = 86_400;
const OFFSET = /^([+-])(\d\d):?(\d\d)$/;
/** How many local days a zone remembers. */
const DAYS_MAX = 20_000;

/** Whether a text is an IANA zone that this machine knows, UTC, or an offset like -05:00. */
export function isZone(text: string): boolean {
  if (OFFSET.test(text)) return fixedOffset(text) !== undefined;
  if (!/^[A-Za-z]/.test(text)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

/** Seconds east of UTC; undefined if the text is no offset. */
function fixedOffset(text: string): number | undefined {
  const [, sign, hours = "", minutes = ""] = OFFSET.exec(text) ?? [];
  if (sign === undefined || Number(hours) > 23 || Number(minutes) > 59) return undefined;
  return (sign === "-" ? -60 : 60) * (Number(hours) * 60 + Number(minutes));
}

export class Zone {
  readonly #fixed: number | undefined;
  readonly #format: Intl.DateTimeFormat;
  /** The offset of a local day on which the clocks do not change; NaN if they may. */
  readonly #days = new Map<number, number>();

  /** @param name for which isZone() holds */
  constructor(readonly name: string) {
    this.#fixed = fixedOffset(name) ?? (/^(?:etc\/)?(?:utc|gmt|z)$/i.test(name) ? 0 : undefined);
    const two = "2-digit";
    this.#format = new Intl.DateTimeFormat("en-US", {
      ...{ timeZone: this.#fixed === undefined ? name : "UTC", calendar: "gregory", hourCycle: "h23", era: "short" },
      ...{ year: "numeric", month: two, day: two, hour: two, minute: two, second: two },
    });
  }

  /**
   * The offsets, in seconds east of UTC, at which the clocks of the zone show a local time: one; none if they skip it; two if
   * they show it twice.
   * @param local seconds since 1970-01-01 by the zone's clocks
   */
  offsetsAt(local: number): number[] {
    if (this.#fixed !== undefined) return [this.#fixed];
    const day = Math.floor(local / DAY);
    let known = this.#days.get(day);
    if (known === undefined) {
      known = this.#offsetOfDay(day * DAY);
      if (this.#days.size >= DAYS_MAX) this.#days.clear();
      this.#days.set(day, known);
    }
    if (!Number.isNaN(known)) return [known];
    const near = new Set([-DAY, -DAY / 4, 0, DAY / 4, DAY].map((shift) => this.#offsetOf(local + shift)));
    return [...near].filter((offset) => this.#offsetOf(local - offset) === offset).sort((a, b) => b - a);
  }

  /** The one offset of a local day, from a day before it to a day after it; NaN if it changes. */
  #offsetOfDay(start: number): number {
    const first = this.#offsetOf(start - DAY);
    for (let at = start - (3 * DAY) / 4; at <= start + 2 * DAY; at += DAY / 4)
      if (this.#offsetOf(at) !== first) return Number.NaN;
    return first;
  }

  /** The offset at an instant. @param instant seconds since 1970-01-01 in UTC */
  #offsetOf(instant: number): number {
    const parts = Object.fromEntries(
      this.#format.formatToParts(instant * 1000).map(({ type, value }) => [type, value]),
    );
    const year = parts.era === "BC" ? 1 - Number(parts.year) : Number(parts.year);
    const [month, day, hour, minute, second] = ["month", "day", "hour", "minute", "second"].map((name) =>
      Number(parts[name]),
    );
    // Date.UTC adds 1900 to years below 100. None of them is a column's value.
    const local = Date.UTC(year, (month ?? 1) - 1, day, hour, minute, second) / 1000;
    return local - instant;
  }
}
