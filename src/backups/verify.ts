/** Verifies a backup by restoring it into scratch tables (docs/backups.md). */
import type { PoolConnection } from "mysql2/promise";
import { recordEncoder } from "../codecs/avro.ts";
import type { Row, Table } from "../codecs/tables.ts";
import { textEncoder } from "../codecs/text-to-avro.ts";
import { MusterError } from "../errors.ts";
import { clearDeadRuns } from "../publish/recovery.ts";
import { dropStages } from "../publish/stage.ts";
import { sourceOf } from "../repositories/backup-runs.ts";
import type { BegunRun, LiveRun } from "../repositories/live-run.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { endRun, type Report } from "../repositories/run-log.ts";
import { readWhole } from "../repositories/whole-table.ts";
import { beginWork, type RunOptions } from "./begin.ts";
import { findManifest } from "./catalog.ts";
import type { Manifest, Proof } from "./manifest.ts";
import { carriedBy, stageTable } from "./stage-backup.ts";
import { type BackupStore, PROOF } from "./store.ts";
import { BlockBuilder } from "./table-file.ts";

/**
 * Restores a backup into scratch tables. Checks its files as a restore does, then checks that the server returns the same
 * content. Writes proof.json beside the manifest.
 * @param id of the backup, or `latest`
 * @throws MusterError `not_found`, `backup_damaged` or `refused`
 */
export async function verify(database: MusterDatabase, store: BackupStore, options: VerifyOptions): Promise<Proven> {
  return (await beginVerify(database, store, options)).finish();
}

export interface VerifyOptions extends RunOptions {
  /** The id of the backup, or `latest`. */
  id: string;
}

export interface Proven {
  manifest: Manifest;
  proof: Proof;
}

/**
 * Records the run of a verification. Its `finish` verifies the backup, as verify() does.
 * @throws MusterError `not_found` or `backup_damaged` if there is no such backup, or its manifest cannot be read
 */
export async function beginVerify(
  database: MusterDatabase,
  store: BackupStore,
  options: VerifyOptions,
): Promise<BegunRun<Proven>> {
  const { id, report } = options;
  const manifest = await findManifest(store, id);
  await clearDeadRuns(database, report.say);
  const source = sourceOf.verification(manifest.id);
  return beginWork(database, { kind: "restore", source, dryRun: true }, options, (run, report) =>
    carryOut(database, store, run, manifest, report),
  );
}

async function carryOut(
  database: MusterDatabase,
  store: BackupStore,
  run: LiveRun,
  manifest: Manifest,
  report: Report,
): Promise<Proven> {
  const started = performance.now();
  for (const { table: name } of manifest.tables) {
    if (!database.dictionary.has(name))
      throw new MusterError("refused", `backup ${manifest.id} holds ${name}, which is not a table any more`);
    const table = carriedBy(manifest, database.dictionary.of(name));
    // The manifest's checksum cannot be compared: the rows of a backup with an older schema are stored in the present one.
    const sent = new BlockBuilder(recordEncoder(table));
    const add = (rows: readonly Row[]) => {
      for (const row of rows) sent.add(row);
      sent.take();
    };
    const { stage } = await stageTable(database, store, run, manifest, table, report, add);
    const stored = await contentOf(run.connection, table, stage, report);
    if (stored !== sent.checksum.toString()) {
      throw new MusterError(
        "backup_damaged",
        `${name} of backup ${manifest.id} comes back from the database with other values`,
      );
    }
  }
  await dropStages(database, run.id);
  const seconds = Number(((performance.now() - started) / 1000).toFixed(3));
  const proof = { proved_at: new Date().toISOString(), seconds };
  await store.writeText(manifest.id, PROOF, `${JSON.stringify(proof)}\n`);
  const counts = Object.fromEntries(manifest.tables.map(({ table, rows }) => [table, { received: rows }]));
  await endRun(run.db, run.id, { status: "succeeded", counts });
  return { manifest, proof };
}

/** The content checksum of a stage. */
async function contentOf(connection: PoolConnection, table: Table, stage: string, report: Report) {
  const stored = new BlockBuilder(textEncoder(table));
  for await (const progress of readWhole(connection, table, (row) => stored.add(row), stage)) {
    report.signal?.throwIfAborted();
    report.progress?.({ table: table.name, phase: "comparing", ...progress });
    stored.take();
  }
  return stored.checksum.toString();
}
