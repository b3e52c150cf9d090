/**
 * Inserts rows by LOAD DATA LOCAL INFILE, the fastest way. The rows come from memory: no file is read, even if the server asks
 * for one.
 */
import { Readable } from "node:stream";
import { escapeId } from "mysql2";
import type { Connection, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import type { Row, Table } from "../codecs/tables.ts";

/** Bytes of one statement: large enough that BEGIN and COMMIT cost little beside it, and small enough to be sent soon. */
const BYTES_PER_LOAD = 2 * 1024 * 1024;
/** Bun writes a buffer to a socket in parts, and after each part copies all that is left. So large buffers are cut first. */
const PIECE_BYTES = 128 * 1024;
/** The most bytes of a number as text, with the tab after it. */
const NUMBER_BYTES_MAX = 26;

/** The rows of one statement, in the text form of LOAD DATA. Their memory is used again for the next statement. */
export class LoadBatch {
  rows = 0;
  bytes = 0;
  #buffer = Buffer.allocUnsafe(BYTES_PER_LOAD);

  /** Takes a row. @returns false if there is no room: the row is not taken, and the batch must be sent first */
  add(row: Row): boolean {
    const end = this.#write(row);
    if (end !== undefined) {
      this.bytes = end;
      this.rows++;
      return true;
    }
    if (this.rows > 0) return false;
    this.#buffer = Buffer.allocUnsafe(2 * this.#buffer.length);
    return this.add(row);
  }

  /** @returns where the row ends in the buffer; undefined if there is not enough room */
  #write(row: Row): number | undefined {
    const buffer = this.#buffer;
    let at = this.bytes;
    for (const value of row) {
      // A UTF-16 unit takes three bytes at most in UTF-8, or two if it is escaped.
      const room = typeof value === "string" ? 3 * value.length + 1 : NUMBER_BYTES_MAX;
      if (at + room > buffer.length) return undefined;
      if (typeof value === "string") at = writeText(buffer, at, value);
      else if (value === null) at += buffer.write("\\N", at, "latin1");
      else at = writeNumber(buffer, at, value);
      buffer[at++] = TAB;
    }
    buffer[at - 1] = LF;
    return at;
  }

  /**
   * Sends the rows by one statement. LOAD DATA LOCAL behaves like INSERT IGNORE: it leaves out or changes rows that do not
   * fit. Its counts of rows and warnings show whether it did.
   * @throws Error if a row did not arrive as it was sent: that of an INSERT if its key was there already
   */
  async send(connection: Connection, table: Table, into: string): Promise<void> {
    const bytes = this.#buffer.subarray(0, this.bytes);
    const [{ affectedRows, warningStatus }] = await connection.query<ResultSetHeader>({
      sql: `LOAD DATA LOCAL INFILE 'rows' INTO TABLE ${escapeId(into)} CHARACTER SET utf8mb4
        FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' ${targets(table)}`,
      infileStreamFactory: () => Readable.from(pieces(bytes)),
    });
    if (affectedRows === this.rows && warningStatus === 0) return;
    // Without LIMIT, which TiDB does not know here.
    const [[first]] = await connection.query<RowDataPacket[]>("SHOW WARNINGS");
    throw Object.assign(
      new Error(`${affectedRows} of ${this.rows} rows were loaded into ${table.name}, with ${warningStatus} warnings`),
      first?.Code === ER_DUP_ENTRY && { code: "ER_DUP_ENTRY", errno: ER_DUP_ENTRY, sqlMessage: first.Message },
    );
  }

  clear(): void {
    this.rows = 0;
    this.bytes = 0;
    if (this.#buffer.length > BYTES_PER_LOAD) this.#buffer = Buffer.allocUnsafe(BYTES_PER_LOAD);
  }
}

const ER_DUP_ENTRY = 1062;

/** Where the fields of a line go: into columns, or into variables from which columns are computed (ColumnCodec.load). */
function targets({ columns }: Table): string {
  const computed = columns.flatMap(({ name, codec }, index) =>
    codec.load ? [`${escapeId(name)} = ${codec.load(`@v${index}`)}`] : [],
  );
  const names = columns.map((column, index) => (column.codec.load ? `@v${index}` : escapeId(column.name)));
  return `(${names.join(", ")})${computed.length > 0 ? ` SET ${computed.join(", ")}` : ""}`;
}

const NUL = 0;
const TAB = 9;
const LF = 10;
const ZERO = 48;
const BACKSLASH = 92;

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += PIECE_BYTES) yield bytes.subarray(start, start + PIECE_BYTES);
}

/**
 * Writes a text, escaped. Most texts are all ASCII or nearly so, and for them a loop is faster than a call of native code.
 * @returns where the text ends
 */
function writeText(buffer: Buffer, start: number, text: string): number {
  let at = start;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 0x800) return start + buffer.write(text.replace(SPECIAL, "\\$&").replaceAll("\0", "\\0"), start);
    if (code >= 0x80) {
      buffer[at++] = 0xc0 | (code >> 6);
      buffer[at++] = 0x80 | (code & 0x3f);
    } else {
      // After a backslash the server takes a tab or a line feed as part of the value.
      if (code === BACKSLASH || code === TAB || code === LF || code === NUL) buffer[at++] = BACKSLASH;
      buffer[at++] = code === NUL ? ZERO : code;
    }
  }
  return at;
}

const SPECIAL = /[\\\t\n]/g;

/** @returns where the number ends */
function writeNumber(buffer: Buffer, start: number, value: number): number {
  if ((value | 0) !== value || value < 0) return start + buffer.write(String(value), start, "latin1");
  let end = start + 1;
  for (let rest = value; rest >= 10; rest = (rest / 10) | 0) end++;
  let rest = value;
  for (let at = end - 1; at >= start; at--) {
    const tenth = (rest / 10) | 0;
    buffer[at] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
  return end;
}
