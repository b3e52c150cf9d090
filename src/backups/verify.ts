/** Proof that a backup can be restored (design section 6). */
import { recordCodec } from "../codecs/avro.ts";
import { type Row, type Table, type TableName, tableOf } from "../codecs/tables.ts";
import type { Database } from "../db/client.ts";
import { MusterError } from "../errors.ts";
import { clearDeadRuns, failRun } from "../repositories/recovery.ts";
import { beginRun, endRun } from "../repositories/runs.ts";
import { dropStages } from "../repositories/stage.ts";
import { type BackupReport, pagesOf } from "./backup.ts";
import { findManifest } from "./check.ts";
import { type Manifest, type Proof, parseProof } from "./manifest.ts";
import { stageTable } from "./restore.ts";
import { type BackupStore, PROOF } from "./store.ts";
import { ContentChecksum } from "./table-file.ts";

/**
 * Restores a backup into scratch tables and compares what is then in the database with the manifest: bytes, SHA-256,
 * rows, rules, and the content as the server gives it back. Writes proof.json beside the manifest.
 * @param id of the backup, or `latest`
 * @throws MusterError `not_found`, `backup_damaged` or `refused`
 */
export async function verify(
  database: Database,
  store: BackupStore,
  { id, report }: { id: string; report: BackupReport },
): Promise<{ manifest: Manifest; proof: Proof }> {
  const manifest = await findManifest(store, id, []);
  await clearDeadRuns(database, report.say);
  const started = performance.now();
  const run = await beginRun(database, "restore", `backup ${manifest.id} (verify)`);
  try {
    for (const { table: name } of manifest.tables) {
      const table = tableOf(name as TableName);
      const sent = new Content(table);
      const { stage } = await stageTable(database, store, run, manifest, table, report, (rows) => sent.add(rows));
      const stored = new Content(table);
      for await (const rows of pagesOf(run.connection, table, report, stage)) stored.add(rows);
      if (stored.checksum.toString() !== sent.checksum.toString()) {
        throw new MusterError(
          "backup_damaged",
          `${name} of backup ${manifest.id} comes back from the database changed`,
        );
      }
    }
    await dropStages(database, run.id);
    const counts = Object.fromEntries(manifest.tables.map(({ table, rows }) => [table, { received: rows }]));
    await endRun(run.db, run.id, { status: "succeeded", counts });
  } catch (error) {
    throw await failRun(database, run, error, report);
  } finally {
    await run.close();
  }
  const seconds = Number(((performance.now() - started) / 1000).toFixed(3));
  const proof = { proved_at: new Date().toISOString(), seconds };
  await store.writeText(manifest.id, PROOF, `${JSON.stringify(proof)}\n`);
  return { manifest, proof };
}

/** When a backup was last proven; undefined where it never was. */
export async function proofOf(store: BackupStore, id: string): Promise<Proof | undefined> {
  const text = await store.readText(id, PROOF);
  return text === undefined ? undefined : parseProof(text);
}

/** The content checksum of rows in the present schema: a backup by an older one has another in its manifest. */
class Content {
  readonly checksum = new ContentChecksum();
  readonly #records: ReturnType<typeof recordCodec>;
  #buffer = Buffer.allocUnsafe(64 * 1024);

  constructor(table: Table) {
    this.#records = recordCodec(table);
  }

  add(rows: readonly Row[]): void {
    for (const row of rows) {
      let end = this.#records.encode(row, this.#buffer, 0);
      if (end < 0) {
        this.#buffer = Buffer.allocUnsafe(2 * (this.#buffer.length - end));
        end = this.#records.encode(row, this.#buffer, 0);
      }
      this.checksum.add(this.#buffer.subarray(0, end));
    }
  }
}
