/** Instants and days: from ISO 8601 text to the UTC text that MySQL stores, and back. The machine's time zone plays no part. */
import { shown } from "../shown.ts";
import { Fault } from "./codec.ts";

/** MySQL's range of DATE and DATETIME. */
const YEAR_MIN = 1000;
const FIRST_SECOND = Date.UTC(1000, 0, 1) / 1000;
const LAST_SECOND = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000;

/**
 * Reads an instant as RFC 3339 and common programs write it: `T` or a blank between day and time, seconds or none, any
 * number of decimals, then `Z` or an offset as `+hh:mm`, `+hhmm` or `+hh`. Millions of rows pass here, so an instant in UTC
 * is checked and cut from the text without a Date.
 * @param decimals how many decimals of a second the column keeps, 0 to 6. An instant with more is refused: the server would
 * round it.
 * @returns `YYYY-MM-DD HH:MM:SS.mmm` in UTC with exactly that many decimals
 */
export function readInstant(text: string, decimals: number): string | Fault {
  if (!isDay(text) || !isBetween(text.charCodeAt(10)) || !isClock(text)) return whyNotAnInstant(text);
  const hasSeconds = text.charCodeAt(16) === COLON;
  if (hasSeconds && !(two(text, 17) <= 59)) return whyNotAnInstant(text);
  let zoneAt = hasSeconds ? 19 : 16;
  let fraction = ZEROS[decimals] ?? "";
  let losesDigits = false;
  if (hasSeconds && text.charCodeAt(19) === POINT) {
    zoneAt = 20;
    while (isDigit(text.charCodeAt(zoneAt))) zoneAt++;
    if (zoneAt === 20) return whyNotAnInstant(text);
    losesDigits = hasOtherThanZeros(text, 20 + decimals, zoneAt);
    if (decimals > 0) fraction = `.${text.slice(20, Math.min(zoneAt, 20 + decimals)).padEnd(decimals, "0")}`;
  }
  if (text.charCodeAt(zoneAt) === SPACE) zoneAt++;
  const minutes = offsetMinutes(text, zoneAt);
  if (Number.isNaN(minutes)) return whyNotAnInstant(text);
  if (losesDigits) return tooPrecise(text, decimals);
  const time = hasSeconds ? text.slice(11, 19) : `${text.slice(11, 16)}:00`;
  if (minutes === 0) return yearOf(text) < YEAR_MIN ? outOfRange(text) : `${text.slice(0, 10)} ${time}${fraction}`;
  const local = Date.parse(`${text.slice(0, 10)}T${time}Z`) / 1000;
  return storedInstant(local - minutes * 60, fraction.slice(1), decimals, text);
}

/**
 * An instant as readInstant returns it.
 * @param second since 1970 in UTC
 * @param fraction the decimals of the second, as they are written
 * @param text what an error shows
 */
export function storedInstant(second: number, fraction: string, decimals: number, text: string): string | Fault {
  if (hasOtherThanZeros(fraction, decimals, fraction.length)) return tooPrecise(text, decimals);
  if (!(second >= FIRST_SECOND && second <= LAST_SECOND)) return outOfRange(text);
  const stored = secondText(second, " ");
  if (decimals === 0) return stored;
  return fraction === "" ? stored + ZEROS[decimals] : `${stored}.${fraction.slice(0, decimals).padEnd(decimals, "0")}`;
}

/**
 * A whole second as readInstant returns it, without a Date. Undefined if `second` is not whole or out of range: readInstant then
 * reads it, or says why not.
 * @param second since 1970 in UTC
 */
export const wholeSecond = (second: number, decimals: number): string | undefined =>
  Number.isInteger(second) && second >= FIRST_SECOND && second <= LAST_SECOND
    ? secondText(second, " ") + ZEROS[decimals]
    : undefined;

/** `YYYY-MM-DDTHH:MM:SS` in UTC. toISOString() for every row would take longer than everything else around it. */
export function secondText(second: number, between: "T" | " "): string {
  const day = Math.floor(second / DAY_SECONDS);
  const clock = second - day * DAY_SECONDS;
  const minutes = Math.floor(clock / 60);
  return `${dayText(day)}${between}${TWO[Math.floor(minutes / 60)]}:${TWO[minutes % 60]}:${TWO[clock % 60]}`;
}

