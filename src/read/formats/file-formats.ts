/** The file formats that rows are read from. To add one, write a ReadRows and give it a line in FORMATS. */
import { MusterError } from "../../errors.ts";
import { escaped } from "../../shown.ts";
import { csvRows } from "../csv/csv-rows.ts";
import type { ReadRows } from "../file-row.ts";
import { option } from "../recipes/option-text.ts";
import type { FileRecipe, FormatName } from "../recipes/recipe.ts";
import { advising } from "../recipes/value-advice.ts";
import { avroRows } from "./avro-rows.ts";
import { jsonRows } from "./json-rows.ts";
import { ndjsonRows } from "./ndjson-rows.ts";
import { PACKINGS, type Packing, packingOfEnding, unpacking } from "./packings.ts";
import { parquetRows } from "./parquet-rows.ts";
import { byRecipe } from "./recipe-reader.ts";
import { openZip } from "./unzip.ts";
import { xlsxRows } from "./xlsx-rows.ts";

interface Format {
  name: FormatName;
  /** How the name of such a file may end. The first is the usual one. */
  endings: readonly [string, ...string[]];
  mediaType: string;
  read: ReadRows;
}

const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

const FORMATS = [
  { name: "csv", endings: [".csv", ".txt"], mediaType: "text/csv", read: byRecipe(csvRows) },
  { name: "tsv", endings: [".tsv"], mediaType: "text/tab-separated-values", read: tsvRows },
  { name: "ndjson", endings: [".ndjson", ".jsonl"], mediaType: "application/x-ndjson", read: byRecipe(ndjsonRows) },
  { name: "json", endings: [".json"], mediaType: "application/json", read: byRecipe(jsonRows) },
  { name: "avro", endings: [".avro"], mediaType: "application/avro", read: advising(avroRows) },
  { name: "parquet", endings: [".parquet"], mediaType: "application/vnd.apache.parquet", read: advising(parquetRows) },
  { name: "xlsx", endings: [".xlsx"], mediaType: XLSX, read: advising(xlsxRows, { isText: false }) },
] as const satisfies readonly Format[];

/** An archive whose only file says by its own ending what it is. */
const ZIP = { ending: ".zip", mediaType: "application/zip" } as const;

/** A sentence's end: how the names of files end that are read. */
export const READ_ENDINGS = `in ${FORMATS.flatMap(({ endings }) => endings).join(", ")}, also with ${PACKINGS.map(
  ({ ending }) => ending,
).join(", ")} or ${ZIP.ending} after it`;

export type MediaType = (typeof FORMATS)[number]["mediaType"] | typeof ZIP.mediaType;
export const MEDIA_TYPES: readonly MediaType[] = [...FORMATS.map(({ mediaType }) => mediaType), ZIP.mediaType];

/** How a file is read, and how the name of such a file ends. */
export interface FileReader {
  ending: string;
  read: ReadRows;
}

export interface Body {
  /** How it is packed, if it is. */
  packing?: Packing | undefined;
  /** Its format, if its recipe names one. It wins over the media type. */
  format?: FormatName | undefined;
  /** How many bytes it may unpack to. */
  bytesMax?: number | undefined;
}

/** How a request's body is read. */
export function readerOfBody(type: MediaType, { packing, format: named, bytesMax }: Body = {}): FileReader {
  const format = FORMATS.find(({ name, mediaType }) => (named ? name === named : mediaType === type));
  const ending = (format?.endings[0] ?? "") + (type === ZIP.mediaType ? ZIP.ending : "") + (packing?.ending ?? "");
  const inner = type === ZIP.mediaType ? zipped(() => format, bytesMax) : plain(format ?? FORMATS[0], bytesMax);
  return { ending, read: packing ? unpacking(packing, inner, bytesMax) : inner };
}

/** How a file is read by its name, and the name without its ending; undefined if no format has the ending. */
export function readerOfFile(name: string): (FileReader & { stem: string }) | undefined {
  const { rest, packing, isZip } = unpackedName(name);
  const found = formatOfEnding(rest);
  if (!found && !isZip) return undefined;
  const stem = rest.slice(0, rest.length - (found?.ending.length ?? 0));
  return {
    stem,
    ending: name.slice(stem.length).toLowerCase(),
    read: readerOf(found?.format, { packing, isZip }, found && agreed(found)),
  };
}

