/** RFC 4180 from bytes, at the speed of the loader: one pass over the bytes, cells cut from the block's text. */
import { isUtf8 } from "node:buffer";

/** A record's bytes without its line feed. Past it a quote counts as unclosed, and a line is not held any longer. */
export const RECORD_BYTES_MAX = 1_048_576;
/** What is kept of a line that is longer than a record may be. */
const RAW_BYTES_MAX = 65_536;
/** A cell whose bytes are not UTF-8 is this lone surrogate, which no text column accepts and no other cell can be. */
export const INVALID_UTF8 = "\uD800";

export class CsvRecord {
  /**
   * @param line physical line on which it begins, 1-based
   * @param cells without quotes and without the blanks around them; none where it is malformed
   * @param malformed what is wrong with its quotes or its length
   */
  constructor(
    readonly line: number,
    readonly cells: string[],
    readonly malformed: string | undefined,
    private readonly block: Uint8Array,
    private readonly start: number,
    private readonly end: number,
  ) {}

  /** Its bytes as they came, without the line end; a view, made only where it is asked for. */
  get raw(): Uint8Array {
    return this.block.subarray(this.start, this.end);
  }
}

/**
 * Parses CSV (RFC 4180; comma; LF or CRLF; UTF-8 with or without BOM). Blanks around a cell and its quotes are dropped,
 * empty lines skipped. A malformed record costs its first physical line, and parsing resumes at the next one: an
 * unclosed quote swallows nothing. What is held is bounded by RECORD_BYTES_MAX and the size of a chunk.
 * @param chunks borders may fall anywhere, also inside a character
 * @returns batches, at most one per chunk
 */
