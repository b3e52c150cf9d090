/** Reads the cells that are not plain text up to the next delimiter: with quotes, escapes, null words or a fault. */
import { CONTROL_BYTE, type CsvFormat, ESCAPE_BYTE, TEXT } from "./csv-format.ts";

const [TAB, LF, CR, SPACE] = [9, 10, 13, 32];
// The parser combines all bytes of a cell by bitwise OR, and adds these flags above a byte's 8 bits. QUOTED: the cell is
// quoted, or is a null word. CONTROL: it has a control character other than tab and line ends. ESCAPED: it has an escape.
export const [QUOTED, CONTROL, ESCAPED] = [256, 512, 1024];
export const UNCLOSED = "a quote that is not closed";
const BARE_CR = "a carriage return without a line feed, outside of quotes";

export class CellReader {
  /** How many lines the record has, as far as it was read. */
  lines = 1;
  /** What is wrong with the record, so that its end is not known. */
  fault: string | undefined;
  /** What is wrong with an escape in it. Its end is known all the same. */
  badEscape: string | undefined;

  constructor(private readonly format: CsvFormat) {}

  /** Reads any cell, at `from`. Returns where the delimiter or the line feed after it is. */
  read(bytes: Buffer, from: number, limit: number, bounds: number[] | undefined): number {
    const isQuoted = bytes[from] === this.format.quote && from < limit;
    return isQuoted ? this.#quotedCell(bytes, from, limit, bounds) : this.#unquotedCell(bytes, from, limit, bounds);
  }

  /** Where the line that begins at `start` ends, and counts the line ends in it that are escaped; -1 if its end has not come. */
  endOfLine(bytes: Buffer, start: number): number {
    const { escape: escapeByte } = this.format;
    let end = bytes.indexOf(LF, start);
    if (escapeByte < 0) return end;
    for (let at = bytes.indexOf(escapeByte, start); at !== -1 && at < end; ) {
      const isCrlf = bytes[at + 1] === CR && bytes[at + 2] === LF;
      const last = at + (isCrlf ? 2 : 1);
      if (last === end) {
        end = bytes.indexOf(LF, last + 1);
        this.lines++;
      }
      at = bytes.indexOf(escapeByte, last + 1);
    }
    return end;
  }

  /** Reads the cell whose quote is at `from`. */
  #quotedCell(bytes: Buffer, from: number, limit: number, bounds: number[] | undefined): number {
    const { delimiter, quote, escape: escapeByte, blank, otherBlank, quotedTop } = this.format;
    const begun = this.lines;
    let bits = QUOTED;
    let at = from + 1;
    for (; at < limit; at++) {
      const byte = bytes[at] as number;
      bits |= byte;
      if (byte > quotedTop) continue;
      if (byte === quote && bytes[++at] !== quote) break;
      if (byte === LF) this.lines++;
      else if (byte === escapeByte) {
        bits |= ESCAPED | (bytes[at + 1] as number);
        at = this.#afterEscape(bytes, at, limit);
        if (at === limit) break;
      } else if (byte < SPACE && byte !== TAB && byte !== CR) bits |= CONTROL;
    }
    const isNull = this.format.isMysqlNull(bytes, from + 1, at - 1);
    bounds?.push(from + 1, isNull ? from + 1 : at - 1, bits);
    while (at < limit && (bytes[at] === blank || bytes[at] === otherBlank)) at++;
    if (bytes[at] === CR && (bytes[at + 1] ?? LF) === LF) at++;
    if (at < limit && bytes[at] !== delimiter && bytes[at] !== LF) {
      this.fault = this.lines === begun ? "text after a closing quote" : UNCLOSED;
    }
    return at;
  }

  /** Reads the cell without quotes at `from`. */
  #unquotedCell(bytes: Buffer, from: number, limit: number, bounds: number[] | undefined): number {
    const { quote, blank, otherBlank, isMysql, kinds, top, nullStarts } = this.format;
    const badBefore = this.badEscape;
    let bits = 0;
    let at = from;
    for (; at < limit; at++) {
      const byte = bytes[at] as number;
      if (byte > top) bits |= byte;
      else {
        const kind = kinds[byte];
        if (kind === TEXT) continue;
        if (kind === CONTROL_BYTE) bits |= CONTROL;
        else if (kind === ESCAPE_BYTE) {
          bits |= ESCAPED | (bytes[at + 1] as number);
          at = this.#afterEscape(bytes, at, limit);
          if (at === limit) break;
        } else if (byte !== CR || !isMysql || (bytes[at + 1] ?? LF) === LF) break;
      }
    }
    let to = at;
    if (bytes[at] === quote) this.fault = "a quote inside an unquoted cell";
    else if (bytes[at] === CR && at < limit && (bytes[++at] ?? LF) !== LF) this.fault = BARE_CR;
    while (to > from && (bytes[to - 1] === blank || bytes[to - 1] === otherBlank)) to--;
    if (!this.fault && nullStarts[bytes[from] as number] === 1 && this.format.isNull(bytes, from, to)) {
      [to, bits] = [from, QUOTED];
      this.badEscape = badBefore;
    }
    // The block ends inside the cell, which may still become a null word.
    if (at >= limit) this.fault = undefined;
    bounds?.push(from, to, bits);
    return at;
  }

  /** Returns where the character at the escape `at` ends, and notes what is wrong with it. */
  #afterEscape(bytes: Buffer, at: number, limit: number): number {
    const next = bytes[at + 1];
    if (next === undefined || at + 1 >= limit) return limit;
    if (next === CR && at + 2 >= limit) return limit;
    if (next === LF || (next === CR && bytes[at + 2] === LF)) this.lines++;
    else if (next !== CR && !this.format.mayBeEscaped(next)) this.badEscape ??= this.format.badEscape(bytes, at);
    return next === CR && bytes[at + 2] === LF ? at + 2 : at + 1;
  }
}
