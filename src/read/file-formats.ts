/** The file formats that rows are read from. To add one, write a ReadRows and give it a line in FORMATS. */
import { gunzipped } from "../codecs/unpack.ts";
import { MusterError } from "../errors.ts";
import { escaped } from "../shown.ts";
import { avroRows } from "./avro-rows.ts";
import { csvRows } from "./csv-rows.ts";
import type { ReadRows } from "./file-row.ts";
import { expecting } from "./file-type.ts";
import { ndjsonRows } from "./ndjson-rows.ts";
import type { FormatName } from "./recipe.ts";

const FORMATS = [
  { ending: ".csv", mediaType: "text/csv", read: csvRows, mayBeGzipped: true },
  { ending: ".ndjson", mediaType: "application/x-ndjson", read: ndjsonRows, mayBeGzipped: true },
  // Avro compresses its own blocks.
  { ending: ".avro", mediaType: "application/avro", read: avroRows, mayBeGzipped: false },
] as const;
type Format = (typeof FORMATS)[number];
const GZIP_ENDING = ".gz";

/** The endings of the names of files that are read. */
export const READ_ENDINGS: readonly string[] = [
  ...FORMATS.map(({ ending }) => ending),
  ...FORMATS.filter(({ mayBeGzipped }) => mayBeGzipped).map(({ ending }) => ending + GZIP_ENDING),
];

export type MediaType = Format["mediaType"];
export const MEDIA_TYPES: readonly MediaType[] = FORMATS.map(({ mediaType }) => mediaType);

/** How a file is read, and how the name of such a file ends. */
export interface FileReader {
  ending: string;
  read: ReadRows;
}

/**
 * How a request's body is read; undefined if a body of this type may not be gzipped.
 * @param bytesMax how many bytes the body may unpack to
 */
export function readerOfBody(type: MediaType, isGzipped: boolean, bytesMax?: number): FileReader | undefined {
  const format = FORMATS.find(({ mediaType }) => mediaType === type);
  return format && readerOf(format, isGzipped, bytesMax);
}

/** How a file is read by its name, and the name without its ending; undefined if no format has the ending. */
export function readerOfFile(name: string): (FileReader & { stem: string }) | undefined {
  const isGzipped = name.toLowerCase().endsWith(GZIP_ENDING);
  for (const format of FORMATS) {
    const reader = readerOf(format, isGzipped);
    if (!reader || !name.toLowerCase().endsWith(reader.ending)) continue;
    return { ...reader, stem: name.slice(0, -reader.ending.length) };
  }
  return undefined;
}

/**
 * How a file is read whose recipe names its format. Its ending then only says whether it is packed.
 * @throws MusterError `invalid` if the format is not read
 */
export function readerOfFormat(format: FormatName, name: string): ReadRows {
  const found = FORMATS.find(({ ending }) => ending === `.${format}`);
  const reader = found && readerOf(found, name.toLowerCase().endsWith(GZIP_ENDING));
  if (reader) return reader.read;
  throw new MusterError("invalid", `${escaped(name)}: the format ${format} is not read from such a file`);
}

function readerOf(format: Format, isGzipped: boolean, bytesMax?: number): FileReader | undefined {
  const { ending, mayBeGzipped } = format;
  const readPlain: ReadRows = (table, chunks, name, options) =>
    format.read(table, chunks, name, { ...options, bytesMax });
  if (!isGzipped) return { ending, read: readPlain };
  if (!mayBeGzipped) return undefined;
  return {
    ending: ending + GZIP_ENDING,
    read: (table, chunks, name, options) =>
      readPlain(table, gunzipped(expecting("gzip", chunks, name), name, bytesMax), name, options),
  };
}