export const DAY_SECONDS = 86_400;
const TWO = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, "0"));
/** The texts of days: a file has few different ones. */
const days = new Map<number, string>();
const DAYS_MAX = 20_000;

/** `YYYY-MM-DD`. @param day how many days it is after 1970-01-01 */
export function dayText(day: number): string {
  const known = days.get(day);
  if (known !== undefined) return known;
  if (days.size >= DAYS_MAX) days.clear();
  const text = new Date(day * DAY_SECONDS * 1000).toISOString().slice(0, -14);
  days.set(day, text);
  return text;
}

/**
 * Reads the commonest form, `YYYY-MM-DDTHH:MM:SSZ`, straight from bytes. If it returns undefined, use readInstant.
 * @param length the length of the returned text, which decides how many decimals it has
 */
export function readUtcInstant(bytes: Uint8Array, start: number, end: number, length: number): string | undefined {
  if (end - start !== 20 || bytes[start + 10] !== UPPER_T || bytes[start + 19] !== UPPER_Z) return undefined;
  for (let at = 0; at < 19; at++) SCRATCH[at] = bytes[start + at] ?? 0;
  SCRATCH[10] = SPACE;
  const text = SCRATCH.toString("latin1", 0, length);
  return isDay(text) && isTime(text) && yearOf(text) >= YEAR_MIN ? text : undefined;
}

const SCRATCH = Buffer.from("YYYY-MM-DD HH:MM:SS.000000");

/** Converts what readInstant returns to `2021-11-07T02:48:42Z`, with its decimals (three at least) only if they are not zero. */
export function instant(stored: string): string {
  const second = `${stored.slice(0, 10)}T${stored.slice(11, 19)}`;
  if (stored.length > 23)
    return hasOtherThanZeros(stored, 20, stored.length) ? `${second}${stored.slice(19)}Z` : `${second}Z`;
  const fraction = stored.slice(19).padEnd(4, "0");
  return fraction === ".000" || stored.length === 19 ? `${second}Z` : `${second}${fraction}Z`;
}

/** Converts what readInstant returns to milliseconds since 1970. */
export const millisecondsOf = (stored: string): number =>
  secondOf(stored) * 1000 + Number(stored.slice(20).padEnd(3, "0"));

/** Converts what readInstant returns to microseconds since 1970: a number, or its digits past 2^53. */
export function microsecondsOf(stored: string): number | string {
  const micros = BigInt(secondOf(stored)) * 1_000_000n + BigInt(stored.slice(20).padEnd(6, "0"));
  return Number.isSafeInteger(Number(micros)) ? Number(micros) : String(micros);
}

/** The seconds from 1970 to what readInstant returns, without its decimals. */
export function secondOf(stored: string): number {
  const seconds = two(stored, 11) * 3600 + two(stored, 14) * 60 + two(stored, 17);
  return dayOf(stored) * DAY_SECONDS + seconds;
}

/** How many days `YYYY-MM-DD` is after 1970-01-01. */
export function dayOf(stored: string): number {
  return daysSince1970(yearOf(stored), two(stored, 5), two(stored, 8));
}

/**
 * Days since 1970 by the Gregorian calendar, extended to the years before 1582. (Date.UTC would add 1900 to a year below
 * 100.) MySQL's zero dates, such as 2021-00-00, become a day of the year 0, which no column accepts.
 */
export function daysSince1970(year: number, month: number, day: number): number {
  if (month === 0 || day === 0) return YEAR_0;
  // Counts years from March, so that the leap day is the last day of its year.
  const from = month > 2 ? year : year - 1;
  const inYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return from * 365 + Math.floor(from / 4) - Math.floor(from / 100) + Math.floor(from / 400) + inYear - 719_468;
}

const YEAR_0 = -719_528;

/** Whether stored text may be a date that no column accepts: before the year 1000, or with month or day zero. */
export function mayBeZeroDate(text: Uint8Array, start: number): boolean {
  const isZero = (at: number) => text[start + at] === 48 && text[start + at + 1] === 48;
  return text[start] === 48 || isZero(5) || isZero(8);
}

/** Reads `YYYY-MM-DD`. */
export function readDay(text: string): string | Fault {
  if (text.length !== 10 || !/^\d{4}-\d\d-\d\d$/.test(text)) {
    return new Fault("invalid_datetime", `must be a day like 2021-11-07, not ${shown(text)}`);
  }
  if (!isDay(text)) return new Fault("invalid_datetime", `must be a day that exists: ${shown(text)} does not`);
  return yearOf(text) < YEAR_MIN ? outOfRange(text) : text;
}

