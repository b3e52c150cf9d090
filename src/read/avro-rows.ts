/** Reads the rows of Avro container files. A record is checked by the same rules as a JSON row. */
import { readRecords } from "../codecs/avro-records.ts";
import type { Table } from "../codecs/tables.ts";
import { RAW_BYTES_MAX } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import type { FileRow, ReadOptions } from "./file-row.ts";
import { expecting } from "./file-type.ts";
import { jsonFields, readJson } from "./json-fields.ts";
import { readingTable } from "./reading-table.ts";

/** The ReadRows of Avro. The file may have any schema: a column takes the value of the field with the same name. */
export async function* avroRows(
  table: Table,
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  options: ReadOptions = {},
): AsyncGenerator<FileRow[]> {
  const { recipe, bytesMax } = options;
  const reading = readingTable(table, recipe);
  const fields = jsonFields(reading, name, options);
  let position = 0;
  try {
    for await (const records of readRecords(expecting("avro", chunks, name), bytesMax)) {
      yield records.map((record) => ({
        ...readJson(reading, record, { keyOptional: false, fields }),
        position: ++position,
        recipe,
        get raw() {
          return Buffer.from(jsonOf(record));
        },
      }));
    }
  } catch (error) {
    if (!(error instanceof MusterError && ["backup_damaged", "refused"].includes(error.code))) throw error;
    if (error.message.startsWith(`${name}: `)) throw error;
    throw new MusterError("refused", `${name}: ${error.message}; nothing was imported`);
  }
}

/**
 * A record as JSON. NaN and Infinity become text, because JSON would turn them into null. Bytes become an object, so that
 * they are not mistaken for text. After RAW_BYTES_MAX characters, text and members are dropped: the log of rejections keeps
 * no more of a row.
 */
function jsonOf(record: object): string {
  let left = RAW_BYTES_MAX;
  const clip = (text: string) => {
    const start = text.slice(0, Math.max(0, left));
    left -= start.length;
    return start;
  };
  return JSON.stringify(record, (key, value) => {
    clip(key);
    if (left <= 0) return undefined;
    if (typeof value === "string") return clip(value);
    if (value instanceof Uint8Array) return { bytes: Buffer.from(value.subarray(0, RAW_BYTES_MAX)).toString("base64") };
    return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  });
}
