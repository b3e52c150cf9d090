/** Instants and days: from ISO 8601 text to what MySQL stores in UTC, and back. Nothing here asks for a time zone. */
import { shown } from "../shown.ts";
import { Fault } from "./codec.ts";

/** MySQL's own range for DATE and DATETIME. */
const YEAR_MIN = 1000;
const FIRST_SECOND = Date.UTC(1000, 0, 1);
const LAST_SECOND = Date.UTC(9999, 11, 31, 23, 59, 59);
const MINUTE_MS = 60_000;

/**
 * Reads `YYYY-MM-DDTHH:MM:SS`, at most three decimals, then `Z` or `+-HH:MM` (design section 2). Millions of rows pass
 * here, so the common form in UTC is checked and cut from the text without a Date.
 * @param decimals how many decimals of a second the column keeps, 0 to 3; an instant that needs more is at fault, for
 * the server would round it
 * @returns `YYYY-MM-DD HH:MM:SS.mmm` in UTC with exactly that many decimals
 */
export function readInstant(text: string, decimals: number): string | Fault {
  if (!isDay(text) || text.charCodeAt(10) !== UPPER_T || !isTime(text)) return notAnInstant(text);
  let zoneAt = 19;
  let fraction = ZEROS[decimals] ?? "";
  if (text.charCodeAt(19) === POINT) {
    zoneAt = 20;
    while (isDigit(text.charCodeAt(zoneAt))) zoneAt++;
    if (zoneAt === 20 || zoneAt > 23) return notAnInstant(text);
    const digits = text.slice(20, zoneAt).padEnd(3, "0");
    if (Number(digits.slice(decimals)) > 0) return tooPrecise(text, decimals);
    if (decimals > 0) fraction = `.${digits.slice(0, decimals)}`;
  }
  if (text.charCodeAt(zoneAt) === UPPER_Z && text.length === zoneAt + 1) {
    if (yearOf(text) < YEAR_MIN) return outOfRange(text);
    return `${text.slice(0, 10)} ${text.slice(11, 19)}${fraction}`;
  }
  const minutes = offsetMinutes(text, zoneAt);
  if (Number.isNaN(minutes)) return notAnInstant(text);
  const second = Date.parse(`${text.slice(0, 19)}Z`) - minutes * MINUTE_MS;
  if (!(second >= FIRST_SECOND && second <= LAST_SECOND)) return outOfRange(text);
  return new Date(second).toISOString().slice(0, 19).replace("T", " ") + fraction;
}

/**
 * Reads the commonest form, `YYYY-MM-DDTHH:MM:SSZ`, straight from bytes; undefined leaves it to readInstant.
 * @param length of the answer, which has as many decimals as fit
 */
export function readUtcInstant(bytes: Uint8Array, start: number, end: number, length: number): string | undefined {
  if (end - start !== 20 || bytes[start + 10] !== UPPER_T || bytes[start + 19] !== UPPER_Z) return undefined;
  for (let at = 0; at < 19; at++) SCRATCH[at] = bytes[start + at] ?? 0;
  SCRATCH[10] = SPACE;
  const text = SCRATCH.toString("latin1", 0, length);
  return isDay(text) && isTime(text) && yearOf(text) >= YEAR_MIN ? text : undefined;
}

const SCRATCH = Buffer.from("YYYY-MM-DD HH:MM:SS.000");

/** `2021-11-07T02:48:42Z`, with milliseconds only where they are not zero; from the form that readInstant returns. */
export function instant(stored: string): string {
  const second = `${stored.slice(0, 10)}T${stored.slice(11, 19)}`;
  const fraction = stored.slice(19).padEnd(4, "0");
  return fraction === ".000" || stored.length === 19 ? `${second}Z` : `${second}${fraction}Z`;
}

/** Milliseconds since 1970 of the form that readInstant returns. */
export function millisecondsOf(stored: string): number {
  const seconds = two(stored, 11) * 3600 + two(stored, 14) * 60 + two(stored, 17);
  return (dayOf(stored) * 86_400 + seconds) * 1000 + Number(stored.slice(20).padEnd(3, "0"));
}

