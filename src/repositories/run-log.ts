/** The log of runs: each has a row that says what it did. */
import { and, desc, eq, inArray, isNotNull, isNull, lt, type SQL, sql } from "drizzle-orm";
import type { MySql2Database } from "drizzle-orm/mysql2";
import type { Connection, Pool } from "mysql2/promise";
import { instant } from "../codecs/datetime.ts";
import type { Database } from "../db/database.ts";
import { type Counts, type RunCounts, type RunKind, type RunProgress, type RunStatus, runs } from "../db/ledger.ts";
import { owner } from "./locks.ts";

/** A run as HTTP answers show it. Instants are ISO 8601. `counts` has only the tables that are finished. */
export interface RunRecord {
  id: string;
  kind: RunKind;
  source: string | null;
  status: RunStatus;
  /** True if it stored nothing: a dry run of an import, a restore's plan, or a verify. */
  dry_run: boolean;
  counts: RunCounts;
  error: string | null;
  /** How far a run under way has come, as its process last reported; null before its first report and after its end. */
  progress: RunProgress | null;
  started_at: string;
  finished_at: string | null;
}

/** The newest `limit` runs; if `before` is given, those that began before that run. */
export async function listRuns(
  db: MySql2Database,
  { limit, before }: { limit: number; before?: string | undefined },
): Promise<RunRecord[]> {
  const older = before === undefined ? undefined : lt(runs.id, before);
  const rows = await db.select().from(runs).where(older).orderBy(desc(runs.id)).limit(limit);
  return rows.map(runRecord);
}

export async function findRun(db: MySql2Database, id: string): Promise<RunRecord | undefined> {
  const [row] = await db.select().from(runs).where(eq(runs.id, id));
  return row && runRecord(row);
}

/** The runs with these ids, in any order. */
export async function findRuns(db: MySql2Database, ids: readonly string[]): Promise<RunRecord[]> {
  if (ids.length === 0) return [];
  const rows = await db
    .select()
    .from(runs)
    .where(inArray(runs.id, [...ids]));
  return rows.map(runRecord);
}

/** Whether a backup has ever succeeded. */
export async function hasBackedUp(db: MySql2Database): Promise<boolean> {
  const made = and(eq(runs.kind, "backup"), eq(runs.status, "succeeded"));
  return has(db, made);
}

/** The id of the backup that a restore's source names; "" if it names none. */
export const backupIn = (source: string | null): string => /^backup (\S+)/.exec(source ?? "")?.[1] ?? "";

/** Whether a run has stored rows, or is about to. */
export async function hasRunThatStored(db: MySql2Database): Promise<boolean> {
  const kinds: RunKind[] = ["import", "insert", "replay", "restore"];
  const statuses: RunStatus[] = ["succeeded", "running", "publishing"];
  return has(db, and(inArray(runs.status, statuses), inArray(runs.kind, kinds), eq(runs.dry_run, false)));
}

/** Whether an import of this source has ever succeeded, or has ever failed. Dry runs do not count. */
export async function hasImportThat(
  db: MySql2Database,
  source: string,
  ended: "succeeded" | "failed",
): Promise<boolean> {
  const statuses: RunStatus[] = ended === "failed" ? ["failed", "refused"] : ["succeeded"];
  return has(db, and(isImportOf(source), inArray(runs.status, statuses), eq(runs.dry_run, false)));
}

/** The condition that a run is an import of this source. The index compares by collation, so the bytes are compared too. */
export const isImportOf = (source: string): SQL | undefined =>
  and(eq(runs.kind, "import"), eq(runs.source, source), sql`BINARY ${runs.source} = ${source}`);

async function has(db: MySql2Database, condition: SQL | undefined): Promise<boolean> {
  return (await db.select({ id: runs.id }).from(runs).where(condition).limit(1)).length > 0;
}

/** A row of the log as HTTP answers show it. */
export function runRecord(row: typeof runs.$inferSelect): RunRecord {
  const { owner: _owner, swap: _swap, cancel_asked_at: _asked, ...record } = row;
  return {
    ...record,
    progress: row.finished_at === null ? row.progress : null,
    started_at: instant(row.started_at),
    finished_at: row.finished_at === null ? null : instant(row.finished_at),
  };
}

const now = sql`UTC_TIMESTAMP(3)`;

/**
 * Writes the row of a run that began and ended within the caller's transaction, which is about to commit.
 * @param began a time of performance.now()
 */
export async function recordRun(
  { ended }: Database,
  connection: Connection | Pool,
  { began, ...run }: { id: string; kind: RunKind; source: string; status: RunStatus; counts: RunCounts; began: number },
): Promise<void> {
  // Without Drizzle: making the statement took 6 % of the time that a batch of 1000 rows takes in this process. If the ledger
  // gets a required column, add it here.
  await connection.query(
    `INSERT INTO muster_runs (id, kind, source, status, counts, owner, started_at, finished_at)
     VALUES (?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))`,
    [run.id, run.kind, run.source, run.status, JSON.stringify(run.counts), owner()],
  );
  for (const listener of ended) listener({ ...run, seconds: (performance.now() - began) / 1000 });
}

/** The counts of a table before its first row is read. */
export const noRows = (): Counts => ({ received: 0, inserted: 0, unchanged: 0, rejected: 0, withheld: 0 });

/**
 * Writes how a run ended. If `counts` is given, it has all tables of the run.
 * @param from if it is given, a run with another status stays as it is: another process has ended it
 * @returns whether it is written
 */
export async function endRun(
  db: MySql2Database,
  run: string,
  end: { status: RunStatus; counts?: RunCounts; error?: string },
  from?: RunStatus,
): Promise<boolean> {
  const { status, counts, error } = end;
  const [{ affectedRows }] = await db
    .update(runs)
    .set({ status, finished_at: now, ...(counts && { counts }), ...(error && { error: error.slice(0, 2000) }) })
    .where(and(eq(runs.id, run), from && eq(runs.status, from)));
  return affectedRows > 0;
}

/** Writes the counts of the tables published so far, in the transaction that publishes the last of them. */
export async function recordCounts(db: MySql2Database, run: string, counts: RunCounts): Promise<void> {
  await db.update(runs).set({ counts }).where(eq(runs.id, run));
}

/**
 * Writes how far a run under way has come.
 * @returns whether somebody has asked for it to be cancelled
 */
export async function recordProgress(db: MySql2Database, run: string, progress: RunProgress): Promise<boolean> {
  const mine = eq(runs.id, run);
  const [row] = await db.select({ askedAt: runs.cancel_asked_at }).from(runs).where(mine);
  await db
    .update(runs)
    .set({ progress })
    .where(and(mine, isNull(runs.finished_at)));
  return row !== undefined && row.askedAt !== null;
}

/** Asks the process that works on the run to end it. */
export async function askToCancel(db: MySql2Database, run: string): Promise<void> {
  await db.update(runs).set({ cancel_asked_at: now }).where(eq(runs.id, run));
}

/** Whether somebody has asked for the run to be cancelled. */
export async function isCancelAsked(db: MySql2Database, run: string): Promise<boolean> {
  return await has(db, and(eq(runs.id, run), isNotNull(runs.cancel_asked_at)));
}

export interface Report {
  /** Tells the user one line. */
  say(line: string): void;
  signal?: AbortSignal;
  progress?(progress: Progress): void;
}

/** How far a step of a run has come. */
export type Progress = Omit<RunProgress, "rejected" | "rows_per_s">;
