/**
 * Dates as a recipe writes them, in Unicode's patterns (UTS #35, "Date Format Patterns"). A pattern is compiled once, because
 * every row of a file passes here: a date takes 0.4 us, with its zone. Luxon's parser, which is made once as well, takes 12 us.
 */
import { dayExists, daysSince1970 } from "../codecs/datetime.ts";

/** What a text says by a pattern, before a zone is known. */
export interface ClockTime {
  /** Days since 1970-01-01. */
  day: number;
  /** Seconds since midnight. */
  second: number;
  /** The decimals of the second, as they are written. */
  fraction: string;
  /** Seconds east of UTC, if the text says so itself. */
  offset: number | undefined;
}

export interface Pattern {
  text: string;
  /** Whether its texts name an instant by themselves. */
  hasZone: boolean;
  /** @returns undefined if the text does not fit, and a reason if it fits but names no day or time that exists */
  read(text: string): ClockTime | string | undefined;
}

const MONTHS = ["january", "february", "march", "april", "may", "june"].concat([
  "july",
  "august",
  "september",
  "october",
  "november",
  "december",
]);
const WEEKDAYS = ["thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday"];

/** The fields that a text gives. The same object is used for every text. */
interface Fields {
  year: number;
  month: number;
  day: number;
  hour: number;
  /** 0 for AM, 12 for PM; undefined if the clock has 24 hours. */
  half: number | undefined;
  minute: number;
  second: number;
  fraction: string;
  offset: number | undefined;
  /** 0 for Thursday, on which 1970 began. */
  weekday: number | undefined;
}

/** Reads its part of the text at `at` into the fields. Returns where it ends, or -1 if the text does not fit. */
type Part = (text: string, at: number, fields: Fields) => number;

/** Reads digits as a number: `least` to `most` of them. */
function digits(field: "year" | "month" | "day" | "hour" | "minute" | "second", least: number, most: number): Part {
  return (text, at, fields) => {
    let value = 0;
    let end = at;
    for (; end < at + most; end++) {
      const digit = text.charCodeAt(end) - 48;
      if (!(digit >= 0 && digit <= 9)) break;
      value = value * 10 + digit;
    }
    fields[field] = value;
    return end - at < least ? -1 : end;
  };
}

const fraction =
  (length: number): Part =>
  (text, at, fields) => {
    fields.fraction = text.slice(at, at + length);
    return /^\d+$/.test(fields.fraction) && fields.fraction.length === length ? at + length : -1;
  };

/** Reads one of the names, in any letter case: the whole word, or its first three letters. */
function name(field: "month" | "weekday", names: readonly string[], first: number, isShort: boolean): Part {
  const words = names.map((word) => (isShort ? word.slice(0, 3) : word));
  return (text, at, fields) => {
    const start = text.slice(at, at + 9).toLowerCase();
    const index = words.findIndex((word) => start.startsWith(word));
    fields[field] = index + first;
    return index === -1 ? -1 : at + (words[index]?.length ?? 0);
  };
}

const half: Part = (text, at, fields) => {
  const word = text.slice(at, at + 2).toUpperCase();
  fields.half = word === "PM" ? 12 : 0;
  return word === "AM" || word === "PM" ? at + 2 : -1;
};

const OFFSET = /^(?:Z|([+-])(\d\d):?(\d\d)?)/i;
const offset: Part = (text, at, fields) => {
  const [found, sign, hours = "0", minutes = "0"] = OFFSET.exec(text.slice(at, at + 6)) ?? [];
  if (found === undefined || found.endsWith(":") || Number(hours) > 23 || Number(minutes) > 59) return -1;
  fields.offset = (sign === "-" ? -60 : 60) * (Number(hours) * 60 + Number(minutes));
  return at + found.length;
};

/** Reads UTC or GMT, or an offset. Other names of zones, such as EST or IST, mean several zones. */
const namedOffset: Part = (text, at, fields) => {
  const word = text.slice(at, at + 3).toUpperCase();
  if (word !== "UTC" && word !== "GMT") return offset(text, at, fields);
  fields.offset = 0;
  return at + 3;
};

const literal =
  (wanted: string): Part =>
  (text, at) =>
    text.startsWith(wanted, at) ? at + wanted.length : -1;

const LETTERS: Record<string, (count: number) => Part | undefined> = {
  y: (count) => (count === 4 ? digits("year", 4, 4) : undefined),
  M: (count) =>
    count <= 2 ? digits("month", count, 2) : count <= 4 ? name("month", MONTHS, 1, count === 3) : undefined,
  d: (count) => (count <= 2 ? digits("day", count, 2) : undefined),
  E: (count) => (count <= 4 ? name("weekday", WEEKDAYS, 0, count < 4) : undefined),
  H: (count) => (count <= 2 ? digits("hour", count, 2) : undefined),
  h: (count) => (count <= 2 ? digits("hour", count, 2) : undefined),
  m: (count) => (count <= 2 ? digits("minute", count, 2) : undefined),
  s: (count) => (count <= 2 ? digits("second", count, 2) : undefined),
  S: (count) => (count <= 9 ? fraction(count) : undefined),
  a: (count) => (count === 1 ? half : undefined),
  X: (count) => (count <= 3 ? offset : undefined),
  Z: (count) => (count === 1 ? offset : undefined),
  z: (count) => (count === 1 ? namedOffset : undefined),
};

