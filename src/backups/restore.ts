/** Tables made exactly what a backup has, all of them in one step (design section 7). */
import { tables as all, type Row, type Table, type TableName } from "../codecs/tables.ts";
import type { Database } from "../db/client.ts";
import { driverError } from "../db/errors.ts";
import { interruptible } from "../db/interruptible.ts";
import type { RestoreCounts } from "../db/ledger.ts";
import { DEADLOCK, retried } from "../db/transaction.ts";
import { MusterError } from "../errors.ts";
import { raiseAutoIncrement } from "../repositories/definition.ts";
import { passGates } from "../repositories/gates.ts";
import { clearDeadRuns, failRun, takeTurn } from "../repositories/recovery.ts";
import {
  LOST_PARENTS,
  planReplacement,
  type Replacement,
  refuseOrphans,
  replaceRows,
} from "../repositories/replace.ts";
import { beginRun, endRun, findRun, type LiveRun } from "../repositories/runs.ts";
import { dropStages, Stage, stageName } from "../repositories/stage.ts";
import type { BackupReport } from "./backup.ts";
import { checkedRows, entryOf, findManifest } from "./check.ts";
import type { Manifest } from "./manifest.ts";
import type { BackupStore } from "./store.ts";

export interface RestoreOptions {
  tables: readonly Table[];
  /** An id, or `latest`: the newest that holds the tables. */
  backup: string;
  /** Say what would change, and change nothing. */
  plan?: boolean;
  report: BackupReport;
}

export interface RestoreOutcome {
  run: string;
  backup: string;
  tables: Partial<Record<TableName, RestoreCounts>>;
}

/**
 * Restores tables. Readers see the old rows or the new; writers wait at the gates from the first change to the commit.
 * @throws MusterError `not_found`, `backup_damaged`, `refused` or `conflict` with nothing changed
 */
export async function restore(
  database: Database,
  store: BackupStore,
  options: RestoreOptions,
): Promise<RestoreOutcome> {
  const { plan = false, report } = options;
  const part = [...options.tables].sort((a, b) => all.indexOf(a) - all.indexOf(b));
  const manifest = await findManifest(
    store,
    options.backup,
    part.map((table) => table.name),
  );
  // Everything is read and judged once before the first write, and once more while it is staged.
  for (const table of part) {
    for await (const _ of checkedRows(store, manifest, table)) report.signal?.throwIfAborted();
  }
  await clearDeadRuns(database, report.say);
  const run = await beginRun(database, "restore", `backup ${manifest.id}${plan ? " (plan)" : ""}`);
  try {
    for (const table of part) await takeTurn(database, run, table.name, report);
    const replacements: Replacement[] = [];
    for (const table of part) replacements.push(await stageTable(database, store, run, manifest, table, report));
    report.signal?.throwIfAborted();
    await refuseTooLarge(database, run, replacements);
    const work = () =>
      plan ? planReplacement(run.connection, replacements) : replace(database, run, replacements, manifest, report);
    const counts = await interruptible(database, run.connection, report.signal, work);
    if (plan) await endRun(run.db, run.id, { status: "succeeded", counts });
    // The tables are restored now, whatever becomes of this.
    await dropStages(database, run.id).catch(() => report.say("what the restore staged could not be removed now"));
    return { run: run.id, backup: manifest.id, tables: counts };
  } catch (error) {
    throw await failRun(database, run, error, report);
  } finally {
    await run.close();
  }
}

/** A table's rows in a stage of the run. @param seen is given the rows as they are staged */
export async function stageTable(
  database: Database,
  store: BackupStore,
  run: LiveRun,
  manifest: Manifest,
  table: Table,
  report: BackupReport,
  seen: (rows: readonly Row[]) => void = () => {},
): Promise<Replacement> {
  const { rows: of } = entryOf(manifest, table.name);
  const stage = await Stage.create(database, run.id, table);
  let rows = 0;
  try {
    for await (const block of checkedRows(store, manifest, table)) {
      report.signal?.throwIfAborted();
      seen(block);
      await stage.add(block);
      rows += block.length;
      report.progress?.({ table: table.name, phase: "staging", rows, bytes: rows, of });
    }
    await stage.finish();
  } catch (error) {
    stage.abandon();
    if (driverError(error)?.code !== "ER_DUP_ENTRY") throw error;
    throw new MusterError("backup_damaged", `${table.name}.avro of backup ${manifest.id} has an id twice`);
  }
  return { table, stage: stageName(run.id, table), rows, bytes: stage.bytes };
}

/** The server's own bytes for each row that a transaction carries. */
const ROW_OVERHEAD_BYTES = 60;

/** A cluster carries a whole transaction at once, and refuses one that is too large after all the work: so it is asked before. */
async function refuseTooLarge(database: Database, run: LiveRun, replacements: readonly Replacement[]): Promise<void> {
  const limit = database.server.transactionBytesMax;
  if (limit === undefined) return;
  const counts = await planReplacement(run.connection, replacements);
  let bytes = 0;
  for (const { table, rows, bytes: staged } of replacements) {
    const { inserted = 0, updated = 0, deleted = 0 } = counts[table.name] ?? {};
    // An update carries the row as it was and as it is.
    bytes += (inserted + 2 * updated + deleted) * (staged / Math.max(1, rows) + ROW_OVERHEAD_BYTES);
  }
  if (bytes <= limit) return;
  const sizes = `about ${Math.round(bytes / 1e6)} MB in one transaction, and the cluster takes ${Math.round(limit / 1e6)} MB`;
  throw new MusterError(
    "refused",
    `the restore would carry ${sizes}: restore fewer tables at once, or raise its limit`,
  );
}

async function replace(
  database: Database,
  run: LiveRun,
  replacements: readonly Replacement[],
  manifest: Manifest,
  report: BackupReport,
) {
  await refuseOrphans(run.connection, replacements);
  for (const { table } of replacements) {
    const next = entryOf(manifest, table.name).auto_increment;
    if (next !== undefined) await raiseAutoIncrement(run.connection, table.name, next);
    report.progress?.({ table: table.name, phase: "replacing", rows: 0, bytes: 0, of: 0 });
  }
  const alone = replacements.map(({ table }) => table.name);
  const shared = replacements.flatMap(({ table }) => table.references.map((reference) => reference.table));
  const transaction = () =>
    run.db.transaction(async (transaction) => {
      await passGates(run.connection, { alone, shared }, (table) => report.say(`waiting for a writer of ${table}`));
      const counts = await replaceRows(run.connection, replacements);
      report.signal?.throwIfAborted();
      await endRun(transaction, run.id, { status: "succeeded", counts });
      return counts;
    });
  return retried([DEADLOCK, ...LOST_PARENTS], transaction).catch(async (error) => {
    const counts = await committed(database, run.id);
    if (counts) return counts;
    throw LOST_PARENTS.includes(driverError(error)?.code ?? "") ? lostParents() : error;
  });
}

/** The counts of a restore whose commit went through and whose answer was lost: the run's end is in its transaction. */
async function committed(database: Database, run: string) {
  const record = await findRun(database.db, run).catch(() => undefined);
  if (record?.status !== "succeeded") return undefined;
  return record.counts as Partial<Record<TableName, RestoreCounts>>;
}

const lostParents = () =>
  new MusterError("conflict", "another program adds and deletes rows that would lose their parent: try again");
