/**
 * Backslashes in a CSV file. By RFC 4180 there are no escapes, and a backslash is text. But MySQL and other programs write one
 * before each character that they escape (MySQL manual, "LOAD DATA Statement", Field and Line Handling). Read as text, such a
 * file would be stored with its backslashes. So a file is refused if its backslashes could be either.
 */
import type { CsvRecord } from "../codecs/csv-parser.ts";
import { shown } from "../shown.ts";

const [TAB, LF, CR, BLANK, QUOTE, COMMA, ZERO, UPPER_N, BACKSLASH] = [9, 10, 13, 32, 34, 44, 48, 78, 92];
/** The characters that MySQL escapes if cells end in commas and may be quoted. */
const ESCAPED = new Set<number>([BACKSLASH, QUOTE, COMMA, LF, CR]);
const TO_DO = "write it by RFC 4180, with quotes doubled and without escapes, or as NDJSON";

/** Collects what the backslashes of one file show. */
export class Backslashes {
  /** A backslash was seen before a character that no writer escapes. So every backslash in the file is text. */
  #areText = false;
  #doubtful: { line: number; text: string } | undefined;

  /** Looks at one batch of records. @returns why the file cannot be read, as soon as that is certain */
  look(records: readonly CsvRecord[]): string | undefined {
    if (!bytesOf(records).includes(BACKSLASH)) return undefined;
    for (const record of records) {
      const { raw, line } = record;
      if (!raw.includes(BACKSLASH)) continue;
      if (hasNull(record)) return `line ${line} has \\N, by which MySQL writes NULL: leave the cell blank, or ${TO_DO}`;
      if (record.malformed !== undefined && isEscapedLine(raw)) {
        return `line ${line} has \\", a quote with a backslash before it as MySQL writes it: ${TO_DO}`;
      }
      if (!this.#areText) this.#weigh(raw, line);
    }
    return undefined;
  }

  /** @returns why the file cannot be read, if its backslashes are still in doubt at its end */
  end(): string | undefined {
    if (this.#areText || !this.#doubtful) return undefined;
    const { line, text } = this.#doubtful;
    return `line ${line} has ${text}, and each backslash in the file may be text, or an escape as MySQL writes it: ${TO_DO}`;
  }

  #weigh(raw: Buffer, line: number): void {
    for (let at = raw.indexOf(BACKSLASH); at !== -1; at = raw.indexOf(BACKSLASH, at + 2)) {
      const next = raw[at + 1];
      if (next === ZERO) continue;
      if (next !== undefined && !ESCAPED.has(next)) {
        this.#areText = true;
        return;
      }
      const text = next === undefined ? "a backslash at its end" : shown(raw.toString("latin1", at, at + 2));
      this.#doubtful ??= { line, text };
    }
  }
}

/** The bytes of all records, which are parts of one buffer. */
function bytesOf(records: readonly CsvRecord[]): Buffer {
  const [first, last] = [records[0]?.raw, records.at(-1)?.raw];
  if (!first || !last) return Buffer.alloc(0);
  return Buffer.from(first.buffer, first.byteOffset, last.byteOffset + last.length - first.byteOffset);
}

/** Whether a cell is `\N` without quotes. */
function hasNull({ malformed, bytes, bounds, first, length }: CsvRecord): boolean {
  if (malformed !== undefined) return false;
  for (let at = first; at < first + 3 * length && at < bounds.length; at += 3) {
    const start = bounds[at] ?? 0;
    const isShort = (bounds[at + 1] ?? 0) - start === 2 && bytes[start] === BACKSLASH && bytes[start + 1] === UPPER_N;
    if (isShort && bytes[start - 1] !== QUOTE) return true;
  }
  return false;
}

/**
 * Whether a malformed line is well-formed if a backslash escapes the character after it. (A regular expression would be one
 * line, but takes half a second for a row of a mebibyte.)
 */
function isEscapedLine(raw: Buffer): boolean {
  if (!raw.includes('\\"')) return false;
  let at = endOfEscapedCell(raw, 0);
  while (raw[at] === COMMA) at = endOfEscapedCell(raw, at + 1);
  return at === raw.length;
}

/** Where the cell that begins at `start` ends; -1 if its quotes are malformed. */
function endOfEscapedCell(raw: Buffer, start: number): number {
  let at = afterBlanks(raw, start);
  if (raw[at] === QUOTE) {
    for (at++; at < raw.length; at++) {
      if (raw[at] === BACKSLASH) at++;
      else if (raw[at] === QUOTE && raw[++at] !== QUOTE) return afterBlanks(raw, at);
    }
    return -1;
  }
  for (; at < raw.length && raw[at] !== COMMA; at++) {
    if (raw[at] === QUOTE) return -1;
    if (raw[at] === BACKSLASH) at++;
  }
  return at > raw.length ? -1 : at;
}

function afterBlanks(raw: Buffer, start: number): number {
  let at = start;
  while (raw[at] === BLANK || raw[at] === TAB) at++;
  return at;
}
