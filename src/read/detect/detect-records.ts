/** Cuts the start of a file into records, to see how each delimiter would cut it. It reads what no parser accepts, too. */
import type { Marks } from "../csv/csv-dialect.ts";

export interface CutMarks extends Marks {
  /** "" if nothing is escaped. */
  escape: string;
}

export interface TextRecord {
  /** The physical line on which it begins, 1-based. */
  line: number;
  /** Its text, without the line end. */
  text: string;
  /** Without quotes, escapes and the blanks around them. */
  cells: string[];
  /** For each cell, whether it is quoted. */
  quoted: boolean[];
  /** A quote in it is not closed, or stands in the middle of a cell. */
  isMalformed: boolean;
}

/** How many records are looked at. */
export const RECORDS_MAX = 2_000;
/** How many cells of a record are looked at: no table has more columns. */
const CELLS_MAX = 4_096;
/** How long a quoted cell may be. In a longer one the quote is taken for one that is not closed. */
const QUOTED_LENGTH_MAX = 16 * 1024;

/** The first records that are not blank. */
export function textRecordsOf(text: string, marks: CutMarks): TextRecord[] {
  const records: TextRecord[] = [];
  let line = 1;
  for (let at = 0; at < text.length && records.length < RECORDS_MAX; ) {
    let record = new Cutter(text, marks, at).record();
    if (record.isOpen) record = new Cutter(text, { ...marks, quote: "" }, at).record();
    const { cells, quoted, end, isOpen, isMalformed } = record;
    const own = text.slice(at, end).replace(/\r+$/, "");
    if (own.trim() !== "") records.push({ line, text: own, cells, quoted, isMalformed: isMalformed || isOpen });
    line += own.split("\n").length;
    at = end + 1;
  }
  return records;
}

interface Cut {
  cells: string[];
  quoted: boolean[];
  /** Where its line end is, or the end of the text. */
  end: number;
  isOpen: boolean;
  isMalformed: boolean;
}

/** Cuts one record. */
class Cutter {
  #isMalformed = false;
  #isOpen = false;

  constructor(
    private readonly text: string,
    private readonly marks: CutMarks,
    private at: number,
  ) {}

  record(): Cut {
    const { text } = this;
    const [cells, quoted]: [string[], boolean[]] = [[], []];
    for (;;) {
      while (text[this.at] === " " || (text[this.at] === "\t" && this.marks.delimiter !== "\t")) this.at++;
      const isQuoted = this.marks.quote !== "" && text[this.at] === this.marks.quote;
      const cell = isQuoted ? this.#quoted() : this.#plain();
      if (cells.length < CELLS_MAX) {
        cells.push(cell);
        quoted.push(isQuoted);
      }
      if (this.#isOpen || this.at >= text.length || text[this.at] === "\n") break;
      this.at++;
    }
    return { cells, quoted, end: this.at, isOpen: this.#isOpen, isMalformed: this.#isMalformed };
  }

  /** Reads a quoted cell, and stops at the delimiter or line end after it. */
  #quoted(): string {
    const { text, marks } = this;
    const start = ++this.at;
    let cell = "";
    for (; ; this.at++) {
      const character = text[this.at];
      if (character === undefined || this.at - start > QUOTED_LENGTH_MAX) {
        this.#isOpen = true;
        return cell;
      }
      if (character === marks.escape) cell += text[++this.at] ?? "";
      else if (character !== marks.quote) cell += character;
      else if (text[this.at + 1] === marks.quote) cell += text[this.at++];
      else break;
    }
    this.at++;
    if (this.#plain().trim() !== "") this.#isMalformed = true;
    return cell;
  }

  #plain(): string {
    const { text, marks } = this;
    let cell = "";
    for (; this.at < text.length; this.at++) {
      const character = text[this.at] ?? "";
      if (character === marks.delimiter || character === "\n") break;
      if (character === marks.quote) this.#isMalformed = true;
      if (character === marks.escape) {
        const next = text[++this.at] ?? "";
        // \N is how MySQL writes NULL, and no letter.
        cell += next === "N" ? "\\N" : next;
      } else cell += character;
    }
    return cell.trim();
  }
}
