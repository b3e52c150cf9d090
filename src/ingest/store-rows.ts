/** Judges and stores the rows of one table inside a transaction. If the server refuses a row, that row alone is rejected. */

import type { PoolConnection } from "mysql2/promise";
import type { Key } from "../codecs/key-text.ts";
import { refusedByDatabase } from "../codecs/reasons.ts";
import { numberKeyOf, type ReadRow, type Row, type Table } from "../codecs/tables.ts";
import type { Server } from "../db/database.ts";
import { type Refusal, refusalOf } from "../db/refusal.ts";
import { insertRowsWithoutId } from "../repositories/assigned-ids.ts";
import { inParts, insertRows, rowBytes } from "../repositories/inserts.ts";
import { judge, type KnownRows, NEW, type Verdict } from "./judge.ts";

/** A row with what became of it. */
export interface JudgedRow<R extends ReadRow = ReadRow> {
  readonly row: R;
  verdict: Verdict;
  /** The id that the row came with, or the id that the database gave it. */
  id: number | undefined;
  /** The key that the row is stored under, if the server judges the rows of its table. */
  key: Key | undefined;
}

export interface Store {
  server: Server;
  connection: PoolConnection;
  table: Table;
  /** Gives the rows' verdicts. It is asked again each time that the server has refused rows. */
  judge(rows: readonly JudgedRow[]): Promise<readonly Verdict[]>;
}

/**
 * Judges rows in this process and inserts those that are new. The transaction must see what others commit meanwhile (READ COMMITTED).
 * @returns the rows in their order. Rows with the verdict `new` are stored
 */
export async function judgeAndStore<R extends ReadRow>(
  { known, ...place }: Omit<Store, "judge"> & { known: KnownRows },
  rows: readonly R[],
): Promise<JudgedRow<R>[]> {
  const { table } = place;
  const key = numberKeyOf(table);
  const judgeRows: Store["judge"] = (open) =>
    judge(
      table,
      open.map(({ row }) => row),
      known,
    );
  const store = { ...place, judge: judgeRows };
  const judged = rows.map((row): JudgedRow<R> => {
    const id = row.values[key];
    return { row, verdict: NEW, id: typeof id === "number" ? id : undefined, key: undefined };
  });
  const refused = new Set<JudgedRow>();
  for (let open = judged; open.length > 0; ) {
    await judgeAgain(store, open);
    const fresh = open.filter(isNew);
    await insertNew(store, fresh);
    // Rows with the same id were judged as if the refused row were stored: judge them again.
    const lost = fresh.filter((each) => !isNew(each));
    for (const each of lost) refused.add(each);
    const ids = new Set(lost.map(({ row }) => row.values[key]));
    ids.delete(undefined);
    open = judged.filter((each) => ids.has(each.row.values[key]) && isWellFormed(each) && !refused.has(each));
  }
  return judged;
}

const isWellFormed = ({ row }: JudgedRow) => row.reasons.length === 0;
export const isNew = ({ verdict }: JudgedRow) => verdict.is === "new";

export async function judgeAgain(store: Store, rows: readonly JudgedRow[]): Promise<void> {
  const verdicts = await store.judge(rows);
  for (const [index, judged] of rows.entries()) {
    const verdict = verdicts[index];
    if (!verdict) throw new Error("a row has no verdict");
    judged.verdict = verdict;
  }
}

/** Inserts rows with an id in the order of their ids, so that two batches never wait for each other. Then the others. */
async function insertNew(store: Store, fresh: readonly JudgedRow[]): Promise<void> {
  const { connection, table } = store;
  const withId = fresh.filter(({ id }) => id !== undefined).sort((a, b) => Number(a.id) - Number(b.id));
  const withoutId = fresh.filter(({ id }) => id === undefined);
  await insertAll(store, withId, (part) => insertRows(connection, table, valuesOf(part)));
  await insertAll(store, withoutId, async (part) => {
    const ids = await insertRowsWithoutId(connection, table, valuesOf(part));
    part.forEach((each, index) => {
      each.id = Number(ids[index]);
    });
  });
}

export const valuesOf = (rows: readonly JudgedRow[]) => rows.map(({ row }) => row.values as Row);

/** Inserts rows by one statement: all of them, or none if it throws. */
type Insert = (part: readonly JudgedRow[]) => Promise<void>;

export async function insertAll(store: Store, rows: readonly JudgedRow[], insert: Insert): Promise<void> {
  const bytesOf = ({ row }: JudgedRow) => rowBytes(row.values as Row);
  for (const part of inParts(rows, bytesOf)) await insertPart(store, part, insert);
}

/**
 * Inserts a part. If the server refuses it, each half is tried by itself, down to single rows: this takes 2 k log2(n / k)
 * statements if k of n rows are refused. If another writer may have just stored one of the ids (`race`), the part is first
 * judged again.
 */
async function insertPart(store: Store, part: readonly JudgedRow[], insert: Insert): Promise<void> {
  const refusal = await refusalTo(store, part, insert);
  if (!refusal) return;
  if (!refusal.race) return insertHalves(store, part, insert, refusal);
  await judgeAgain(store, part);
  const rest = part.filter(isNew);
  if (rest.length < part.length) return insertPart(store, rest, insert);
  // The other writer may have rolled back. A second refusal has another cause: a trigger or a foreign key.
  const again = await refusalTo(store, part, insert);
  if (again) await insertHalves(store, part, insert, again);
}

async function insertHalves(store: Store, part: readonly JudgedRow[], insert: Insert, refusal: Refusal): Promise<void> {
  const [only, ...others] = part;
  if (only && others.length === 0) {
    only.verdict = { is: "rejected", reasons: [refusedByDatabase(refusal)] };
    return;
  }
  const half = Math.ceil(part.length / 2);
  await insertPart(store, part.slice(0, half), insert);
  await insertPart(store, part.slice(half), insert);
}

/**
 * TiDB frees the locks of a refused statement in the background: those of its rows that are no newer than the statement. At READ
 * COMMITTED an INSERT of VALUES has the time of the last statement that read a table, and INSERT ... SELECT a new one. So without
 * a read in between, the next INSERT of the same rows can lose its locks, and the storage aborts the transaction at its end
 * ("pessimistic lock not found"). If tidb_rc_read_check_ts is ON, this read brings no new time either, and such a transaction is
 * only run again.
 */
const READ_FOR_NEW_TIME = "SELECT 1 FROM muster_gates LIMIT 1";

async function refusalTo(
  { server, connection }: Store,
  part: readonly JudgedRow[],
  insert: Insert,
): Promise<Refusal | undefined> {
  if (part.length === 0) return undefined;
  try {
    await insert(part);
    return undefined;
  } catch (error) {
    const refusal = refusalOf(error);
    if (!refusal) throw error;
    if (server.freesLocksLater) await connection.query(READ_FOR_NEW_TIME);
    return refusal;
  }
}