/** How a file is read: as its recipe says, or as its name says. A file of any other ending is read as CSV. */
export function readerFor(name: string, recipe: FileRecipe | undefined): ReadRows {
  if (recipe?.format !== undefined) return readerOfFormat(recipe.format, name);
  return readerOfFile(name)?.read ?? readerOfFormat("csv", name);
}

/** How a file of a known format is read. Its ending then only says whether it is packed. */
export const readerOfFormat = (format: FormatName, file: string): ReadRows =>
  readerOf(
    FORMATS.find(({ name }) => name === format),
    unpackedName(file),
  );

/** The format that a file's name says, and how the file is packed. */
export function formatOfFile(name: string): Packed & { format: FormatName | undefined } {
  const { rest, ...packed } = unpackedName(name);
  return { ...packed, format: formatOfEnding(rest)?.format.name };
}

/** What a request says about a file that it sends: its media type, and how it is packed. Files of other endings are CSV. */
export function typeOfFile(name: string): { type: MediaType; coding: string | undefined } {
  const { format, packing, isZip } = formatOfFile(name);
  const { mediaType } = FORMATS.find((each) => each.name === format) ?? FORMATS[0];
  return { type: isZip ? ZIP.mediaType : mediaType, coding: packing?.codings[0] };
}

/** How names of files end whose readers begin at their end, so that the first part of them says nothing. */
export const READ_FROM_END: readonly string[] = [".parquet", ".xlsx", ZIP.ending];

interface Ending {
  format: Format;
  ending: string;
}

function formatOfEnding(name: string): Ending | undefined {
  for (const format of FORMATS) {
    const ending = format.endings.find((each) => name.toLowerCase().endsWith(each));
    if (ending !== undefined) return { format, ending };
  }
  return undefined;
}

/** The format that a media type says; undefined if it says only how the body is packed. */
export const formatOfType = (type: MediaType): FormatName | undefined =>
  FORMATS.find(({ mediaType }) => mediaType === type)?.name;

export const isZipType = (type: MediaType): boolean => type === ZIP.mediaType;

export interface Packed {
  packing?: Packing | undefined;
  isZip: boolean;
}

/** Takes the ending of a packing off a name. */
function unpackedName(name: string): Packed & { rest: string } {
  const isZip = name.toLowerCase().endsWith(ZIP.ending);
  const packing = packingOfEnding(name);
  const length = isZip ? ZIP.ending.length : (packing?.ending.length ?? 0);
  return { rest: name.slice(0, name.length - length), packing, isZip };
}

function readerOf(format: Format | undefined, { packing, isZip }: Packed, said?: Said): ReadRows {
  if (isZip) return zipped(said ?? (() => format));
  const read = plain(format ?? FORMATS[0]);
  return packing ? unpacking(packing, read) : read;
}

const plain =
  ({ read }: Format, bytesMax?: number): ReadRows =>
  (table, chunks, name, options) =>
    read(table, chunks, name, { ...options, bytesMax });

/** The format that is said of the file in an archive; undefined if its own name says it. */
type Said = (entry: string, name: string) => Format | undefined;

/** Reads the only file of a zip archive. */
function zipped(said: Said, bytesMax?: number): ReadRows {
  return async function* (table, chunks, name, options) {
    await using zip = await openZip(chunks, name, { bytesMax, say: options?.say });
    const format = said(zip.entry, name) ?? formatOfEnding(zip.entry)?.format;
    if (!format) throw unnamed(zip.entry, name);
    yield* plain(format, bytesMax)(table, zip.read(), name, options);
  };
}

function unnamed(entry: string, name: string): MusterError {
  const toDo = `name the archive by it, for example to end in .csv${ZIP.ending}, or ${option("format", "csv")}`;
  return new MusterError("refused", `${name} holds ${escaped(entry)}, whose name does not say what it is: ${toDo}`);
}

/** The name of the archive says a format. The name of the file inside must not say another. */
const agreed =
  ({ format, ending }: Ending): Said =>
  (entry, name) => {
    const inside = formatOfEnding(entry);
    if (!inside || inside.format === format) return format;
    const toDo = `end its name in ${inside.ending}${ZIP.ending}, or ${option("format", format.name)}`;
    throw new MusterError("refused", `${name} holds ${escaped(entry)}, and is named for ${ending}: ${toDo}`);
  };

/** The ReadRows of TSV: CSV with tabs, unless the recipe says otherwise. */
function tsvRows(...[table, chunks, name, options]: Parameters<ReadRows>): ReturnType<ReadRows> {
  return byRecipe(csvRows)(table, chunks, name, { ...options, recipe: { ...options?.recipe, format: "tsv" } });
}
