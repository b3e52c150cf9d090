/** Rejected rows once more, mended or as they came, through the one validation path (design sections 2 and 4). */
import { drizzle } from "drizzle-orm/mysql2";
import type { PoolConnection } from "mysql2/promise";
import { Fault, isBlank } from "../codecs/codec.ts";
import { csvLine, fromCsv, fromRecord } from "../codecs/csv.ts";
import { fromJson } from "../codecs/json.ts";
import { isTableName, type ReadRow, type Table, tableOf } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import { RAW_BYTES_MAX } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import { shapedJson, shapedLine, withRepeats } from "../read/json-and-avro-rows.ts";
import type { Mended } from "../read/mended-lines.ts";
import { recordsOf } from "../read/mending-sheet.ts";
import { type BatchRow, ROWS_PER_REQUEST_MAX } from "../read/request-rows.ts";
import {
  closeRejections,
  type HeldRejection,
  holdRejections,
  openRejectionIds,
  rawInputs,
} from "../repositories/open-rejections.ts";
import { findRun } from "../repositories/run-log.ts";
import { type BatchOutcome, insertBatch } from "./insert-batch.ts";

/** Bytes of raw input that one replay of a run takes: a thousand rows of a kilobyte. */
const REPLAY_BYTES_MAX = 1024 * 1024;

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
  const asTheyCame = mended.filter(({ row, raw, cells }) => row === undefined && raw === undefined && !cells);
  const raws = await rawInputs(
    drizzle(connection),
    asTheyCame.map(({ id }) => id),
  );
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
      ...(await reread(tableOf(name), rejection, each, raws.get(each.id))),
      table: name,
      index,
      replaces: each.id,
      file: rejection.file,
      position: rejection.position,
      pointer: (field) => pointer(at) + (field === undefined || each.row === undefined ? "" : `/row/${field}`),
    });
  }
  const outcome = await insertBatch(database, connection, { kind: "replay", source, rows, strict: false });
  await closeRejections(drizzle(connection), [...held.keys()], "replayed");
  return { rows, outcome };
}

/**
 * The first open rejections of a run, as they are; as many as one replay takes, and how many are left behind them.
 * @throws MusterError `not_found` for a run that is none, `conflict` where it has no open rejection
 */
export async function openRejections(
  connection: PoolConnection,
  run: string,
): Promise<{ mended: Mended[]; remaining: number }> {
  const db = drizzle(connection);
  if (!(await findRun(db, run))) throw new MusterError("not_found", `there is no run ${run}`);
  const { ids, remaining } = await openRejectionIds(db, run, { rows: ROWS_PER_REQUEST_MAX, bytes: REPLAY_BYTES_MAX });
  if (ids.length === 0) throw new MusterError("conflict", `run ${run} has no open rejection`);
  return { mended: ids.map((id) => ({ id })), remaining };
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
  raw: Buffer | undefined,
): Promise<Pick<BatchRow, "values" | "reasons" | "raw" | "columns">> {
  if (mended.row !== undefined) {
    const raw = Buffer.from(mended.source ?? JSON.stringify(mended.row));
    return { ...withRepeats(fromJson(table, mended.row, { keyOptional: true }), mended.repeated ?? []), raw };
  }
  const { columns } = rejection;
  if (mended.cells) return ofCells(table, rejection, mended.cells);
  const bytes = mended.raw === undefined ? wholeRaw(rejection, raw) : Buffer.from(mended.raw);
  if (columns === null) {
    // What came in a file must have its id, as there.
    const line = shapedLine(table, bytes, { keyOptional: rejection.file === null });
    return { ...(line ?? shapedJson(table, "")), raw: bytes };
  }
  return { ...(await shapedCsv(table, bytes, columns)), raw: bytes, columns };
}

/** In the form in which the row came: what came as JSON may be without an id, and has types. */
function ofCells(table: Table, { columns, file }: HeldRejection, cells: ReadonlyMap<string, string>) {
  if (columns !== null) {
    const names = table.columns.map(({ name }) => name);
    const texts = names.map((name) => cells.get(name) ?? "");
    return { ...fromCsv(table, texts, undefined), raw: Buffer.from(csvLine(texts).slice(0, -2)), columns: names };
  }
  const row: Record<string, unknown> = {};
  for (const { name, codec } of table.columns) {
    const cell = cells.get(name) ?? "";
    if (isBlank(cell)) continue;
    const value = codec.fromCsv(cell);
    row[name] = value instanceof Fault ? cell : codec.toJson(value);
  }
  return { ...fromJson(table, row, { keyOptional: file === null }), raw: Buffer.from(JSON.stringify(row)) };
}

/** What was cut when it was logged may look like another row, and is none. */
function wholeRaw({ id, bytes }: HeldRejection, raw: Buffer | undefined): Buffer {
  if (raw !== undefined && bytes < RAW_BYTES_MAX) return raw;
  throw new MusterError(
    "conflict",
    `rejection ${id} keeps the first ${RAW_BYTES_MAX} bytes of its row alone: send the row`,
  );
}

async function shapedCsv(table: Table, bytes: Uint8Array, columns: readonly string[]): Promise<ReadRow> {
  const order = columns.map((name) => table.columns.findIndex((column) => column.name === name));
  const [record, another] = await recordsOf(bytes);
  if (another) return malformed("the text has more than one record");
  return record ? fromRecord(table, record, order) : fromCsv(table, [], order);
}

const malformed = (detail: string): ReadRow => ({ values: [], reasons: [{ code: "malformed_csv", detail }] });
