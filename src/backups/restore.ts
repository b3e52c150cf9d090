/** Restores tables: makes their rows exactly those of a backup, all tables in one step. */
import type { Table, TableName } from "../codecs/tables.ts";
import type { RestoreCounts } from "../db/ledger.ts";
import { interruptible } from "../db/transaction.ts";
import { debugPoint } from "../debug-points.ts";
import { clearDeadRuns, takeTurn } from "../publish/recovery.ts";
import type { Replacement } from "../publish/replace.ts";
import { dropStages } from "../publish/stage.ts";
import { sourceOf } from "../repositories/backup-runs.ts";
import type { BegunRun, LiveRun } from "../repositories/live-run.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { backupIn, endRun, findRun, type RunRecord } from "../repositories/run-log.ts";
import { beginWork, type RunOptions } from "./begin.ts";
import { findManifest } from "./catalog.ts";
import type { Manifest } from "./manifest.ts";
import { planTables, replaceTables } from "./replace-tables.ts";
import { stageWhole } from "./stage-backup.ts";
import type { BackupStore } from "./store.ts";

export interface RestoreOptions extends RunOptions {
  tables: readonly Table[];
  /** An id, or `latest` for the newest backup that holds the tables. */
  backup: string;
  /** Only say what would change. */
  plan?: boolean;
}

export interface RestoreOutcome {
  run: string;
  backup: string;
  tables: Partial<Record<TableName, RestoreCounts>>;
}

/**
 * Restores tables. First all rows are staged, and the files are checked as they are read. Then the tables are replaced. Readers
 * see the old rows or the new ones. Writers wait at the gates from the first change to the commit.
 * @throws MusterError `not_found`, `backup_damaged`, `refused` or `conflict` with nothing changed
 */
export async function restore(
  database: MusterDatabase,
  store: BackupStore,
  options: RestoreOptions,
): Promise<RestoreOutcome> {
  return (await beginRestore(database, store, options)).finish();
}

/**
 * Records the run of a restore. Its `finish` restores the tables, as restore() does.
 * @throws MusterError `not_found` or `backup_damaged` if the manifest does not hold the tables, or cannot be read
 */
export async function beginRestore(
  database: MusterDatabase,
  store: BackupStore,
  options: RestoreOptions,
): Promise<BegunRun<RestoreOutcome>> {
  const { plan = false, report } = options;
  const part = [...options.tables].sort((a, b) => a.order - b.order);
  const manifest = await findManifest(
    store,
    options.backup,
    part.map((table) => table.name),
  );
  await clearDeadRuns(database, report.say);
  const source = (plan ? sourceOf.plan : sourceOf.restore)(manifest.id);
  const begun = await beginWork(database, { kind: "restore", source, dryRun: plan }, options, (run, report) =>
    carryOut(database, store, run, { manifest, tables: part, plan, report }),
  );
  const finish = () =>
    begun.finish().catch(async (error) => {
      // The commit may have succeeded although the server's answer was lost. It has then recorded the run's end as well.
      const record = await findRun(database.db, begun.run).catch(() => undefined);
      if (record?.status === "succeeded") return outcomeOf(record);
      throw error;
    });
  return { ...begun, finish };
}

async function carryOut(
  database: MusterDatabase,
  store: BackupStore,
  run: LiveRun,
  { manifest, tables, plan, report }: Pick<RestoreOptions, "tables" | "plan" | "report"> & { manifest: Manifest },
): Promise<RestoreOutcome> {
  for (const table of tables) await takeTurn(database, run, table.name, report);
  const replacements: Replacement[] = [];
  for (const table of tables) replacements.push(await stageWhole(database, store, run, manifest, table, report));
  const work = plan ? planTables : replaceTables;
  const counts = await interruptible(database, run.connection, report.signal, () =>
    work(database, run, replacements, report),
  );
  if (plan) await endRun(run.db, run.id, { status: "succeeded", counts });
  debugPoint("run ended");
  // The tables are restored. If this fails, the next command drops the stages.
  await dropStages(database, run.id).catch(() => report.say("what the restore staged could not be removed now"));
  return { run: run.id, backup: manifest.id, tables: counts };
}

/** The outcome of a restore that succeeded, from its run's row. */
export function outcomeOf({ id, source, counts }: RunRecord): RestoreOutcome {
  return { run: id, backup: backupIn(source), tables: counts as RestoreOutcome["tables"] };
}
