import { MusterError } from "../errors.ts";
import type { S3Location } from "../s3/location.ts";
import { type ByteRange, deleteKeys, listKeys, putText, readObject, uploadStream } from "../s3/objects.ts";
import { BACKUP_ID, newBackupId } from "./manifest.ts";
import { type BackupStore, type Draft, LEFTOVER_AGE_MS, MANIFEST, missingFile } from "./store.ts";

/** Backups in a bucket. The manifest is put last and deleted first, because a backup without it does not count. */
export class S3Store implements BackupStore {
  constructor(private readonly location: S3Location) {}

  async ids(): Promise<string[]> {
    const files = await this.#list();
    return [...files.keys()].filter((id) => files.get(id)?.has(MANIFEST)).sort();
  }

  /** The file names of each backup, by its id. Incomplete backups are included. */
  async #list(): Promise<Map<string, Set<string>>> {
    const files = new Map<string, Set<string>>();
    for await (const { key } of listKeys(this.location)) {
      const [, id = "", file = ""] = /^([^/]+)\/(.+)$/s.exec(key) ?? [];
      if (BACKUP_ID.test(id)) files.set(id, (files.get(id) ?? new Set()).add(file));
    }
    return files;
  }

  async *read(id: string, file: string, range?: ByteRange): AsyncGenerator<Uint8Array> {
    try {
      yield* readObject(this.location, `${id}/${file}`, range);
    } catch (error) {
      throw isMissing(error) ? missingFile(id, file) : error;
    }
  }

  async readText(id: string, file: string): Promise<string | undefined> {
    try {
      const chunks = await Array.fromAsync(readObject(this.location, `${id}/${file}`));
      return Buffer.concat(chunks).toString("utf8");
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async writeText(id: string, file: string, text: string): Promise<void> {
    await putText(this.location, `${id}/${file}`, text);
  }

  async begin(id: string): Promise<Draft> {
    await this.#sweep();
    return {
      write: (file, chunks) => uploadStream(this.location, `${id}/${file}`, chunks),
      complete: (manifest) => this.writeText(id, MANIFEST, manifest),
      discard: () => this.remove(id),
    };
  }

  /** Removes what killed backups left. */
  async #sweep(): Promise<void> {
    const files = await this.#list();
    const young = newBackupId(new Date(Date.now() - LEFTOVER_AGE_MS));
    for (const [id, names] of files) {
      if (names.has(MANIFEST) || id >= young) continue;
      // The user may have no right to delete. That must not stop the new backup.
      await this.remove(id).catch(() => {});
    }
  }

  async remove(id: string): Promise<void> {
    await deleteKeys(this.location, [`${id}/${MANIFEST}`]);
    const files = await Array.fromAsync(listKeys(this.location, `${id}/`), ({ key }) => key);
    await deleteKeys(this.location, files);
  }
}

const isMissing = (error: unknown) => error instanceof MusterError && error.code === "not_found";
