/** Where rows are imported from: the files of a directory or an S3 prefix, one file, or a request's body. */
import type { S3ClientConfig } from "@aws-sdk/client-s3";
import type { Dictionary } from "../../codecs/dictionary.ts";
import type { Table, TableName } from "../../codecs/tables.ts";
import { SOURCE_LENGTH_MAX } from "../../db/ledger.ts";
import { MusterError } from "../../errors.ts";
import { cut, escaped } from "../../shown.ts";
import type { FileRow, ReadRows } from "../file-row.ts";
import { readerFor } from "../formats/file-formats.ts";
import { assertTables, type FileRecipe, RECIPE_FILE, type Recipe } from "../recipes/recipe.ts";
import { recipeBeside, withOptions } from "../recipes/recipe-file.ts";
import { chooser } from "./choose-file.ts";
import type { Identity } from "./file-digest.ts";
import { assertFewFiles, type ChosenFile, type FoundFile, type Place } from "./found-source.ts";
import { nameOfAll, namesApart } from "./several-sources.ts";
import { placeOfPath } from "./source-files.ts";
import { placeOfUrl } from "./source-s3.ts";

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
  /** How it is read, if not by the strict default. */
  recipe?: FileRecipe | undefined;
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

export interface OpenSource {
  dictionary: Dictionary;
  /** Directories, files, pipes, `-` for standard input, `s3://BUCKET/PREFIX/` or `s3://BUCKET/KEY`. */
  locations: readonly string[];
  /** Leaves out the files of other tables. A single file is read as this table's, whatever its name is. */
  only?: TableName | undefined;
  /** How the files are read, if not by the strict default. */
  recipe?: Recipe | undefined;
  /** Parts of a recipe for all files. They win over the recipe, or over the muster.recipe.json beside the files. */
  options?: FileRecipe | undefined;
  /** Settings for the SDK's client; they win over its environment. */
  s3?: S3ClientConfig | undefined;
  /** Stops reading from S3 and waiting for a pipe, with an error. */
  signal?: AbortSignal | undefined;
  /** Called with a line before a pipe is waited for. */
  say?: ((line: string) => void) | undefined;
}

/**
 * Finds all files below directories and S3 prefixes, and the files and pipes named. A file that is found twice is read once.
 * @throws MusterError `invalid` if one of the locations has nothing to read, `unavailable` if S3 does not answer or a disk fails
 */
