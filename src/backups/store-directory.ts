import { createReadStream } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { explainedFile } from "../file-errors.ts";
import { BACKUP_ID } from "./manifest.ts";
import { type BackupStore, type Draft, LEFTOVER_AGE_MS, MANIFEST, missingFile } from "./store.ts";

/** Backups in a directory. While a backup is being made or removed, its folder has a hidden name there. */
export class DirectoryStore implements BackupStore {
  readonly #root: string;

  constructor(location: string) {
    this.#root = resolve(location);
  }

  async ids(): Promise<string[]> {
    const names = await readdir(this.#root)
      .catch(absent(() => []))
      .catch(this.#explain);
    return names.filter((name) => BACKUP_ID.test(name)).sort();
  }

  async *read(id: string, file: string, range?: { start: number; end: number }): AsyncGenerator<Uint8Array> {
    try {
      yield* createReadStream(join(this.#root, id, file), { ...range, highWaterMark: CHUNK_BYTES });
    } catch (error) {
      throw isAbsent(error) ? missingFile(id, file) : explainedFile(error, NAME);
    }
  }

  async readText(id: string, file: string): Promise<string | undefined> {
    const path = join(this.#root, id, file);
    return readFile(path, "utf8")
      .catch(absent(() => undefined))
      .catch(this.#explain);
  }

  async writeText(id: string, file: string, text: string): Promise<void> {
    const target = join(this.#root, id, file);
    try {
      await writeSynced(`${target}.new`, [Buffer.from(text)]);
      await rename(`${target}.new`, target);
      await syncDirectory(join(this.#root, id));
    } catch (error) {
      await rm(`${target}.new`, { force: true }).catch(() => {});
      throw explainedFile(error, NAME, target);
    }
  }

  async begin(id: string): Promise<Draft> {
    const draft = join(this.#root, `.${id}.partial`);
    await this.#sweep().catch(this.#explain);
    await mkdir(draft, { recursive: true }).catch(this.#explain);
    const complete = async (manifest: string) => {
      await writeSynced(join(draft, MANIFEST), [Buffer.from(manifest)]);
      await syncDirectory(draft);
      await rename(draft, join(this.#root, id));
      await syncDirectory(this.#root);
    };
    return {
      write: (file, chunks) => writeSynced(join(draft, file), chunks).catch(this.#explain),
      complete: (manifest) => complete(manifest).catch(this.#explain),
      discard: () => rm(draft, { recursive: true, force: true }),
    };
  }

  /** Removes what killed backups left. */
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
    await rename(join(this.#root, id), removed).catch(this.#explain);
    await rm(removed, { recursive: true }).catch(this.#explain);
  }

  /** Explains an error about the store's files. Other errors, such as those of the rows being written, stay as they are. */
  readonly #explain = (error: unknown): never => {
    throw explainedFile(error, NAME, this.#root);
  };
}

const CHUNK_BYTES = 256 * 1024;
/** How messages name the store to clients, who must not learn its path. */
const NAME = "BACKUP_STORE";

/** Writes a file. When this returns, all of it is on the disk. */
async function writeSynced(path: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
  const file = await open(path, "w");
  try {
    for await (const chunk of chunks) await file.appendFile(chunk);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes new names in a directory survive a power cut. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

const isAbsent = (error: unknown) => (error as NodeJS.ErrnoException).code === "ENOENT";

function absent<T>(value: () => T): (error: unknown) => T {
  return (error) => {
    if (isAbsent(error)) return value();
    throw error;
  };
}
