/** Reads a whole table, or its stage, in id order. */
import { escapeId } from "mysql2";
import type { PoolConnection } from "mysql2/promise";
import { numberKeyOf, type Table } from "../codecs/tables.ts";
import { numberAt, readTextRows, type TextRow } from "../db/text-rows.ts";
import { columnList, keyOf, keyRange } from "./key-sql.ts";

/** Two pages are in memory at once. The size of the first one is fixed; later ones are sized to have about PAGE_BYTES. */
const FIRST_PAGE_ROWS = 1_000;
const PAGE_ROWS_MAX = 20_000;
const PAGE_BYTES = 4 * 1024 * 1024;

/** How far the reading is: `rows` of about `of`, which is guessed from the ids read so far. */
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
  const range = await keyRange(connection, table, { from });
  if (!range) return;
  let rows = 0;
  // Begins at the lowest id. It may be below 1, if another program stored the row.
  let next = readTextPage(connection, table, { from, after: range.first - 1, limit: FIRST_PAGE_ROWS }, each);
  for (;;) {
    const page = await next;
    rows += page.rows;
    const isLast = page.last >= range.last;
    if (!isLast) next = readTextPage(connection, table, { from, after: page.last, limit: page.nextLimit }, each);
    next.catch(() => {}); // the next turn of the loop awaits it, and gets the error
    const passed = (page.last - range.first + 1) / (range.last - range.first + 1);
    yield { rows, of: Math.round(rows / passed) };
    if (isLast) return;
  }
}

async function readTextPage(
  connection: PoolConnection,
  table: Table,
  { from, after, limit }: { from: string; after: number; limit: number },
  each: (row: TextRow) => void,
): Promise<{ rows: number; last: number; nextLimit: number }> {
  const key = keyOf(table);
  const sql = `SELECT ${columnList(table.columns)} FROM ${escapeId(from)} WHERE ${key} > ? ORDER BY ${key} LIMIT ?`;
  let rows = 0;
  let bytes = 0;
  const last: TextRow = { buffer: Buffer.alloc(0), offset: 0, end: 0 };
  await readTextRows(connection, sql, [after, limit], (row) => {
    each(row);
    rows++;
    bytes += row.end - row.offset;
    last.buffer = row.buffer;
    last.offset = row.offset;
    last.end = row.end;
  });
  if (rows === 0) throw new Error(`the rows of ${from} after ${after} are gone from the snapshot`);
  const nextLimit = Math.min(PAGE_ROWS_MAX, Math.ceil((PAGE_BYTES * rows) / bytes));
  return { rows, last: numberAt(last, numberKeyOf(table)), nextLimit };
}
