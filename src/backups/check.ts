/** The checks that a backup must pass before a restore writes anything. */
import { createHash } from "node:crypto";
import type { Row, Table, TableName } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import type { Report } from "../repositories/run-log.ts";
import { BACKUP_ID, fingerprintOf, type Manifest, type ManifestEntry, parseManifest } from "./manifest.ts";
import { type BackupStore, MANIFEST } from "./store.ts";
import { decodeTable } from "./table-file.ts";

/**
 * The manifest of a backup, by its id or the newest that holds these tables.
 * @throws MusterError `not_found` where there is none, `backup_damaged` where it cannot be read
 */
export async function findManifest(store: BackupStore, id: string, tables: readonly string[]): Promise<Manifest> {
  const ids = await store.ids();
  if (id !== "latest") {
    // From the list alone: what a client sent never becomes a path.
    const known = BACKUP_ID.test(id) ? ids.find((each) => each === id) : undefined;
    if (known === undefined)
      throw new MusterError(
        "not_found",
        `there is no backup ${id.slice(0, 80)}: GET /backups and backup.ts --list name those in the store`,
      );
    return manifestOf(store, known);
  }
  for (const each of ids.reverse()) {
    const manifest = await manifestOf(store, each);
    if (tables.every((table) => manifest.tables.some((entry) => entry.table === table))) return manifest;
  }
  const wanted = tables.length === 0 ? "" : ` of ${tables.join(", ")}`;
  throw new MusterError("not_found", `there is no backup${wanted} in the store: make one first`);
}

async function manifestOf(store: BackupStore, id: string): Promise<Manifest> {
  const text = await store.readText(id, MANIFEST);
  if (text === undefined)
    throw new MusterError("backup_damaged", `backup ${id} has no manifest: name another by its id`);
  return parseManifest(id, text);
}

/** The entry of a table. @throws MusterError `not_found` where the backup does not hold it */
export function entryOf(manifest: Manifest, table: TableName): ManifestEntry {
  const entry = manifest.tables.find((each) => each.table === table);
  if (!entry) throw new MusterError("not_found", `backup ${manifest.id} does not hold ${table}`);
  if (entry.file === `${table}.avro`) return entry;
  throw new MusterError("backup_damaged", `the manifest of backup ${manifest.id} names another file for ${table}`);
}

/**
 * Reads a table's file to its end and holds its bytes against the manifest: all that must be right before the first write.
 * @throws MusterError `backup_damaged`
 */
export async function checkBytes(
  store: BackupStore,
  manifest: Manifest,
  table: Table,
  { signal, progress }: Report,
): Promise<void> {
  const entry = entryOf(manifest, table.name);
  const sha256 = createHash("sha256");
  let bytes = 0;
  for await (const chunk of store.read(manifest.id, entry.file)) {
    signal?.throwIfAborted();
    sha256.update(chunk);
    bytes += chunk.length;
    progress?.({ table: table.name, phase: "checking", rows: 0, bytes, of: entry.bytes });
  }
  if (bytes !== entry.bytes) throw differs(manifest, entry, "bytes");
  if (sha256.digest("hex") !== entry.sha256) throw differs(manifest, entry, "SHA-256 sums");
}

/**
 * The rows of a table's file whose bytes are right. An error may come behind the last row: before that they must be shown
 * to nobody.
 * @throws MusterError `backup_damaged` where schema, rows or contents are not what the manifest says, `refused` for a row
 *   or a schema that does not fit the present rules
 */
export async function* checkedRows(store: BackupStore, manifest: Manifest, table: Table): AsyncGenerator<Row[]> {
  const { id } = manifest;
  const entry = entryOf(manifest, table.name);
  const chunks = store.read(id, entry.file)[Symbol.asyncIterator]();
  try {
    const file = await decodeTable(table, { [Symbol.asyncIterator]: () => chunks });
    if (JSON.stringify(file.schema) !== JSON.stringify(entry.schema)) throw differs(manifest, entry, "schema");
    if (fingerprintOf(file.schema) !== entry.fingerprint) throw differs(manifest, entry, "schema's fingerprints");
    yield* file.rows;
    if (file.checksum.rows !== entry.rows) throw differs(manifest, entry, "rows");
    if (file.checksum.toString() !== entry.checksum) throw differs(manifest, entry, "contents");
  } catch (error) {
    if (!(error instanceof MusterError) || error.message.startsWith(entry.file)) throw error;
    throw new MusterError(error.code, `${entry.file} of backup ${id}: ${error.message}`);
  } finally {
    // Left early, the file would stay open.
    await chunks.return?.();
  }
}

const differs = ({ id }: Manifest, { file }: ManifestEntry, what: string) =>
  new MusterError(
    "backup_damaged",
    `${file} of backup ${id} is damaged: its ${what} differ from what the manifest says`,
  );
