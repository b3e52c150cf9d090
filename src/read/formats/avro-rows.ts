/** Reads the rows of Avro container files. A record is checked by the same rules as a JSON row. */
import { readRecords } from "../../codecs/avro-records.ts";
import type { Table } from "../../codecs/tables.ts";
import { MusterError } from "../../errors.ts";
import type { FileRow, ReadOptions } from "../file-row.ts";
import { readingTable } from "../recipes/reading-table.ts";
import { expecting } from "./file-type.ts";
import { jsonFields } from "./json-fields.ts";
import { rowsOfRecords } from "./record-text.ts";

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
  try {
    yield* rowsOfRecords(reading, readRecords(expecting("avro", chunks, name), bytesMax), { recipe, fields });
  } catch (error) {
    if (!(error instanceof MusterError && ["backup_damaged", "refused"].includes(error.code))) throw error;
    if (error.message.startsWith(`${name}: `)) throw error;
    throw new MusterError("refused", `${name}: ${error.message}; nothing was imported`);
  }
}
