/** Writes Avro's binary encoding (specification 1.11, Binary Encoding) from the text that the server sends. */
import type { CopyText } from "./codec.ts";
import { daysSince1970 } from "./datetime.ts";

/** Writes a long: zig-zag, seven bits in each byte, lowest first. Returns the position after it, at most ten bytes on. */
export function writeLong(value: number, out: Buffer, position: number): number {
  let at = position;
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  for (; rest > 0x7fffffff; rest = Math.floor(rest / 0x80)) out[at++] = (rest % 0x80) | 0x80;
  for (; rest >= 0x80; rest >>>= 7) out[at++] = (rest & 0x7f) | 0x80;
  out[at++] = rest;
  return at;
}

/** Writes digits as an int. @throws Error if an int cannot hold the number: the column's type is not the one in the schema */
export const copyInt: CopyText = (text, start, end, out, position) => {
  const negative = text[start] === MINUS;
  let value = 0;
  for (let at = negative ? start + 1 : start; at < end; at++) value = value * 10 + digit(text, at);
  if (negative) value = -value;
  if (value !== (value | 0)) throw new Error(`${value} is in a column that the schema has as int`);
  return writeLong(value, out, position);
};

/** Shorter text is copied faster by a loop than by a call. */
const SHORT_BYTES = 48;

/** Writes UTF-8 as a string. */
export const copyString: CopyText = (text, start, end, out, position) => {
  const at = writeLong(end - start, out, position);
  if (end - start > SHORT_BYTES) text.copy(out, at, start, end);
  else for (let from = start, to = at; from < end; from++) out[to++] = text[from] ?? 0;
  return at + end - start;
};

/** Writes `YYYY-MM-DD HH:MM:SS.mmm` in UTC, with at most three decimals, as milliseconds since 1970. */
export const copyInstant: CopyText = (text, start, end, out, position) => {
  const day = daysSince1970(two(text, start) * 100 + two(text, start + 2), two(text, start + 5), two(text, start + 8));
  const seconds = two(text, start + 11) * 3600 + two(text, start + 14) * 60 + two(text, start + 17);
  let ms = 0;
  for (let at = start + 20, unit = 100; at < end && unit >= 1; at++, unit /= 10) ms += digit(text, at) * unit;
  return writeLong((day * 86_400 + seconds) * 1000 + ms, out, position);
};

const MINUS = 45;
const ZERO = 48;
const digit = (text: Buffer, at: number) => (text[at] ?? 0) - ZERO;
const two = (text: Buffer, at: number) => digit(text, at) * 10 + digit(text, at + 1);
