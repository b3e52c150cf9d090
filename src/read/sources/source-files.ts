/** Finds a source on this machine: the files below a directory, or one file. */
import type { Dirent } from "node:fs";
import { readdir, realpath } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import { MusterError } from "../../errors.ts";
import { explainedFile, isFileError } from "../../file-errors.ts";
import { escaped } from "../../shown.ts";
import { refuseLake } from "./choose-file.ts";
import { isSideName, tablesOfPath } from "./file-names.ts";
import {
  assertFewFiles,
  type Choose,
  type Chosen,
  type ChosenFile,
  ENTRIES_MAX,
  FOLDER_DEPTH_MAX,
  type Found,
  type Place,
  tooMany,
} from "./found-source.ts";
import { type FileState, lookAt, readUnchanged } from "./local-file.ts";
import { SkippedThings } from "./skipped.ts";
import { descriptorOf, placeOfPipe, type Waiting } from "./source-pipe.ts";

/**
 * Looks at what the user names: a directory, a file or a pipe.
 * @throws MusterError `invalid` if there is no such file or directory, `unavailable` if it cannot be looked at
 */
export async function placeOfPath(location: string, waiting: Waiting): Promise<Place> {
  if (location === "-") return placeOfPipe(location, 0, waiting);
  const given = resolve(location);
  const found = await lookAt(given, location);
  if (!found) {
    const name = escaped(location);
    const toDo = "give the one that holds the files to import";
    throw new MusterError("invalid", `there is no file or directory ${name}: ${toDo}`);
  }
  // What a process has opened may have no name any more. It is then read like a pipe.
  const path = await realpath(given).catch(() => undefined);
  const descriptor = descriptorOf(given);
  const isNamed = path !== undefined && (found.is === "file" || found.is === "folder");
  if (isNamed && found.is === "folder") {
    const find = (choose: Choose) => findBelow(path, location, choose, waiting.signal);
    return { location, name: path, besides: given, isOne: false, folder: basename(given), find };
  }
  if (isNamed) {
    const find = async (choose: Choose): Promise<Found> => oneFile(path, found.state, choose);
    const folder = dirname(given);
    return { location, name: path, besides: folder, isOne: true, folder: basename(folder), find };
  }
  if (descriptor !== undefined) return placeOfPipe(location, descriptor, waiting);
  if (found.is === "pipe") return placeOfPipe(location, given, waiting);
  throw new MusterError("invalid", `${escaped(location)} is a device, which is not read: write it to a file first`);
}

function oneFile(path: string, state: FileState, choose: Choose): Found {
  const skipped = new SkippedThings();
  const name = basename(path);
  const choice = choose(name);
  if (choice.is === "skipped") skipped.add(name, choice.why);
  const files = choice.is === "read" ? [fileAt({ path, real: path, name }, state, choice)] : [];
  return { name: path, files, skipped };
}

/** A folder, by its path, its path without links, and its name relative to the source, which is "" or ends in a slash. */
interface Folder {
  path: string;
  real: string;
  name: string;
  /** The real paths of the folders through which it was reached. */
  above: readonly string[];
}

/** What is found while a directory is looked through. */
interface Walk {
  location: string;
  choose: Choose;
  signal: AbortSignal | undefined;
  files: ChosenFile[];
  skipped: SkippedThings;
  entries: number;
}

async function findBelow(path: string, location: string, choose: Choose, signal?: AbortSignal): Promise<Found> {
  const walk: Walk = { location, choose, signal, files: [], skipped: new SkippedThings(), entries: 0 };
  await lookThrough(walk, { path, real: path, name: "", above: [] }, location);
  return { name: path, files: walk.files, skipped: walk.skipped };
}

/** @param shown what the folder is called in an error */
async function lookThrough(walk: Walk, folder: Folder, shown: string): Promise<void> {
  const entries = await entriesOf(folder.path, shown).catch((error) => {
    // What lies in a folder of a table must not be left out.
    const isClosed = error instanceof MusterError && isFileError(error.cause) && error.cause.code === "EACCES";
    if (!isClosed || folder.above.length === 0 || tablesOfPath(walk.choose.tables, folder.name).length > 0) throw error;
    walk.skipped.add(shown, "Muster's user may not look into it (check its owner and mode)");
    return [];
  });
  for (const entry of entries) {
    walk.signal?.throwIfAborted();
    if (++walk.entries > ENTRIES_MAX) throw tooMany(walk.location);
    if (await isUndecoded(folder, entry)) skipUndecoded(walk, folder.name + entry.name);
    else if (entry.isDirectory()) await lookInto(walk, folder, entry.name);
    else if (entry.isFile()) await addFile(walk, { ...pathsOf(folder, entry.name), isFile: true });
    else await follow(walk, folder, entry.name);
  }
}

