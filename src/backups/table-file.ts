/** Writes a table's rows as Avro blocks, and reads them back. Both compute a checksum of the content. */
import { type AvroSchema, recordDecoder } from "../codecs/avro.ts";
import { recordsOf } from "../codecs/avro-blocks.ts";
import { type Block, type PackedBlock, type ReadCodec, readContainer } from "../codecs/avro-container.ts";
import type { Cursor } from "../codecs/avro-cursor.ts";
import { Fault } from "../codecs/codec.ts";
import type { Row, Table } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { ROWS_PER_TURN } from "../event-loop.ts";

/** Bytes of a block before it is compressed. Larger blocks compress better and need more memory. */
const BLOCK_BYTES = 512 * 1024;

/**
 * A checksum of rows that does not depend on their order. It holds the number of rows and two sums of their xxHash32 hashes,
 * one with seed 1 and one with seed 2, modulo 2^32. Each row is hashed in Avro's binary encoding, which is the same on MySQL
 * and MariaDB.
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

/** Collects encoded rows into blocks. The caller takes the blocks that are full. */
export class BlockBuilder<Source> {
  /** Covers all rows so far. */
  readonly checksum = new ContentChecksum();
  #full: Block[] = [];
  #buffer = Buffer.allocUnsafe(BLOCK_BYTES);
  #position = 0;
  #count = 0;

  constructor(private readonly encode: Encode<Source>) {}

  add(source: Source): void {
    let end = this.encode(source, this.#buffer, this.#position);
    if (end < 0) {
      // `end` says how much room was lacking. A row that is larger than a block gets a block of its own size.
      const needed = this.#buffer.length - this.#position - end;
      this.#close(Math.max(BLOCK_BYTES, needed));
      end = this.encode(source, this.#buffer, 0);
    }
    this.checksum.add(this.#buffer.subarray(this.#position, end));
    this.#position = end;
    this.#count++;
  }

  /** Returns the full blocks, and removes them. */
  take(): Block[] {
    const full = this.#full;
    this.#full = [];
    return full;
  }

  /** Returns the full blocks, and the last block even if it is not full. */
  finish(): Block[] {
    this.#close(BLOCK_BYTES);
    return this.take();
  }

  #close(bytes: number): void {
    if (this.#count > 0) this.#full.push({ count: this.#count, data: this.#buffer.subarray(0, this.#position) });
    this.#buffer = Buffer.allocUnsafe(bytes);
    this.#position = 0;
    this.#count = 0;
  }
}

/** Writes a row at the position. @returns where it ends, or how many bytes of room are lacking, as a negative number */
type Encode<Source> = (source: Source, buffer: Buffer, position: number) => number;

export interface TableFile {
  schema: AvroSchema;
  codec: ReadCodec;
  /** The rows, in batches. Throws `backup_damaged`, or `refused` for a row that breaks the present rules of its columns. */
  rows: AsyncGenerator<Row[]>;
  /** Covers the rows as they are in the file. It is complete when the last row has been read. */
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

/**
 * The most rows in a batch, and the most bytes in a row. A backup may hold any row that the database had, and by default MySQL
 * sends values of up to 64 MiB.
 */
const LIMITS = { rowsMax: ROWS_PER_TURN, bytesMax: 64 * 1024 * 1024 + 64 * 1024 };

async function* decodeBlocks(
  table: Table,
  schema: AvroSchema,
  blocks: AsyncIterable<PackedBlock>,
  checksum: ContentChecksum,
): AsyncGenerator<Row[]> {
  const decode = recordDecoder(table, schema);
  const checked = (from: Cursor): Row => {
    const start = from.at;
    const row = decode(from);
    for (let column = 0; column < row.length; column++) {
      const value = row[column];
      if (value instanceof Fault) throw broken(table, checksum.rows + 1, column, value);
    }
    checksum.add(from.data.subarray(start, from.at));
    return row as Row;
  };
  for await (const block of blocks) yield* recordsOf(block, LIMITS, checked);
}

function broken(table: Table, record: number, column: number, { detail }: Fault): MusterError {
  const name = table.columns[column]?.name;
  return new MusterError("refused", `record ${record} of ${table.name} breaks a rule: ${name} ${detail}`);
}