const SPACE = 32;
const MINUS = 45;
const PLUS = 43;
const POINT = 46;
const ZERO = 48;
const COLON = 58;
const UPPER_T = 84;
const UPPER_Z = 90;
const LOWER_T = 116;
const LOWER_Z = 122;
const ZEROS = Array.from({ length: 7 }, (_, decimals) => (decimals === 0 ? "" : `.${"0".repeat(decimals)}`));
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isDay(text: string): boolean {
  if (text.charCodeAt(4) !== MINUS || text.charCodeAt(7) !== MINUS) return false;
  return dayExists(yearOf(text), two(text, 5), two(text, 8));
}

/** Whether the Gregorian calendar has a day. */
export function dayExists(year: number, month: number, day: number): boolean {
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return year >= 0 && day >= 1 && day <= (MONTH_DAYS[month - 1] ?? 0) + (leap ? 1 : 0);
}

const isTime = (text: string) => isClock(text) && text.charCodeAt(16) === COLON && two(text, 17) <= 59;

/** Hours and minutes. */
const isClock = (text: string) => text.charCodeAt(13) === COLON && two(text, 11) <= 23 && two(text, 14) <= 59;

const isBetween = (code: number) => code === UPPER_T || code === SPACE || code === LOWER_T;

function hasOtherThanZeros(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (text.charCodeAt(at) !== ZERO) return true;
  return false;
}

/** Reads the zone that ends the text: `Z`, `+-hh:mm`, `+-hhmm` or `+-hh`. Returns minutes east of UTC; NaN for other text. */
function offsetMinutes(text: string, at: number): number {
  const sign = text.charCodeAt(at);
  const length = text.length - at;
  if (sign === UPPER_Z || sign === LOWER_Z) return length === 1 ? 0 : Number.NaN;
  const direction = sign === PLUS ? 1 : sign === MINUS ? -1 : Number.NaN;
  const hasColon = length === 6 && text.charCodeAt(at + 3) === COLON;
  const hours = two(text, at + 1);
  const minutes = length === 3 ? 0 : hasColon || length === 5 ? two(text, at + (hasColon ? 4 : 3)) : Number.NaN;
  return hours <= 23 && minutes <= 59 ? direction * (hours * 60 + minutes) : Number.NaN;
}

const yearOf = (text: string) => two(text, 0) * 100 + two(text, 2);

/** The two digits at an offset as a number, or NaN if they are not digits. Every comparison with NaN is false. */
function two(text: string, at: number): number {
  const tens = text.charCodeAt(at);
  const ones = text.charCodeAt(at + 1);
  return isDigit(tens) && isDigit(ones) ? (tens - 48) * 10 + ones - 48 : Number.NaN;
}

const isDigit = (code: number) => code >= 48 && code <= 57;

const SHAPE = /^\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(.*))?$/s;

/** Why a text is not an instant: its form, its day, its time or its zone is wrong. */
function whyNotAnInstant(text: string): Fault {
  const [form, zone] = SHAPE.exec(text) ?? [];
  const because = (why: string) => new Fault("invalid_datetime", why);
  if (form === undefined) return because(`must be an instant like ${EXAMPLE}, not ${shown(text)}`);
  if (!isDay(text)) return because(`must be on a day that exists; the one in ${shown(text)} does not`);
  if (zone === undefined) {
    return because(`must be an instant like ${EXAMPLE}, and in ${shown(text)} the time and the zone are missing`);
  }
  if (!isClock(text) || (text.charCodeAt(16) === COLON && !(two(text, 17) <= 59))) {
    return because(`must be at a time that exists; the one in ${shown(text)} does not`);
  }
  if (zone.trim() !== "")
    return because(`must have Z or an offset like -05:00 after the time, not ${shown(zone.trim())}`);
  return because(`must be an instant, and in ${shown(text)} the zone is missing: add Z, or an offset like -05:00`);
}

const EXAMPLE = "2021-11-07T02:48:42Z";

const outOfRange = (text: string) =>
  new Fault("out_of_range", `must be from the year 1000 to 9999, not ${shown(text)}`);

const tooPrecise = (text: string, decimals: number) =>
  new Fault("invalid_datetime", `keeps ${decimals} decimals of a second, and ${shown(text)} has more: round it`);
