/** One table's rows as an Avro file and back, with what proves that they are the same (design section 6). */
import { type AvroSchema, avroSchema, recordCodec } from "../codecs/avro.ts";
import { type AvroCodec, type Block, damaged, readContainer, writeContainer } from "../codecs/avro-container.ts";
import { Fault } from "../codecs/columns.ts";
import type { Row, Table } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";

/** Bytes of a block before it is packed: larger ones pack better and cost memory. */
const BLOCK_BYTES = 512 * 1024;

/**
 * A checksum of content, whatever the order of the rows: how many, and two sums of the records' xxHash32 with the seeds
 * 1 and 2, modulo 2^32. A record is a row in Avro's binary encoding, which both servers' rows come to alike.
 */
export class ContentChecksum {
  rows = 0;
  #first = 0;
  #second = 0;

  add(record: Uint8Array): void {
    this.rows++;
    this.#first = (this.#first + Bun.hash.xxHash32(record, 1)) >>> 0;
    this.#second = (this.#second + Bun.hash.xxHash32(record, 2)) >>> 0;
  }

  toString(): string {
    const hex = (sum: number) => sum.toString(16).padStart(8, "0");
    return `${this.rows}-${hex(this.#first)}-${hex(this.#second)}`;
  }
}

/** The bytes of a table's file. `checksum` is complete when they are. */
export function encodeTable(
  table: Table,
  pages: AsyncIterable<readonly Row[]>,
  codec: AvroCodec,
): { chunks: AsyncIterable<Uint8Array>; checksum: ContentChecksum } {
  const checksum = new ContentChecksum();
  return { chunks: writeContainer(avroSchema(table), codec, encodeBlocks(table, pages, checksum)), checksum };
}

async function* encodeBlocks(
  table: Table,
  pages: AsyncIterable<readonly Row[]>,
  checksum: ContentChecksum,
): AsyncGenerator<Block> {
  const records = recordCodec(table);
  let buffer = Buffer.allocUnsafe(BLOCK_BYTES);
  let position = 0;
  let count = 0;
  for await (const rows of pages) {
    for (const row of rows) {
      let end = records.encode(row, buffer, position);
      if (end < 0) {
        if (count > 0) yield { count, data: buffer.subarray(0, position) };
        // A record that is larger than a block has one of its own. The buffer had room behind `position`, and was too short.
        buffer = Buffer.allocUnsafe(Math.max(BLOCK_BYTES, buffer.length - position - end));
        count = 0;
        position = 0;
        end = records.encode(row, buffer, 0);
      }
      checksum.add(buffer.subarray(position, end));
      position = end;
      count++;
    }
  }
  if (count > 0) yield { count, data: buffer.subarray(0, position) };
}

export interface TableFile {
  schema: AvroSchema;
  codec: AvroCodec;
  /** The rows in blocks; what it throws beside damage is `refused`, for a row that breaks the present rules. */
  rows: AsyncGenerator<Row[]>;
  /** Of the records as they were written; complete when the rows are. */
  checksum: ContentChecksum;
}

/**
 * Reads a table's file to its exact end.
 * @throws MusterError `backup_damaged` for bytes that are not such a file, `refused` for a schema that cannot be resolved
 */
export async function decodeTable(table: Table, bytes: AsyncIterable<Uint8Array>): Promise<TableFile> {
  const { schema, codec, blocks } = await readContainer(bytes);
  const checksum = new ContentChecksum();
  return { schema, codec, checksum, rows: decodeBlocks(table, schema, blocks, checksum) };
}

async function* decodeBlocks(
  table: Table,
  schema: AvroSchema,
  blocks: AsyncIterable<Block>,
  checksum: ContentChecksum,
): AsyncGenerator<Row[]> {
  const records = recordCodec(table, schema);
  for await (const { count, data } of blocks) {
    const rows: Row[] = [];
    let position = 0;
    for (let index = 0; index < count; index++) {
      const { row, end } = decodeRecord(records, data, position);
      const fault = row.findIndex((value) => value instanceof Fault);
      if (fault !== -1) throw broken(table, checksum.rows + 1, fault, row[fault] as Fault);
      checksum.add(data.subarray(position, end));
      position = end;
      rows.push(row as Row);
    }
    if (position !== data.length) throw damaged("a block has more than its records");
    yield rows;
  }
}

function decodeRecord(records: ReturnType<typeof recordCodec>, data: Buffer, position: number) {
  let decoded: ReturnType<typeof records.decode>;
  try {
    decoded = records.decode(data, position);
  } catch {
    throw damaged("a record cannot be read");
  }
  if (decoded.end < 0 || decoded.end > data.length) throw damaged("a record goes on behind its block");
  return decoded;
}

function broken(table: Table, record: number, column: number, { detail }: Fault): MusterError {
  const name = table.columns[column]?.name;
  return new MusterError("refused", `record ${record} of ${table.name} breaks a rule: ${name} ${detail}`);
}