/** Whether a name is not UTF-8. A path with it then leads to nothing. */
const isUndecoded = async (folder: Folder, { name }: Dirent) =>
  name.includes("\uFFFD") && !(await lookAt(join(folder.path, name), name));

/** @throws MusterError `invalid` if the rest of the name says that it is to be read */
function skipUndecoded({ choose, skipped }: Walk, name: string): void {
  const why = "its name is not UTF-8";
  if (choose(name).is !== "read") skipped.add(name, `${why} (rename it)`);
  else throw new MusterError("invalid", `${escaped(name)}: ${why}: rename it`);
}

const pathsOf = (folder: Folder, entry: string) => ({
  path: join(folder.path, entry),
  real: join(folder.real, entry),
  name: folder.name + entry,
});

async function lookInto(walk: Walk, parent: Folder, entry: string, real = join(parent.real, entry)): Promise<void> {
  const name = `${parent.name}${entry}/`;
  const above = [...parent.above, parent.real];
  if (isSideName(entry)) {
    refuseLake(name, walk.location, walk.choose);
    walk.skipped.add(name, "");
  } else if (above.some((path) => path === real || path.startsWith(real === sep ? sep : real + sep)))
    walk.skipped.add(name.slice(0, -1), "it is a link that leads back to a folder above it (remove it)");
  else if (above.length > FOLDER_DEPTH_MAX)
    walk.skipped.add(name.slice(0, -1), `folders are looked into to a depth of ${FOLDER_DEPTH_MAX} (move it up)`);
  else await lookThrough(walk, { path: join(parent.path, entry), real, name, above }, name.slice(0, -1));
}

/** Links are followed, also those that lead out of the source. Some file systems do not list what else an entry is. */
async function follow(walk: Walk, folder: Folder, entry: string): Promise<void> {
  const paths = pathsOf(folder, entry);
  // A link that leads to itself cannot be resolved either.
  const real = await realpath(paths.path).catch(() => undefined);
  const found = real === undefined ? undefined : await lookAt(paths.path, paths.name);
  if (real !== undefined && found?.is === "folder") await lookInto(walk, folder, entry, real);
  else if (real !== undefined && found)
    await addFile(walk, { ...paths, real, isFile: found.is === "file" && !KERNEL_FILE.test(real) });
  else if (walk.choose(paths.name).is === "read") {
    const what = "is a link to nothing, or was removed";
    throw new MusterError("invalid", `${escaped(paths.name)} ${what}: correct or remove it`);
  } else walk.skipped.add(paths.name, "it is a link to nothing (correct or remove it)");
}

/** Files that the kernel makes up as they are read. To read some of them, such as /proc/kmsg, never ends. */
const KERNEL_FILE = /^\/(?:proc|sys)\//;

type Paths = Pick<Folder, "path" | "real" | "name">;

async function addFile({ choose, files, skipped }: Walk, file: Paths & { isFile: boolean }): Promise<void> {
  const choice = choose(file.name);
  if (choice.is === "not asked for" || choice.is === "the recipe") return;
  if (!file.isFile) return skipped.add(file.name, "it is a pipe, a socket or a device (write it to a file first)");
  if (choice.is === "skipped") return skipped.add(file.name, choice.why);
  const found = await lookAt(file.path, file.name);
  if (found?.is !== "file") throw new MusterError("refused", `${escaped(file.name)} was removed: start again`);
  files.push(fileAt(file, found.state, choice));
  assertFewFiles(files);
}

const fileAt = ({ path, real, name }: Paths, state: FileState, { table, recipe }: Chosen): ChosenFile => ({
  ...{ name, bytes: state.bytes, table, recipe },
  // A link is known by the file that it leads to.
  identity: { name: real, isObject: false },
  open: (shown) => readUnchanged(path, shown, state),
});

async function entriesOf(directory: string, name: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw explainedFile(error, escaped(name));
  }
}
