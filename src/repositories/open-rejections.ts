/** Rejections as a replay of many of them meets them: how many are open, page by page, and what became of those named. */
import { and, asc, count, eq, gt, inArray, lte, max, type SQL, sql } from "drizzle-orm";
import type { MySql2Database } from "drizzle-orm/mysql2";
import { type RejectionState, rejections } from "../db/ledger.ts";
import { hasEnded, RAW_BYTES_MAX } from "./rejections.ts";

export interface Standing {
  id: number;
  table: string;
  state: RejectionState;
  /** The last TAIL_BYTES of a raw input that was cut when it was logged; null where it is whole. */
  cutAt: Buffer | null;
}

/** By so many bytes a text is known to end still where Muster cut it. */
const TAIL_BYTES = 64;

/** Per table the number of open rejections, of all runs that have ended or of one, and the highest id among them. */
export async function countOpen(
  db: MySql2Database,
  run: string | undefined,
): Promise<{ table: string; rows: number; last: number }[]> {
  const parts = await db
    .select({ table: rejections.table, rows: count(), last: max(rejections.id) })
    .from(rejections)
    .where(openOf(db, run))
    .groupBy(rejections.table);
  return parts.map(({ table, rows, last }) => ({ table, rows, last: Number(last) }));
}

/** The first `limit` open rejections of a table with ids above `after` and up to `upTo`. */
export async function pageOfOpen(
  db: MySql2Database,
  page: { table: string; run: string | undefined; after: number; upTo: number; limit: number },
): Promise<Standing[]> {
  const { table, run, after, upTo, limit } = page;
  const between = and(gt(rejections.id, after), lte(rejections.id, upTo));
  return await standing(db, and(openOf(db, run), eq(rejections.table, table), between))
    .orderBy(asc(rejections.id))
    .limit(limit);
}

/** What became of rejections, by id; those that are none, or whose run has not ended, are left out. */
export async function standingOf(db: MySql2Database, ids: readonly number[]): Promise<Map<number, Standing>> {
  if (ids.length === 0) return new Map();
  const rows = await standing(db, and(inArray(rejections.id, [...ids]), hasEnded(db)));
  return new Map(rows.map((row) => [row.id, row]));
}

const openOf = (db: MySql2Database, run: string | undefined) =>
  and(eq(rejections.state, "open"), hasEnded(db), run === undefined ? undefined : eq(rejections.run, run));

function standing(db: MySql2Database, condition: SQL | undefined) {
  const { id, table, state, raw } = rejections;
  const cutAt = sql<Buffer | null>`IF(LENGTH(${raw}) >= ${RAW_BYTES_MAX}, RIGHT(${raw}, ${TAIL_BYTES}), NULL)`;
  return db.select({ id, table, state, cutAt }).from(rejections).where(condition).$dynamic();
}
