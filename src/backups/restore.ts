/** Restores tables: makes their rows exactly those of a backup, all tables in one step. */
import type { Table, TableName } from "../codecs/tables.ts";
import type { RestoreCounts } from "../db/ledger.ts";
import { interruptible } from "../db/transaction.ts";
import { debugPoint } from "../debug-points.ts";
import { clearDeadRuns, failRun, takeTurn } from "../publish/recovery.ts";
import type { Replacement } from "../publish/replace.ts";
import { dropStages } from "../publish/stage.ts";
import { type Beginning, beginRun } from "../repositories/live-run.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { backupIn, endRun, findRun, type Report, type RunRecord } from "../repositories/run-log.ts";
import { findManifest } from "./catalog.ts";
import { planTables, replaceTables } from "./replace-tables.ts";
import { stageWhole } from "./stage-backup.ts";
import type { BackupStore } from "./store.ts";

export interface RestoreOptions {
  tables: readonly Table[];
  /** An id, or `latest` for the newest backup that holds the tables. */
  backup: string;
  /** Only say what would change. */
  plan?: boolean;
  report: Report;
  begin?: Beginning | undefined;
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
  const { plan = false, report } = options;
  const part = [...options.tables].sort((a, b) => a.order - b.order);
  const manifest = await findManifest(
    store,
    options.backup,
    part.map((table) => table.name),
  );
  await clearDeadRuns(database, report.say);
  const source = `backup ${manifest.id}${plan ? " (plan)" : ""}`;
  const run = await beginRun(database, "restore", source, { begin: options.begin, dryRun: plan });
  try {
    for (const table of part) await takeTurn(database, run, table.name, report);
    const replacements: Replacement[] = [];
    for (const table of part) replacements.push(await stageWhole(database, store, run, manifest, table, report));
    const work = plan ? planTables : replaceTables;
    const counts = await interruptible(database, run.connection, report.signal, () =>
      work(database, run, replacements, report),
    );
    if (plan) await endRun(run.db, run.id, { status: "succeeded", counts });
    debugPoint("run ended");
    // The tables are restored. If this fails, the next command drops the stages.
    await dropStages(database, run.id).catch(() => report.say("what the restore staged could not be removed now"));
    return { run: run.id, backup: manifest.id, tables: counts };
  } catch (error) {
    const shown = await failRun(database, run, error, report);
    // The commit may have succeeded although the server's answer was lost. It has then recorded the run's end as well.
    const record = await findRun(database.db, run.id).catch(() => undefined);
    if (record?.status === "succeeded") return outcomeOf(record);
    throw shown;
  } finally {
    await run.close();
  }
}

/** The outcome of a restore that succeeded, from its run's row. */
export function outcomeOf({ id, source, counts }: RunRecord): RestoreOutcome {
  return { run: id, backup: backupIn(source), tables: counts as RestoreOutcome["tables"] };
}
