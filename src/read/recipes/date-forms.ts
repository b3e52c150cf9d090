/** Reads dates as a recipe writes them (docs/recipes.md "Dates and time zones"), and gives codecs the form that they read. */
import { Fault } from "../../codecs/codec.ts";
import { DAY_SECONDS, dayText, secondText, storedInstant } from "../../codecs/datetime.ts";
import { Zone } from "../../codecs/time-zones.ts";
import { shown } from "../../shown.ts";
import { type ClockTime, isEpoch, type Pattern, patternOf } from "./date-patterns.ts";
import type { FileRecipe } from "./recipe.ts";

type Datetime = NonNullable<FileRecipe["datetime"]>;

export class DateForms {
  readonly patterns: readonly Pattern[];
  readonly #zone: Zone | undefined;

  constructor({ formats = [], zone }: Datetime) {
    this.patterns = formats.map(patternOf);
    this.#zone = zone === undefined ? undefined : new Zone(zone);
  }

  /** A pattern whose texts name no instant, because neither they nor the recipe say the zone. */
  get withoutZone(): string | undefined {
    return this.#zone ? undefined : this.patterns.find(({ hasZone }) => !hasZone)?.text;
  }

  /** Whether a date may be a number, which JSON writes without quotes. */
  get countsSeconds(): boolean {
    return this.patterns.some(({ text }) => isEpoch(text));
  }

  /**
   * The instant that a text names, as a column with so many decimals stores it.
   * @returns undefined if the text has none of the recipe's forms
   */
  instant(text: string, decimals: number): string | Fault | undefined {
    const bytes = Buffer.from(text);
    const clock = this.#clock(bytes, 0, bytes.length);
    if (clock === undefined || clock instanceof Fault) return clock;
    const local = clock.day * DAY_SECONDS + clock.second;
    const offsets = this.#offsetsOf(clock, local);
    const [east = 0, other] = offsets;
    if (offsets.length === 0 || other !== undefined) return invalid(this.#whyNoInstant(text, local, offsets));
    return storedInstant(local - east, clock.fraction, decimals, text);
  }

  /** The same, straight from the bytes of a cell. Undefined if instant() would not return an instant. */
  instantIn(bytes: Buffer, start: number, end: number, decimals: number): string | undefined {
    const clock = this.#clock(bytes, start, end);
    if (clock === undefined || clock instanceof Fault) return undefined;
    const local = clock.day * DAY_SECONDS + clock.second;
    const offsets = this.#offsetsOf(clock, local);
    if (offsets.length !== 1) return undefined;
    const stored = storedInstant(local - (offsets[0] ?? 0), clock.fraction, decimals, "");
    return stored instanceof Fault ? undefined : stored;
  }

  /** The day that a text names, as YYYY-MM-DD; undefined if the text has none of the recipe's forms. */
  day(text: string): string | Fault | undefined {
    const bytes = Buffer.from(text);
    const clock = this.#clock(bytes, 0, bytes.length);
    if (clock === undefined || clock instanceof Fault) return clock;
    if (clock.second > 0 || /[1-9]/.test(clock.fraction)) return invalid(`keeps a day, and ${shown(text)} has a time`);
    return dayText(clock.day);
  }

  /** Continues the sentence of a reason for a text that has none of the forms. */
  get wanted(): string {
    const forms = this.patterns.map(({ text }) => text).join(" or ");
    return forms === "" ? "" : `must be a date like ${forms}, as the recipe says`;
  }

  #offsetsOf({ offset }: ClockTime, local: number): readonly number[] {
    return offset === undefined ? (this.#zone?.offsetsAt(local) ?? []) : [offset];
  }

  /** What a text says by the patterns. If it fits several, they must agree. */
  #clock(bytes: Buffer, start: number, end: number): ClockTime | Fault | undefined {
    if (end - start > DATE_BYTES_MAX) return undefined;
    if (this.patterns.length === 0) return isoClock(bytes, start, end);
    let found: ClockTime | undefined;
    let why: string | undefined;
    for (const pattern of this.patterns) {
      const clock = pattern.read(bytes, start, end);
      if (typeof clock === "string") why ??= clock;
      if (clock === undefined || typeof clock === "string") continue;
      if (found && !isSame(found, clock))
        return hasText(bytes, start, end, "two formats of the recipe read differently");
      found = clock;
    }
    return found ?? (why === undefined ? undefined : hasText(bytes, start, end, why));
  }

  #whyNoInstant(text: string, local: number, offsets: readonly number[]): string {
    const zone = this.#zone?.name ?? "";
    const [first, second] = offsets.map((offset) => iso(local - offset));
    if (second !== undefined) return `has ${shown(text)}, which exists twice in ${zone}: as ${first} and as ${second}`;
    const [from = "", to = ""] = Object.values(this.#zone?.gapAt(local) ?? {}).map((at) => secondText(at, "T"));
    const isOneDay = from.slice(0, 10) === to.slice(0, 10);
    const clocks = isOneDay ? [from, to].map((each) => each.slice(11)) : [from, to];
    return `has ${shown(text)}, which does not exist in ${zone}: the clocks went from ${clocks.join(" to ")}`;
  }
}

/** A longer text is no date. */
const DATE_BYTES_MAX = 400;

const invalid = (why: string) => new Fault("invalid_datetime", why);

const hasText = (bytes: Buffer, start: number, end: number, why: string) =>
  invalid(`has ${shown(bytes.toString("utf8", start, end))}, which ${why}`);

const isSame = (a: ClockTime, b: ClockTime) =>
  a.day === b.day &&
  a.second === b.second &&
  Number(`.${a.fraction}0`) === Number(`.${b.fraction}0`) &&
  a.offset === b.offset;

const iso = (second: number) => `${secondText(second, "T")}Z`;

const isoForms = (between: string) => ({
  minutes: patternOf(`yyyy-MM-dd'${between}'HH:mm`),
  seconds: patternOf(`yyyy-MM-dd'${between}'HH:mm:ss`),
});
const ISO: Record<string, ReturnType<typeof isoForms>> = { " ": isoForms(" "), T: isoForms("T"), t: isoForms("t") };

/** A local time as RFC 3339 writes it, without the zone. T may be a blank, and the seconds may be left out. */
function isoClock(bytes: Buffer, start: number, end: number): ClockTime | Fault | undefined {
  const forms = ISO[String.fromCharCode(bytes[start + 10] ?? 0)];
  const timeEnd = Math.min(end, start + 19);
  const clock = (end - start > 16 ? forms?.seconds : forms?.minutes)?.read(bytes, start, timeEnd);
  if (clock === undefined) return undefined;
  const [rest, fraction = ""] =
    end === timeEnd ? [""] : (/^\.(\d+)$/.exec(bytes.toString("latin1", timeEnd, end)) ?? []);
  if (rest === undefined) return undefined;
  return typeof clock === "string" ? hasText(bytes, start, end, clock) : { ...clock, fraction };
}
