/** The fast way into a table: LOAD DATA LOCAL INFILE, fed from memory. No file is read, whatever the server asks for. */
import { Readable } from "node:stream";
import { escapeId } from "mysql2";
import type { Connection, ResultSetHeader } from "mysql2/promise";
import type { Row, Table } from "../codecs/tables.ts";
import { columnList } from "./rows.ts";

/**
 * Loads rows by one statement. It behaves as INSERT IGNORE would, so that what the server changed or left out must be
 * asked for: every row arrives as it was sent, or this throws.
 */
export async function loadRows(
  connection: Connection,
  table: Table,
  rows: readonly Row[],
  into: string,
): Promise<void> {
  const text = Buffer.from(linesOf(rows));
  const [{ affectedRows, warningStatus }] = await connection.query<ResultSetHeader>({
    sql: `LOAD DATA LOCAL INFILE 'rows' INTO TABLE ${escapeId(into)} CHARACTER SET utf8mb4
      FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' (${columnList(table.columns)})`,
    infileStreamFactory: () => Readable.from(pieces(text)),
  });
  if (affectedRows === rows.length && warningStatus === 0) return;
  throw new Error(
    `${affectedRows} of ${rows.length} rows were loaded into ${table.name}, with ${warningStatus} warnings`,
  );
}

/** Bun writes a large buffer to a socket in ever shorter rests, each of them copied. */
const PIECE_BYTES = 128 * 1024;

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += PIECE_BYTES) yield bytes.subarray(start, start + PIECE_BYTES);
}

function linesOf(rows: readonly Row[]): string {
  let text = "";
  for (const row of rows) {
    for (let index = 0; index < row.length; index++) {
      const value = row[index];
      if (index > 0) text += "\t";
      if (typeof value === "string") text += SPECIAL.test(value) ? value.replace(ALL_SPECIAL, escaped) : value;
      else text += value === null || value === undefined ? "\\N" : value;
    }
    text += "\n";
  }
  return text;
}

const SPECIAL = /[\\\t\n\0]/;
const ALL_SPECIAL = /[\\\t\n\0]/g;
const ESCAPES: Record<string, string> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\0": "\\0" };
const escaped = (character: string) => ESCAPES[character] ?? character;
