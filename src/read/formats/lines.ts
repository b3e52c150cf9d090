/** The lines of NDJSON. CSV's parser does not use them: a line feed inside quotes does not end a record. */
import { isUtf8 } from "node:buffer";
import { RECORD_BYTES_MAX } from "../../codecs/codec.ts";
import { RAW_BYTES_MAX } from "../../db/ledger.ts";
import { ROWS_PER_BATCH } from "../../event-loop.ts";

export interface Line {
  /** 1-based. */
  number: number;
  /** Without LF or CRLF, and without the byte order mark of the first line. If the line is too long, only its start. */
  bytes: Uint8Array;
  /** It is longer than RECORD_BYTES_MAX. */
  isTooLong: boolean;
}

/** Splits chunks of any size into batches of lines. Holds at most RECORD_BYTES_MAX and a chunk. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Line[]> {
  const open = new OpenLine();
  for await (const chunk of chunks) {
    let lines: Line[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      open.add(chunk.subarray(start, end));
      lines.push(open.end());
      start = end + 1;
      if (lines.length < ROWS_PER_BATCH) continue;
      yield lines;
      lines = [];
    }
    open.add(chunk.subarray(start));
    yield lines;
  }
  if (open.length > 0) yield [open.end()];
}

/** The text of a line; undefined if its bytes are not UTF-8. */
export function textOfLine({ buffer, byteOffset, length }: Uint8Array): string | undefined {
  const bytes = Buffer.from(buffer, byteOffset, length);
  return isUtf8(bytes) ? bytes.toString() : undefined;
}

const [LF, CR] = [10, 13];
const BOM = [0xef, 0xbb, 0xbf];

/** A line whose end has not come yet. */
class OpenLine {
  length = 0;
  #number = 0;
  #pieces: Uint8Array[] = [];

  add(piece: Uint8Array): void {
    if (this.length <= RECORD_BYTES_MAX) this.#pieces.push(piece);
    this.length += piece.length;
  }

  end(): Line {
    const [only = new Uint8Array()] = this.#pieces;
    const whole = this.#pieces.length > 1 ? Buffer.concat(this.#pieces) : only;
    const isTooLong = this.length > RECORD_BYTES_MAX;
    const end = isTooLong ? RAW_BYTES_MAX : whole.length - (whole.at(-1) === CR ? 1 : 0);
    this.length = 0;
    this.#pieces = [];
    const number = ++this.#number;
    const start = number === 1 && BOM.every((byte, index) => whole[index] === byte) ? BOM.length : 0;
    return { number, bytes: whole.subarray(start, end), isTooLong };
  }
}
