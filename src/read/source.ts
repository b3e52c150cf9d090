/** Where rows are imported from: the files of a directory or an S3 prefix, one file, or a request's body. */
import type { S3ClientConfig } from "@aws-sdk/client-s3";
import { type TableName, tableNames, tableOf } from "../codecs/tables.ts";
import { SOURCE_LENGTH_MAX } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import { cut, escaped } from "../shown.ts";
import { csvRows } from "./csv-rows.ts";
import type { Identity } from "./file-digest.ts";
import { readerOfFile, readerOfFormat } from "./file-formats.ts";
import { type Skipped, skippedLines, tableOfFile, whyFileSkipped } from "./file-names.ts";
import type { FileRow, ReadRows } from "./file-row.ts";
import { type FileRecipe, RECIPE_FILE, type Recipe, recipeFor } from "./recipe.ts";
import { recipeBeside, withOptions } from "./recipe-file.ts";
import { findFiles } from "./source-files.ts";
import { findObjects } from "./source-s3.ts";

export interface Source {
  /** Always the same for the same source, however the user spells it: by this name, its earlier imports are found. */
  name: string;
  files: SourceFile[];
  /** Lines that say what of the source is not read and why, and by which recipe the rest is read. */
  notes: string[];
}

export interface SourceFile {
  table: TableName;
  /** Relative to the source, as the user knows it. */
  name: string;
  /** Its size as it is stored, packed or not. */
  bytes: number;
  identity?: Identity | undefined;
  /** Reads its bytes from the beginning. Throws if the file is not as it was found. */
  open(): AsyncIterable<Uint8Array>;
  /**
   * Reads its rows from the beginning, in batches; can be called again.
   * @param onChunk called with each chunk of the file that is read, before it is unpacked
   * @param say called with one line of text for each thing that is skipped in the file
   * @throws MusterError `refused` if the file cannot be read
   */
  rows(onChunk?: (chunk: Uint8Array) => void, say?: (line: string) => void): AsyncGenerator<FileRow[]>;
}

/** What findFiles and findObjects find. The names of the files then decide which of them are read. */
export interface SourceFound {
  name: string;
  /** The source is one file, named by the user. */
  isOne: boolean;
  files: FoundFile[];
  skipped: Skipped[];
}

export interface FoundFile {
  /** Relative to the source. */
  name: string;
  bytes: number;
  identity?: Identity | undefined;
  /** Reads the bytes from the beginning. Throws if the file is not as it was found. */
  open(): AsyncIterable<Uint8Array>;
}

export interface OpenSource {
  /** Directories, files, `s3://BUCKET/PREFIX/` or `s3://BUCKET/KEY`. */
  locations: readonly string[];
  /** Leaves out the files of other tables. A single file is read as this table's, whatever its name is. */
  only?: TableName | undefined;
  /** How the files are read, if not by the strict default. */
  recipe?: Recipe | undefined;
  /** Parts of a recipe for all files. They win over the recipe, or over the muster.recipe.json beside the files. */
  options?: FileRecipe | undefined;
  /** Settings for the SDK's client; they win over its environment. */
  s3?: S3ClientConfig | undefined;
  /** Stops reading from S3, with an error. */
  signal?: AbortSignal | undefined;
}

/**
 * Finds the files of directories and S3 prefixes (their own, and those in a folder named for a table), and the files named.
 * @throws MusterError `invalid` if there is nothing to read, `unavailable` if S3 does not answer or a disk fails
 */
export async function openSource({ locations, only, recipe: given, options, s3, signal }: OpenSource): Promise<Source> {
  const [location = "", ...others] = locations;
  if (others.length > 0) throw new MusterError("invalid", "name one SOURCE, or a directory that holds all");
  const isS3 = location.startsWith("s3://");
  const found = isS3 ? await findObjects(location, s3, signal) : await findFiles(location);
  if (found.name.length > SOURCE_LENGTH_MAX)
    throw new MusterError("invalid", `the path is over ${SOURCE_LENGTH_MAX} characters long`);
  const beside = given ? undefined : await recipeBeside(location, s3, signal);
  const recipe = withOptions(given ?? beside, options);
  const files: SourceFile[] = [];
  for (const file of found.files) {
    const own = recipe && recipeFor(recipe, file.name);
    const table = (found.isOne ? only : undefined) ?? own?.table ?? tableOfFile(file.name);
    if (table === undefined) found.skipped.push({ name: file.name, why: whyFileSkipped(file.name) });
    else if (only === undefined || table === only) files.push(sourceFile(table, file, readerFor(file.name, own), own));
  }
  const notes = skippedLines(found.skipped.filter(({ name }) => name !== RECIPE_FILE));
  if (beside) notes.push(`Read by the recipe ${RECIPE_FILE} beside the files`);
  if (files.length === 0) throw nothingToRead(escaped(location), only, notes);
  return { name: found.name, files, notes };
}

/** The recipe says how a file is read, or its name. A single file of any other ending is read as CSV. */
function readerFor(name: string, recipe: FileRecipe | undefined): ReadRows {
  if (recipe?.format !== undefined) return readerOfFormat(recipe.format, name);
  return readerOfFile(name)?.read ?? csvRows;
}

/** How many skipped things an error names, if there is nothing to read. */
const SKIPPED_SHOWN_MAX = 3;

function nothingToRead(location: string, only: TableName | undefined, skipped: readonly string[]): MusterError {
  const wanted = (only ? [only] : tableNames).map((name) => `${name}.csv`).join(", ");
  const seen = skipped.slice(0, SKIPPED_SHOWN_MAX).map((line) => `; ${line}`);
  const more = skipped.length > seen.length ? "; ..." : "";
  return new MusterError(
    "invalid",
    `${location} has no file that is read: expected ${wanted}, or one file and --table${seen.join("")}${more}`,
  );
}

/** A source of one file that is in no directory or bucket, such as a request's body. @param name the source's name */
export function oneFile(
  name: string,
  table: TableName,
  { read, recipe, ...file }: FoundFile & { read: ReadRows; recipe?: FileRecipe | undefined },
): Source {
  return { name, files: [sourceFile(table, file, read, recipe)], notes: [] };
}

function sourceFile(
  table: TableName,
  { name, bytes, identity, open }: FoundFile,
  read: ReadRows,
  recipe?: FileRecipe | undefined,
): SourceFile {
  if (name.length > SOURCE_LENGTH_MAX) {
    const begin = escaped(cut(name));
    throw new MusterError("invalid", `${begin}: the name is over ${SOURCE_LENGTH_MAX} characters long: shorten it`);
  }
  const rows: SourceFile["rows"] = (onChunk, say) =>
    read(tableOf(table), watched(open(), onChunk), escaped(name), { say, recipe });
  return { table, name, bytes, identity, open, rows };
}

async function* watched(chunks: AsyncIterable<Uint8Array>, onChunk?: (chunk: Uint8Array) => void) {
  for await (const chunk of chunks) {
    onChunk?.(chunk);
    yield chunk;
  }
}
