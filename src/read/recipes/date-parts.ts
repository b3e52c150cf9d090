/** The parts of a date's pattern: how each run of letters reads its piece of a text. */

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
export interface Fields {
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

/** Reads its part of the text, from `at` to `end` at most, into the fields. Returns where the part ends; -1 if it does not fit. */
export type Part = (bytes: Buffer, at: number, end: number, fields: Fields) => number;

/** Reads digits as a number: `least` to `most` of them. */
function digits(field: "year" | "month" | "day" | "hour" | "minute" | "second", least: number, most: number): Part {
  return (bytes, from, end, fields) => {
    const limit = Math.min(from + most, end);
    let value = 0;
    let at = from;
    for (; at < limit; at++) {
      const digit = (bytes[at] ?? 0) - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    fields[field] = value;
    return at - from < least ? -1 : at;
  };
}

const fraction =
  (length: number): Part =>
  (bytes, at, end, fields) => {
    fields.fraction = ascii(bytes, at, end, length);
    return /^\d+$/.test(fields.fraction) && fields.fraction.length === length ? at + length : -1;
  };

/** Reads one of the names, in any letter case: the whole word, or its first three letters. */
function name(field: "month" | "weekday", names: readonly string[], first: number, isShort: boolean): Part {
  const words = names.map((word) => (isShort ? word.slice(0, 3) : word));
  return (bytes, at, end, fields) => {
    const start = ascii(bytes, at, end, 9).toLowerCase();
    const index = words.findIndex((word) => start.startsWith(word));
    fields[field] = index + first;
    return index === -1 ? -1 : at + (words[index]?.length ?? 0);
  };
}

const half: Part = (bytes, at, end, fields) => {
  const word = ascii(bytes, at, end, 2).toUpperCase();
  fields.half = word === "PM" ? 12 : 0;
  return word === "AM" || word === "PM" ? at + 2 : -1;
};

const OFFSET = /^(?:Z|([+-])(\d\d):?(\d\d)?)/i;
const offset: Part = (bytes, at, end, fields) => {
  const [found, sign, hours = "0", minutes = "0"] = OFFSET.exec(ascii(bytes, at, end, 6)) ?? [];
  if (found === undefined || found.endsWith(":") || Number(hours) > 23 || Number(minutes) > 59) return -1;
  fields.offset = (sign === "-" ? -60 : 60) * (Number(hours) * 60 + Number(minutes));
  return at + found.length;
};

/** Reads UTC or GMT, or an offset. Other names of zones, such as EST or IST, mean several zones. */
const namedOffset: Part = (bytes, at, end, fields) => {
  const word = ascii(bytes, at, end, 3).toUpperCase();
  if (word !== "UTC" && word !== "GMT") return offset(bytes, at, end, fields);
  fields.offset = 0;
  return at + 3;
};

/** Reads a text that always is the same. */
export function literal(text: string): Part {
  const wanted = Buffer.from(text);
  return (bytes, at) => {
    for (let index = 0; index < wanted.length; index++) if (bytes[at + index] !== wanted[index]) return -1;
    return at + wanted.length;
  };
}

/** The next characters, as far as they are ASCII. */
export const ascii = (bytes: Buffer, at: number, end: number, length: number) =>
  bytes.toString("latin1", at, Math.min(at + length, end));

/** How a run of one letter is read, by the letter and its length; undefined if it is not read. */
export const LETTERS: Record<string, (count: number) => Part | undefined> = {
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
