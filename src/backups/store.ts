/** Where backups lie: `ID/TABLE.avro`, `ID/manifest.json`, `ID/proof.json`, in a directory or a bucket. */
import { MusterError } from "../errors.ts";

export const MANIFEST = "manifest.json";
export const PROOF = "proof.json";
/** What a killed backup left is removed by a later one at this age: a live one is younger. */
export const LEFTOVER_AGE_MS = 24 * 3_600_000;

export interface BackupStore {
  /** Ids of the complete backups, the oldest first. */
  ids(): Promise<string[]>;
  /** The bytes of a file, or of its part from `range.start` to `range.end`, inclusive. The names come from `ids` and a manifest. */
  read(id: string, file: string, range?: { start: number; end: number }): AsyncIterable<Uint8Array>;
  /** The text of a small file; undefined where there is none. */
  readText(id: string, file: string): Promise<string | undefined>;
  /** Puts a small file beside a complete backup, or replaces it. */
  writeText(id: string, file: string, text: string): Promise<void>;
  /** Begins a backup, which nobody sees before it is complete. */
  begin(id: string): Promise<Draft>;
  /** Removes a backup; it is no backup any more from the first moment on. */
  remove(id: string): Promise<void>;
}

export interface Draft {
  write(file: string, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** Writes the manifest: from now on the backup is there, and stays after a power cut. */
  complete(manifest: string): Promise<void>;
  discard(): Promise<void>;
}

export function missingFile(id: string, file: string): MusterError {
  return new MusterError("backup_damaged", `${file} of backup ${id} is missing`);
}
