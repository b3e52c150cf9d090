/** Makes a backup: writes tables to Avro files. All files show the tables at the same moment. */
import { createHash } from "node:crypto";
import type { PoolConnection } from "mysql2/promise";
import { avroSchema } from "../codecs/avro.ts";
import { type AvroCodec, type Block, writeContainer } from "../codecs/avro-container.ts";
import { keyIn, keyText } from "../codecs/key-text.ts";
import { type Column, largestNextId, type Table } from "../codecs/tables.ts";
import { textEncoder } from "../codecs/text-to-avro.ts";
import { fromText } from "../codecs/text-to-row.ts";
import type { Database } from "../db/database.ts";
import { explainedError, lineOf } from "../db/driver-errors.ts";
import type { TextRow } from "../db/text-rows.ts";
import { debugPoint } from "../debug-points.ts";
import { MusterError } from "../errors.ts";
import { definitionOf } from "../publish/definition.ts";
import { clearDeadRuns } from "../publish/recovery.ts";
import type { BegunRun, LiveRun } from "../repositories/live-run.ts";
import { endRun, hasBackedUp, type Report } from "../repositories/run-log.ts";
import { readWhole } from "../repositories/whole-table.ts";
import { beginWork, type RunOptions } from "./begin.ts";
import { fingerprintOf, type Manifest, type ManifestEntry, newBackupId, sealed } from "./manifest.ts";
import { openSnapshot } from "./snapshot.ts";
import type { BackupStore, Draft } from "./store.ts";
import { BlockBuilder } from "./table-file.ts";

export interface BackupOptions extends RunOptions {
  tables: readonly Table[];
  codec: AvroCodec;
}

export interface BackupOutcome {
  run: string;
  manifest: Manifest;
}

/**
 * Makes a backup. Writers can go on meanwhile: rows that they store after the snapshot are not in the backup.
 * @returns the manifest, after the backup is complete and flushed to the store
 */
export async function backup(database: Database, store: BackupStore, options: BackupOptions): Promise<BackupOutcome> {
  return (await beginBackup(database, store, options)).finish();
}

/** Records the run of a backup. Its `finish` makes the backup, as backup() does. */
export async function beginBackup(
  database: Database,
  store: BackupStore,
  options: BackupOptions,
): Promise<BegunRun<BackupOutcome>> {
  const { report } = options;
  await clearDeadRuns(database, report.say);
  const newest = (await store.ids()).at(-1);
  if (newest === undefined && (await hasBackedUp(database.db))) report.say(STORE_IS_EMPTY);
  const id = newBackupId(new Date(), newest);
  return beginWork(database, { kind: "backup", source: id }, options, (run, report) =>
    carryOut(database, store, run, { ...options, report }),
  );
}

async function carryOut(
  database: Database,
  store: BackupStore,
  run: LiveRun,
  { tables, codec, report }: BackupOptions,
): Promise<BackupOutcome> {
  const id = run.source;
  let draft: Draft | undefined;
  let snapshot: PoolConnection | undefined;
  try {
    draft = await store.begin(id);
    const created_at = new Date().toISOString();
    snapshot = await openSnapshot(database, tables, report);
    const entries: ManifestEntry[] = [];
    for (const table of tables) entries.push(await writeTable(snapshot, table, draft, codec, report));
    report.signal?.throwIfAborted();
    const manifest = sealed({ id, created_at, server: database.server.version, tables: entries });
    debugPoint("files written");
    await draft.complete(`${JSON.stringify(manifest, null, 2)}\n`);
    draft = undefined; // From now on it is a backup, which no error removes.
    debugPoint("backup complete");
    const counts = Object.fromEntries(entries.map(({ table, rows }) => [table, { received: rows }]));
    await recordEnd(database, run, counts);
    return { run: run.id, manifest };
  } catch (error) {
    await draft?.discard().catch(() => report.say(`what was written of backup ${id} could not be removed`));
    throw error;
  } finally {
    snapshot?.destroy();
  }
}

/**
 * Records that the backup is complete. It is in the store now, whatever happens to the database, and the error says so.
 * @throws MusterError `unavailable` if the database cannot record it
 */
