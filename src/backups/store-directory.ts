import { createReadStream } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { BACKUP_ID } from "./manifest.ts";
import { type BackupStore, type Draft, LEFTOVER_AGE_MS, MANIFEST, missingFile } from "./store.ts";

/** Backups in a directory. One that is being made, or removed, is a hidden folder beside them. */
export class DirectoryStore implements BackupStore {
  readonly #root: string;

  constructor(location: string) {
    this.#root = resolve(location);
  }

  async ids(): Promise<string[]> {
    const names = await readdir(this.#root).catch(absent(() => []));
    return names.filter((name) => BACKUP_ID.test(name)).sort();
  }

  async *read(id: string, file: string, range?: { start: number; end: number }): AsyncGenerator<Uint8Array> {
    try {
      yield* createReadStream(join(this.#root, id, file), { ...range, highWaterMark: CHUNK_BYTES });
    } catch (error) {
      throw absent(() => missingFile(id, file))(error as NodeJS.ErrnoException);
    }
  }

  async readText(id: string, file: string): Promise<string | undefined> {
    return readFile(join(this.#root, id, file), "utf8").catch(absent(() => undefined));
  }

  async writeText(id: string, file: string, text: string): Promise<void> {
    const target = join(this.#root, id, file);
    try {
      await writeSynced(`${target}.new`, [Buffer.from(text)]);
      await rename(`${target}.new`, target);
    } catch (error) {
      await rm(`${target}.new`, { force: true }).catch(() => {});
      throw error;
    }
    await syncDirectory(join(this.#root, id));
  }

  async begin(id: string): Promise<Draft> {
    await this.#sweep();
    const draft = join(this.#root, `.${id}.partial`);
    await mkdir(draft, { recursive: true });
    return {
      write: (file, chunks) => writeSynced(join(draft, file), chunks),
      complete: async (manifest) => {
        await writeSynced(join(draft, MANIFEST), [Buffer.from(manifest)]);
        await syncDirectory(draft);
        await rename(draft, join(this.#root, id));
        await syncDirectory(this.#root);
      },
      discard: () => rm(draft, { recursive: true, force: true }),
    };
  }

  /** Removes what backups left that were killed; one that is being made is younger. */
  async #sweep(): Promise<void> {
    for (const name of await readdir(this.#root).catch(absent(() => []))) {
      if (!/^\..*\.(partial|removed)$/.test(name)) continue;
      const path = join(this.#root, name);
      const found = await stat(path).catch(absent(() => undefined));
      if (found && Date.now() - found.mtimeMs > LEFTOVER_AGE_MS) await rm(path, { recursive: true, force: true });
    }
  }

  async remove(id: string): Promise<void> {
    const removed = join(this.#root, `.${id}.removed`);
    await rename(join(this.#root, id), removed);
    await rm(removed, { recursive: true });
  }
}

const CHUNK_BYTES = 256 * 1024;

/** Written whole and on the disk before it returns. */
async function writeSynced(path: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
  const file = await open(path, "w");
  try {
    for await (const chunk of chunks) await file.appendFile(chunk);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A new name in a directory survives a power cut only once the directory is synced. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function absent<T>(value: () => T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT") return value();
    throw error;
  };
}