/** Letters of one kind, a quoted text, or any other character. */
const PIECES = /([A-Za-z])\1*|'((?:[^']|'')*)'|[^A-Za-z']/g;

/** Whether a pattern stands for a count since 1970. */
export const isEpoch = (text: string) => Object.hasOwn(EPOCHS, text);

/** Why a text is no pattern that is read; undefined if it is one. */
export function faultOfPattern(text: string): string | undefined {
  if (isEpoch(text)) return undefined;
  const pieces = [...text.matchAll(PIECES)];
  if (pieces.map(([piece]) => piece).join("") !== text) return "has a quote that is not closed";
  const letters = pieces.flatMap(([piece, letter]) => (letter === undefined ? [] : [piece]));
  if (letters.some((piece) => /^y{1,3}$/.test(piece)))
    return "must have yyyy: two digits of a year can mean two centuries";
  const unknown = letters.find((piece) => LETTERS[piece.charAt(0)]?.(piece.length) === undefined);
  if (unknown !== undefined)
    return `has ${unknown}, which is not read: use yyyy MM dd HH hh mm ss SSS a MMM EEE XXX z, and quotes around text`;
  const has = (letter: string) => letters.some((piece) => piece.startsWith(letter));
  const twice = letters.find((piece, index) => letters.findIndex((each) => each[0] === piece[0]) !== index);
  if (twice !== undefined) return `has ${twice.charAt(0)} twice`;
  for (const letter of ["y", "M", "d"]) if (!has(letter)) return "must have year, month and day, such as yyyy-MM-dd";
  if (has("h") !== has("a") || (has("h") && has("H"))) return "must have HH for 24 hours, or hh with a for AM and PM";
  if ((has("m") && !has("H") && !has("h")) || (has("s") && !has("m")) || (has("S") && !has("s")))
    return "has a part of the time without the part above it";
  const isOpen = (index: number) => /^[MdHhms]$/.test(pieces[index]?.[0] ?? "");
  if (pieces.some(([piece], index) => isOpen(index - 1) && /^(?:[ydHhmsS]+|MM?)$/.test(piece)))
    return "has digits without an end: write MM dd HH, or put a character between them";
  if (/'[^']*Z'$/i.test(text)) return "takes Z for plain text, but Z means UTC: end it in XXX";
  return undefined;
}

/** Compiles a pattern without a fault. */
export function patternOf(text: string): Pattern {
  const epoch = isEpoch(text) ? EPOCHS[text] : undefined;
  if (epoch) return { text, hasZone: true, read: epoch };
  const parts: Part[] = [];
  for (const [piece, letter, quoted] of text.matchAll(PIECES)) {
    const part = letter === undefined ? undefined : LETTERS[letter]?.(piece.length);
    parts.push(part ?? literal(quoted === undefined ? piece : quoted === "" ? "'" : quoted.replaceAll("''", "'")));
  }
  const fields: Fields = {
    ...{ year: 0, month: 0, day: 0, hour: 0, half: undefined, minute: 0, second: 0 },
    ...{ fraction: "", offset: undefined, weekday: undefined },
  };
  const hasZone = /[XZz]/.test(text.replace(/'[^']*'/g, ""));
  return {
    ...{ text, hasZone },
    read(given) {
      fields.hour = fields.minute = fields.second = 0;
      fields.half = fields.offset = fields.weekday = undefined;
      fields.fraction = "";
      let at = 0;
      for (const part of parts) {
        at = part(given, at, fields);
        if (at === -1) return undefined;
      }
      return at === given.length ? clockTime(fields) : undefined;
    },
  };
}

function clockTime(fields: Fields): ClockTime | string {
  const { year, month, half: base, minute, second, weekday, fraction: decimals, offset: east } = fields;
  if (!dayExists(year, month, fields.day)) return "is on a day that does not exist";
  const day = daysSince1970(year, month, fields.day);
  if (weekday !== undefined && ((day % 7) + 7) % 7 !== weekday) return "names another weekday than that of its day";
  const isTwelve = base === undefined || (fields.hour >= 1 && fields.hour <= 12);
  const hour = base === undefined ? fields.hour : (fields.hour % 12) + base;
  if (!isTwelve || hour > 23 || minute > 59 || second > 59) return "is at a time that does not exist";
  return { day, second: hour * 3600 + minute * 60 + second, fraction: decimals, offset: east };
}

/** A number of seconds or milliseconds since 1970 in UTC, as Unix counts them. */
function epoch(decimals: number): Pattern["read"] {
  const FORM = decimals === 0 ? /^(-?\d{1,12})(?:\.(\d{1,9}))?$/ : /^(-?\d{1,15})$/;
  return (text) => {
    const [found, whole = "", after = ""] = FORM.exec(text) ?? [];
    if (found === undefined) return undefined;
    if (whole.startsWith("-") && /[1-9]/.test(after)) return "is before 1970 and has decimals";
    const scale = 10 ** decimals;
    const seconds = Math.floor(Number(whole) / scale);
    const millis = decimals === 0 ? after : String(Number(whole) - seconds * scale).padStart(decimals, "0");
    const day = Math.floor(seconds / 86_400);
    return { day, second: seconds - day * 86_400, fraction: millis, offset: 0 };
  };
}

const EPOCHS: Record<string, Pattern["read"]> = { epoch: epoch(0), epochMillis: epoch(3) };
