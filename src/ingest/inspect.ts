/** Inspects files: what each is, how it would be read, and what would become of its first rows (docs/recipes.md). */
import type { S3ClientConfig } from "@aws-sdk/client-s3";
import type { Pool } from "mysql2/promise";
import { type Table, type TableName, tableNames, tableOf } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { detect } from "../read/detect.ts";
import { type Finding, joined } from "../read/detection.ts";
import { type formatOfFile, readerOfFormat } from "../read/file-formats.ts";
import type { ReadRows } from "../read/file-row.ts";
import { type FileStart, startOf, wholeLines } from "../read/file-start.ts";
import { quoted } from "../read/option-text.ts";
import type { FileRecipe, Recipe } from "../read/recipe.ts";
import { textsOf } from "../read/recipe-text.ts";
import { openSource, readerFor, type Source, type SourceFile } from "../read/source.ts";
import { escaped } from "../shown.ts";
import { InspectedIds, type InspectedRows, inspectRows } from "./inspect-rows.ts";

/** How many files of a source are inspected. */
export const FILES_MAX = 100;

/** What was found out about one part of how a file is written. */
export interface InspectedPart extends Pick<Finding, "part" | "is" | "evidence"> {
  /** Why a person must decide. */
  doubt?: string | undefined;
  /** The options of each reading to choose from, or that confirm the one proposed. */
  choices?: string[] | undefined;
}

export interface FileInspection extends InspectedRows {
  name: string;
  /** The table, known or proposed; null if it is neither. */
  table: TableName | null;
  found: InspectedPart[];
  /** The names in the file and the columns they mean; null for a name that is left out. */
  columns: { name: string; column: string | null }[];
  /** The recipe by which the rows were read: all that is proposed. */
  proposed: FileRecipe;
  /** The same without what is doubtful. --save writes it. */
  certain: FileRecipe;
  /** Options of import that say what is proposed; null if only a recipe file can say it. */
  flags: string | null;
  /** The same as parameters of POST /imports. */
  parameters: string | null;
}

export interface SourceInspection {
  /** As the user wrote it. */
  location: string;
  files: FileInspection[];
  notes: string[];
}

export interface InspectOptions {
  only?: TableName | undefined;
  /** How the files are read. What it says is not looked for. */
  recipe?: Recipe | undefined;
  options?: FileRecipe | undefined;
  s3?: S3ClientConfig | undefined;
  signal?: AbortSignal | undefined;
  say?: ((line: string) => void) | undefined;
}

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
  const { source, isNamed } = await open(location, options);
  const notes = [...source.notes];
  const files = source.files.slice(0, FILES_MAX);
  const more = source.files.length - files.length;
  if (more > 0) notes.push(`${more} more files are not inspected, only the first ${FILES_MAX}`);
  const known = new InspectedIds(pool);
  const inspected = new Map<SourceFile, FileInspection>();
  // Parents first, so that their ids are known.
  for (const table of tableNames) {
    for (const file of files.filter((each) => each.table === table)) {
      options.signal?.throwIfAborted();
      inspected.set(file, await inspectSourceFile(file, isNamed ? tableOf(table) : undefined, known));
    }
  }
  return { location, files: files.flatMap((file) => inspected.get(file) ?? []), notes };
}

/** Opens a location. A single file is opened for any table if its name says none: its header may. */
async function open(location: string, options: InspectOptions): Promise<{ source: Source; isNamed: boolean }> {
  const given = { ...options, locations: [location] };
  try {
    return { source: await openSource(given), isNamed: true };
  } catch (error) {
    if (!(error instanceof MusterError) || error.code !== "invalid" || options.only) throw error;
    const source = await openSource({ ...given, only: tableNames[0] }).catch(() => undefined);
    const [file, second] = source?.files ?? [];
    if (!source || !file || second || (location !== "-" && !location.endsWith(file.name))) throw error;
    return { source, isNamed: false };
  }
}

async function inspectSourceFile(
  file: SourceFile,
  table: Table | undefined,
  known: InspectedIds,
): Promise<FileInspection> {
  const { name, recipe = {} } = file;
  const { match, table: _, ...given } = recipe;
  let start: FileStart;
  try {
    start = await startOf(name, file.open());
  } catch (error) {
    if (!(error instanceof MusterError) || error.code === "interrupted") throw error;
    return unreadable(name, table, error.message);
  }
  const read = (proposed: FileRecipe) => ({ rows: readerFor(name, proposed), chunks: file.open() });
  return inspectFile({ name, table, given, start, read, isCut: false }, known);
}

