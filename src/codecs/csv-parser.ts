/** A CSV parser on bytes, for RFC 4180 and other dialects. One pass notes where the cells are; a cell is decoded only when needed. */
import { isUtf8 } from "node:buffer";
import { RAW_BYTES_MAX } from "../db/ledger.ts";
import { CHUNK_BYTES, ROWS_PER_BATCH } from "../event-loop.ts";
import { INVALID_UTF8, RECORD_BYTES_MAX } from "./codec.ts";
import { CellReader, ESCAPED, QUOTED, UNCLOSED } from "./csv-cells.ts";
import { type CsvDialect, CsvFormat, STRICT, TEXT } from "./csv-format.ts";

/** How many cells of a record are kept: no MySQL table has more columns. Further cells are only counted. */
export const CELLS_MAX = 4_096;

const [LF, CR] = [10, 13];
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const TOO_LONG = `a row of more than ${RECORD_BYTES_MAX} bytes, or a quote that is not closed`;
const NOTHING_ESCAPED = "an escape character at the end of the file";
const OTHER_LINE_END =
  "its line end differs from the first line's (CR LF, or LF alone), so a carriage return may be text";

export class CsvRecord {
  /**
   * @param line the physical line on which it begins, 1-based
   * @param length how many cells it has
   * @param malformed what is wrong with its quotes, line ends or size; then it has no cells
   * @param bounds three numbers for each cell up to CELLS_MAX, from index `first` on: the cell's start and end in `bytes`,
   * and the bitwise OR of its bytes and flags (csv-cells.ts)
   */
  constructor(
    readonly line: number,
    readonly length: number,
    readonly malformed: string | undefined,
    readonly bytes: Buffer,
    readonly bounds: readonly number[],
    readonly first: number,
    private readonly start: number,
    private readonly end: number,
    private readonly format: CsvFormat,
  ) {}

  /** Its bytes as they came, without the line end; a view of `bytes`. */
  get raw(): Buffer {
    return this.bytes.subarray(this.start, this.end);
  }

  /** The first CELLS_MAX cells. */
  get cells(): string[] {
    return Array.from({ length: Math.min(this.length, CELLS_MAX) }, (_, index) => this.cell(index));
  }

  /** Whether a cell is ASCII without quotes and control characters. */
  isPlain(index: number): boolean {
    return (this.bounds[this.first + 3 * index + 2] ?? 0) < 0x80;
  }

  /** The text of a cell without its quotes, its escapes and the blanks around it; INVALID_UTF8 if its bytes are not UTF-8. */
  cell(index: number): string {
    const at = this.first + 3 * index;
    const bits = this.bounds[at + 2] ?? 0;
    const [start, end] = [this.bounds[at], this.bounds[at + 1]];
    const text = this.bytes.toString(bits & 0x80 ? "utf8" : "latin1", start, end);
    if (bits & 0x80 && text.includes("\uFFFD") && !isUtf8(this.bytes.subarray(start, end))) return INVALID_UTF8;
    return bits & (QUOTED | ESCAPED)
      ? this.format.unescaped(text, (bits & QUOTED) !== 0, (bits & ESCAPED) !== 0)
      : text;
  }
}

/**
 * Parses CSV in UTF-8, with or without BOM, and LF or CRLF. Blanks around a cell and its quotes are dropped, empty lines are
 * skipped. Only the first line of a malformed record is lost: parsing goes on at the next line, so an unclosed quote does not
 * swallow the file. A line end after an escape does not end the line, or the rest of a cell could be taken for a row. A record with a
 * wrong escape alone is lost whole, because its end is known. Holds at most RECORD_BYTES_MAX and a chunk.
 * @param chunks may be cut anywhere, also inside a character
 * @param dialect how the cells are written, by default as RFC 4180 says, with commas
 * @param onComment called with the line of each comment
 * @returns batches, at least one for every CHUNK_BYTES; a batch may be empty
 */
export async function* parseCsv(
  chunks: AsyncIterable<Uint8Array>,
  dialect?: CsvDialect,
  onComment?: (line: number) => void,
): AsyncGenerator<CsvRecord[]> {
  const parser = new Parser(dialect ? new CsvFormat(dialect) : STRICT, onComment);
  let held: Uint8Array[] = [];
  let [bytes, wanted] = [0, BOM.length];
  for await (const chunk of chunks) {
    held.push(chunk);
    bytes += chunk.length;
    // An incomplete record is parsed again from its start. Waiting until its bytes have doubled keeps tiny chunks linear.
    if (bytes < wanted) continue;
    const rest = yield* parser.parse(Buffer.concat(held), false);
    [held, bytes, wanted] = [[rest], rest.length, 2 * rest.length];
  }
  yield* parser.parse(Buffer.concat([...held, Buffer.of(LF)]), true);
}

class Parser {
  #records: CsvRecord[] = [];
  #bounds: number[] = [];
  #begun = false;
  #line = 1;
  #skipping = false; // inside a line that is too long, and was already yielded as a malformed record
  #linesToSkip: number;
  readonly #cells: CellReader;
  /** Whether the first line ends in CRLF. Only MySQL's dialect needs it: there a carriage return may be text. */
  #isCrlf: boolean | undefined;

  constructor(
    private readonly format: CsvFormat,
    private readonly onComment?: (line: number) => void,
  ) {
    this.#linesToSkip = format.skip;
    this.#cells = new CellReader(format);
  }

