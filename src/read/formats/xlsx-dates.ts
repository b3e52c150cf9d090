/**
 * Dates in workbooks: a date is a number of days, and only the format of its cell says that it is one (ECMA-376, Part 1,
 * 18.8.30 and 18.17.4).
 */

/** What the numbers of a format are: dates with or without a time, or no dates. */
export type FormatKind = "number" | "day" | "time" | "daytime";

/** The formats that have a number and no code. Those from 27 to 36 and from 50 to 58 are dates of East Asian countries. */
export function kindOfId(id: number): FormatKind {
  if (id === 22) return "daytime";
  if ((id >= 18 && id <= 21) || id === 45 || id === 47) return "time";
  if ((id >= 32 && id <= 33) || (id >= 55 && id <= 56)) return "time";
  return (id >= 14 && id <= 17) || (id >= 27 && id <= 36) || (id >= 50 && id <= 58) ? "day" : "number";
}

/** Text in quotes, escaped characters, blanks and fills, colours, currencies and conditions. */
const LITERAL = /"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]/gi;

/** What the first section of a format's code shows. `[h]:mm` is a duration, and no time of day. */
export function kindOfCode(code: string): FormatKind {
  const [section = ""] = code.replace(LITERAL, "").toLowerCase().split(";");
  if (/\[[hms]+\]/.test(section) || /general/.test(section)) return "number";
  const hasTime = /[hs]/.test(section);
  const hasDay = /[yd]/.test(section) || (/m/.test(section) && !hasTime);
  if (!hasDay) return hasTime ? "time" : "number";
  return hasTime ? "daytime" : "day";
}

const DAY_MS = 86_400_000;
const [FIRST_1900, FIRST_1904] = [Date.UTC(1899, 11, 30), Date.UTC(1904, 0, 1)];
/** Midnight after 9999-12-31, counted from 1900. */
const END = 2_958_466;
/** The 29th of February 1900, which Excel has and no calendar does. All numbers before it are one less. */
const LEAP_DAY = 60;

/**
 * The text of a date: `yyyy-MM-dd`, with `THH:mm:ss` and milliseconds if its format shows a time or it has one. It has no
 * zone, because Excel has none. A number below 1 is a time without a day.
 * @returns undefined if Excel has no such date
 */
export function dateText(serial: number, kind: FormatKind, is1904: boolean): string | undefined {
  if (!(serial >= 0 && serial < END)) return undefined;
  const first = is1904 ? FIRST_1904 : FIRST_1900;
  const ms = Math.round(serial * DAY_MS);
  const isBeforeLeapDay = !is1904 && serial < LEAP_DAY;
  const iso = new Date(first + ms + (isBeforeLeapDay ? DAY_MS : 0)).toISOString();
  const time = iso.slice(11, 23).replace(".000", "");
  if (serial < 1 && (!is1904 || kind === "time")) return time;
  const day = !is1904 && Math.floor(ms / DAY_MS) === LEAP_DAY ? "1900-02-29" : iso.slice(0, 10);
  return kind === "day" && time === "00:00:00" ? day : `${day}T${time}`;
}

/**
 * A number as Excel shows it without a format: up to 15 digits, and no exponent. Whole numbers that are written as such keep
 * all their digits.
 */
export function numberText(text: string): string | undefined {
  if (/^-?\d+$/.test(text)) return text;
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) return undefined;
  const digits = String(Number(value.toPrecision(15)));
  return digits.includes("e") ? withoutExponent(digits) : digits;
}

function withoutExponent(digits: string): string {
  const [, minus = "", whole = "", decimals = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(digits) ?? [];
  const point = whole.length + Number(exponent);
  const all = whole + decimals;
  if (point <= 0) return `${minus}0.${"0".repeat(-point)}${all}`;
  return `${minus}${all.slice(0, point).padEnd(point, "0")}${all.length > point ? `.${all.slice(point)}` : ""}`;
}
