/** The forms of a table's file, by the ending of its name (design section 5). */
import { gunzipped } from "../codecs/gzip.ts";
import type { Table } from "../codecs/tables.ts";
import { csvRows, type FileRow } from "./csv-rows.ts";
import { avroRows, ndjsonRows } from "./json-rows.ts";

/**
 * Reads a file's rows in blocks.
 * @param name says in an error which file it was
 * @throws MusterError `refused` for a file that cannot be read as one of this form
 */
export type ReadRows = (table: Table, chunks: AsyncIterable<Uint8Array>, name: string) => AsyncGenerator<FileRow[]>;

const unpacked =
  (read: ReadRows): ReadRows =>
  (table, chunks, name) =>
    read(table, gunzipped(chunks, name), name);

const FORMS: Record<string, ReadRows> = {
  ".csv": csvRows,
  ".csv.gz": unpacked(csvRows),
  ".ndjson": ndjsonRows,
  ".ndjson.gz": unpacked(ndjsonRows),
  ".avro": avroRows,
};

/** The endings that say of a file what a media type says of a body. */
const ENDINGS = { "text/csv": ".csv", "application/x-ndjson": ".ndjson", "application/avro": ".avro" } as const;
export type MediaType = keyof typeof ENDINGS;
export const MEDIA_TYPES = Object.keys(ENDINGS) as MediaType[];

/** The ending of a file that holds such a body, and how its rows are read; undefined where there is no such form. */
export function formOfBody(type: MediaType, isPacked: boolean): { ending: string; read: ReadRows } | undefined {
  const ending = `${ENDINGS[type]}${isPacked ? ".gz" : ""}`;
  const read = FORMS[ending];
  return read && { ending, read };
}

/** What a file's name is before its form's ending, and how its rows are read; undefined where it ends otherwise. */
export function formOf(name: string): { stem: string; read: ReadRows } | undefined {
  const lower = name.toLowerCase();
  for (const [ending, read] of Object.entries(FORMS)) {
    if (lower.endsWith(ending)) return { stem: name.slice(0, -ending.length), read };
  }
  return undefined;
}
