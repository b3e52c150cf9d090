/** Reads a table's file from a backup, and checks it as it is read. */
import { createHash } from "node:crypto";
import type { Row, Table } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { entryOf } from "./catalog.ts";
import { fingerprintOf, type Manifest } from "./manifest.ts";
import type { BackupStore } from "./store.ts";
import { decodeTable } from "./table-file.ts";

/**
 * The rows of a table's file. The file is read once: its bytes are hashed on their way to the decoder. So the last check comes
 * after the last row, and nobody may see any of the rows before this generator has ended.
 * @throws MusterError `backup_damaged` if the bytes, schema, rows or content differ from the manifest; `refused` if the bytes
 *   are right, but a row or the schema does not fit the present rules
 */
export async function* checkedRows(
  store: BackupStore,
  manifest: Manifest,
  table: Table,
  signal?: AbortSignal,
): AsyncGenerator<Row[]> {
  const entry = entryOf(manifest, table.name);
  const sha256 = createHash("sha256");
  let length = 0;
  let unreadable: unknown;
  async function* hashed() {
    try {
      for await (const chunk of store.read(manifest.id, entry.file)) {
        signal?.throwIfAborted();
        sha256.update(chunk);
        length += chunk.length;
        yield chunk;
      }
    } catch (error) {
      unreadable = error;
      throw error;
    }
  }
  const bytes = hashed();
  const expectBytes = async () => {
    for await (const _ of bytes); // read the rest: a decoder that fails stops early
    if (length !== entry.bytes) throw differing("bytes");
    if (sha256.copy().digest("hex") !== entry.sha256) throw differing("SHA-256 sums");
  };
  try {
    const file = await decodeTable(table, bytes);
    if (JSON.stringify(file.schema) !== JSON.stringify(entry.schema)) throw differing("schema");
    if (fingerprintOf(file.schema) !== entry.fingerprint) throw differing("schema's fingerprints");
    yield* file.rows;
    await expectBytes();
    if (file.checksum.rows !== entry.rows) throw differing("rows");
    if (file.checksum.toString() !== entry.checksum) throw differing("contents");
  } catch (error) {
    let cause = error;
    // Damaged bytes can look like anything, even like a row that breaks a rule. So report the damage if there is any.
    if (unreadable === undefined) await expectBytes().catch((damage) => (cause = damage));
    if (unreadable !== undefined || !(cause instanceof MusterError)) throw unreadable ?? cause;
    throw new MusterError(cause.code, `${entry.file} of backup ${manifest.id}: ${cause.message}`);
  } finally {
    await bytes.return(undefined);
  }
}

const differing = (what: string) =>
  new MusterError("backup_damaged", `the file is damaged: its ${what} differ from the manifest`);
