/** Where a table's files come from, and which table each is for. */
import type { S3ClientConfig } from "@aws-sdk/client-s3";
import { type TableName, tableNames, tableOf } from "../codecs/tables.ts";
import { SOURCE_LENGTH_MAX } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import { escaped } from "../shown.ts";
import { csvRows, type FileRow } from "./csv-rows.ts";
import { formOf, type ReadRows } from "./file-formats.ts";
import { type Skipped, skippedLines, tableOfFile, whyFileSkipped } from "./file-names.ts";
import { findFiles } from "./source-files.ts";
import { findObjects } from "./source-s3.ts";

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
  /** One line for each thing of the source that is not read, with the reason. */
  skipped: string[];
}

/** What lies in a source, of which the names decide what is read. */
export interface SourceFound {
  name: string;
  /** It is one file, which was named itself. */
  isOne: boolean;
  /** Names are relative to the source. */
  files: FoundFile[];
  skipped: Skipped[];
}

export interface FoundFile {
  name: string;
  bytes: number;
  /** The bytes from the beginning. They are those that were found, or an error comes. */
  open(): AsyncIterable<Uint8Array>;
}

/**
 * Finds the files of a directory or an S3 prefix (its own, and those in a folder named for a table) or the one file named.
 * @param only takes the files of one table alone; a single file of any name is then taken for it
 * @param s3 for the SDK's client, before what it finds in its environment
 * @param signal ends what is read from S3, when it aborts, with an error
 * @throws MusterError `invalid` if there is nothing to read, `unavailable` if S3 does not answer or a disk fails
 */
export async function openSource(
  location: string,
  only?: TableName,
  s3?: S3ClientConfig,
  signal?: AbortSignal,
): Promise<Source> {
  const isS3 = location.startsWith("s3://");
  const found = isS3 ? await findObjects(location, s3, signal) : await findFiles(location);
  if (found.name.length > SOURCE_LENGTH_MAX)
    throw new MusterError("invalid", `the path is over ${SOURCE_LENGTH_MAX} characters long`);
  const files: SourceFile[] = [];
  for (const file of found.files) {
    const table = found.isOne ? (only ?? tableOfFile(file.name)) : tableOfFile(file.name);
    if (table === undefined) found.skipped.push({ name: file.name, why: whyFileSkipped(file.name) });
    else if (only === undefined || table === only) files.push(sourceFile(table, file));
  }
  const skipped = skippedLines(found.skipped);
  if (files.length === 0) throw nothingToRead(escaped(location), only, skipped);
  return { name: found.name, files, skipped };
}

function nothingToRead(location: string, only: TableName | undefined, skipped: readonly string[]): MusterError {
  const wanted = (only ? [only] : tableNames).map((name) => `${name}.csv`).join(", ");
  const seen = skipped.slice(0, SKIPPED_SHOWN_MAX).map((line) => `; ${line}`);
  const more = skipped.length > seen.length ? "; ..." : "";
  return new MusterError(
    "invalid",
    `${location} has no file that is read: expected ${wanted}, or one file and --table${seen.join("")}${more}`,
  );
}

/** In the line that says that there is nothing to read. */
const SKIPPED_SHOWN_MAX = 3;

/** One file that comes from no place of its own, such as what a request sent. `name` is the source's. */
export function oneFile(name: string, table: TableName, { read, ...file }: FoundFile & { read: ReadRows }): Source {
  return { name, files: [sourceFile(table, file, read)], skipped: [] };
}

/** A single file of any other ending is read as CSV. */
function sourceFile(
  table: TableName,
  { name, bytes, open }: FoundFile,
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
