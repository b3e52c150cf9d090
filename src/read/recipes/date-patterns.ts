/**
 * Dates as a recipe writes them, in Unicode's patterns (UTS #35, "Date Format Patterns"). A pattern is compiled once, because
 * every row of a file passes here: with its zone, a date takes 0.2 us more than an instant of the strict default. Luxon's
 * parser, which is made once as well, takes 12 us.
 */
import { dayExists, daysSince1970 } from "../../codecs/datetime.ts";
import { ascii, type Fields, LETTERS, literal, type Part } from "./date-parts.ts";

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
  /**
   * Reads the text, in UTF-8, from `start` to `end`: most dates are read straight from the bytes of a CSV cell.
   * @returns undefined if the text does not fit, and a reason if it fits but names no day or time that exists
   */
  read(bytes: Buffer, start: number, end: number): ClockTime | string | undefined;
}

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

/**
 * Whether no date can mean two instants by two of the formats: 01/02/2021 could by dd/MM/yyyy and M/d/yyyy, and 1612174272
 * by epoch and epochMillis.
 */
export function areDistinct(formats: readonly string[]): boolean {
  if (formats.filter(isEpoch).length > 1) return false;
  // dd is read as d is. The order of day and month is all that may not differ.
  const short = formats.map((format) => format.replace(/(?<![A-Za-z])([MdHhms])\1(?![A-Za-z])/g, "$1"));
  const unordered = short.map((format) => format.replace(/(?<!M)M{1,2}(?!M)|d+/g, "?"));
  return short.every((format, index) => format === short[unordered.indexOf(unordered[index] ?? "")]);
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
    read(bytes, start, end) {
      fields.hour = fields.minute = fields.second = 0;
      fields.half = fields.offset = fields.weekday = undefined;
      fields.fraction = "";
      let at = start;
      for (const part of parts) {
        at = part(bytes, at, end, fields);
        if (at === -1) return undefined;
      }
      return at === end ? clockTime(fields) : undefined;
    },
  };
}

function clockTime(fields: Fields): ClockTime | string {
  const { year, month, half: base, minute, second, weekday, fraction: decimals, offset: east } = fields;
  if (!dayExists(year, month, fields.day)) return "is on a day that does not exist";
  const day = daysSince1970(year, month, fields.day);
  if (weekday !== undefined && ((day % 7) + 7) % 7 !== weekday) return "names a weekday that does not fit its day";
  const isTwelve = base === undefined || (fields.hour >= 1 && fields.hour <= 12);
  const hour = base === undefined ? fields.hour : (fields.hour % 12) + base;
  if (!isTwelve || hour > 23 || minute > 59 || second > 59) return "is at a time that does not exist";
  return { day, second: hour * 3600 + minute * 60 + second, fraction: decimals, offset: east };
}

const EPOCH_LENGTH_MAX = 23;

/** A number of seconds or milliseconds since 1970 in UTC, as Unix counts them. */
function epoch(decimals: number): Pattern["read"] {
  const FORM = decimals === 0 ? /^(-?\d{1,12})(?:\.(\d{1,9}))?$/ : /^(-?\d{1,15})$/;
  return (bytes, start, end) => {
    const [found, whole = "", after = ""] = FORM.exec(ascii(bytes, start, end, EPOCH_LENGTH_MAX + 1)) ?? [];
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
