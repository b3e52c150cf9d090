/** How CSV is written: what the parser takes for delimiters, quotes, escapes, comments and null words. */
import { MusterError } from "../errors.ts";
import { shown } from "../shown.ts";

/** The parts of a recipe that the parser needs. What is left out is RFC 4180 with commas. */
export interface CsvDialect {
  delimiter?: string | undefined;
  /** "" if no cell is quoted. */
  quote?: string | undefined;
  /** "" or undefined if nothing is escaped. */
  escape?: string | undefined;
  comment?: string | undefined;
  /** How many physical lines are skipped at the start of the file. */
  skip?: number | undefined;
  null?: readonly string[] | undefined;
  /** "mysql" reads the letters after an escape as MySQL does, and keeps the blanks around a cell. */
  dialect?: string | undefined;
}

/**
 * What an escaped letter means to MySQL (manual, "LOAD DATA Statement", Field and Line Handling). `\N` alone is NULL: it is one of
 * the dialect's null words.
 */
const MYSQL_LETTERS = new Map([
  ["0", "\0"],
  ["b", "\b"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["Z", "\x1a"],
]);

const [TAB, LF, CR, SPACE, UPPER_N] = [9, 10, 13, 32, 78];
/** Equal to no byte. */
const NONE = -1;

/** What a byte means in an unquoted cell. */
export const [TEXT, CONTROL_BYTE, STOP, ESCAPE_BYTE] = [0, 1, 2, 3];

/** A dialect in the form that the parser needs: the codes of its characters, NONE for one that it does not have. */
export class CsvFormat {
  readonly delimiter: number;
  readonly quote: number;
  readonly escape: number;
  readonly comment: number;
  readonly skip: number;
  /** The bytes that are dropped around cells. */
  readonly blank: number;
  readonly otherBlank: number;
  readonly nulls: readonly Buffer[];
  /** 1 for each byte with which a null word begins. */
  readonly nullStarts = new Uint8Array(256);
  /** Whether any character may be escaped, and a carriage return needs no quotes. */
  readonly isMysql: boolean;
  /** For each byte in an unquoted cell: TEXT, CONTROL_BYTE, STOP or ESCAPE_BYTE. Bytes above `top` are TEXT. */
  readonly kinds = new Uint8Array(256);
  readonly top: number;
  /** Bytes above it are text inside quotes. */
  readonly quotedTop: number;

  /** @throws MusterError `invalid` if two of the characters are the same, a character is not ASCII, or a null word can be no cell */
  constructor(written: CsvDialect) {
    const { delimiter = ",", quote = '"', comment, skip = 0, null: nulls = [] } = written;
    this.isMysql = written.dialect === "mysql";
    this.delimiter = codeOf("delimiter", delimiter);
    this.quote = codeOf("quote", quote);
    // An escape that is the quote is RFC 4180: a quote before a quote.
    this.escape = written.escape === quote ? NONE : codeOf("escape", written.escape);
    this.comment = codeOf("comment", comment);
    this.skip = skip;
    this.nulls = nulls.map((word) => Buffer.from(word));
    for (const [start] of this.nulls) if (start !== undefined) this.nullStarts[start] = 1;
    this.blank = this.isMysql ? NONE : this.delimiter === SPACE ? TAB : SPACE;
    this.otherBlank = this.isMysql ? NONE : this.delimiter === TAB ? SPACE : TAB;
    this.#refuseTwice();
    for (const word of nulls) this.#refuseUnread(word);
    for (let byte = 0; byte < SPACE; byte++) if (byte !== TAB) this.kinds[byte] = CONTROL_BYTE;
    for (const byte of [this.delimiter, this.quote, LF, CR]) if (byte !== NONE) this.kinds[byte] = STOP;
    if (this.escape !== NONE) this.kinds[this.escape] = ESCAPE_BYTE;
    this.top = Math.max(SPACE, this.delimiter, this.quote, this.escape);
    this.quotedTop = Math.max(SPACE, this.quote, this.escape);
  }

  /** Whether a byte may stand after an escape. A line end is not asked for here: it always may. */
  mayBeEscaped(byte: number): boolean {
    return this.isMysql || byte === this.delimiter || byte === this.quote || byte === this.escape;
  }

  /** What is wrong with the escape at `at`. */
  badEscape(bytes: Buffer, at: number): string {
    const next = bytes[at + 1] ?? 0;
    const what = next < 128 ? shown(String.fromCharCode(next)) : "a letter outside ASCII";
    return `the escape ${shown(String.fromCharCode(this.escape))} before ${what}, which needs none (dialect mysql reads MySQL's escapes)`;
  }

  /** Whether the bytes of an unquoted cell are a word that means no value. */
  isNull(bytes: Buffer, start: number, end: number): boolean {
    return this.nulls.some((word) => word.length === end - start && word.compare(bytes, start, end) === 0);
  }

  /** Whether the bytes of a quoted cell are `\N` and no more. MySQL never writes that, but reads it as NULL too. */
  isMysqlNull(bytes: Buffer, start: number, end: number): boolean {
    return this.isMysql && end - start === 2 && bytes[start] === this.escape && bytes[start + 1] === UPPER_N;
  }

  /** The text of a cell without its escapes and its doubled quotes. */
  unescaped(text: string, isQuoted: boolean, isEscaped: boolean): string {
    const quote = isQuoted ? String.fromCharCode(this.quote) : "";
    if (!isEscaped) return isQuoted ? text.replaceAll(quote + quote, quote) : text;
    const escaper = String.fromCharCode(this.escape);
    const pieces: string[] = [];
    let start = 0;
    for (let at = 0; at < text.length; at++) {
      const character = text[at];
      if (character !== escaper && (character !== quote || !isQuoted)) continue;
      const next = text[at + 1] ?? "";
      const meant = this.isMysql && character === escaper ? MYSQL_LETTERS.get(next) : undefined;
      pieces.push(text.slice(start, at), meant ?? next);
      start = ++at + 1;
    }
    return pieces.join("") + text.slice(start);
  }

  /** A word that no unquoted cell can be would mean nothing, and what it stands for would be stored as text. */
  #refuseUnread(word: string): void {
    const isPadded = !this.isMysql && /^[ \t]|[ \t]$/.test(word);
    // An escape may stand before these, and makes them part of the cell.
    const ends = this.escape === NONE ? [this.delimiter, LF, CR] : [];
    const marks = ends.map((code) => String.fromCharCode(code));
    const isQuoted = this.quote !== NONE && word.includes(String.fromCharCode(this.quote));
    const why = [
      isPadded && "blanks around a cell are dropped: leave them out",
      isQuoted && "a word in quotes is text: leave the quotes out",
      marks.some((mark) => word.includes(mark)) && "a cell ends there: leave it out",
    ].find((each) => each !== false);
    if (why) throw new MusterError("invalid", `null ${shown(word)} can be no cell, because ${why}`);
  }

  #refuseTwice(): void {
    const names = ["delimiter", "quote", "escape", "comment"] as const;
    for (const [index, name] of names.entries()) {
      const other = names.slice(0, index).find((each) => this[each] !== NONE && this[each] === this[name]);
      if (other) throw new MusterError("invalid", `${other} and ${name} are the same character: use two`);
    }
  }
}

/** RFC 4180 with commas, the strict default. */
export const STRICT = new CsvFormat({});

function codeOf(name: string, character = ""): number {
  if (character === "") return NONE;
  const code = character.charCodeAt(0);
  const isBlank = code === SPACE || code === TAB;
  if (character.length > 1 || code > 127 || code === LF || code === CR || (isBlank && name !== "delimiter"))
    throw new MusterError(
      "invalid",
      `${name} must be one ASCII character, and no line end${name === "delimiter" ? "" : " or blank"}`,
    );
  return code;
}
