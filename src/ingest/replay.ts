/** Judges rejected rows again, corrected or as they came. The rules are the same as for every other row. */

import { drizzle } from "drizzle-orm/mysql2";
import type { PoolConnection } from "mysql2/promise";
import { MusterError } from "../errors.ts";
import type { Correction } from "../read/corrections/corrected-file.ts";
import { readAgain } from "../read/corrections/read-again.ts";
import { type BatchRow, ROWS_PER_REQUEST_MAX } from "../read/request-rows.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { closeRejections, countOpen, holdRejections, pageOfOpen, rawInputs } from "../repositories/open-rejections.ts";
import { findRun } from "../repositories/run-log.ts";
import { type BatchOutcome, insertBatch } from "./insert-batch.ts";

/** How many bytes of input one replay of a run takes: enough for a thousand rows of a kilobyte. */
const REPLAY_BYTES_MAX = 1024 * 1024;

/**
 * Replays open rejections inside the caller's transaction. A row that is rejected again is a new open rejection, which
 * names the old one. The old one is `replayed` in either case.
 * @param pointer to the n-th correction in the request's body
 * @throws MusterError `not_found` if an id does not exist, `conflict` if a rejection is not open or another replay has it
 */
export async function replay(
  database: MusterDatabase,
  connection: PoolConnection,
  request: { corrections: readonly Correction[]; source: string; pointer: (index: number) => string },
): Promise<{ rows: BatchRow[]; outcome: BatchOutcome }> {
  const { corrections, source, pointer } = request;
  const db = drizzle(connection);
  const ids = corrections.map(({ id }) => id);
  if (new Set(ids).size < ids.length) throw new MusterError("invalid", "a rejection is named twice");
  const held = await holdRejections(db, ids);
  const asTheyCame = corrections.filter(({ row, raw, cells }) => row === undefined && raw === undefined && !cells);
  const raws = await rawInputs(
    db,
    asTheyCame.map(({ id }) => id),
  );
  const rows: BatchRow[] = [];
  const counts = new Map<string, number>();
  for (const [at, correction] of corrections.entries()) {
    const rejection = held.get(correction.id);
    if (!rejection || !database.dictionary.has(rejection.table))
      throw new MusterError("not_found", `there is no rejection ${correction.id}`);
    const { id, table, file, position } = rejection;
    const index = counts.get(table) ?? 0;
    counts.set(table, index + 1);
    rows.push({
      ...(await readAgain(database.dictionary.of(rejection.table), rejection, correction, raws.get(id))),
      ...{ table: rejection.table, index, file, position, replaces: id },
      pointer: (field) => pointer(at) + (field === undefined || correction.row === undefined ? "" : `/row/${field}`),
    });
  }
  const outcome = await insertBatch(database, connection, { kind: "replay", source, rows, strict: false });
  await closeRejections(db, ids, "replayed");
  return { rows, outcome };
}

/**
 * The first open rejections of a run, to be replayed as they came: as many as one replay takes. `remaining` counts the others.
 * @throws MusterError `not_found` if the run does not exist, `conflict` if it has no open rejection
 */
export async function openRejections(
  connection: PoolConnection,
  run: string,
): Promise<{ corrections: Correction[]; remaining: number }> {
  const db = drizzle(connection);
  if (!(await findRun(db, run))) throw new MusterError("not_found", `there is no run ${run}`);
  const page = await pageOfOpen(db, { run, limit: ROWS_PER_REQUEST_MAX });
  if (page.length === 0) throw new MusterError("conflict", `run ${run} has no open rejection`);
  let bytes = 0;
  const corrections: Correction[] = [];
  for (const rejection of page) {
    bytes += rejection.bytes;
    if (corrections.length > 0 && bytes > REPLAY_BYTES_MAX) break;
    corrections.push({ id: rejection.id });
  }
  const open = (await countOpen(db, run)).reduce((sum, { rows }) => sum + rows, 0);
  return { corrections, remaining: open - corrections.length };
}

/** Discards open rejections inside the caller's transaction. @throws MusterError as a replay does */
export async function discardRejections(connection: PoolConnection, ids: readonly number[]): Promise<void> {
  const db = drizzle(connection);
  await holdRejections(db, ids);
  await closeRejections(db, ids, "discarded");
}
