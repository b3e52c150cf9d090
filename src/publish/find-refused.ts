/** Finds the row at fault in a statement that changes many rows: it is run for parts of them, until one row stands alone. */
import { escapeId } from "mysql2";
import type { Connection, RowDataPacket } from "mysql2/promise";
import { type Key, keyText } from "../codecs/key-text.ts";
import type { Table } from "../codecs/tables.ts";
import { type Refusal, refusalOf } from "../db/refusal.ts";
import { MusterError } from "../errors.ts";
import { afterKey, type Condition, inKeyRange, keyList, keyRange } from "../repositories/key-sql.ts";

/** A statement that changes many rows. */
export interface Change {
  table: Table;
  /** The table or stage that it reads its rows from, and its alias in the statement. */
  from: string;
  alias: string;
  /** Whether it deletes rows. Otherwise it writes a backup's rows. */
  deletes: boolean;
  /** The statement. @param range a further condition on the rows, or empty */
  sql(range: string): string;
}

/**
 * Finds the first row that the server refuses, in the order of the key. The rows before it are changed on the way.
 * @returns undefined if the server refuses no row any more
 */
export function findRefused(connection: Connection, change: Change): Promise<MusterError | undefined> {
  const attempt = (range: Condition): Promise<Refusal | undefined> =>
    connection.query(change.sql(` AND ${range.sql}`), range.values).then(() => undefined, refusalOrThrow);
  return change.table.numberKey === undefined
    ? amongKeys(connection, change, attempt)
    : amongIds(connection, change, attempt);
}

type Attempt = (range: Condition) => Promise<Refusal | undefined>;

/** Halves the range of ids. */
async function amongIds(connection: Connection, change: Change, attempt: Attempt): Promise<MusterError | undefined> {
  const sql = inKeyRange(change.table, change.alias);
  let { first, last } = (await keyRange(connection, change.table, change)) ?? { first: 1, last: 0 };
  while (first <= last) {
    const middle = Math.floor((first + last) / 2);
    const refusal = await attempt({ sql, values: [first, middle] });
    if (refusal && first === last) return refused(change, String(first), refusal.reason);
    if (refusal) last = middle;
    else first = middle + 1;
  }
  return undefined;
}

const KEYS_PER_PAGE = 10_000;

/** Goes page by page, and halves the first page that is refused. */
async function amongKeys(connection: Connection, change: Change, attempt: Attempt): Promise<MusterError | undefined> {
  const { table, alias } = change;
  for (let before: Key | undefined; ; ) {
    let keys = await keysAfter(connection, change, before);
    if (keys.length === 0) return undefined;
    let part = keys;
    while (part.length > 0) {
      const last = part.at(-1) ?? [];
      const refusal = await attempt(between(table, alias, before, last));
      if (refusal && part.length === 1) return refused(change, keyText(table, last), refusal.reason);
      if (!refusal) {
        before = last;
        keys = keys.slice(part.length);
      }
      part = keys.slice(0, refusal ? Math.ceil(part.length / 2) : Math.ceil(keys.length / 2));
    }
  }
}

async function keysAfter(connection: Connection, { table, from }: Change, before: Key | undefined): Promise<Key[]> {
  const after = before === undefined ? { sql: "TRUE", values: [] } : afterKey(table, before);
  const list = keyList(table);
  const sql = `SELECT ${list} FROM ${escapeId(from)} WHERE ${after.sql} ORDER BY ${list} LIMIT ${KEYS_PER_PAGE}`;
  const [rows] = await connection.query<RowDataPacket[][]>({ sql, rowsAsArray: true }, after.values);
  const codecs = table.key.map((index) => table.columns[index]?.codec);
  return rows.map((row) => codecs.map((codec, place) => codec?.fromSql(row[place]) ?? null));
}

/** The rows after one key, if there is one, up to another. */
function between(table: Table, alias: string, before: Key | undefined, last: Key): Condition {
  const beyond = afterKey(table, last, alias);
  const upTo = { sql: `NOT (${beyond.sql})`, values: beyond.values };
  if (before === undefined) return upTo;
  const after = afterKey(table, before, alias);
  return { sql: `${after.sql} AND ${upTo.sql}`, values: [...after.values, ...upTo.values] };
}

function refusalOrThrow(error: unknown): Refusal {
  const refusal = refusalOf(error);
  if (refusal) return refusal;
  throw error;
}

/** @param key the row's key as text */
export function refused({ table, deletes }: Pick<Change, "table" | "deletes">, key: string, reason: string) {
  const what = deletes ? `to delete row ${key} of ${table.name}` : `the backup's row ${key} of ${table.name}`;
  const advice = "change the rule that it names for the restore, or restore another backup";
  return new MusterError("refused", `the database refuses ${what}: ${reason}. Nothing was restored: ${advice}`);
}