/** Days since 1970 of `YYYY-MM-DD`. */
export function dayOf(stored: string): number {
  return daysSince1970(yearOf(stored), two(stored, 5), two(stored, 8));
}

/**
 * Days since 1970 by the Gregorian calendar, extended to the years before 1582. (Date.UTC takes a year below 100 for one
 * after 1900.) MySQL's zero dates, such as 2021-00-00, are not days: they become a day of the year 0, which no column accepts.
 */
export function daysSince1970(year: number, month: number, day: number): number {
  if (month === 0 || day === 0) return YEAR_0;
  // Years that begin in March, so that the day a leap year has more is the last.
  const from = month > 2 ? year : year - 1;
  const inYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return from * 365 + Math.floor(from / 4) - Math.floor(from / 100) + Math.floor(from / 400) + inYear - 719_468;
}

const YEAR_0 = -719_528;

/** Whether stored text may be a day that no column accepts: before the year 1000, or without a month or day. */
export function mayBeZeroDate(text: Uint8Array, start: number): boolean {
  const isZero = (at: number) => text[start + at] === 48 && text[start + at + 1] === 48;
  return text[start] === 48 || isZero(5) || isZero(8);
}

/** Reads `YYYY-MM-DD`, a day that exists. */
export function readDay(text: string): string | Fault {
  if (text.length !== 10 || !isDay(text)) {
    return new Fault("invalid_datetime", `must be a day that exists, as YYYY-MM-DD, not ${shown(text)}`);
  }
  return yearOf(text) < YEAR_MIN ? outOfRange(text) : text;
}

const SPACE = 32;
const MINUS = 45;
const PLUS = 43;
const POINT = 46;
const COLON = 58;
const UPPER_T = 84;
const UPPER_Z = 90;
const ZEROS = ["", ".0", ".00", ".000"];
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isDay(text: string): boolean {
  if (text.charCodeAt(4) !== MINUS || text.charCodeAt(7) !== MINUS) return false;
  const year = yearOf(text);
  const month = two(text, 5);
  const day = two(text, 8);
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return year >= 0 && day >= 1 && day <= (MONTH_DAYS[month - 1] ?? 0) + (leap ? 1 : 0);
}

function isTime(text: string): boolean {
  if (text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON) return false;
  return two(text, 11) <= 23 && two(text, 14) <= 59 && two(text, 17) <= 59;
}

/** Minutes east of UTC of the `+-HH:MM` that ends the text, NaN where it is not one. */
function offsetMinutes(text: string, at: number): number {
  const sign = text.charCodeAt(at);
  const hours = two(text, at + 1);
  const minutes = two(text, at + 4);
  if (text.length !== at + 6 || text.charCodeAt(at + 3) !== COLON || !(hours <= 23 && minutes <= 59)) return Number.NaN;
  if (sign === PLUS) return hours * 60 + minutes;
  return sign === MINUS ? -(hours * 60 + minutes) : Number.NaN;
}

const yearOf = (text: string) => two(text, 0) * 100 + two(text, 2);

/** The two digits at an offset as a number, NaN where they are not digits: no comparison holds for it. */
function two(text: string, at: number): number {
  const tens = text.charCodeAt(at);
  const ones = text.charCodeAt(at + 1);
  return isDigit(tens) && isDigit(ones) ? (tens - 48) * 10 + ones - 48 : Number.NaN;
}

const isDigit = (code: number) => code >= 48 && code <= 57;

const notAnInstant = (text: string) =>
  new Fault("invalid_datetime", `must be an instant that exists, like 2021-11-07T02:48:42Z, not ${shown(text)}`);

const outOfRange = (text: string) =>
  new Fault("out_of_range", `must be from the year 1000 to 9999, not ${shown(text)}`);

const tooPrecise = (text: string, decimals: number) =>
  new Fault("invalid_datetime", `keeps ${decimals} decimals of a second, and ${shown(text)} has more`);
