/** Judges rejected rows again, corrected or as they came. The rules are the same as for every other row. */

import { drizzle, type MySql2Database } from "drizzle-orm/mysql2";
import type { PoolConnection } from "mysql2/promise";
import { retried, transacted, WORTH_ANOTHER_TRY } from "../db/transaction.ts";
import { MusterError } from "../errors.ts";
import type { Correction } from "../read/corrections/corrected-file.ts";
import { readAgain } from "../read/corrections/read-again.ts";
import { type BatchRow, ROWS_PER_REQUEST_MAX } from "../read/request-rows.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import {
  closeRejections,
  countOpen,
  type HeldRejection,
  holdRejections,
  lookUpRejections,
  pageOfOpen,
  rawInputs,
} from "../repositories/open-rejections.ts";
import { findRun } from "../repositories/run-log.ts";
import { type BatchOutcome, insertBatch, rehearseBatch } from "./insert-batch.ts";

/** What a replay would do. */
export type Rehearsal = Omit<BatchOutcome, "run">;

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
  const db = drizzle(connection);
  const ids = request.corrections.map(({ id }) => id);
  const held = await holdRejections(db, ids);
  const rows = await readCorrections(database, db, held, request);
  const outcome = await insertBatch(database, connection, {
    kind: "replay",
    source: request.source,
    rows,
    strict: false,
  });
  await closeRejections(db, ids, "replayed");
  return { rows, outcome };
}

/**
 * What a replay of these corrections would answer now. The rows are judged and stored as in a replay, and rolled back: nothing
 * is kept, no run is recorded, and the rejections are not locked. Ids that the database has assigned to the rows stay used, as
 * after any insert that is undone. While a table is published, this waits and then fails as a replay does.
 * @throws MusterError as a replay does
 */
export async function rehearseReplay(
  database: MusterDatabase,
  corrections: readonly Correction[],
  msMax: number,
): Promise<Rehearsal> {
  const rehearse = async (connection: PoolConnection): Promise<never> => {
    const db = drizzle(connection);
    const ids = corrections.map(({ id }) => id);
    const found = await lookUpRejections(db, ids);
    const rows = await readCorrections(database, db, found, { corrections, pointer: () => "" });
    throw new Rehearsed(await rehearseBatch(database, connection, rows));
  };
  return retried(WORTH_ANOTHER_TRY, () => transacted(database, rehearse, msMax)).catch((error) => {
    if (error instanceof Rehearsed) return error.outcome;
    throw error;
  });
}

/** Thrown to roll a rehearsal back. */
class Rehearsed extends Error {
  constructor(readonly outcome: Rehearsal) {
    super("a rehearsal is rolled back");
  }
}

/** Reads the corrected rows again. @param found the rejections by id */
async function readCorrections(
  database: MusterDatabase,
  db: MySql2Database,
  found: ReadonlyMap<number, HeldRejection>,
  { corrections, pointer }: { corrections: readonly Correction[]; pointer: (index: number) => string },
): Promise<BatchRow[]> {
  if (new Set(corrections.map(({ id }) => id)).size < corrections.length)
    throw new MusterError("invalid", "a rejection is named twice");
  const asTheyCame = corrections.filter(({ row, raw, cells }) => row === undefined && raw === undefined && !cells);
  const raws = await rawInputs(
    db,
    asTheyCame.map(({ id }) => id),
  );
  const rows: BatchRow[] = [];
  const counts = new Map<string, number>();
  for (const [at, correction] of corrections.entries()) {
    const rejection = found.get(correction.id);
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
  return rows;
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