export async function* parseCsv(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<CsvRecord[]> {
  const parser = new Parser();
  let held: Uint8Array[] = [];
  let bytes = 0;
  let wanted = BOM.length;
  for await (const chunk of chunks) {
    held.push(chunk);
    bytes += chunk.length;
    // A record that is still open is read again from its start: only when its bytes have doubled, so that tiny chunks
    // do not make that quadratic.
    if (bytes < wanted) continue;
    const rest = parser.parse(joined(held), false);
    if (parser.records.length > 0) yield parser.records;
    held = [rest];
    bytes = rest.length;
    wanted = 2 * bytes;
  }
  parser.parse(joined(held), true);
  if (parser.records.length > 0) yield parser.records;
}

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const BOM = [0xef, 0xbb, 0xbf];

function joined(chunks: readonly Uint8Array[]): Buffer {
  const [only = new Uint8Array()] = chunks;
  return chunks.length > 1 ? Buffer.concat(chunks) : Buffer.from(only.buffer, only.byteOffset, only.byteLength);
}

class Parser {
  records: CsvRecord[] = [];
  private block: Buffer = Buffer.alloc(0);
  private text = "";
  private line = 1;
  private begun = false;
  /** Inside a line that is too long, whose start is reported already. */
  private skipping = false;
  private quotedCell: string | undefined;
  private quotedLines = 0;

  /** Adds a block's records to `records`; the bytes it returns, an open record, come again before those that follow. */
  parse(block: Buffer, isLast: boolean): Buffer {
    this.records = [];
    this.block = block;
    this.text = block.toString("latin1");
    let start = 0;
    if (!this.begun && BOM.every((byte, index) => block[index] === byte)) start = BOM.length;
    this.begun = true;
    if (this.skipping) {
      start = block.indexOf(LF) + 1;
      if (start === 0) return block.subarray(block.length);
      this.skipping = false;
    }
    while (start < block.length) {
      const next = this.record(start, isLast);
      if (next === start) break;
      start = next;
    }
    return block.subarray(start);
  }

  /** One record from `start`; where the next one starts, or `start` again where the block ends inside the record. */
  private record(start: number, isLast: boolean): number {
    const { block } = this;
    const bound = Math.min(block.length, start + RECORD_BYTES_MAX + 1);
    const cells: string[] = [];
    let cellAt = start;
    let bits = 0;
    let unclosed = false;
    let at = start;
    this.quotedCell = undefined;
    this.quotedLines = 0;
    for (; at < bound; at++) {
      const byte = block[at] as number;
      if (byte > COMMA) bits |= byte;
      else if (byte === COMMA) {
        cells.push(this.quotedCell ?? this.unquoted(cellAt, at, bits));
        this.quotedCell = undefined;
        cellAt = at + 1;
        bits = 0;
      } else if (byte === LF) break;
      else if (byte === QUOTE) {
        if (this.afterBlanks(cellAt, at) < at) return this.malformed(start, isLast, "a quote inside an unquoted cell");
        const close = this.quoted(at + 1, bound);
        unclosed = close === -1;
        at = unclosed ? bound : this.afterBlanks(close + 1, bound);
        if (at < bound && !this.endsCell(at)) return this.malformed(start, isLast, "text after a closing quote");
        at--;
      }
    }
    if (at === bound && bound - start > RECORD_BYTES_MAX) {
      return this.malformed(
        start,
        isLast,
        `a row of more than ${RECORD_BYTES_MAX} bytes, or a quote that is not closed`,
      );
    }
    if (at === bound && !isLast) return start;
    if (unclosed) return this.malformed(start, isLast, "a quote that is not closed");
    const end = at > start && block[at - 1] === CR ? at - 1 : at;
    const isEmpty = cells.length === 0 && this.quotedCell === undefined && this.afterBlanks(start, end) === end;
    cells.push(this.quotedCell ?? this.unquoted(cellAt, end, bits));
    if (!isEmpty) this.records.push(new CsvRecord(this.line, cells, undefined, block, start, end));
    this.line += this.quotedLines + 1;
    return Math.min(at + 1, block.length);
  }

  /** Reports the first physical line of a record, whatever the quotes on it, and resumes behind it. */
  private malformed(start: number, isLast: boolean, detail: string): number {
    const { block } = this;
    const lineFeed = block.indexOf(LF, start);
    let end = lineFeed === -1 ? block.length : lineFeed;
    const next = lineFeed === -1 ? end : end + 1;
    const tooLong = end - start > RECORD_BYTES_MAX;
    if (lineFeed === -1 && !isLast && !tooLong) return start;
    this.skipping = lineFeed === -1;
    if (tooLong) end = start + RAW_BYTES_MAX;
    else if (block[end - 1] === CR) end--;
    this.records.push(new CsvRecord(this.line, [], detail, block, start, end));
    this.line++;
    return next;
  }

  private unquoted(start: number, end: number, bits: number): string {
    const from = this.afterBlanks(start, end);
    let to = end;
    while (to > from && this.isBlank(to - 1)) to--;
    return this.decoded(from, to, bits);
  }

  /** Reads a quoted cell into `quotedCell`. Returns the offset of its closing quote, -1 where there is none. */
  private quoted(start: number, bound: number): number {
    const { block } = this;
    let bits = 0;
    let hasQuotes = false;
    for (let at = start; at < bound; at++) {
      const byte = block[at] as number;
      bits |= byte;
      if (byte === LF) this.quotedLines++;
      if (byte !== QUOTE) continue;
      if (block[at + 1] === QUOTE) {
        hasQuotes = true;
        at++;
        continue;
      }
      const cell = this.decoded(start, at, bits);
      this.quotedCell = hasQuotes ? cell.replaceAll('""', '"') : cell;
      return at;
    }
    return -1;
  }

  /** @param bits of all the cell's bytes, which tell ASCII from what must be decoded */
  private decoded(start: number, end: number, bits: number): string {
    if (bits < 0x80) return this.text.slice(start, end);
    const cell = this.block.toString("utf8", start, end);
    return cell.includes("\uFFFD") && !isUtf8(this.block.subarray(start, end)) ? INVALID_UTF8 : cell;
  }

  private endsCell(at: number): boolean {
    const byte = this.block[at];
    if (byte === CR) return at + 1 === this.block.length || this.block[at + 1] === LF;
    return byte === COMMA || byte === LF;
  }

  private afterBlanks(start: number, end: number): number {
    let at = start;
    while (at < end && this.isBlank(at)) at++;
    return at;
  }

  private isBlank(at: number): boolean {
    const byte = this.block[at];
    return byte === SPACE || byte === TAB;
  }
}
