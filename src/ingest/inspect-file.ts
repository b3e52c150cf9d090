/** Inspects one file: finds how it is written, and reads its first rows by what is proposed. */
import type { Dictionary } from "../codecs/dictionary.ts";
import type { Table, TableName } from "../codecs/tables.ts";
import { detect } from "../read/detect/detect.ts";
import { type Finding, joined } from "../read/detect/detection.ts";
import type { FileStart } from "../read/detect/file-start.ts";
import type { ReadRows } from "../read/file-row.ts";
import { sheetText, visibleSheets } from "../read/formats/xlsx-rows.ts";
import type { FileRecipe, FormatName } from "../read/recipes/recipe.ts";
import { textsOf } from "../read/recipes/recipe-text.ts";
import { escaped } from "../shown.ts";
import { type InspectedIds, type InspectedRows, inspectRows, isOfFile } from "./inspect-rows.ts";

/** What was found out about one part of how a file is written. */
export interface InspectedPart extends Pick<Finding, "part" | "is" | "evidence"> {
  /** Why a person must decide. */
  doubt?: string | undefined;
  /** The options of each reading to choose from, or that confirm the one proposed. */
  choices?: string[] | undefined;
  /** The same as parameters of a request. */
  parameters?: string[] | undefined;
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

export interface Inspected {
  dictionary: Dictionary;
  name: string;
  table: Table | undefined;
  /** The parts of a recipe that the user names. */
  given: FileRecipe;
  start: FileStart;
  /** The reader of its rows by a recipe, and what it reads. @throws MusterError if the format is not read */
  read(recipe: FileRecipe): { rows: ReadRows; chunks: AsyncIterable<Uint8Array> };
  /** Whether the bytes may end before the file does. Then an error at their end says nothing. */
  isCut: boolean;
  /** Whether dates that need a zone are left as they are if none is named: those that do not fit are rejected. */
  isZoneLeft?: boolean | undefined;
}

export async function inspectFile(
  { dictionary, name, table: named, given, start, read, isCut, isZoneLeft = false }: Inspected,
  known: InspectedIds,
): Promise<FileInspection> {
  const { byName, packing } = start;
  const records = (format: FormatName) => firstRecords(named ?? dictionary.tables[0], name, { ...given, format }, read);
  const sheet = () => sheetStart(name, given, read);
  const sheets = () => sheetNames(name, given, read);
  const { findings, table, columns } = await detect(start, {
    dictionary,
    table: named,
    byName,
    given,
    records,
    sheet,
    sheets,
  });
  const packed: Finding[] = packing ? [{ part: "packing", ...packing }] : [];
  const all = joined([given, ...findings.map((each) => each.recipe)]);
  const proposed = isZoneLeft && all.datetime?.zone === undefined ? dateless(all) : all;
  const certain = joined([given, ...findings.map((each) => (each.doubt === undefined ? each.recipe : undefined))]);
  const found = [...packed, ...findings].map(inspectedPart);
  const about = {
    ...{ name, table: table?.name ?? null, found, proposed, certain },
    columns: columns.map(({ name: inFile, column = null }) => ({ name: inFile, column })),
    ...textsAbout(proposed, named),
  };
  if (!table) return { ...about, ...NO_ROWS, error: "its table is not known: give --table" };
  const rowsBy = ({ table: _, ...recipe }: FileRecipe) =>
    inspectRows(
      table,
      async function* (options) {
        const { rows: readRows, chunks } = read(recipe);
        const isStrict = Object.keys(recipe).length === 0;
        yield* readRows(table, chunks, escaped(name), { ...options, recipe: isStrict ? undefined : recipe });
      },
      known,
    );
  const rows = await rowsBy(proposed);
  const { datetime } = proposed;
  // The formats of dates are of no use without a zone. The other columns can be shown without them.
  if (rows.error !== undefined && rows.counts.read === 0 && datetime?.formats && !datetime.zone)
    return { ...about, ...(await rowsBy(dateless(proposed))), error: rows.error };
  return { ...about, ...(isCut ? withoutCutEnd(rows) : rows) };
}

const dateless = ({ datetime: _, ...others }: FileRecipe): FileRecipe => others;

/** How many records of a binary file are looked at for their names. */
const RECORDS_MAX = 100;

/** The first records of a file whose reader keeps them as JSON, whatever table they are for. */
async function* firstRecords(
  table: Table | undefined,
  name: string,
  recipe: FileRecipe,
  read: Inspected["read"],
): AsyncGenerator<string> {
  if (!table) return;
  let count = 0;
  try {
    const { rows, chunks } = read(recipe);
    for await (const batch of rows(table, chunks, escaped(name), { recipe })) {
      for (const { raw } of batch) {
        yield Buffer.from(raw).toString();
        if (++count === RECORDS_MAX) return;
      }
    }
  } catch (error) {
    // What is wrong with the file is found again when its rows are read, and is said then.
    if (!isOfFile(error)) throw error;
  }
}

/** How many bytes of a sheet are looked at. */
const SHEET_BYTES_MAX = 256 * 1024;

/** The start of a workbook's sheet as CSV; undefined if it cannot be read. */
async function sheetStart(name: string, recipe: FileRecipe, read: Inspected["read"]): Promise<string | undefined> {
  let text = "";
  try {
    for await (const bytes of sheetText(read({ ...recipe, format: "xlsx" }).chunks, escaped(name), { recipe })) {
      text += Buffer.from(bytes).toString();
      if (text.length >= SHEET_BYTES_MAX) return text.slice(0, text.lastIndexOf("\n") + 1);
    }
  } catch (error) {
    // As above: it is found again when the rows are read.
    if (!isOfFile(error)) throw error;
    return undefined;
  }
  return text;
}

async function sheetNames(name: string, recipe: FileRecipe, read: Inspected["read"]): Promise<string[]> {
  try {
    return await visibleSheets(read({ ...recipe, format: "xlsx" }).chunks, escaped(name));
  } catch (error) {
    // As above.
    if (!isOfFile(error)) throw error;
    return [];
  }
}

/** If only the first part of a file is there, its reader may miss the end. That is no fault of the file. */
function withoutCutEnd(rows: InspectedRows): InspectedRows {
  if (rows.error === undefined || rows.counts.read === 0) return rows;
  return { ...rows, error: undefined, notes: [...rows.notes, `read up to the end of the part sent: ${rows.error}`] };
}

function inspectedPart({ part, is, evidence, doubt, choices, recipe }: Finding): InspectedPart {
  const confirm = doubt !== undefined && recipe ? [recipe] : [];
  const ways = [...(choices ?? []), ...confirm].flatMap((each) => textsOf(each) ?? []);
  const options = {
    choices: ways.map(({ flags }) => flags.join(" ")),
    parameters: ways.map(({ parameters }) => parameters.join("&")),
  };
  return { part, is, evidence, ...(doubt !== undefined && { doubt }), ...(ways.length > 0 && options) };
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

/** A file that cannot even be unpacked. */
export const unreadable = (name: string, table: Table | undefined, error: string): FileInspection => ({
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
