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
 * after the last row, and until this generator has ended nobody may see any of the rows.
 * @throws MusterError `backup_damaged` if bytes, schema, rows or content are not what the manifest says; `refused` if the
 *   bytes are right and a row or the schema does not fit the present rules
 */
export async function* checkedRows(
  store: BackupStore,
  manifest: Manifest,
  table: Table,
  signal?: AbortSignal,
): AsyncGenerator<Row[]> {
  const entry = entryOf(manifest, table.name);
  const bytes = new HashedBytes(store.read(manifest.id, entry.file), signal);
  const isAsWritten = async () => {
    await bytes.readOn();
    if (bytes.length !== entry.bytes) throw differing("bytes");
    if (bytes.sha256 !== entry.sha256) throw differing("SHA-256 sums");
  };
  try {
    const file = await decodeTable(table, bytes);
    if (JSON.stringify(file.schema) !== JSON.stringify(entry.schema)) throw differing("schema");
    if (fingerprintOf(file.schema) !== entry.fingerprint) throw differing("schema's fingerprints");
    yield* file.rows;
    await isAsWritten();
    if (file.checksum.rows !== entry.rows) throw differing("rows");
    if (file.checksum.toString() !== entry.checksum) throw differing("contents");
  } catch (error) {
    if (bytes.failure !== undefined) throw bytes.failure;
    // Damaged bytes can look like anything, also like a row that breaks a rule.
    const cause = await isAsWritten().then(
      () => error,
      (damage) => damage,
    );
    if (!(cause instanceof MusterError) || cause === bytes.failure) throw cause;
    throw new MusterError(cause.code, `${entry.file} of backup ${manifest.id}: ${cause.message}`);
  } finally {
    await bytes.close();
  }
}

const differing = (what: string) =>
  new MusterError("backup_damaged", `the file is damaged: its ${what} differ from the manifest`);

/** A file's bytes on their way to a decoder. A decoder that stops early leaves the rest to `readOn`. */
class HashedBytes implements AsyncIterable<Uint8Array> {
  length = 0;
  /** Why the file could not be read on. */
  failure: unknown;
  readonly #sha256 = createHash("sha256");
  readonly #chunks: AsyncGenerator<Uint8Array>;

  constructor(source: AsyncIterable<Uint8Array>, signal?: AbortSignal) {
    this.#chunks = this.#hashed(source, signal);
  }

  async *#hashed(source: AsyncIterable<Uint8Array>, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of source) {
        signal?.throwIfAborted();
        this.#sha256.update(chunk);
        this.length += chunk.length;
        yield chunk;
      }
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }

  /** Without `return`, so that a loop that is left early does not end the reading. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => this.#chunks.next() };
  }

  /** Reads to the end of the file. */
  async readOn(): Promise<void> {
    for await (const _ of this);
  }

  /** Of what has been read so far, in hexadecimal. */
  get sha256(): string {
    return this.#sha256.copy().digest("hex");
  }

  async close(): Promise<void> {
    await this.#chunks.return(undefined);
  }
}
