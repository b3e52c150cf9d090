/** A file of this machine. It must not change while it is read. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { MusterError } from "../../errors.ts";
import { CHUNK_BYTES } from "../../event-loop.ts";
import { explainedFile } from "../../file-errors.ts";
import { escaped } from "../../shown.ts";

export interface FileState {
  bytes: number;
  /** Changes when the file is written, appended to, cut or replaced. */
  version: string;
}

export interface Found {
  /** A pipe has a name here. Another thing is a device or a socket. */
  is: "file" | "folder" | "pipe" | "other";
  state: FileState;
}

/**
 * Looks at what lies at a path; follows links.
 * @returns undefined if there is nothing
 * @throws MusterError `unavailable` if it cannot be looked at
 */
export async function lookAt(path: string, name: string): Promise<Found | undefined> {
  try {
    const seen = await stat(path, { bigint: true });
    const is = seen.isFile() ? "file" : seen.isDirectory() ? "folder" : seen.isFIFO() ? "pipe" : "other";
    return { is, state: { bytes: Number(seen.size), version: FIELDS.map((field) => seen[field]).join() } };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw explainedFile(error, escaped(name));
  }
}

/**
 * Reads a file from its beginning, and checks before the first byte and after the last one that it has not changed.
 * @param name what the file is called in an error
 * @param state the state of the file when it was found
 * @throws MusterError `refused` if it has changed, `unavailable` if it cannot be read
 */
export async function* readUnchanged(path: string, name: string, state: FileState): AsyncGenerator<Uint8Array> {
  await assertUnchanged(path, name, state);
  try {
    yield* createReadStream(path, { highWaterMark: CHUNK_BYTES });
  } catch (error) {
    throw explainedFile(error, escaped(name));
  }
  await assertUnchanged(path, name, state);
}

async function assertUnchanged(path: string, name: string, before: FileState): Promise<void> {
  const now = (await lookAt(path, name))?.state;
  if (now?.version === before.version) return;
  const what = now ? "changed" : "was removed or replaced";
  throw new MusterError("refused", `${escaped(name)} ${what} while it was read: start again when nobody writes to it`);
}

const FIELDS = ["size", "mtimeNs", "ctimeNs", "ino", "dev"] as const;
