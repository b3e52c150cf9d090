/** Rows as JSON objects straight from the text in which the server sends them. */
import { lengthAt, SHORT_LENGTH_END, type TextRow } from "../db/text-rows.ts";
import type { CopyText } from "./codec.ts";
import { ESCAPED_BYTES } from "./json-bytes.ts";
import type { Column, Table } from "./tables.ts";

/** Bytes by which a column's value may be longer in JSON than its text: quotes, and digits that the server leaves out. */
const LONGER_BYTES_MAX = 32;
const FIRST_BYTES = 16 * 1024;

/** The text of a JSON array, row by row; toJson of the same rows makes the same text. */
export class JsonArray {
  /** Rows that are in it. */
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
      // Byte by byte, since a call for so few takes longer.
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

  /** The whole array and a line end, as every JSON answer ends. No row can be added afterwards. */
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

const [LINE_END, COMMA, OPEN, CLOSE, CLOSE_ROW] = [10, 44, 91, 93, 125] as const;

interface Fields {
  /** What stands before each value, and how that is written. */
  fields: readonly { before: Buffer; copy: CopyText }[];
  /** Bytes of a row besides its values' text, at most. */
  fixedBytes: number;
}

const known = new WeakMap<Table, Fields>();

/** Made once: it takes as long as a page's rows. */
function fieldsOf(table: Table): Fields {
  const made = known.get(table);
  if (made) return made;
  const fields = table.columns.map((column, index) => ({
    before: Buffer.from(`${index === 0 ? "{" : ","}${JSON.stringify(column.name)}:`),
    copy: column.codec.copyJson ?? byValue(column),
  }));
  const fixedBytes = fields.reduce((sum, { before }) => sum + before.length + LONGER_BYTES_MAX, 0);
  known.set(table, { fields, fixedBytes });
  return { fields, fixedBytes };
}

function byValue({ codec }: Column): CopyText {
  return (text, start, end, out, position) => {
    const value = codec.toJson(codec.fromSql(text.toString("utf8", start, end)));
    return position + out.write(JSON.stringify(value), position);
  };
}
