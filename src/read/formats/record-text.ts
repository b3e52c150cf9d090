/** Rows of files that are not text: their records are read by the rules of JSON rows, and logged as JSON. */
import type { Table } from "../../codecs/tables.ts";
import { RAW_BYTES_MAX } from "../../db/ledger.ts";
import type { FileRow } from "../file-row.ts";
import type { FileRecipe } from "../recipes/recipe.ts";
import { type JsonFields, readJson } from "./json-fields.ts";

/**
 * Makes rows of the records of one file, in batches. The position of a row is the number of its record.
 * @param table as the recipe reads it
 */
export async function* rowsOfRecords(
  table: Table,
  batches: AsyncIterable<object[]>,
  { recipe, fields }: { recipe: FileRecipe | undefined; fields: JsonFields | undefined },
): AsyncGenerator<FileRow[]> {
  const known = withJsonAsText(table);
  let position = 0;
  for await (const records of batches) {
    yield records.map((record) => ({
      ...readJson(known, record, { keyOptional: false, fields }),
      position: ++position,
      recipe,
      get raw() {
        return Buffer.from(recordText(record));
      },
    }));
  }
}

/** The table for records, in which JSON is text. In a JSON row the same text would be a string, and is refused. */
function withJsonAsText(table: Table): Table {
  if (!table.columns.some(({ sqlType }) => sqlType === "json")) return table;
  const columns = table.columns.map((column) => {
    const { codec, sqlType } = column;
    if (sqlType !== "json") return column;
    const fromJson = (value: unknown) => (typeof value === "string" ? codec.fromCsv(value) : codec.fromJson(value));
    return { ...column, codec: { ...codec, fromJson } };
  });
  return { ...table, columns };
}

/**
 * A record as JSON. NaN and Infinity become text, because JSON would turn them into null. Bytes become an object, so that
 * they are not mistaken for text. After RAW_BYTES_MAX characters, text and members are dropped: the log of rejections keeps
 * no more of a row.
 */
function recordText(record: object): string {
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