async function recordEnd(database: Database, run: LiveRun, counts: Record<string, { received: number }>) {
  const end = { status: "succeeded", counts } as const;
  try {
    // The run's own connection may be lost although the database, or the next primary of a cluster, can be reached. The idle
    // ones may be lost with it, unnoticed. Without the run's connection, another process may have recorded meanwhile that the
    // run failed.
    await endRun(run.db, run.id, end).catch(async (error) => {
      database.renewConnections();
      if (!(await endRun(database.db, run.id, end, "running"))) throw error;
    });
  } catch (error) {
    const line = (why: string) =>
      `backup ${run.source} is complete and can be restored, but its run is not recorded: ${why}`;
    const shown = explainedError(error);
    const why = shown instanceof MusterError ? shown.message : "an error inside Muster";
    throw new MusterError("unavailable", line(why), { cause: error, located: line(lineOf(error)) });
  }
}

/** If a disk is not mounted, its mount point is an empty folder, and the backup would go there unnoticed. */
const STORE_IS_EMPTY =
  "BACKUP_STORE has no backup, although this database was backed up before: if it is on a mount, check that it is mounted";

async function writeTable(
  snapshot: PoolConnection,
  table: Table,
  draft: Draft,
  codec: AvroCodec,
  report: Report,
): Promise<ManifestEntry> {
  const file = `${table.name}.avro`;
  const sha256 = createHash("sha256");
  let bytes = 0;
  async function* hashed(chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      report.signal?.throwIfAborted();
      sha256.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
  }
  const schema = avroSchema(table);
  const invalid = new InvalidRows(table);
  const builder = new BlockBuilder(textEncoder(table, (row, column) => invalid.add(row, column)));
  await draft.write(file, hashed(writeContainer(schema, codec, blocksOf(snapshot, table, builder, report))));
  const { checksum } = builder;
  const { nextId } = await definitionOf(snapshot, table.name);
  if (invalid.rows > 0) report.say(`${invalid}`);
  return {
    ...{ table: table.name, file, rows: checksum.rows, bytes, sha256: sha256.digest("hex") },
    ...{ schema, fingerprint: fingerprintOf(schema), checksum: checksum.toString() },
    ...(table.assigned !== undefined && { auto_increment: nextIdAsJson(possible(nextId, table)) }),
    ...(invalid.rows > 0 && { invalid_rows: invalid.rows }),
  };
}

/** TiDB counts on in steps of 30,000, beyond what a small id can be. A restore would refuse such a number. */
function possible(nextId: bigint, table: Table): bigint {
  const largest = largestNextId(table);
  if (nextId > largest) return largest;
  return nextId;
}

const nextIdAsJson = (id: bigint) => (id <= Number.MAX_SAFE_INTEGER ? Number(id) : String(id));

/**
 * Counts rows that break the rules of our columns, and remembers the first. Other programs wrote them; a restore would
 * refuse them.
 */
class InvalidRows {
  rows = 0;
  #first = "";
  #last: TextRow | undefined;

  constructor(private readonly table: Table) {}

  /** Called for each invalid value; the calls for one row follow each other. */
  add(row: TextRow, column: Column): void {
    if (row.buffer === this.#last?.buffer && row.offset === this.#last.offset) return;
    this.#last = row;
    if (this.rows++ > 0) return;
    const { table } = this;
    const key = `${table.numberKey === undefined ? "key" : "id"} ${keyText(table, keyIn(table, fromText(table, row)))}`;
    this.#first = `the first: ${key}, column ${column.name}`;
  }

  toString(): string {
    const rows = this.rows === 1 ? "1 row breaks" : `${this.rows} rows break`;
    return `${this.table.name}: ${rows} the rules of its columns (${this.#first}); correct them, or a restore of this backup will be refused`;
  }
}

/** The blocks of a table's file, with its rows in the order of their keys. */
async function* blocksOf(
  connection: PoolConnection,
  table: Table,
  builder: BlockBuilder<TextRow>,
  report: Report,
): AsyncGenerator<Block> {
  const add = (row: TextRow) => builder.add(row);
  for await (const progress of readWhole(connection, table, add)) {
    report.signal?.throwIfAborted();
    report.progress?.({ table: table.name, phase: "reading", ...progress });
    yield* builder.take();
  }
  yield* builder.finish();
}
