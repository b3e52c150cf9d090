/** Where a table's files come from, and which table each is for (design section 5). */
import { createReadStream } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { S3ClientConfig } from "@aws-sdk/client-s3";
import { type TableName, tableNames, tableOf } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { escaped } from "../shown.ts";
import { CHUNK_BYTES } from "../turn.ts";
import { csvRows, type FileRow } from "./csv-rows.ts";
import { formOf, type ReadRows } from "./forms.ts";
import { findObjects, type ObjectsFound } from "./source-s3.ts";

export interface SourceFile {
  table: TableName;
  /** As the user knows it: relative to the source. */
  name: string;
  /** As it lies there, packed or not. */
  bytes: number;
  /**
   * Its rows in blocks, from its beginning; they may be read more than once.
   * @param onBytes is told of the file's bytes as they are read
   * @param say is told in one line each what of the file is left out
   * @throws MusterError `refused` for a file that cannot be read
   */
  rows(onBytes?: (bytes: number) => void, say?: (line: string) => void): AsyncGenerator<FileRow[]>;
}

export interface Source {
  /** The one spelling by which a later import of the same source is known. */
  name: string;
  files: SourceFile[];
  /** Files that are named for no table. */
  ignored: string[];
}

/** The column that keeps a source's name. */
const SOURCE_NAME_MAX = 700;

/**
 * Finds the files of a directory or an S3 prefix (its own, and those in a folder named for a table) or the one file named.
 * @param only takes the files of one table alone; a single file of any name is then taken for it
 * @param s3 for the SDK's client, before what it finds in its environment
 * @param signal ends what is read from S3, when it aborts, with an error
 * @throws MusterError `invalid` where there is nothing to read, `unavailable` where S3 does not answer
 */
export async function openSource(
  location: string,
  only?: TableName,
  s3?: S3ClientConfig,
  signal?: AbortSignal,
): Promise<Source> {
  const isS3 = location.startsWith("s3://");
  const found = isS3 ? await findObjects(location, s3, signal) : await findFiles(location);
  if (found.name.length > SOURCE_NAME_MAX)
    throw new MusterError("invalid", `the path is over ${SOURCE_NAME_MAX} characters long`);
  const files: SourceFile[] = [];
  const ignored: string[] = [];
  for (const file of found.files) {
    const table = found.isOne ? (only ?? tableOfFile(file.name)) : tableOfFile(file.name);
    if (table === undefined) ignored.push(file.name);
    else if (only === undefined || table === only) files.push(sourceFile(table, file));
  }
  if (files.length === 0) {
    const wanted = (only ? [only] : tableNames).map((name) => `${name}.csv`).join(", ");
    throw new MusterError(
      "invalid",
      `${location} has no file named for a table: expected ${wanted}, or one file and --table`,
    );
  }
  return { name: found.name, files, ignored };
}

/** One file that comes from no place of its own, such as what a request sent. `name` is the source's. */
export function oneFile(
  name: string,
  table: TableName,
  { read, ...file }: ObjectsFound["files"][number] & { read: ReadRows },
): Source {
  return { name, files: [sourceFile(table, file, read)], ignored: [] };
}

/** `jobs.csv`, `jobs-2021.csv.gz` and `jobs/any.avro` are for jobs; undefined where the name says no table. */
export function tableOfFile(name: string): TableName | undefined {
  const [, folder, file = ""] = /^(?:(.*)\/)?([^/]*)$/.exec(name) ?? [];
  const { stem } = formOf(file) ?? {};
  if (stem === undefined) return undefined;
  if (folder !== undefined) return tableNames.find((table) => table === folder);
  return tableNames.find((table) => stem === table || stem.startsWith(`${table}-`));
}

async function findFiles(location: string): Promise<ObjectsFound> {
  const path = await realpath(resolve(location)).catch(() => {
    throw new MusterError(
      "invalid",
      `there is no file or directory ${location}: give the one that holds the files to import`,
    );
  });
  const isOne = !(await stat(path)).isDirectory();
  const names = isOne ? [basename(path)] : await fileNames(path);
  const files: ObjectsFound["files"] = [];
  for (const name of names) {
    const at = isOne ? path : join(path, name);
    const bytes = isOne || tableOfFile(name) ? (await stat(at)).size : 0;
    files.push({ name, bytes, open: () => createReadStream(at, { highWaterMark: CHUNK_BYTES }) });
  }
  return { name: path, isOne, files };
}

async function fileNames(directory: string): Promise<string[]> {
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

/** A single file of any other ending is read as CSV. */
function sourceFile(
  table: TableName,
  { name, bytes, open }: ObjectsFound["files"][number],
  read: ReadRows = formOf(name)?.read ?? csvRows,
): SourceFile {
  return {
    table,
    name,
    bytes,
    rows: (onBytes, say) => read(tableOf(table), counted(open(), onBytes), escaped(name), say),
  };
}

async function* counted(chunks: AsyncIterable<Uint8Array>, onBytes?: (bytes: number) => void) {
  for await (const chunk of chunks) {
    onBytes?.(chunk.length);
    yield chunk;
  }
}
