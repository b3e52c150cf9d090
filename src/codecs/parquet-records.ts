/** Reads the rows of a Parquet file as JSON values. */

import { MusterError } from "../errors.ts";
import { CHUNK_BYTES, ROWS_PER_BATCH, ROWS_PER_TURN, turn } from "../event-loop.ts";
import { setOwn } from "./avro-reader.ts";
import { damaged, type ParquetSource } from "./parquet-bytes.ts";
import { type ParquetColumn, type RowGroup, readFooter } from "./parquet-footer.ts";
import { ColumnReader, type OpenFile } from "./parquet-pages.ts";

/** Stands for a list, a map or a struct. No column takes such a value, so it is not read. */
const NESTED = { nested: "not read" };

export interface ParquetOptions {
  /** Whether a column is needed. Others are not read. */
  isRead: (column: string) => boolean;
  /** How many bytes its pages may unpack to, in all. */
  bytesMax?: number | undefined;
}

/**
 * Reads one page of each column at a time, so that memory does not grow with the row groups.
 * @returns batches, bounded by rows and about by bytes
 * @throws MusterError `refused` if the file is damaged, or larger than the limits
 */
export async function* parquetRecords(
  source: ParquetSource,
  { isRead, bytesMax = Number.POSITIVE_INFINITY }: ParquetOptions,
): AsyncGenerator<Record<string, unknown>[]> {
  const { columns, groups } = await readFooter(source);
  const read = columns.filter(({ name }) => isRead(name));
  if (!read.some(({ leaf }) => leaf))
    throw new MusterError("refused", "none of its columns can be read: nested columns are not read");
  const file = { source, unpackers: new Map(), open: 0, sum: 0, sumMax: bytesMax };
  for (const group of groups) yield* recordsOf(file, group, read);
}

interface OpenColumn {
  name: string;
  reader: ColumnReader | undefined;
}

async function* recordsOf(
  file: OpenFile,
  { rows, chunks }: RowGroup,
  columns: readonly ParquetColumn[],
): AsyncGenerator<Record<string, unknown>[]> {
  const open = columns.map(({ name, leaf }): OpenColumn => {
    const chunk = chunks.get(name);
    return { name, reader: leaf && chunk && new ColumnReader(file, leaf, chunk) };
  });
  let batch: Record<string, unknown>[] = [];
  let bytes = 0;
  for (let row = 1; row <= rows; row++) {
    const record = {};
    for (const { name, reader } of open) {
      if (reader?.left === 0) await reader.load();
      const value = reader ? reader.next() : NESTED;
      if (typeof value === "string" || value instanceof Uint8Array) bytes += value.length;
      setOwn(record, name, value);
    }
    batch.push(record);
    if (row % ROWS_PER_TURN === 0) await turn();
    if (batch.length < ROWS_PER_BATCH && bytes < CHUNK_BYTES && row < rows) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  for (const { reader } of open) {
    if (reader && reader.left > 0) throw damaged("a column has more values than rows");
    reader?.close();
  }
}
