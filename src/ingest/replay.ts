/** Rejected rows once more, mended or as they came, through the one validation path (design sections 2 and 4). */
import { drizzle } from "drizzle-orm/mysql2";
import type { PoolConnection } from "mysql2/promise";
import { fromCsv } from "../codecs/csv.ts";
import { parseCsv } from "../codecs/csv-parser.ts";
import { fromJson } from "../codecs/json.ts";
import { isTableName, type Shaped, type Table, tableOf } from "../codecs/tables.ts";
import type { Database } from "../db/client.ts";
import { MusterError } from "../errors.ts";
import { closeRejections, type HeldRejection, holdRejections, openRejectionIds } from "../repositories/rejections.ts";
import { findRun } from "../repositories/runs.ts";
import type { BatchRow } from "./batch.ts";
import { shaped } from "./csv-rows.ts";
import { type BatchOutcome, insertBatch, ROWS_PER_REQUEST_MAX } from "./insert.ts";

/** A rejection to be replayed: with a whole new row, with corrected text in the form that it came in, or as it is. */
export interface Mended {
  id: number;
  row?: unknown;
  raw?: string;
}

/**
 * Replays open rejections inside the caller's transaction. A row that is refused again is a new open rejection, which
 * names the old one; the old one is `replayed` in either case.
 * @param pointer of the n-th row in the request's body
 * @throws MusterError `not_found` for an id that is none, `conflict` where one is not open or another replay has it
 */
export async function replay(
  database: Database,
  connection: PoolConnection,
  { mended, source, pointer }: { mended: readonly Mended[]; source: string; pointer: (index: number) => string },
): Promise<{ rows: BatchRow[]; outcome: BatchOutcome }> {
  const ids = new Set(mended.map(({ id }) => id));
  if (ids.size < mended.length) throw new MusterError("invalid", "a rejection is named twice");
  const held = await holdRejections(drizzle(connection), [...ids]);
  const rows: BatchRow[] = [];
  const counts = new Map<string, number>();
  for (const [at, each] of mended.entries()) {
    const rejection = held.get(each.id);
    if (!rejection || !isTableName(rejection.table))
      throw new MusterError("not_found", `there is no rejection ${each.id}`);
    const { table: name } = rejection;
    const index = counts.get(name) ?? 0;
    counts.set(name, index + 1);
    rows.push({
      ...(await reread(tableOf(name), rejection, each)),
      table: name,
      index,
      replaces: each.id,
      pointer: (field) => pointer(at) + (field === undefined || each.row === undefined ? "" : `/row/${field}`),
    });
  }
  const outcome = await insertBatch(database, connection, { kind: "replay", source, rows, strict: false });
  await closeRejections(drizzle(connection), [...held.keys()], "replayed");
  return { rows, outcome };
}

/** The first open rejections of a run, as they are; as many as one replay takes. */
export async function openRejections(connection: PoolConnection, run: string): Promise<Mended[]> {
  const db = drizzle(connection);
  if (!(await findRun(db, run))) throw new MusterError("not_found", `there is no run ${run}`);
  const ids = await openRejectionIds(db, { run, limit: ROWS_PER_REQUEST_MAX });
  return ids.map((id) => ({ id }));
}

/** Discards open rejections inside the caller's transaction. @throws MusterError as a replay does */
export async function discardRejections(connection: PoolConnection, ids: readonly number[]): Promise<void> {
  const db = drizzle(connection);
  await holdRejections(db, ids);
  await closeRejections(db, ids, "discarded");
}

async function reread(
  table: Table,
  rejection: HeldRejection,
  mended: Mended,
): Promise<Pick<BatchRow, "shaped" | "raw" | "columns">> {
  if (mended.row !== undefined) {
    const raw = () => Buffer.from(JSON.stringify(mended.row));
    return { shaped: fromJson(table, mended.row, { keyOptional: true }), raw };
  }
  const bytes = mended.raw === undefined ? rejection.raw : Buffer.from(mended.raw);
  const { columns } = rejection;
  if (columns === null) return { shaped: shapedJson(table, bytes), raw: () => bytes };
  return { shaped: await shapedCsv(table, bytes, columns), raw: () => bytes, columns };
}

function shapedJson(table: Table, bytes: Uint8Array): Shaped {
  try {
    return fromJson(table, JSON.parse(new TextDecoder().decode(bytes)), { keyOptional: true });
  } catch {
    return { values: [], reasons: [{ code: "wrong_type", detail: "the row is not JSON" }] };
  }
}

async function shapedCsv(table: Table, bytes: Uint8Array, columns: readonly string[]): Promise<Shaped> {
  const order = columns.map((name) => table.columns.findIndex((column) => column.name === name));
  for await (const [record] of parseCsv(only(bytes))) {
    if (record) return shaped(table, record, order);
  }
  return fromCsv(table, [], order);
}

async function* only(bytes: Uint8Array) {
  yield bytes;
}
