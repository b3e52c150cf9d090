/** What a backup must stand before anything is written (design section 7). */
import { createHash } from "node:crypto";
import type { Row, Table, TableName } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { BACKUP_ID, type Manifest, type ManifestEntry, parseManifest } from "./manifest.ts";
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
    if (known === undefined) throw new MusterError("not_found", `there is no backup ${id.slice(0, 80)}`);
    return manifestOf(store, known);
  }
  for (const each of ids.reverse()) {
    const manifest = await manifestOf(store, each);
    if (tables.every((table) => manifest.tables.some((entry) => entry.table === table))) return manifest;
  }
  throw new MusterError("not_found", `there is no backup of ${tables.join(", ")}`);
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
 * Reads a table's file to its end and holds it against the manifest: bytes, SHA-256, schema, rows, checksum, and every
 * row against the present rules. An error comes at the latest after the last row, so rows must not be trusted before.
 * @throws MusterError `backup_damaged`, or `refused` for a row or a schema that does not fit the present rules
 */
export async function* checkedRows(
  store: BackupStore,
  { id, ...manifest }: Manifest,
  table: Table,
): AsyncGenerator<Row[]> {
  const entry = entryOf({ id, ...manifest }, table.name);
  const sha256 = createHash("sha256");
  let bytes = 0;
  async function* hashed() {
    for await (const chunk of store.read(id, entry.file)) {
      sha256.update(chunk);
      bytes += chunk.length;
      if (bytes > entry.bytes) throw mismatch("bytes");
      yield chunk;
    }
  }
  const mismatch = (what: string) =>
    new MusterError(
      "backup_damaged",
      `${entry.file} of backup ${id} is damaged: its ${what} differ from what the manifest says`,
    );
  const chunks = hashed();
  try {
    const file = await decodeTable(table, chunks);
    if (JSON.stringify(file.schema) !== JSON.stringify(entry.schema)) throw mismatch("schema");
    yield* file.rows;
    if (file.checksum.rows !== entry.rows) throw mismatch("rows");
    if (file.checksum.toString() !== entry.checksum) throw mismatch("contents");
  } catch (error) {
    if (!(error instanceof MusterError) || error.message.startsWith(entry.file)) throw error;
    // A flipped bit can make a record that breaks a rule: only an intact file is judged by its rows.
    const isIntact = (await sha256Of(store.read(id, entry.file))) === entry.sha256;
    if (error.code === "refused" && !isIntact) throw mismatch("SHA-256 sums");
    throw new MusterError(error.code, `${entry.file} of backup ${id}: ${error.message}`);
  } finally {
    // Left early, the file would stay open.
    await chunks.return();
  }
  if (bytes !== entry.bytes) throw mismatch("bytes");
  if (sha256.digest("hex") !== entry.sha256) throw mismatch("SHA-256 sums");
}

async function sha256Of(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const sha256 = createHash("sha256");
  for await (const chunk of chunks) sha256.update(chunk);
  return sha256.digest("hex");
}
