/**
 * Backslashes in a CSV document. RFC 4180 knows none: they are text. MySQL and others write them before what they escape
 * (MySQL manual, SELECT ... INTO OUTFILE and LOAD DATA, "Field and Line Handling"). Read as text, such a document would be
 * stored half, so one that could be either is refused.
 */
import { shown } from "../shown.ts";
import type { CsvRecord } from "./csv-parser.ts";

const [TAB, LF, CR, BLANK, QUOTE, COMMA, ZERO, UPPER_N, BACKSLASH] = [9, 10, 13, 32, 34, 44, 48, 78, 92];

export class Backslashes {
  /** Some backslash stands before what no writer escapes: all of them are text. */
  #areText = false;
  #doubtful: { line: number; text: string } | undefined;

  /** Looks at the records of one batch. @returns why the document cannot be read, if it is clear by now */
  look(records: readonly CsvRecord[]): string | undefined {
    if (!bytesOf(records).includes(BACKSLASH)) return undefined;
    for (const record of records) {
      const { raw } = record;
      if (!raw.includes(BACKSLASH)) continue;
      const { line } = record;
      if (hasNull(record)) return `line ${line} has \\N, by which MySQL writes NULL: leave the cell blank, or ${MEND}`;
      if (record.malformed !== undefined && isEscapedLine(raw)) {
        return `line ${line} has \\", a quote with a backslash before it as MySQL writes it: ${MEND}`;
      }
      if (!this.#areText) this.#weigh(raw, line);
    }
    return undefined;
  }

  /** @returns why the document cannot be read, if its backslashes are still in doubt at its end */
  end(): string | undefined {
    if (this.#areText || !this.#doubtful) return undefined;
    const { line, text } = this.#doubtful;
    return `line ${line} has ${text}, and each backslash in the file may be text, or an escape as MySQL writes it: ${MEND}`;
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

/** What MySQL escapes where cells end in commas and may be quoted. */
const ESCAPED = new Set<number>([BACKSLASH, QUOTE, COMMA, LF, CR]);
const MEND = "write it by RFC 4180, with quotes doubled and without escapes, or as NDJSON";

/** The bytes of all the records: they are parts of one buffer. */
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
 * Whether a malformed line is a sound one if a backslash takes its meaning from the character behind it. (A regular
 * expression says it in a line, and takes half a second for a row of a mebibyte.)
 */
function isEscapedLine(raw: Buffer): boolean {
  if (!raw.includes('\\"')) return false;
  let at = endOfEscapedCell(raw, 0);
  while (raw[at] === COMMA) at = endOfEscapedCell(raw, at + 1);
  return at === raw.length;
}

/** Where the cell that begins at `start` ends; -1 if no cell does. */
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
