/** Rejections as a replay of many of them meets them: how many are open, page by page, and what became of those named. */
import { and, asc, count, eq, gt, inArray, lte, max, type SQL, sql } from "drizzle-orm";
import type { MySql2Database } from "drizzle-orm/mysql2";
import { isHeld } from "../db/driver-errors.ts";
import { RAW_BYTES_MAX, type RejectionState, rejections } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import { firstOf } from "../shown.ts";
import { hasEnded } from "./rejection-log.ts";

export interface Standing {
  id: number;
  table: string;
  state: RejectionState;
  /** Bytes of its raw input. */
  bytes: number;
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

const BYTES = sql<number>`LENGTH(${rejections.raw})`;

const openOf = (db: MySql2Database, run: string | undefined) =>
  and(eq(rejections.state, "open"), hasEnded(db), run === undefined ? undefined : eq(rejections.run, run));

function standing(db: MySql2Database, condition: SQL | undefined) {
  const { id, table, state, raw } = rejections;
  const cutAt = sql<Buffer | null>`IF(LENGTH(${raw}) >= ${RAW_BYTES_MAX}, RIGHT(${raw}, ${TAIL_BYTES}), NULL)`;
  return db.select({ id, table, state, bytes: BYTES, cutAt }).from(rejections).where(condition).$dynamic();
}

/** What a replay needs of a rejection, besides its raw input. */
export interface HeldRejection
  extends Pick<typeof rejections.$inferSelect, "id" | "table" | "file" | "position" | "columns" | "state"> {
  /** Bytes of its raw input. */
  bytes: number;
}

/**
 * Open rejections by id, held for the caller's transaction.
 * @throws MusterError `not_found` for an id that is none or whose run has not ended; `conflict` where one is not open,
 * or where another replay holds it
 */
export async function holdRejections(db: MySql2Database, ids: readonly number[]): Promise<Map<number, HeldRejection>> {
  const { id, table, file, position, columns, state } = rejections;
  const rows = await db
    .select({ id, table, file, position, columns, state, bytes: BYTES })
    .from(rejections)
    .where(and(inArray(id, [...ids]), hasEnded(db)))
    .for("update", { noWait: true })
    .catch(heldElsewhere);
  const held = new Map(rows.map((row) => [row.id, row]));
  const lost = ids.filter((each) => !held.has(each));
  if (lost.length > 0) throw new MusterError("not_found", `there is no rejection ${firstOf(lost)}`);
  const closed = rows.filter((row) => row.state !== "open");
  if (closed.length === 0) return held;
  throw new MusterError("conflict", `not open any more: ${firstOf(closed.map((row) => `${row.id} (${row.state})`))}`);
}

/** The raw inputs of rejections, by id. */
export async function rawInputs(db: MySql2Database, ids: readonly number[]): Promise<Map<number, Buffer>> {
  if (ids.length === 0) return new Map();
  const { id, raw } = rejections;
  const rows = await db
    .select({ id, raw })
    .from(rejections)
    .where(inArray(id, [...ids]));
  return new Map(rows.map((row) => [row.id, row.raw]));
}

/**
 * The ids of a run's open rejections, and how many more there are: the first `limit.rows` of them, or fewer if their raw
 * inputs have more than `limit.bytes`.
 */
export async function openRejectionIds(
  db: MySql2Database,
  run: string,
  limit: { rows: number; bytes: number },
): Promise<{ ids: number[]; remaining: number }> {
  const open = and(eq(rejections.run, run), eq(rejections.state, "open"));
  const rows = await db
    .select({ id: rejections.id, bytes: BYTES })
    .from(rejections)
    .where(open)
    .orderBy(asc(rejections.id))
    .limit(limit.rows);
  let bytes = 0;
  const tooMany = rows.findIndex((row, index) => {
    bytes += row.bytes;
    return index > 0 && bytes > limit.bytes;
  });
  const ids = rows.slice(0, tooMany === -1 ? rows.length : tooMany).map(({ id }) => id);
  const all = rows.length < limit.rows ? rows.length : await db.$count(rejections, open);
  return { ids, remaining: all - ids.length };
}

/** Ends held rejections. */
export async function closeRejections(
  db: MySql2Database,
  ids: readonly number[],
  state: Extract<RejectionState, "replayed" | "discarded">,
): Promise<void> {
  await db
    .update(rejections)
    .set({ state })
    .where(inArray(rejections.id, [...ids]));
}

function heldElsewhere(error: unknown): never {
  if (!isHeld(error)) throw error;
  throw new MusterError("conflict", "another replay has some of these rejections: try again when it has ended");
}
