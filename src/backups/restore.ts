/** Restores tables: makes their rows exactly those of a backup, all tables in one step. */
import { largestId, type Row, type Table, type TableName } from "../codecs/tables.ts";
import { type DriverError, driverError } from "../db/driver-errors.ts";
import type { RestoreCounts } from "../db/ledger.ts";
import { interruptible } from "../db/transaction.ts";
import { debugPoint } from "../debug-points.ts";
import { MusterError } from "../errors.ts";
import { clearDeadRuns, failRun, takeTurn } from "../publish/recovery.ts";
import type { Replacement } from "../publish/replace.ts";
import { dropStages, Stage, stageName } from "../publish/stage.ts";
import { type Beginning, beginRun, type LiveRun } from "../repositories/live-run.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { backupIn, endRun, findRun, type Report, type RunRecord } from "../repositories/run-log.ts";
import { shown } from "../shown.ts";
import { entryOf, findManifest } from "./catalog.ts";
import { checkedRows } from "./check.ts";
import type { Manifest } from "./manifest.ts";
import { planTables, replaceTables } from "./replace-tables.ts";
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
    for (const table of part) replacements.push(await stageTable(database, store, run, manifest, table, report));
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

/** Reads a table's file into a stage of the run. @param seen is called with the rows before they are staged */
export async function stageTable(
  database: MusterDatabase,
  store: BackupStore,
  run: LiveRun,
  manifest: Manifest,
  table: Table,
  report: Report,
  seen: (rows: readonly Row[]) => void = () => {},
): Promise<Replacement> {
  const { rows: of, auto_increment = 1 } = entryOf(manifest, table.name);
  if (table.numberKey !== undefined && auto_increment > largestId(table) + 1)
    throw new MusterError("backup_damaged", `backup ${manifest.id} has a next id that ${table.name} cannot have`);
  const stage = await Stage.create(database, run, table);
  let rows = 0;
  let twice: DriverError | undefined;
  const note = (error: unknown) => {
    const driver = driverError(error);
    if (driver?.code !== "ER_DUP_ENTRY") throw error;
    twice = driver;
  };
  try {
    for await (const block of checkedRows(store, manifest, table, report.signal)) {
      seen(block);
      // After a key that is there twice, only reads on: the rest of the file shows whether it is damaged.
      if (!twice) await stage.add(block).catch(note);
      rows += block.length;
      report.progress?.({ table: table.name, phase: "staging", rows, of });
    }
    if (!twice) await stage.finish().catch(note);
    if (twice) throw keyTwice(table, manifest, twice);
  } catch (error) {
    stage.abandon();
    throw error;
  }
  return { table, stage: stageName(run.id, table), rows, bytes: stage.bytes, nextId: auto_increment };
}

/** The error for a sound file in which the server finds a key twice. */
function keyTwice({ name, key, columns }: Table, { id }: Manifest, { sqlMessage = "" }: DriverError): MusterError {
  const file = `${name}.avro of backup ${id}`;
  const collation = key.some((index) => /^(var)?char/.test(columns[index]?.sqlType ?? ""));
  if (!collation) return new MusterError("backup_damaged", `${file} has a key twice`);
  const [, value] = /^Duplicate entry '(.*)' for key/s.exec(sqlMessage) ?? [];
  const line = `${file} has two keys that are equal in the collation of this database (${shown(value)})`;
  return new MusterError("refused", `${line}: give the columns of the key the collation that they had there`);
}
