/** Reads a whole table, or its stage, in the order of its keys. */
import { escapeId } from "mysql2";
import type { PoolConnection, RowDataPacket } from "mysql2/promise";
import { keyIn } from "../codecs/key-text.ts";
import { numberKeyOf, type Table } from "../codecs/tables.ts";
import { fromText } from "../codecs/text-to-row.ts";
import { numberAt, readTextRows, type TextRow } from "../db/text-rows.ts";
import { afterKey, type Condition, keyList, keyOf, keyRange, selectList } from "./key-sql.ts";

/** Two pages are in memory at once. The size of the first one is fixed; later ones are sized to have about PAGE_BYTES. */
const FIRST_PAGE_ROWS = 1_000;
const PAGE_ROWS_MAX = 20_000;
const PAGE_BYTES = 4 * 1024 * 1024;

/** How far the reading is: `rows` of about `of`, which is guessed from the ids read so far, or else by the server. */
export interface Reading {
  rows: number;
  of: number;
}

/**
 * Hands every row to `each`, with its columns in the dictionary's order, and yields after each page. While the caller works on
 * a page, the rows of the next one go to `each`. It reads page by page, because the server closes the connection if one long
 * answer is read too slowly.
 */
export async function* readWhole(
  connection: PoolConnection,
  table: Table,
  each: (row: TextRow) => void,
  from: string = table.name,
): AsyncGenerator<Reading> {
  if (table.numberKey === undefined) return yield* readByKey(connection, table, each, from);
  const key = keyOf(table);
  const read = async (after: number, limit: number) => {
    const page = await readTextPage(connection, table, from, { sql: `${key} > ?`, values: [after] }, limit, each);
    if (page.rows === 0) throw new Error(`the rows of ${from} after ${after} are gone from the snapshot`);
    const last = numberAt(page.last, numberKeyOf(table));
    if (last <= after) throw new Error(`the rows of ${from} after ${after} cannot be told apart by their keys`);
    return { ...page, last };
  };
  const range = await keyRange(connection, table, { from });
  if (!range) return;
  let rows = 0;
  // Begins at the lowest id. It may be below 1, if another program stored the row.
  let next = read(range.first - 1, FIRST_PAGE_ROWS);
  for (;;) {
    const page = await next;
    rows += page.rows;
    const isLast = page.last >= range.last;
    if (!isLast) next = read(page.last, page.nextLimit);
    next.catch(() => {}); // the next turn of the loop awaits it, and gets the error
    const passed = (page.last - range.first + 1) / (range.last - range.first + 1);
    yield { rows, of: Math.round(rows / passed) };
    if (isLast) return;
  }
}

/** Reads a table whose key is not a number. A page begins after the last key of the page before, in the key's own collation. */
async function* readByKey(
  connection: PoolConnection,
  table: Table,
  each: (row: TextRow) => void,
  from: string,
): AsyncGenerator<Reading> {
  const read = async (after: Condition, limit: number) => {
    const page = await readTextPage(connection, table, from, after, limit, each);
    return { ...page, isLast: page.rows < limit };
  };
  const guess = await guessRows(connection, from);
  let rows = 0;
  let next = read({ sql: "TRUE", values: [] }, FIRST_PAGE_ROWS);
  for (;;) {
    const page = await next;
    if (page.rows === 0) return;
    rows += page.rows;
    if (!page.isLast) next = read(afterKey(table, keyIn(table, fromText(table, page.last))), page.nextLimit);
    next.catch(() => {}); // the next turn of the loop awaits it, and gets the error
    yield { rows, of: page.isLast ? rows : Math.max(rows, guess) };
    if (page.isLast) return;
  }
}

/** The server's own guess of how many rows a table has. */
async function guessRows(connection: PoolConnection, name: string): Promise<number> {
  const [rows] = await connection.query<RowDataPacket[]>(
    "SELECT table_rows AS n FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?",
    [name],
  );
  return Number(rows[0]?.n ?? 0);
}

async function readTextPage(
  connection: PoolConnection,
  table: Table,
  from: string,
  after: Condition,
  limit: number,
  each: (row: TextRow) => void,
): Promise<{ rows: number; last: TextRow; nextLimit: number }> {
  const page = `FROM ${escapeId(from)} WHERE ${after.sql} ORDER BY ${keyList(table)} LIMIT ?`;
  let rows = 0;
  let bytes = 0;
  const last: TextRow = { buffer: Buffer.alloc(0), offset: 0, end: 0 };
  await readTextRows(connection, `SELECT ${selectList(table.columns)} ${page}`, [...after.values, limit], (row) => {
    each(row);
    rows++;
    bytes += row.end - row.offset;
    last.buffer = row.buffer;
    last.offset = row.offset;
    last.end = row.end;
  });
  return { rows, last, nextLimit: Math.min(PAGE_ROWS_MAX, Math.ceil((PAGE_BYTES * rows) / Math.max(1, bytes))) };
}
