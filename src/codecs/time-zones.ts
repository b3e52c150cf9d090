/** The clocks of time zones: which instant a local time is. */

const DAY = 86_400;
const OFFSET = /^([+-])(\d\d):?(\d\d)$/;
/** How many local days a zone remembers. */
const DAYS_MAX = 10_000;

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

/** A time in which a zone keeps one offset: its first second by the zone's clocks, and the second after its last. */
interface Span {
  from: number;
  to: number;
  offset: number;
}

/** What the clocks of a zone show on one local day. */
interface ClockDay {
  /** In the order of time. Those of a day without a change are one. */
  spans: readonly Span[];
  offsets: readonly number[];
}

export class Zone {
  readonly #fixed: readonly number[] | undefined;
  readonly #format: Intl.DateTimeFormat;
  readonly #days = new Map<number, ClockDay>();

  /** @param name for which isZone() holds */
  constructor(readonly name: string) {
    const fixed = fixedOffset(name);
    this.#fixed = fixed === undefined ? undefined : [fixed];
    this.#format = new Intl.DateTimeFormat("en-US", {
      timeZone: fixed === undefined ? name : "UTC",
      timeZoneName: "longOffset",
    });
  }

  /**
   * The offsets, in seconds east of UTC, at which the clocks of the zone show a local time: one; none if they skip it; two if
   * they show it twice.
   * @param local seconds since 1970-01-01 by the zone's clocks
   */
  offsetsAt(local: number): readonly number[] {
    if (this.#fixed !== undefined) return this.#fixed;
    const { spans, offsets } = this.#dayOf(local);
    if (spans.length === 1) return offsets;
    return spans.filter(({ from, to }) => local >= from && local < to).map(({ offset }) => offset);
  }

  /** What the clocks show at an instant. Both are in seconds since 1970-01-01. */
  localAt(instant: number): number {
    const { spans } = this.#fixed ? { spans: [] } : this.#dayOf(instant);
    const span = spans.find(({ to, offset }) => instant < to - offset);
    return instant + (span?.offset ?? this.#fixed?.[0] ?? 0);
  }

  /** The instant at which the clocks show a local time: the first, if they show it twice. One that they skip is counted on. */
  instantAt(local: number): number {
    const [offset] = this.offsetsAt(local);
    return local - (offset ?? this.#dayOf(local).spans.findLast(({ to }) => to <= local)?.offset ?? 0);
  }

  /** For a local time that the clocks skip: what they showed last, and what they showed next. */
  gapAt(local: number): { from: number; to: number } {
    const { spans } = this.#dayOf(local);
    return {
      from: spans.findLast(({ to }) => to <= local)?.to ?? local,
      to: spans.find(({ from }) => from > local)?.from ?? local,
    };
  }

  #dayOf(local: number): ClockDay {
    const day = Math.floor(local / DAY);
    const known = this.#days.get(day);
    if (known) return known;
    const spans = this.#spansAround(day * DAY);
    const found = { spans, offsets: spans.map(({ offset }) => offset) };
    if (this.#days.size >= DAYS_MAX) this.#days.clear();
    this.#days.set(day, found);
    return found;
  }

  /** The spans from a day before a local day to a day after it. No zone has ever changed its offset twice within six hours. */
  #spansAround(start: number): Span[] {
    const spans: Span[] = [];
    let from = Number.NEGATIVE_INFINITY;
    let offset = this.#offsetOf(start - DAY);
    for (let at = start - DAY; at < start + 2 * DAY; at += DAY / 4) {
      if (this.#offsetOf(at + DAY / 4) === offset) continue;
      const change = this.#changeWithin(at, at + DAY / 4, offset);
      spans.push({ from, to: change + offset, offset });
      offset = this.#offsetOf(change);
      from = change + offset;
    }
    spans.push({ from, to: Number.POSITIVE_INFINITY, offset });
    return spans;
  }

  /** The first instant at which the offset is another one than at `before`. */
  #changeWithin(before: number, after: number, offset: number): number {
    let [low, high] = [before, after];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.#offsetOf(middle) === offset) low = middle;
      else high = middle;
    }
    return high;
  }

  /** The offset at an instant, which Intl writes as GMT, GMT-05:00 or GMT-04:56:02. @param instant seconds since 1970-01-01 */
  #offsetOf(instant: number): number {
    const [, text = ""] = this.#format.format(instant * 1000).split("GMT");
    const [hours = 0, minutes = 0, seconds = 0] = text.slice(1).split(":").map(Number);
    return (text.startsWith("-") ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds) + 0;
  }
}
