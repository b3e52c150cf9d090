/** Finds a source on this machine: the files of a directory, or one file. */
import type { Dirent } from "node:fs";
import { readdir, realpath } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { MusterError } from "../errors.ts";
import { explainedFile } from "../file-errors.ts";
import { escaped } from "../shown.ts";
import { isTableFolder, tableOfFile, whyFileSkipped, whyFolderSkipped } from "./file-names.ts";
import { type FileState, lookAt, readUnchanged } from "./local-file.ts";
import type { FoundFile, SourceFound } from "./source.ts";

/**
 * Finds the files of a directory (its own, and those in a folder named for a table), or the one file named.
 * @throws MusterError `invalid` if there is no such file or directory, `unavailable` if it cannot be read
 */
export async function findFiles(location: string): Promise<SourceFound> {
  const name = escaped(location);
  const found = await lookAt(resolve(location), location);
  if (!found) {
    throw new MusterError(
      "invalid",
      `there is no file or directory ${name}: give the one that holds the files to import`,
    );
  }
  // /dev/stdin may be a file that has no name any more.
  const path = await realpath(resolve(location)).catch(() => undefined);
  if (found.is === "other" || path === undefined) {
    throw new MusterError("invalid", `${name} is a pipe or a device, which is not read: write it to a file first`);
  }
  if (found.is === "file") {
    const file = await fileAt(path, basename(path), found.state);
    return { name: path, isOne: true, files: [file], skipped: [] };
  }
  const source: SourceFound = { name: path, isOne: false, files: [], skipped: [] };
  for (const entry of await entriesOf(path, location)) {
    const isFolder = isTableFolder(entry.name) && (await lookAt(join(path, entry.name), entry.name))?.is === "folder";
    if (!isFolder) await add(source, entry, entry.name);
    else
      for (const file of await entriesOf(join(path, entry.name), entry.name))
        await add(source, file, `${entry.name}/${file.name}`);
  }
  return source;
}

/** Adds an entry of a directory to the files or to what is skipped. @param name relative to the source */
async function add(source: SourceFound, entry: Dirent, name: string): Promise<void> {
  const table = tableOfFile(name);
  if (table === undefined && entry.isFile()) return void source.skipped.push({ name, why: whyFileSkipped(name) });
  const path = join(source.name, name);
  const found = await lookAt(path, name);
  if (found?.is === "file" && table !== undefined) source.files.push(await fileAt(path, name, found.state));
  else if (found) source.skipped.push({ name, why: WHY[found.is](name) });
  else if (table === undefined) source.skipped.push({ name, why: "it is a link to nothing (correct or remove it)" });
  else throw new MusterError("invalid", `${escaped(name)} is a link to nothing, or was removed: correct or remove it`);
}

const WHY = {
  file: whyFileSkipped,
  folder: whyFolderSkipped,
  other: () => "it is a pipe, a socket or a device (write it to a file first)",
};

async function fileAt(path: string, name: string, state: FileState): Promise<FoundFile> {
  // A link is known by the file that it leads to. If that was removed meanwhile, open() says so.
  const real = await realpath(path).catch(() => path);
  return {
    ...{ name, bytes: Number(state.size), identity: { name: real, isObject: false } },
    open: () => readUnchanged(path, name, state),
  };
}

async function entriesOf(directory: string, name: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw explainedFile(error, escaped(name));
  }
}
