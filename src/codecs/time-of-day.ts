/** The codecs of TIME and YEAR. A TIME is a length of time as much as a time of day: it may be negative, and has up to 838 hours. */
import { z } from "zod";
import { shown } from "../shown.ts";
import { asItIs, type ColumnCodec, Fault, type SqlValue, wrongType } from "./codec.ts";
import { int } from "./numbers.ts";

const TIME = /^(-?)(\d{1,3}):([0-5]\d):([0-5]\d)(?:\.(\d+))?$/;
const HOURS_MAX = 838;
const SECOND_MICROS = 1_000_000;

/** @param decimals how many decimals of a second the column keeps, 0 to 6 */
export function time(decimals: number): ColumnCodec {
  const read = (text: string): SqlValue | Fault => {
    const [, sign = "", hours, minutes, seconds, fraction = ""] = TIME.exec(text) ?? [];
    // HH:MM is refused: the server reads it as hours and minutes, and other programs as minutes and seconds.
    if (hours === undefined) return wrongType("a time like 08:30:00", text);
    if (/[1-9]/.test(fraction.slice(decimals)))
      return new Fault("wrong_type", `keeps ${decimals} decimals of a second, and ${shown(text)} has more: round it`);
    const clock = `${hours.replace(/^0(?=\d\d$)/, "").padStart(2, "0")}:${minutes}:${seconds}`;
    const value = decimals === 0 ? clock : `${clock}.${fraction.slice(0, decimals).padEnd(decimals, "0")}`;
    if (Number(hours) > HOURS_MAX || (clock === "838:59:59" && /[1-9]/.test(fraction)))
      return new Fault("out_of_range", `must be from -838:59:59 to 838:59:59, not ${shown(text)}`);
    return /[1-9]/.test(value) ? sign + value : value;
  };
  return {
    fromJson: (value) => (typeof value === "string" ? read(value) : wrongType("a time as text", value)),
    fromCsv: read,
    // MariaDB takes a fraction after 838:59:59.
    mayBreak: (text, start) => text[start] === EIGHT || text[start + 1] === EIGHT,
    fromSql(value) {
      const known = read(String(value));
      return known instanceof Fault ? String(value) : known;
    },
    toJson: asItIs,
    toCsv: String,
    schema: z.string().regex(TIME),
    avro: {
      // Milliseconds would be an int, which holds 596 hours.
      type: { type: "long", logicalType: "time-micros" },
      write: (value) => microsOf(String(value)),
      read: (value) => read(timeText(Number(value))),
    },
  };
}

const EIGHT = 56;

function microsOf(stored: string): number {
  const [, sign, hours, minutes, seconds, fraction = ""] = TIME.exec(stored) ?? [];
  const second = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  const micros = second * SECOND_MICROS + Number(fraction.padEnd(6, "0"));
  return sign === "-" ? -micros : micros;
}

/** Microseconds since midnight as `HH:MM:SS.ffffff`. */
export function timeText(micros: number): string {
  const all = Math.abs(micros);
  const seconds = Math.floor(all / SECOND_MICROS);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const clock = [hours, minutes, seconds % 60].map((part) => String(part).padStart(2, "0")).join(":");
  return `${micros < 0 ? "-" : ""}${clock}.${String(all % SECOND_MICROS).padStart(6, "0")}`;
}

const anyYear = int(0, 2155);

/** YEAR: 0, or 1901 to 2155. */
export const year: ColumnCodec = {
  fromJson: (value) => known(anyYear.fromJson(value), value),
  fromCsv: (cell) => known(anyYear.fromCsv(cell), cell),
  // The server reads the text 0 as 2000, and the number 0 as the year 0.
  load: (text) => `${text} + 0`,
  fromSql: Number,
  toJson: asItIs,
  toCsv: String,
  schema: z.union([z.literal(0), z.int().min(1901).max(2155)]),
  avro: { ...anyYear.avro, read: (value) => known(anyYear.avro.read(value), value) },
};

/** Years of two digits are refused: 70 could mean 1970 or 2070. */
const known = (value: SqlValue | Fault, sent: unknown): SqlValue | Fault =>
  (value instanceof Fault && value.code === "out_of_range") || (typeof value === "number" && value > 0 && value < 1901)
    ? new Fault("out_of_range", `must be a year from 1901 to 2155, or 0, not ${shown(sent)}`)
    : value;
