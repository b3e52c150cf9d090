/** Where CSV files come from, and which table each is for (design section 5). */
import { createReadStream } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { type TableName, tableNames } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";

export interface SourceFile {
  table: TableName;
  /** As the user knows it: relative to the source. */
  name: string;
  bytes: number;
  /** The content from its beginning; it may be read more than once. */
  open(): AsyncIterable<Uint8Array>;
}

export interface Source {
  /** The one spelling by which a later import of the same source is known. */
  name: string;
  files: SourceFile[];
  /** Files that are named for no table. */
  ignored: string[];
}

/** Bytes read at a time: large enough that a block of rows is worth one look at the database. */
const CHUNK_BYTES = 512 * 1024;
/** The column that keeps a source's name. */
const SOURCE_NAME_MAX = 700;

/**
 * Finds the files of a directory (its own, and those in a folder named for a table) or the one file named.
 * @param only takes the files of one table alone; a single file of any name is then taken for it
 * @throws MusterError `invalid` where there is nothing to read
 */
export async function openSource(location: string, only?: TableName): Promise<Source> {
  const path = await realpath(resolve(location)).catch(() => {
    throw new MusterError(
      "invalid",
      `there is no file or directory ${location}: give the one that holds the CSV files`,
    );
  });
  if (path.length > SOURCE_NAME_MAX)
    throw new MusterError("invalid", `the path is over ${SOURCE_NAME_MAX} characters long`);
  const directory = (await stat(path)).isDirectory();
  const names = directory ? await csvFiles(path) : [basename(path)];
  const files: SourceFile[] = [];
  const ignored: string[] = [];
  for (const name of names) {
    const table = directory ? tableOfFile(name) : (only ?? tableOfFile(name));
    if (table === undefined) ignored.push(name);
    else if (only === undefined || table === only)
      files.push(await sourceFile(table, name, directory ? join(path, name) : path));
  }
  if (files.length === 0) {
    const wanted = (only ? [only] : tableNames).map((name) => `${name}.csv`).join(", ");
    throw new MusterError("invalid", `${location} has no file named for a table: expected ${wanted}`);
  }
  return { name: path, files, ignored };
}

/** `jobs.csv`, `jobs-2021.csv` and `jobs/any.csv` are for jobs; undefined where the name says no table. */
export function tableOfFile(name: string): TableName | undefined {
  const [, folder, file = ""] = /^(?:(.*)\/)?([^/]*)$/.exec(name) ?? [];
  if (!/\.csv$/i.test(file)) return undefined;
  if (folder !== undefined) return tableNames.find((table) => table === folder);
  const stem = file.slice(0, -".csv".length);
  return tableNames.find((table) => stem === table || stem.startsWith(`${table}-`));
}

async function csvFiles(directory: string): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.name.startsWith(".")) continue;
    if (!entry.isDirectory()) names.push(entry.name);
    else if (tableNames.some((table) => table === entry.name)) {
      const inside = await readdir(join(directory, entry.name));
      names.push(...inside.filter((name) => !name.startsWith(".")).map((name) => join(entry.name, name)));
    }
  }
  return names.sort();
}

async function sourceFile(table: TableName, name: string, path: string): Promise<SourceFile> {
  const { size } = await stat(path);
  return { table, name, bytes: size, open: () => createReadStream(path, { highWaterMark: CHUNK_BYTES }) };
}
