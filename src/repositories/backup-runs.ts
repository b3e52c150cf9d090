/** Runs as the pages of a backup need them: what has been done with it, and what has changed since. */
import { and, desc, eq, gt, gte, inArray, isNull, lt, or } from "drizzle-orm";
import type { MySql2Database } from "drizzle-orm/mysql2";
import type { TableName } from "../codecs/tables.ts";
import { type RunCounts, type RunKind, runs } from "../db/ledger.ts";
import { findRun, type RunRecord, runRecord } from "./run-log.ts";

/** At most so many runs are looked at. */
export const LOOKED_AT_MAX = 1_000;

/** The backups, restores and verifications that have not ended, newest first. */
export async function findUnderWay(db: MySql2Database): Promise<RunRecord[]> {
  const unended = and(inArray(runs.status, ["running", "publishing"]), inArray(runs.kind, ["backup", "restore"]));
  return (await db.select().from(runs).where(unended).orderBy(desc(runs.id)).limit(LOOKED_AT_MAX)).map(runRecord);
}

/** The source of a run that restores a backup, plans to restore it, or verifies it. */
export const sourceOf = {
  restore: (backup: string) => `backup ${backup}`,
  plan: (backup: string) => `backup ${backup} (plan)`,
  verification: (backup: string) => `backup ${backup} (verify)`,
};

/** The newest verification of each of these backups, by the backup's id. */
export async function findVerifications(
  db: MySql2Database,
  ids: readonly string[],
): Promise<ReadonlyMap<string, RunRecord>> {
  if (ids.length === 0) return new Map();
  const sources = new Map(ids.map((id) => [sourceOf.verification(id), id]));
  const theirs = and(eq(runs.kind, "restore"), inArray(runs.source, [...sources.keys()]));
  const found = await db.select().from(runs).where(theirs).orderBy(runs.id);
  return new Map(found.map((run) => [sources.get(run.source ?? "") ?? "", runRecord(run)]));
}

/** The run that planned a restore of the backup. Undefined if the run is something else. */
export async function findPlan(db: MySql2Database, backup: string, run: string): Promise<RunRecord | undefined> {
  const found = await findRun(db, run);
  return found?.kind === "restore" && found.dry_run && found.source === sourceOf.plan(backup) ? found : undefined;
}

/** Kinds of runs that store rows. The long ones may begin before another run and store their rows after it. */
const STORING: RunKind[] = ["import", "insert", "replay", "restore"];
const LONG: RunKind[] = ["import", "restore"];

export interface Writers {
  /** Newest first. */
  runs: RunRecord[];
  /** There are so many runs that only the newest were looked at. */
  areMore: boolean;
}

/** The runs that have stored, changed or deleted rows of these tables since a run began, or that may still do so. */
export async function findWritersSince(
  db: MySql2Database,
  { id, started_at }: RunRecord,
  tables: readonly TableName[],
): Promise<Writers> {
  const began = started_at.replace("T", " ").replace("Z", "");
  const stored = eq(runs.dry_run, false);
  const ended = or(isNull(runs.finished_at), gte(runs.finished_at, began));
  const [later = [], earlier = []] = await Promise.all(
    [
      and(gt(runs.id, id), inArray(runs.kind, STORING), stored),
      and(lt(runs.id, id), inArray(runs.kind, LONG), ended, stored),
    ].map((which) => db.select().from(runs).where(which).orderBy(desc(runs.id)).limit(LOOKED_AT_MAX)),
  );
  const writers = [...later, ...earlier]
    .map(runRecord)
    .filter((run) => run.finished_at === null || tables.some((table) => hasChanged(run.counts[table])));
  return { runs: writers, areMore: [later, earlier].some(({ length }) => length === LOOKED_AT_MAX) };
}

function hasChanged(counts: RunCounts[string] | undefined): boolean {
  if (!counts || !("inserted" in counts)) return false;
  return counts.inserted > 0 || ("updated" in counts && counts.updated + counts.deleted > 0);
}