export async function openSource(given: OpenSource): Promise<Source> {
  // The same object for all of them, so that they share one client.
  const how = { ...given, s3: given.s3 ?? {} };
  const { places, notes } = await placesOf(how);
  const tables = given.dictionary.names;
  const names: string[] = [];
  const files: WholeFile[] = [];
  const readAs = new Map<string, string>();
  const recipeOf = recipesBeside(how, notes);
  for (const place of places) {
    const recipe = withOptions(how.recipe ?? (await recipeOf(place)), how.options);
    if (recipe) assertTables(recipe, tables);
    const found = await place.find(
      chooser(place, {
        tables,
        only: how.only,
        recipe,
        isRecipeGiven: how.recipe !== undefined,
        isSeveral: places.length > 1,
      }),
    );
    const label = places.length > 1 ? place.location.replace(/\/*$/, "/") : "";
    if (found.files.length === 0)
      throw nothingToRead(escaped(place.location), how.only ? [how.only] : tables, found.skipped.lines());
    names.push(found.name);
    for (const file of found.files.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const key = file.identity && `${file.table} ${file.identity.name}`;
      const first = key && readAs.get(key);
      if (first !== undefined)
        found.skipped.add(file.name, `it is the same file as ${escaped(first)}, and is read once`);
      else files.push({ ...file, whole: wholeName(place, found.name, file.name) });
      if (key && first === undefined) readAs.set(key, label + file.name);
    }
    assertFewFiles(files);
    notes.push(...found.skipped.lines(label), ...partitionNotes(found.files));
  }
  const name = nameOfAll(names);
  if (name.length > SOURCE_LENGTH_MAX)
    throw new MusterError("invalid", `the path is over ${SOURCE_LENGTH_MAX} characters long`);
  const apart = places.length > 1 ? namesApart(files) : undefined;
  return {
    name,
    files: files.map((file, at) => sourceFile(given.dictionary.of(file.table), file, apart?.[at] ?? file.name)),
    notes,
  };
}

type WholeFile = ChosenFile & { whole: string };

/** Looks at each location. One that is named twice is looked at once. */
async function placesOf({ locations, s3, signal, say }: OpenSource): Promise<{ places: Place[]; notes: string[] }> {
  const places = new Map<string, Place>();
  const notes: string[] = [];
  for (const location of locations) {
    signal?.throwIfAborted();
    // A shell makes it of a variable that is not set. As a path it would be the current directory.
    if (location === "")
      throw new MusterError("invalid", "a SOURCE is empty: name a directory, a file or s3://BUCKET/PREFIX/");
    const isS3 = location.startsWith("s3://");
    const place = isS3 ? await placeOfUrl(location, s3, signal) : await placeOfPath(location, { say, signal });
    if (places.has(place.name)) notes.push(`${escaped(location)} is named twice, and is read once`);
    else places.set(place.name, place);
  }
  return { places: [...places.values()], notes };
}

/** Finds the recipe beside the files of a place, reads each such recipe once, and notes that it is used. */
function recipesBeside({ recipe, s3, signal }: OpenSource, notes: string[]) {
  const known = new Map<string, Recipe | undefined>();
  return async ({ besides }: Place): Promise<Recipe | undefined> => {
    if (recipe || besides === undefined) return undefined;
    if (known.has(besides)) return known.get(besides);
    const found = await recipeBeside(besides, s3, signal);
    known.set(besides, found);
    if (found) notes.push(`Read by the recipe ${RECIPE_FILE} beside the files`);
    return found;
  };
}

/** The name of a file with its source's name in front. */
function wholeName({ isOne }: Place, source: string, name: string): string {
  if (isOne) return source.endsWith(name) ? source : name;
  return source.endsWith("/") ? source + name : `${source}/${name}`;
}

/** Hive and Spark put a column's value into the name of a folder, and leave the column out of the files. */
function partitionNotes(files: readonly ChosenFile[]): string[] {
  const first = files.find(({ name }) => PARTITION.test(name))?.name;
  if (first === undefined) return [];
  const end = first.indexOf("/", first.indexOf("="));
  return [
    `The values in folders' names, such as ${escaped(first.slice(0, end))}, are not read: rows have only the columns in their files`,
  ];
}

const PARTITION = /(?:^|\/)[^/=]+=[^/]*\//;

/** How many skipped things an error names, if there is nothing to read. */
const SKIPPED_SHOWN_MAX = 3;

function nothingToRead(location: string, tables: readonly TableName[], skipped: readonly string[]): MusterError {
  const wanted = tables.map((name) => `${name}.csv`).join(", ");
  const seen = skipped.slice(0, SKIPPED_SHOWN_MAX).map((line) => `; ${line}`);
  const more = skipped.length > seen.length ? "; ..." : "";
  const pattern =
    location.startsWith("s3://") && location.includes("*") ? " (patterns are not expanded in S3: give the prefix)" : "";
  return new MusterError(
    "invalid",
    `${location} has no file that is read${pattern}: expected ${wanted}, or one file and --table${seen.join("")}${more}`,
  );
}

/** A source of one file that is in no directory or bucket, such as a request's body. @param name the source's name */
export function oneFile(
  name: string,
  table: Table,
  { read, recipe, ...file }: FoundFile & { read: ReadRows; recipe?: FileRecipe | undefined },
): Source {
  return { name, files: [sourceFile(table, { ...file, recipe }, file.name, read)], notes: [] };
}

/** @param name its own among the files of all sources */
function sourceFile(
  table: Table,
  { recipe, bytes, identity, open: openAs, readAs, ...file }: Omit<ChosenFile, "table">,
  name: string,
  read: ReadRows = readerFor(readAs ?? file.name, recipe),
): SourceFile {
  if (name.length > SOURCE_LENGTH_MAX) {
    const begin = escaped(cut(name));
    throw new MusterError("invalid", `${begin}: the name is over ${SOURCE_LENGTH_MAX} characters long: shorten it`);
  }
  const open = () => openAs(name);
  const rows: SourceFile["rows"] = (onChunk, say) =>
    read(table, watched(open(), onChunk), escaped(name), { say, recipe });
  return { table: table.name, name, bytes, identity, recipe, open, rows };
}

async function* watched(chunks: AsyncIterable<Uint8Array>, onChunk?: (chunk: Uint8Array) => void) {
  for await (const chunk of chunks) {
    onChunk?.(chunk);
    yield chunk;
  }
}
