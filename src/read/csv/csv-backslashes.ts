/**
 * Backslashes in a CSV file. By RFC 4180 there are no escapes, and a backslash is text. But MySQL and other programs write one
 * before each character that they escape (MySQL manual, "LOAD DATA Statement", Field and Line Handling). Read as text, such a
 * file would be stored with its backslashes. So a file is refused if its backslashes could be either.
 */
import type { CsvRecord } from "../../codecs/csv-parser.ts";
import { shown } from "../../shown.ts";
import { mysqlWith } from "../recipes/dialects.ts";
import { option, options } from "../recipes/option-text.ts";
import type { FileRecipe } from "../recipes/recipe.ts";
import { STRICT } from "./csv-dialect.ts";

const [TAB, LF, CR, BLANK, ZERO, UPPER_N, BACKSLASH] = [9, 10, 13, 32, 48, 78, 92];

/** Collects what the backslashes of one file show. */
export class Backslashes {
  readonly #delimiter: number;
  readonly #quote: number;
  /** The characters that MySQL escapes in a file with these delimiters and quotes. */
  readonly #escaped: ReadonlySet<number>;
  /** Characters after a backslash that show nothing. */
  readonly #silent: ReadonlySet<number>;
  readonly #marks: { delimiter: string; quote: string };
  /** A backslash was seen before a character that no writer escapes. So every backslash in the file is text. */
  #areText = false;
  #doubtful: { line: number; text: string; asMysql: string } | undefined;

  constructor({ delimiter = STRICT.delimiter, quote = STRICT.quote, null: nulls = [] }: FileRecipe = {}) {
    this.#delimiter = delimiter.charCodeAt(0);
    this.#quote = quote === "" ? -1 : quote.charCodeAt(0);
    this.#escaped = new Set([BACKSLASH, this.#quote, this.#delimiter, LF, CR]);
    this.#silent = new Set(nulls.includes("\\N") ? [ZERO, UPPER_N] : [ZERO]);
    this.#marks = { delimiter, quote };
  }

  /** Looks at one batch of records. @returns why the file cannot be read, as soon as that is certain */
  look(records: readonly CsvRecord[]): string | undefined {
    if (!bytesOf(records).includes(BACKSLASH)) return undefined;
    for (const record of records) {
      const { raw, line } = record;
      if (!raw.includes(BACKSLASH)) continue;
      if (hasNull(record, this.#quote))
        return `line ${line} has \\N, by which MySQL writes NULL: ${this.#asMysql(raw)}`;
      if (record.malformed !== undefined && this.#isEscapedLine(raw)) {
        const quote = String.fromCharCode(this.#quote);
        return `line ${line} has \\${quote}, a quote with a backslash before it as MySQL writes it: ${this.#asMysql(raw)}`;
      }
      if (!this.#areText) this.#weigh(raw, line);
    }
    return undefined;
  }

  /** @returns why the file cannot be read, if its backslashes are still in doubt at its end */
  end(): string | undefined {
    if (this.#areText || !this.#doubtful) return undefined;
    const { line, text, asMysql } = this.#doubtful;
    const doubt = "each backslash in the file may be text, or an escape as MySQL writes it";
    const asText = `with ${option("escape", "none")} if they are text`;
    return `line ${line} has ${text}, and ${doubt}: ${asMysql} if they are escapes, ${asText}`;
  }

  /** What reads the file if MySQL has written it. A line with tabs and no cell in quotes is as MySQL writes it by default. */
  #asMysql(raw: Buffer): string {
    const isByDefault = raw.includes(TAB) && !raw.includes(this.#delimiter === TAB ? this.#quote : this.#delimiter);
    return `read it with ${options(mysqlWith(isByDefault ? { delimiter: "\t", quote: "" } : this.#marks))}`;
  }

  #weigh(raw: Buffer, line: number): void {
    for (let at = raw.indexOf(BACKSLASH); at !== -1; at = raw.indexOf(BACKSLASH, at + 2)) {
      const next = raw[at + 1];
      if (next !== undefined && this.#silent.has(next)) continue;
      if (next !== undefined && !this.#escaped.has(next)) {
        this.#areText = true;
        return;
      }
      const text = next === undefined ? "a backslash at its end" : shown(raw.toString("latin1", at, at + 2));
      this.#doubtful ??= { line, text, asMysql: this.#asMysql(raw) };
    }
  }

  /**
   * Whether a malformed line is well-formed if a backslash escapes the character after it. (A regular expression would be one
   * line, but takes half a second for a row of a mebibyte.)
   */
  #isEscapedLine(raw: Buffer): boolean {
    if (this.#quote === -1 || !raw.includes(Buffer.of(BACKSLASH, this.#quote))) return false;
    let at = this.#endOfEscapedCell(raw, 0);
    while (raw[at] === this.#delimiter) at = this.#endOfEscapedCell(raw, at + 1);
    return at === raw.length;
  }

  /** Where the cell that begins at `start` ends; -1 if its quotes are malformed. */
  #endOfEscapedCell(raw: Buffer, start: number): number {
    let at = this.#afterBlanks(raw, start);
    if (raw[at] === this.#quote) {
      for (at++; at < raw.length; at++) {
        if (raw[at] === BACKSLASH) at++;
        else if (raw[at] === this.#quote && raw[++at] !== this.#quote) return this.#afterBlanks(raw, at);
      }
      return -1;
    }
    for (; at < raw.length && raw[at] !== this.#delimiter; at++) {
      if (raw[at] === this.#quote) return -1;
      if (raw[at] === BACKSLASH) at++;
    }
    return at > raw.length ? -1 : at;
  }

  #afterBlanks(raw: Buffer, start: number): number {
    let at = start;
    while (raw[at] !== this.#delimiter && (raw[at] === BLANK || raw[at] === TAB)) at++;
    return at;
  }
}

/** The bytes of all records, which are parts of one buffer. */
function bytesOf(records: readonly CsvRecord[]): Buffer {
  const [first, last] = [records[0]?.raw, records.at(-1)?.raw];
  if (!first || !last) return Buffer.alloc(0);
  return Buffer.from(first.buffer, first.byteOffset, last.byteOffset + last.length - first.byteOffset);
}

/** Whether a cell is `\N` without quotes. */
function hasNull({ malformed, bytes, bounds, first, length }: CsvRecord, quote: number): boolean {
  if (malformed !== undefined) return false;
  for (let at = first; at < first + 3 * length && at < bounds.length; at += 3) {
    const start = bounds[at] ?? 0;
    const isShort = (bounds[at + 1] ?? 0) - start === 2 && bytes[start] === BACKSLASH && bytes[start + 1] === UPPER_N;
    if (isShort && bytes[start - 1] !== quote) return true;
  }
  return false;
}
