/** Reads the rows of Parquet files. A row is checked by the same rules as a JSON row. */
import type { Table } from "../../codecs/tables.ts";
import { bounded } from "../../codecs/unpack.ts";
import { MusterError } from "../../errors.ts";
import type { FileRow, ReadOptions } from "../file-row.ts";
import { readingTable } from "../recipes/reading-table.ts";
import { NamelessFile } from "../sources/spool.ts";
import { expecting } from "./file-type.ts";
import { jsonFields } from "./json-fields.ts";
import { rowsOfRecords } from "./record-text.ts";

/**
 * The ReadRows of Parquet. The file may have any schema: a column takes the value of the field with the same name. Its
 * metadata is at its end, so all bytes are first written to a temporary file.
 */
export async function* parquetRows(
  table: Table,
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  options: ReadOptions = {},
): AsyncGenerator<FileRow[]> {
  const { recipe, bytesMax } = options;
  const reading = readingTable(table, recipe);
  const fields = jsonFields(reading, name, options);
  // Loaded here, so that a command that reads no Parquet starts without it.
  const { parquetRecords } = await import("../../codecs/parquet-records.ts");
  await using file = await NamelessFile.create();
  for await (const chunk of bounded(expecting("parquet", chunks, name), name, bytesMax)) await file.append(chunk);
  const isRead = (field: string) => {
    if (!fields?.leavesOut(field)) return true;
    fields.sayLeftOut(field);
    return false;
  };
  let count = 0;
  try {
    for await (const rows of rowsOfRecords(reading, parquetRecords(file, { isRead, bytesMax }), { recipe, fields })) {
      count += rows.length;
      yield rows;
    }
  } catch (error) {
    if (!(error instanceof MusterError && error.code === "refused")) throw error;
    throw new MusterError("refused", `${name}: ${error.message}; nothing was imported`);
  }
  if (count === 0) options.say?.(`${name} has no rows`);
}
