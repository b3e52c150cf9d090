/** Where backups are kept, in a directory or a bucket: `ID/TABLE.avro`, `ID/manifest.json` and `ID/proof.json`. */
import { MusterError } from "../errors.ts";

export const MANIFEST = "manifest.json";
export const PROOF = "proof.json";
/** If what a killed backup left is this old, a later backup removes it. A backup that is still being made is younger. */
export const LEFTOVER_AGE_MS = 24 * 3_600_000;

export interface BackupStore {
  /** Ids of the complete backups, the oldest first. */
  ids(): Promise<string[]>;
  /** The bytes of a file, or those from `range.start` to `range.end`, both included. */
  read(id: string, file: string, range?: { start: number; end: number }): AsyncIterable<Uint8Array>;
  /** The text of a small file; undefined if there is no such file. */
  readText(id: string, file: string): Promise<string | undefined>;
  /** Puts a small file beside a complete backup, or replaces it. */
  writeText(id: string, file: string, text: string): Promise<void>;
  /** Begins a backup. `ids` does not list it until it is complete. */
  begin(id: string): Promise<Draft>;
  /** Removes a backup. `ids` stops listing it before its first file is removed. */
  remove(id: string): Promise<void>;
}

export interface Draft {
  write(file: string, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** Writes the manifest. When this returns, the backup exists and survives a power cut. */
  complete(manifest: string): Promise<void>;
  discard(): Promise<void>;
}

export function missingFile(id: string, file: string): MusterError {
  return new MusterError("backup_damaged", `${file} of backup ${id} is missing`);
}
