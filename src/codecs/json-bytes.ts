/** JSON (RFC 8259) of what is text already: no value is made on the way. What JSON.stringify writes, byte for byte. */
import type { CopyText } from "./codec.ts";

/** Bytes that one byte of text becomes at most: \u0000. */
export const ESCAPED_BYTES = 6;

/** Digits as a number. */
export const copyDigits: CopyText = (text, start, end, out, position) => {
  let at = position;
  for (let from = start; from < end; from++) out[at++] = text[from] ?? 0;
  return at;
};

/** UTF-8 as a string. */
export const copyJsonString: CopyText = (text, start, end, out, position) => {
  let at = position;
  out[at++] = QUOTE;
  for (let from = start; from < end; from++) {
    const byte = text[from] ?? 0;
    if (byte < BLANK || byte === QUOTE || byte === BACKSLASH) at += out.write(ESCAPES[byte] ?? "", at, "latin1");
    else out[at++] = byte;
  }
  out[at++] = QUOTE;
  return at;
};

/** `YYYY-MM-DD HH:MM:SS.mmm` in UTC as a string of ISO 8601, with milliseconds only where they are not zero. */
export const copyJsonInstant: CopyText = (text, start, end, out, position) => {
  let at = position;
  out[at++] = QUOTE;
  for (let from = start; from < start + SECOND_BYTES; from++) out[at++] = text[from] ?? 0;
  out[position + 1 + DAY_BYTES] = UPPER_T;
  if (hasFraction(text, start + SECOND_BYTES + 1, end)) {
    for (let from = start + SECOND_BYTES; from < start + SECOND_BYTES + 4; from++) {
      out[at++] = from < end ? (text[from] ?? 0) : ZERO;
    }
  }
  out[at++] = UPPER_Z;
  out[at++] = QUOTE;
  return at;
};

const DAY_BYTES = "YYYY-MM-DD".length;
const SECOND_BYTES = "YYYY-MM-DD HH:MM:SS".length;
const [BLANK, QUOTE, BACKSLASH, ZERO, UPPER_T, UPPER_Z] = [32, 34, 92, 48, 84, 90] as const;
const ESCAPES = Array.from({ length: BACKSLASH + 1 }, (_, byte) =>
  JSON.stringify(String.fromCharCode(byte)).slice(1, -1),
);

function hasFraction(text: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (text[at] !== ZERO) return true;
  return false;
}
