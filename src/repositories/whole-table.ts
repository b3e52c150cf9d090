/** A whole table, or a stage of it, read in id order as the server sends it. */
import { escapeId } from "mysql2";
import type { PoolConnection } from "mysql2/promise";
import type { Table } from "../codecs/tables.ts";
import { numberAt, readTextRows, type TextRow } from "../db/text-rows.ts";
import { columnList, keyOf, keyRange } from "./key-sql.ts";

/** Rows of the first page and at most, and about the bytes of a page: what comes of two of them is in memory at once. */
const FIRST_PAGE_ROWS = 1_000;
const PAGE_ROWS_MAX = 20_000;
const PAGE_BYTES = 4 * 1024 * 1024;

/** How far the reading is: `rows` of about `of`, told by how much of the ids is passed. */
export interface Reading {
  rows: number;
  of: number;
}

/**
 * Hands every row to `each`, its columns in the dictionary's order, and yields after each page. The next page is asked for
 * while the caller works on one: its rows come to `each` meanwhile. Pages, not one long answer: the server would end the
 * connection of a caller who takes too long between two rows.
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
  // From below the lowest id there is: a row of another program whose id no rule allows is a row.
  let next = readTextPage(connection, table, { from, after: range.first - 1, limit: FIRST_PAGE_ROWS }, each);
  for (;;) {
    const page = await next;
    rows += page.rows;
    const isLast = page.last >= range.last;
    if (!isLast) next = readTextPage(connection, table, { from, after: page.last, limit: page.nextLimit }, each);
    next.catch(() => {}); // thrown where it is awaited
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
  if (rows === 0) throw new Error(`the rows of ${from} behind ${after} are gone from the snapshot`);
  const nextLimit = Math.min(PAGE_ROWS_MAX, Math.ceil((PAGE_BYTES * rows) / bytes));
  return { rows, last: numberAt(last, table.key), nextLimit };
}
