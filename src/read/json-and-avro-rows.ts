/** Rows of files that are not CSV: newline-delimited JSON and Avro, under the rules of JSON rows. */
import { readRecords } from "../codecs/avro-records.ts";
import { RECORD_BYTES_MAX } from "../codecs/codec.ts";
import { fromJson } from "../codecs/json.ts";
import { JsonText } from "../codecs/json-text.ts";
import { repeatedField, rowNotJson, rowNotUtf8, rowTooLong } from "../codecs/reasons.ts";
import type { ReadRow, Table } from "../codecs/tables.ts";
import { RAW_BYTES_MAX } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import { ROWS_PER_BATCH, ROWS_PER_TURN, turn } from "../event-loop.ts";
import type { FileRow } from "./csv-rows.ts";
import { expecting } from "./file-type.ts";

/** In a file a row must have its id. */
const IN_FILE = { keyOptional: false };

/**
 * The rows of newline-delimited JSON in blocks. A row at fault costs its line, and empty lines do not count.
 * @param name says in an error which document it was
 * @throws MusterError `refused` for a document that is something else
 */
export async function* ndjsonRows(
  table: Table,
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  options: { keyOptional: boolean } = IN_FILE,
): AsyncGenerator<FileRow[]> {
  let position = 0;
  for await (const lines of linesOf(expecting("ndjson", chunks, name))) {
    await turn();
    const rows: FileRow[] = [];
    for (const { bytes, tooLong } of lines) {
      position++;
      if (position % ROWS_PER_TURN === 0) await turn();
      const line = position === 1 && BOM.every((byte, index) => bytes[index] === byte) ? bytes.subarray(3) : bytes;
      const shaped = tooLong ? OVERLONG : shapedLine(table, line, options);
      if (shaped) rows.push({ ...shaped, position, raw: line });
    }
    yield rows;
  }
}

/**
 * The records of an Avro container in blocks; the columns are its fields of the same names, whatever else its schema is.
 * @param name says in an error which file it was
 * @param bytesMax of what its blocks unpack to, all together
 * @throws MusterError `refused` for a file that is damaged, or unpacks to more
 */
export async function* avroRows(
  table: Table,
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  bytesMax?: number,
): AsyncGenerator<FileRow[]> {
  let position = 0;
  try {
    for await (const records of readRecords(expecting("avro", chunks, name), bytesMax)) {
      yield records.map((record) => {
        position++;
        return {
          ...fromJson(table, record, IN_FILE),
          position,
          get raw() {
            return Buffer.from(jsonOf(record));
          },
        };
      });
    }
  } catch (error) {
    if (!(error instanceof MusterError && ["backup_damaged", "refused"].includes(error.code))) throw error;
    if (error.message.startsWith(`${name}: `)) throw error;
    throw new MusterError("refused", `${name}: ${error.message}; nothing was imported`);
  }
}

/** One line as its shape alone judges it; undefined for one without a character. */
export function shapedLine(table: Table, bytes: Uint8Array, options: { keyOptional: boolean }): ReadRow | undefined {
  let text: string;
  try {
    text = utf8.decode(bytes).trim();
  } catch {
    return { values: [], reasons: [rowNotUtf8] };
  }
  return text === "" ? undefined : shapedJson(table, text, options);
}

/** One row of JSON text as its shape alone judges it. */
export function shapedJson(table: Table, text: string, options = { keyOptional: true }): ReadRow {
  let row: JsonText;
  try {
    row = new JsonText(text, "the row");
  } catch (error) {
    return { values: table.columns.map(() => undefined), reasons: [rowNotJson((error as MusterError).message)] };
  }
  return withRepeats(fromJson(table, row.value, options), row.repeatedIn([]));
}

/** JSON.parse keeps the last of two values and drops the first: that is a field too many, not a choice for us. */
export function withRepeats(row: ReadRow, fields: readonly string[]): ReadRow {
  if (fields.length === 0) return row;
  return { values: row.values, reasons: [...row.reasons, ...fields.map(repeatedField)] };
}

const utf8 = new TextDecoder("utf-8", { fatal: true });
const BOM = [0xef, 0xbb, 0xbf];
const LF = 10;
const CR = 13;
const OVERLONG: ReadRow = { values: [], reasons: [rowTooLong] };

/**
 * A record as JSON. JSON has no NaN and no Infinity, and would make null of them. Bytes become an object, so that nobody
 * takes them for text. Past RAW_BYTES_MAX nothing is written but brackets: nobody keeps more.
 */
function jsonOf(record: object): string {
  let left = RAW_BYTES_MAX;
  const clip = (text: string) => {
    const start = text.slice(0, Math.max(0, left));
    left -= start.length;
    return start;
  };
  return JSON.stringify(record, (key, value) => {
    clip(key);
    if (left <= 0) return undefined;
    if (typeof value === "string") return clip(value);
    if (value instanceof Uint8Array) return { bytes: Buffer.from(value.subarray(0, RAW_BYTES_MAX)).toString("base64") };
    return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  });
}

interface Line {
  /** Without its end; of one that is too long the start. */
  bytes: Uint8Array;
  tooLong: boolean;
}

/** Lines in small batches. What is held is bounded by RECORD_BYTES_MAX and the size of a chunk. */
async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Line[]> {
  let pieces: Uint8Array[] = [];
  let length = 0;
  const add = (piece: Uint8Array) => {
    if (length <= RECORD_BYTES_MAX) pieces.push(piece);
    length += piece.length;
  };
  const end = (): Line => {
    const [only = new Uint8Array()] = pieces;
    const whole = pieces.length > 1 ? Buffer.concat(pieces) : only;
    const tooLong = length > RECORD_BYTES_MAX;
    const stop = tooLong ? RAW_BYTES_MAX : whole.length - (whole.at(-1) === CR ? 1 : 0);
    pieces = [];
    length = 0;
    return { bytes: whole.subarray(0, stop), tooLong };
  };
  for await (const chunk of chunks) {
    let lines: Line[] = [];
    let start = 0;
    for (let lineFeed = chunk.indexOf(LF); lineFeed !== -1; lineFeed = chunk.indexOf(LF, start)) {
      add(chunk.subarray(start, lineFeed));
      lines.push(end());
      start = lineFeed + 1;
      if (lines.length < ROWS_PER_BATCH) continue;
      yield lines;
      lines = [];
    }
    add(chunk.subarray(start));
    yield lines;
  }
  if (length > 0) yield [end()];
}
