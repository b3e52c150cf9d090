/** Inspects the files of a source, or the first part of a file. Nothing is written (docs/recipes.md "Let inspect find out"). */

import type { Pool } from "mysql2/promise";
import { called } from "../build.ts";
import { MusterError } from "../errors.ts";
import { type FileStart, startOf, wholeLines } from "../read/detect/file-start.ts";
import { type formatOfFile, readerFor, readerOfFormat } from "../read/formats/file-formats.ts";
import { quoted } from "../read/recipes/option-text.ts";
import type { FileRecipe } from "../read/recipes/recipe.ts";
import { type OpenSource, openSource, type Source, type SourceFile } from "../read/sources/source.ts";
import { type FileInspection, type Inspected, inspectFile, unreadable } from "./inspect-file.ts";
import { InspectedIds, isOfFile } from "./inspect-rows.ts";

/** How many files of a source are inspected. */
const INSPECTED_MAX = 100;

export interface SourceInspection {
  /** As the user wrote it. */
  location: string;
  files: FileInspection[];
  /** Whether these are all files of a folder, of whatever table. */
  areAll: boolean;
  notes: string[];
}

/** What the recipe and the options say is not looked for. */
export type InspectOptions = Omit<OpenSource, "locations">;

/**
 * Inspects the files of one location. Only their starts are read, and nothing is written.
 * @param pool of the database that the rows are judged against; undefined if none answers
 * @throws MusterError `invalid` if there is nothing to read
 */
export async function inspectSource(
  location: string,
  pool: Pool | undefined,
  options: InspectOptions,
): Promise<SourceInspection> {
  const { dictionary } = options;
  const { source, isNamed } = await open(location, options);
  const notes = [...source.notes];
  const files = source.files.slice(0, INSPECTED_MAX);
  const more = source.files.length - files.length;
  if (more > 0) notes.push(`${more} more files are not inspected, only the first ${INSPECTED_MAX}`);
  const known = new InspectedIds(pool);
  const inspected = new Map<SourceFile, FileInspection>();
  // Parents first, so that their ids are known.
  for (const table of dictionary.tables) {
    for (const file of files.filter((each) => each.table === table.name)) {
      options.signal?.throwIfAborted();
      inspected.set(file, await inspectSourceFile(file, { dictionary, table: isNamed ? table : undefined }, known));
    }
  }
  const isFolder = source.files.some(({ name }) => !location.endsWith(name));
  const areAll = isFolder && more === 0 && options.only === undefined;
  return { location, files: files.flatMap((file) => inspected.get(file) ?? []), areAll, notes };
}

/** Opens a location. A single file is opened for any table if its name says none: its header may. */
async function open(location: string, options: InspectOptions): Promise<{ source: Source; isNamed: boolean }> {
  const given = { ...options, locations: [location] };
  try {
    return { source: await openSource(given), isNamed: true };
  } catch (error) {
    if (!(error instanceof MusterError) || error.code !== "invalid" || options.only) throw error;
    const source = await openSource({ ...given, only: options.dictionary.names[0] }).catch(() => undefined);
    const [file, second] = source?.files ?? [];
    if (!source || !file || second || (location !== "-" && !location.endsWith(file.name))) throw error;
    return { source, isNamed: false };
  }
}

async function inspectSourceFile(
  file: SourceFile,
  { dictionary, table }: Pick<Inspected, "dictionary" | "table">,
  known: InspectedIds,
): Promise<FileInspection> {
  const { name, recipe = {} } = file;
  const { match, table: _, ...given } = recipe;
  let start: FileStart;
  try {
    start = await startOf(name, file.open());
  } catch (error) {
    if (!isOfFile(error)) throw error;
    return unreadable(name, table, error.message);
  }
  const read = (proposed: FileRecipe) => ({ rows: readerFor(name, proposed), chunks: file.open() });
  return inspectFile({ dictionary, name, table, given, start, read, isCut: false }, known);
}

/** The command that imports a file as proposed, or undefined if it needs a recipe file. */
export function importCommand(location: string, { flags }: FileInspection): string | undefined {
  if (flags === null) return undefined;
  return `${called("import")} ${quoted(location)}${flags === "" ? "" : ` ${flags}`}`;
}

export interface InspectedBody
  extends Pick<Inspected, "dictionary" | "name" | "table" | "given" | "isCut" | "isZoneLeft"> {
  bytes: Uint8Array;
  /** What the request says about its body. */
  as: ReturnType<typeof formatOfFile>;
}

/** Inspects the first part of a file. Unless `isCut` is false, its last line is left out. */
export async function inspectBody(
  { dictionary, name, table, given, isCut, isZoneLeft, bytes, as }: InspectedBody,
  known: InspectedIds,
): Promise<FileInspection> {
  let start: FileStart;
  try {
    start = await startOf(name, once(bytes), as);
  } catch (error) {
    if (!isOfFile(error)) throw error;
    return unreadable(name, table, error.message);
  }
  const isWhole = start.isWhole && !isCut;
  const read = ({ format = start.byName ?? "csv", encoding }: FileRecipe) => {
    const hasLines = format === "csv" || format === "tsv" || format === "ndjson";
    const chunk = hasLines && !isWhole ? wholeLines(start.head, encoding) : start.head;
    return { rows: readerOfFormat(format, ""), chunks: once(chunk) };
  };
  const inspection = await inspectFile(
    { dictionary, name, table, given, start: { ...start, isWhole }, read, isCut: !isWhole, isZoneLeft },
    known,
  );
  const isReadFromEnd = inspection.found.some(({ part, is }) => part === "format" && /^(?:parquet|xlsx)$/.test(is));
  if (inspection.error === undefined || isWhole || !isReadFromEnd) return inspection;
  return { ...inspection, error: `${inspection.error}; ${SEND_ALL}` };
}

const SEND_ALL = "such a file is read from its end: send all of it with complete=true, or inspect it by the command";

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
