/** A CSV parser (RFC 4180) on bytes. One pass notes where the cells are; a cell is decoded only when needed. */
import { isUtf8 } from "node:buffer";
import { RAW_BYTES_MAX } from "../db/ledger.ts";
import { CHUNK_BYTES, ROWS_PER_BATCH } from "../event-loop.ts";
import { INVALID_UTF8, RECORD_BYTES_MAX } from "./codec.ts";

/** How many cells of a record are kept: no MySQL table has more columns. Further cells are only counted. */
export const CELLS_MAX = 4_096;

const [TAB, LF, CR, SPACE, QUOTE, COMMA] = [9, 10, 13, 32, 34, 44];
const isBlank = (byte: number | undefined) => byte === SPACE || byte === TAB;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
// The parser combines all bytes of a cell by bitwise OR, and adds these flags above a byte's 8 bits. QUOTED: the cell is
// quoted. CONTROL: it has a control character other than tab and line ends.
const QUOTED = 256;
const CONTROL = 512;
const UNCLOSED = "a quote that is not closed";
const BARE_CR = "a carriage return without a line feed, outside of quotes";
const TOO_LONG = `a row of more than ${RECORD_BYTES_MAX} bytes, or a quote that is not closed`;

export class CsvRecord {
  /**
   * @param line the physical line on which it begins, 1-based
   * @param length how many cells it has
   * @param malformed what is wrong with its quotes, line ends or size; then it has no cells
   * @param bounds three numbers for each cell up to CELLS_MAX, from index `first` on: the cell's start and end in `bytes`,
   * and the bitwise OR of its bytes and flags
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

  /** The text of a cell without its quotes and the blanks around it; INVALID_UTF8 if its bytes are not UTF-8. */
  cell(index: number): string {
    const at = this.first + 3 * index;
    const bits = this.bounds[at + 2] ?? 0;
    const [start, end] = [this.bounds[at], this.bounds[at + 1]];
    const text = this.bytes.toString(bits & 0x80 ? "utf8" : "latin1", start, end);
    if (bits & 0x80 && text.includes("\uFFFD") && !isUtf8(this.bytes.subarray(start, end))) return INVALID_UTF8;
    return bits & QUOTED ? text.replaceAll('""', '"') : text;
  }
}

/**
 * Parses CSV (RFC 4180; comma; LF or CRLF; UTF-8 with or without BOM). Blanks around a cell and its quotes are dropped,
 * empty lines are skipped. Only the first physical line of a malformed record is lost: parsing goes on at the next line, so
 * an unclosed quote does not swallow the file. Holds at most RECORD_BYTES_MAX and a chunk.
 * @param chunks may be cut anywhere, also inside a character
 * @returns batches, at least one for every CHUNK_BYTES; a batch may be empty
 */
export async function* parseCsv(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<CsvRecord[]> {
  const parser = new Parser();
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

  /** Yields the records of a block. Returns the bytes of an incomplete record: the next block must begin with them. */
  *parse(bytes: Buffer, isLast: boolean): Generator<CsvRecord[], Buffer> {
    this.#bounds = []; // forgets the cells of the incomplete record, which is parsed again
    let at = !this.#begun && bytes.indexOf(BOM) === 0 ? BOM.length : 0;
    this.#begun = true;
    if (this.#skipping) at = bytes.indexOf(LF) + 1 || bytes.length;
    this.#skipping &&= bytes[at - 1] !== LF;
    let begun = 0;
    for (let from = -1; from < at && at < bytes.length; ) {
      from = at;
      at = this.#record(bytes, from, isLast);
      if (this.#records.length < ROWS_PER_BATCH && at - begun < CHUNK_BYTES) continue;
      yield this.#batch();
      begun = at;
    }
    if (at > begun) yield this.#batch();
    return bytes.subarray(at);
  }

  #batch(): CsvRecord[] {
    const batch = this.#records;
    this.#records = [];
    this.#bounds = [];
    return batch;
  }

  /** Reads the record at `start`. Returns where the next one starts, or `start` if the block ends inside the record. */
  #record(bytes: Buffer, start: number, isLast: boolean): number {
    const bounds = this.#bounds;
    const first = bounds.length;
    const full = first + 3 * CELLS_MAX;
    const limit = Math.min(bytes.length, start + RECORD_BYTES_MAX + 1);
    let fault: string | undefined;
    let lines = 1;
    let cells = 0;
    let at = start;
    for (; ; at++, cells++) {
      while (at < limit && isBlank(bytes[at])) at++;
      const from = at;
      let bits = 0;
      if (at < limit && bytes[at] === QUOTE) {
        const begun = lines;
        for (bits = QUOTED, at++; at < limit; at++) {
          const byte = bytes[at] as number;
          bits |= byte;
          if (byte > QUOTE) continue;
          if (byte === QUOTE && bytes[++at] !== QUOTE) break;
          if (byte === LF) lines++;
          else if (byte < SPACE && byte !== TAB && byte !== CR) bits |= CONTROL;
        }
        if (bounds.length < full) bounds.push(from + 1, at - 1, bits);
        while (at < limit && isBlank(bytes[at])) at++;
        if (bytes[at] === CR && (bytes[at + 1] ?? LF) === LF) at++;
        if (at < limit && bytes[at] !== COMMA && bytes[at] !== LF) {
          fault = lines === begun ? "text after a closing quote" : UNCLOSED;
        }
      } else {
        for (; at < limit; at++) {
          const byte = bytes[at] as number;
          if (byte > COMMA) bits |= byte;
          else if (byte === COMMA || byte === LF || byte === QUOTE || byte === CR) break;
          else if (byte < SPACE && byte !== TAB) bits |= CONTROL;
        }
        let to = at;
        if (bytes[at] === QUOTE) fault = "a quote inside an unquoted cell";
        else if (bytes[at] === CR && at < limit && (bytes[++at] ?? LF) !== LF) fault = BARE_CR;
        while (to > from && isBlank(bytes[to - 1])) to--;
        if (bounds.length < full) bounds.push(from, to, bits);
      }
      if (at >= limit || bytes[at] === LF || fault) break;
    }
    if (at >= limit && limit - start > RECORD_BYTES_MAX) fault = TOO_LONG;
    else if (at >= limit && isLast) fault = UNCLOSED;
    if (fault) at = bytes.indexOf(LF, start);
    this.#skipping = at === -1 && bytes.length - start > RECORD_BYTES_MAX;
    if (this.#skipping) at = bytes.length;
    if (at === -1 || (at >= limit && !fault)) return start;
    let end = at > start && bytes[at - 1] === CR ? at - 1 : at;
    if (at - start > RECORD_BYTES_MAX) end = start + RAW_BYTES_MAX;
    const length = fault ? 0 : cells + 1;
    const isEmpty = length === 1 && bounds[first] === bounds[first + 1] && bounds[first + 2] === 0;
    if (!isEmpty) this.#records.push(new CsvRecord(this.#line, length, fault, bytes, bounds, first, start, end));
    this.#line += fault ? 1 : lines;
    return this.#skipping ? at : at + 1;
  }
}