export interface Inspected {
  name: string;
  table: Table | undefined;
  /** The parts of a recipe that the user names. */
  given: FileRecipe;
  start: FileStart;
  /** The reader of its rows by a recipe, and what it reads. @throws MusterError if the format is not read */
  read(recipe: FileRecipe): { rows: ReadRows; chunks: AsyncIterable<Uint8Array> };
  /** Whether the bytes may end before the file does. Then an error at their end says nothing. */
  isCut: boolean;
}

export async function inspectFile(
  { name, table: named, given, start, read, isCut }: Inspected,
  known: InspectedIds,
): Promise<FileInspection> {
  const { byName, packing } = start;
  const { findings, table, columns } = await detect(start, { table: named, byName, given });
  const packed: Finding[] = packing ? [{ part: "packing", ...packing }] : [];
  const proposed = joined([given, ...findings.map((each) => each.recipe)]);
  const certain = joined([given, ...findings.map((each) => (each.doubt === undefined ? each.recipe : undefined))]);
  const found = [...packed, ...findings].map(inspectedPart);
  const about = {
    ...{ name, table: table?.name ?? null, found, proposed, certain },
    columns: columns.map(({ name: inFile, column = null }) => ({ name: inFile, column })),
    ...textsAbout(proposed, named),
  };
  if (!table) return { ...about, ...NO_ROWS, error: "its table is not known: give --table" };
  const rows = await inspectRows(
    table,
    async function* (options) {
      const { rows: readRows, chunks } = read(proposed);
      const { table: _, ...recipe } = proposed;
      const isStrict = Object.keys(recipe).length === 0;
      yield* readRows(table, chunks, escaped(name), { ...options, recipe: isStrict ? undefined : recipe });
    },
    known,
  );
  return { ...about, ...(isCut ? withoutCutEnd(rows) : rows) };
}

/** If only the first part of a file is there, its reader may miss the end. That is no fault of the file. */
function withoutCutEnd(rows: InspectedRows): InspectedRows {
  if (rows.error === undefined || rows.counts.read === 0) return rows;
  return { ...rows, error: undefined, notes: [...rows.notes, `read up to the end of the part sent: ${rows.error}`] };
}

function inspectedPart({ part, is, evidence, doubt, choices, recipe }: Finding): InspectedPart {
  const confirm = doubt !== undefined && recipe ? [recipe] : [];
  const ways = [...(choices ?? []), ...confirm].flatMap((each) => textsOf(each)?.flags.join(" ") ?? []);
  return { part, is, evidence, ...(doubt !== undefined && { doubt }), ...(ways.length > 0 && { choices: ways }) };
}

/** The options that say what is proposed. The table is left out if the name says it. */
function textsAbout(proposed: FileRecipe, named: Table | undefined): Pick<FileInspection, "flags" | "parameters"> {
  const { table, ...parts } = proposed;
  const texts = textsOf(table && !named ? { ...parts, table } : parts);
  return { flags: texts?.flags.join(" ") ?? null, parameters: texts?.parameters.join("&") ?? null };
}

const NO_ROWS: InspectedRows = {
  ...{ rows: [], reasons: [], notes: [] },
  counts: { read: 0, inserted: 0, unchanged: 0, rejected: 0 },
};

const unreadable = (name: string, table: Table | undefined, error: string): FileInspection => ({
  ...{
    name,
    table: table?.name ?? null,
    found: [],
    columns: [],
    proposed: {},
    certain: {},
    flags: null,
    parameters: null,
  },
  ...{ ...NO_ROWS, error },
});

/** The command that imports a file as proposed, or undefined if it needs a recipe file. */
export function importCommand(location: string, { flags }: FileInspection): string | undefined {
  if (flags === null) return undefined;
  return `bun run scripts/import.ts ${quoted(location)}${flags === "" ? "" : ` ${flags}`}`;
}

export interface InspectedBody extends Pick<Inspected, "name" | "table" | "given" | "isCut"> {
  bytes: Uint8Array;
  /** What the request says about its body. */
  as: ReturnType<typeof formatOfFile>;
}

/** Inspects the first part of a file. Unless `isCut` is false, its last line is left out. */
export async function inspectBody(
  { name, table, given, isCut, bytes, as }: InspectedBody,
  known: InspectedIds,
): Promise<FileInspection> {
  let start: FileStart;
  try {
    start = await startOf(name, once(bytes), as);
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    return unreadable(name, table, error.message);
  }
  const isWhole = start.isWhole && !isCut;
  const read = ({ format = start.byName ?? "csv", encoding }: FileRecipe) => {
    const hasLines = format === "csv" || format === "tsv" || format === "ndjson";
    const chunk = hasLines && !isWhole ? wholeLines(start.head, encoding) : start.head;
    return { rows: readerOfFormat(format, ""), chunks: once(chunk) };
  };
  return inspectFile({ name, table, given, start: { ...start, isWhole }, read, isCut: !isWhole }, known);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