  /** Yields the records of a block. Returns the bytes of an incomplete record: the next block must begin with them. */
  *parse(bytes: Buffer, isLast: boolean): Generator<CsvRecord[], Buffer> {
    this.#bounds = []; // forgets the cells of the incomplete record, which is parsed again
    let at = !this.#begun && bytes.indexOf(BOM) === 0 ? BOM.length : 0;
    this.#begun = true;
    if (this.#skipping) at = bytes.indexOf(LF) + 1 || bytes.length;
    this.#skipping &&= bytes[at - 1] !== LF;
    for (; this.#linesToSkip > 0 && at < bytes.length; this.#linesToSkip--, this.#line++) {
      const end = bytes.indexOf(LF, at);
      if (end === -1) return bytes.subarray(bytes.length);
      at = end + 1;
    }
    let begun = 0;
    for (let from = -1; from < at && at < bytes.length; ) {
      from = at;
      at = bytes[at] === this.format.comment ? this.#comment(bytes, from) : this.#record(bytes, from, isLast);
      if (this.#records.length < ROWS_PER_BATCH && at - begun < CHUNK_BYTES) continue;
      yield this.#batch();
      begun = at;
    }
    if (at > begun) yield this.#batch();
    return bytes.subarray(at);
  }

  /** Whether the line end at `at` differs from the first line's. */
  #isOtherEnd(bytes: Buffer, start: number, at: number, isLast: boolean): boolean {
    const isCrlf = at > start && bytes[at - 1] === CR;
    this.#isCrlf ??= isCrlf;
    // An empty line has no text. At the end of the file, parseCsv adds a line feed.
    if (at === start || (isLast && at === bytes.length - 1 && !isCrlf)) return false;
    return isCrlf !== this.#isCrlf;
  }

  #batch(): CsvRecord[] {
    const batch = this.#records;
    this.#records = [];
    this.#bounds = [];
    return batch;
  }

  /** Returns where the line after a comment starts, or `start` if the block ends inside the comment. */
  #comment(bytes: Buffer, start: number): number {
    const end = bytes.indexOf(LF, start);
    this.#skipping = end === -1 && bytes.length - start > RECORD_BYTES_MAX;
    if (end === -1 && !this.#skipping) return start;
    this.onComment?.(this.#line);
    this.#line++;
    return this.#skipping ? bytes.length : end + 1;
  }

  /** Reads the record at `start`. Returns where the next one starts, or `start` if the block ends inside the record. */
  #record(bytes: Buffer, start: number, isLast: boolean): number {
    const { delimiter, blank, otherBlank, kinds, nullStarts } = this.format;
    const bounds = this.#bounds;
    const first = bounds.length;
    const limit = Math.min(bytes.length, start + RECORD_BYTES_MAX + 1);
    const reader = this.#cells;
    reader.fault = undefined;
    reader.badEscape = undefined;
    reader.lines = 1;
    let cells = 0;
    let at = start;
    let from = start;
    for (; ; at++, cells++) {
      while (at < limit && (bytes[at] === blank || bytes[at] === otherBlank)) at++;
      from = at;
      let bits = 0;
      for (; at < limit; at++) {
        const byte = bytes[at] as number;
        if (kinds[byte] !== TEXT) break;
        bits |= byte;
      }
      let to = at;
      if (bytes[at] === CR && bytes[at + 1] === LF) at++;
      if (at < limit && (bytes[at] === delimiter || bytes[at] === LF) && nullStarts[bytes[from] as number] === 0) {
        while (to > from && (bytes[to - 1] === blank || bytes[to - 1] === otherBlank)) to--;
        if (cells < CELLS_MAX) bounds.push(from, to, bits);
      } else at = reader.read(bytes, from, limit, cells < CELLS_MAX ? bounds : undefined);
      if (at >= limit || bytes[at] === LF || reader.fault !== undefined) break;
    }
    const { quote, isMysql } = this.format;
    let fault: string | undefined = reader.fault;
    if (at >= limit && limit - start > RECORD_BYTES_MAX) fault = TOO_LONG;
    else if (at >= limit && isLast) fault = bytes[from] === quote ? UNCLOSED : NOTHING_ESCAPED;
    else if (isMysql && at < limit && !fault && this.#isOtherEnd(bytes, start, at, isLast)) fault = OTHER_LINE_END;
    if (fault) {
      reader.lines = 1;
      at = reader.endOfLine(bytes, start);
      // The line feed that parseCsv adds may stand after an escape.
      if (at === -1 && isLast && bytes.length - start <= RECORD_BYTES_MAX) at = bytes.length - 1;
    }
    this.#skipping = at === -1 && bytes.length - start > RECORD_BYTES_MAX;
    if (this.#skipping) at = bytes.length;
    if (at === -1 || (at >= limit && !fault)) return start;
    let end = at > start && bytes[at - 1] === CR && fault !== OTHER_LINE_END ? at - 1 : at;
    if (at - start > RECORD_BYTES_MAX) end = start + RAW_BYTES_MAX;
    const malformed = fault ?? reader.badEscape;
    const length = malformed ? 0 : cells + 1;
    const isEmpty = length === 1 && bounds[first] === bounds[first + 1] && bounds[first + 2] === 0;
    if (!isEmpty) {
      this.#records.push(new CsvRecord(this.#line, length, malformed, bytes, bounds, first, start, end, this.format));
    }
    this.#line += reader.lines;
    return this.#skipping ? at : at + 1;
  }
}
