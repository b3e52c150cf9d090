/** Rejections as a replay needs them: which are open, page by page, and held while they are replayed. */
import { and, asc, count, eq, gt, inArray, lte, max, type SQL, sql } from "drizzle-orm";
import type { MySql2Database } from "drizzle-orm/mysql2";
import { isHeld } from "../db/driver-errors.ts";
import { RAW_BYTES_MAX, type RejectionState, rejections } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import { firstOf } from "../shown.ts";
import { hasEnded } from "./rejection-log.ts";

/** A rejection as it stands now, read without locking it. */
export interface Standing {
  id: number;
  table: string;
  state: RejectionState;
  /** Bytes of its raw input. */
  bytes: number;
  /** The last TAIL_BYTES of the raw input if the log has cut it, else null. */
  cutAt: Buffer | null;
}

/** How many bytes are compared to tell whether a text still ends where the log cut it. */
const TAIL_BYTES = 64;

/** How many rejections of each table are open, and the highest id among them: of one run, or of all runs that have ended. */
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

/** The first open rejections by id. They can be limited to a table, to a run, and to ids above `after` and up to `upTo`. */
export async function pageOfOpen(
  db: MySql2Database,
  page: { limit: number; run: string | undefined; table?: string; after?: number; upTo?: number },
): Promise<Standing[]> {
  const { table, run, after = 0, upTo = Number.MAX_SAFE_INTEGER, limit } = page;
  const ofTable = table === undefined ? undefined : eq(rejections.table, table);
  return await standing(db, and(openOf(db, run), ofTable, gt(rejections.id, after), lte(rejections.id, upTo)))
    .orderBy(asc(rejections.id))
    .limit(limit);
}

/** The state of rejections, by id. It leaves out ids that do not exist or whose run has not ended. */
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
  /** How its raw input is read, if not by the strict default: a FileRecipe. */
  recipe: object | undefined;
  /** Bytes of its raw input. */
  bytes: number;
}

/**
 * Open rejections by id, locked for the caller's transaction.
 * @throws MusterError `not_found` if an id does not exist or its run has not ended; `conflict` if one is not open, or if
 * another replay has locked it
 */
export async function holdRejections(db: MySql2Database, ids: readonly number[]): Promise<Map<number, HeldRejection>> {
  const rows = await forReplay(db, ids)
    .for("update", { noWait: true })
    .catch((error) => {
      if (!isHeld(error)) throw error;
      throw new MusterError("conflict", "another replay has some of these rejections: try again when it has ended");
    });
  return openOnly(rows, ids);
}

/** The same without locking them. @throws MusterError as holdRejections() does, except for locks */
export async function lookUpRejections(
  db: MySql2Database,
  ids: readonly number[],
): Promise<Map<number, HeldRejection>> {
  return openOnly(await forReplay(db, ids), ids);
}

function forReplay(db: MySql2Database, ids: readonly number[]) {
  const { id, table, file, position, columns, recipe, state } = rejections;
  return db
    .select({ id, table, file, position, columns, recipe, state, bytes: BYTES })
    .from(rejections)
    .where(and(inArray(id, [...ids]), hasEnded(db)))
    .$dynamic();
}

function openOnly(
  rows: readonly (Omit<HeldRejection, "recipe"> & { recipe: object | null })[],
  ids: readonly number[],
): Map<number, HeldRejection> {
  const held = new Map(rows.map((row) => [row.id, { ...row, recipe: row.recipe ?? undefined }]));
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
  const ours = inArray(id, [...ids]);
  const rows = await db.select({ id, raw }).from(rejections).where(ours);
  return new Map(rows.map((row) => [row.id, row.raw]));
}

/** Closes rejections that the caller has locked by holdRejections(). */
export async function closeRejections(
  db: MySql2Database,
  ids: readonly number[],
  state: Extract<RejectionState, "replayed" | "discarded">,
): Promise<void> {
  const ours = inArray(rejections.id, [...ids]);
  await db.update(rejections).set({ state }).where(ours);
}
