/** The forms of a table's file, by the ending of its name (design section 5). */
import { gunzipped } from "../codecs/gzip.ts";
import type { Table } from "../codecs/tables.ts";
import { csvRows, type FileRow } from "./csv-rows.ts";
import { expecting } from "./file-type.ts";
import { avroRows, ndjsonRows } from "./json-and-avro-rows.ts";

/**
 * Reads a file's rows in blocks.
 * @param name says in an error which file it was
 * @param say is told in one line each what of the file is left out
 * @throws MusterError `refused` for a file that cannot be read as one of this form
 */
export type ReadRows = (
  table: Table,
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  say?: (line: string) => void,
) => AsyncGenerator<FileRow[]>;

/** Forms that may be packed with gzip as well; an Avro file packs its blocks itself. */
const PACKABLE: Record<string, ReadRows> = {
  ".csv": csvRows,
  ".ndjson": (table, chunks, name) => ndjsonRows(table, chunks, name),
};
const FORMS: Record<string, ReadRows> = {
  ...PACKABLE,
  ".avro": (table, chunks, name) => avroRows(table, chunks, name),
};
const PACKED = ".gz";
/** What the name of a file ends in that is read. */
export const READ_ENDINGS = [...Object.keys(FORMS), ...Object.keys(PACKABLE).map((ending) => ending + PACKED)];

const unpacked =
  (read: ReadRows, bytesMax?: number): ReadRows =>
  (table, chunks, name, say) =>
    read(table, gunzipped(expecting("gzip", chunks, name), name, bytesMax), name, say);

/** The endings that say of a file what a media type says of a body. */
const ENDINGS = { "text/csv": ".csv", "application/x-ndjson": ".ndjson", "application/avro": ".avro" } as const;
export type MediaType = keyof typeof ENDINGS;
export const MEDIA_TYPES = Object.keys(ENDINGS) as MediaType[];

/**
 * The ending of a file that holds such a body, and how its rows are read; undefined where there is no such form.
 * @param bytesMax of what a packed body, or the blocks of an Avro file, unpack to
 */
export function formOfBody(
  type: MediaType,
  isPacked: boolean,
  bytesMax?: number,
): { ending: string; read: ReadRows } | undefined {
  const ending = ENDINGS[type];
  if (ending === ".avro") {
    return isPacked ? undefined : { ending, read: (table, chunks, name) => avroRows(table, chunks, name, bytesMax) };
  }
  const read = PACKABLE[ending];
  return read && (isPacked ? { ending: ending + PACKED, read: unpacked(read, bytesMax) } : { ending, read });
}

/** What a file's name is before its form's ending, and how its rows are read; undefined where it ends otherwise. */
export function formOf(name: string): { stem: string; read: ReadRows } | undefined {
  const isPacked = name.toLowerCase().endsWith(PACKED);
  const bare = isPacked ? name.slice(0, -PACKED.length) : name;
  for (const [ending, read] of Object.entries(isPacked ? PACKABLE : FORMS)) {
    if (!bare.toLowerCase().endsWith(ending)) continue;
    return { stem: bare.slice(0, -ending.length), read: isPacked ? unpacked(read) : read };
  }
  return undefined;
}
