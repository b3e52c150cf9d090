/**
 * Writes rows as JSON (RFC 8259) straight from the text that the server sends. The bytes are the same as JSON.stringify's, but
 * no values are made in between.
 */
import { lengthAt, SHORT_LENGTH_END, type TextRow } from "../db/text-rows.ts";
import type { CopyText } from "./codec.ts";
import type { Column, Table } from "./tables.ts";

/** How many bytes a value can gain from quotes, and from decimals that the server leaves out. Escapes are counted apart. */
const LONGER_BYTES_MAX = 32;
/** How many bytes one byte of text can become: \u0000. */
const ESCAPED_BYTES = 6;
const FIRST_BYTES = 16 * 1024;

/** Makes a JSON array row by row, with the same objects that toJson makes. */
export class JsonArray {
  /** How many rows are in it. */
  rows = 0;
  #out = Buffer.allocUnsafe(FIRST_BYTES);
  #end = 0;
  readonly #fields: Fields["fields"];
  readonly #fixedBytes: number;

  constructor(table: Table) {
    const { fields, fixedBytes } = fieldsOf(table);
    this.#fields = fields;
    this.#fixedBytes = fixedBytes;
  }

  add({ buffer, offset, end }: TextRow): void {
    this.#makeRoom((end - offset) * ESCAPED_BYTES + this.#fixedBytes);
    const out = this.#out;
    let at = this.#end;
    out[at++] = this.rows === 0 ? OPEN : COMMA;
    let from = offset;
    for (const { before, copy } of this.#fields) {
      // A loop, because a call would take longer for so few bytes.
      for (let index = 0; index < before.length; index++) out[at++] = before[index] ?? 0;
      const first = buffer[from] ?? 0;
      if (first < SHORT_LENGTH_END) {
        at = copy(buffer, from + 1, from + 1 + first, out, at);
        from += 1 + first;
      } else {
        const { length, start } = lengthAt(buffer, from);
        from = start + (length ?? 0);
        at = length === undefined ? at + out.write("null", at) : copy(buffer, start, from, out, at);
      }
    }
    out[at++] = CLOSE_ROW;
    this.#end = at;
    this.rows++;
  }

  /** The whole array, and the line end that ends every JSON answer. No row can be added afterwards. */
  bytes(): Buffer<ArrayBuffer> {
    if (this.rows === 0) return Buffer.from("[]\n");
    this.#makeRoom(2);
    this.#out[this.#end++] = CLOSE;
    this.#out[this.#end++] = LINE_END;
    return this.#out.subarray(0, this.#end);
  }

  #makeRoom(bytes: number): void {
    if (this.#out.length - this.#end >= bytes) return;
    const larger = Buffer.allocUnsafe(2 * (this.#out.length + bytes));
    this.#out.copy(larger, 0, 0, this.#end);
    this.#out = larger;
  }
}

const [LINE_END, BLANK, QUOTE, COMMA, ZERO, UPPER_T, UPPER_Z] = [10, 32, 34, 44, 48, 84, 90] as const;
const [OPEN, BACKSLASH, CLOSE, CLOSE_ROW] = [91, 92, 93, 125] as const;

interface Fields {
  /** For each column, the bytes before its value (`,"name":`), and the function that writes the value. */
  fields: readonly { before: Buffer; copy: CopyText }[];
  /** How many bytes a row takes at most, besides its values' text. */
  fixedBytes: number;
}

const fieldsByTable = new WeakMap<Table, Fields>();

/** Makes the fields only once for each table, because that takes as long as a page of rows. */
function fieldsOf(table: Table): Fields {
  const known = fieldsByTable.get(table);
  if (known) return known;
  const fields = table.columns.map((column, index) => ({
    before: Buffer.from(`${index === 0 ? "{" : ","}${JSON.stringify(column.name)}:`),
    copy: column.codec.copyJson ?? byValue(column),
  }));
  const fixedBytes = fields.reduce((sum, { before }) => sum + before.length + LONGER_BYTES_MAX, 0);
  fieldsByTable.set(table, { fields, fixedBytes });
  return { fields, fixedBytes };
}

function byValue({ codec }: Column): CopyText {
  return (text, start, end, out, position) => {
    const value = codec.toJson(codec.fromSql(text.toString("utf8", start, end)));
    return position + out.write(JSON.stringify(value), position);
  };
}

/** Writes digits as a number. */
export const copyDigits: CopyText = (text, start, end, out, position) => {
  let at = position;
  for (let from = start; from < end; from++) out[at++] = text[from] ?? 0;
  return at;
};

/** Writes UTF-8 as a string. */
export const copyJsonString: CopyText = (text, start, end, out, position) => {
  let at = position;
  out[at++] = QUOTE;
  for (let from = start; from < end; from++) {
    const byte = text[from] ?? 0;
    if (byte < BLANK || byte === QUOTE || byte === BACKSLASH) at += out.write(ESCAPES[byte] ?? "", at, "latin1");
    else out[at++] = byte;
  }
  out[at++] = QUOTE;
  return at;
};

/** Writes `YYYY-MM-DD HH:MM:SS.mmm` in UTC as an ISO 8601 string, with its decimals only if they are not zero. */
export const copyJsonInstant: CopyText = (text, start, end, out, position) => {
  let at = position;
  out[at++] = QUOTE;
  for (let from = start; from < start + SECOND_BYTES; from++) out[at++] = text[from] ?? 0;
  out[position + 1 + DAY_BYTES] = UPPER_T;
  if (hasFraction(text, start + SECOND_BYTES + 1, end)) {
    const fractionEnd = Math.max(end, start + SECOND_BYTES + 4);
    for (let from = start + SECOND_BYTES; from < fractionEnd; from++) {
      out[at++] = from < end ? (text[from] ?? 0) : ZERO;
    }
  }
  out[at++] = UPPER_Z;
  out[at++] = QUOTE;
  return at;
};

const DAY_BYTES = "YYYY-MM-DD".length;
const SECOND_BYTES = "YYYY-MM-DD HH:MM:SS".length;
const ESCAPES = Array.from({ length: BACKSLASH + 1 }, (_, byte) =>
  JSON.stringify(String.fromCharCode(byte)).slice(1, -1),
);

function hasFraction(text: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (text[at] !== ZERO) return true;
  return false;
}
