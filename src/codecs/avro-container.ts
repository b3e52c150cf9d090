/**
 * Writes and reads Avro object container files (specification 1.11, Object Container Files). avsc is not used for this: it
 * does not notice that a file is cut off.
 */
import type { Transform } from "node:stream";
import { promisify } from "node:util";
import { createInflateRaw, deflateRaw } from "node:zlib";
import { MusterError } from "../errors.ts";
import { CHUNK_BYTES } from "../event-loop.ts";
import { shown } from "../shown.ts";
import type { AvroSchema } from "./avro.ts";
import { writeLong } from "./avro-bytes.ts";
import { damaged } from "./avro-cursor.ts";
import { fieldReaders } from "./avro-reader.ts";
import { ExactBytes } from "./exact-bytes.ts";
import { unsnappy } from "./snappy.ts";
import { createUnzstd, unpacked } from "./unpack.ts";

/** How blocks are packed that are written. */
export const AVRO_CODECS = ["deflate", "zstandard", "null"] as const;
export type AvroCodec = (typeof AVRO_CODECS)[number];
const READ_CODECS = [...AVRO_CODECS, "snappy"] as const;
export type ReadCodec = (typeof READ_CODECS)[number];

/** Limits for the header, which is held in memory. Blocks need none, because they are read piece by piece. */
const HEADER_BYTES_MAX = 1024 * 1024;
const HEADER_ENTRIES_MAX = 1_000;
const deflate = promisify(deflateRaw);

/** Level 1 of deflate is twice as fast as level 6, and its output is a tenth larger. */
const PACK: Record<AvroCodec, (data: Buffer) => Promise<Uint8Array>> = {
  deflate: (data) => deflate(data, { level: 1 }),
  zstandard: (data) => Bun.zstdCompress(data),
  null: async (data) => data,
};
type UnpackBlock = (
  packed: AsyncGenerator<Uint8Array>,
  damaged: (why: string) => MusterError,
) => AsyncGenerator<Uint8Array>;

/** Bytes after the packed data are ignored, because Python's avro writes part of a checksum there. */
const byTransform = (make: () => Transform) => (): UnpackBlock => (packed, damaged) =>
  unpacked(packed, make(), () => damaged("a block cannot be unpacked"));

/** Each makes what unpacks the blocks of one file. */
const UNPACKER: Record<ReadCodec, () => UnpackBlock> = {
  deflate: byTransform(() => createInflateRaw({ chunkSize: CHUNK_BYTES })),
  zstandard: byTransform(createUnzstd),
  snappy: unsnappy,
  null: () => (packed) => packed,
};

/** A block to be written. */
export interface Block {
  /** How many records it has. */
  count: number;
  /** Their binary encoding. */
  data: Buffer;
}

/** A block that is read. */
export interface PackedBlock {
  /** How many records it claims to have. */
  count: number;
  /** Their binary encoding, unpacked piece by piece. Read all pieces before you take the next block. */
  pieces: AsyncGenerator<Uint8Array>;
}

const MAGIC = Buffer.from("Obj\x01");
const SYNC_BYTES = 16;

/** Writes a file in pieces. Takes the next block from the source while the block before it is being packed. */
export async function* writeContainer(
  schema: AvroSchema,
  codec: AvroCodec,
  blocks: AsyncIterable<Block>,
): AsyncGenerator<Buffer> {
  const sync = Buffer.from(crypto.getRandomValues(new Uint8Array(SYNC_BYTES)));
  const meta = { "avro.schema": JSON.stringify(schema), "avro.codec": codec };
  const entries = Object.entries(meta).flatMap(([key, value]) => [sized(key), sized(value)]);
  yield Buffer.concat([MAGIC, long(entries.length / 2), ...entries, long(0), sync]);
  let packing: Promise<Buffer> | undefined;
  for await (const { count, data } of blocks) {
    const before = packing;
    packing = PACK[codec](data).then((packed) => Buffer.concat([long(count), long(packed.length), packed, sync]));
    packing.catch(() => {}); // the await throws the error; this only prevents an unhandled rejection
    if (before) yield await before;
  }
  if (packing) yield await packing;
}

/**
 * Reads a container to its exact end.
 * @param bytesMax how many bytes all its blocks together may unpack to
 * @returns the schema and the codec that it was written with, and its blocks one by one
 * @throws MusterError `backup_damaged` if the file breaks the specification, `refused` if Muster does not read its codec or if
 * its blocks unpack to more than `bytesMax`
 */
export async function readContainer(
  chunks: AsyncIterable<Uint8Array>,
  bytesMax = Number.POSITIVE_INFINITY,
): Promise<{ schema: AvroSchema; codec: ReadCodec; blocks: AsyncGenerator<PackedBlock> }> {
  const bytes = new ExactBytes(chunks);
  const { meta, sync } = await readHeader(bytes);
  const named = meta.get("avro.codec")?.toString() ?? "null";
  const codec = READ_CODECS.find((each) => each === named);
  if (!codec) {
    const toDo = `write it with one of ${READ_CODECS.join(", ")}`;
    throw new MusterError("refused", `the Avro file is packed with ${shown(named)}, which is not read: ${toDo}`);
  }
  return { schema: schemaOf(meta.get("avro.schema")), codec, blocks: readBlocks(bytes, codec, sync, bytesMax) };
}

async function* readBlocks(
  bytes: ExactBytes,
  codec: ReadCodec,
  sync: Buffer,
  bytesMax: number,
): AsyncGenerator<PackedBlock> {
  const unpackBlock = UNPACKER[codec]();
  let total = 0;
  const bounded = async function* (pieces: AsyncIterable<Uint8Array>) {
    for await (const piece of pieces) {
      total += piece.length;
      if (total > bytesMax) throw new MusterError("refused", `it unpacks to more than ${bytesMax} bytes`);
      yield piece;
    }
  };
  while (!(await bytes.atEnd())) {
    const count = await bytes.long();
    const size = await bytes.long();
    if (count < 0 || size < 0) throw damaged("a block has an impossible size");
    const packed = bytes.pieces(size);
    yield { count, pieces: bounded(unpackBlock(packed, damaged)) };
    if (!sync.equals(await bytes.take(SYNC_BYTES))) throw damaged("a block does not end where it should");
  }
}

/** Reads the header. Checks every count and length before it is used, because a damaged file can claim any. */
async function readHeader(bytes: ExactBytes): Promise<{ meta: Map<string, Buffer>; sync: Buffer }> {
  const magic = await bytes.peek(MAGIC.length);
  if (!magic.equals(MAGIC)) throw damaged("it does not begin as an Avro file does");
  await bytes.take(MAGIC.length);
  const meta = new Map<string, Buffer>();
  let left = HEADER_BYTES_MAX;
  const take = async () => {
    const size = await bytes.long();
    left -= size;
    if (size < 0 || left < 0)
      throw damaged(`its header has an impossible length, or is over ${HEADER_BYTES_MAX} bytes`);
    return bytes.take(size);
  };
  let entries = 0;
  for (let count = await bytes.long(); count !== 0; count = await bytes.long()) {
    // After a negative count comes the size of the entries in bytes, which is not needed.
    if (count < 0) await bytes.long();
    entries += Math.abs(count);
    if (entries > HEADER_ENTRIES_MAX) throw damaged(`its header has more than ${HEADER_ENTRIES_MAX} entries`);
    for (let left = Math.abs(count); left > 0; left--) meta.set((await take()).toString(), await take());
  }
  return { meta, sync: await bytes.take(SYNC_BYTES) };
}

/**
 * Parses the header's schema.
 * @throws MusterError `backup_damaged` if it is not the schema of a record, or if fieldReaders refuses it. Nothing uses the
 * schema before this check.
 */
function schemaOf(text: Buffer | undefined): AvroSchema {
  const schema = parsed(text?.toString() ?? "");
  if (schema?.type !== "record" || !Array.isArray(schema.fields)) throw damaged("its header has no record schema");
  fieldReaders(schema);
  return schema;
}

function parsed(text: string): AvroSchema | undefined {
  try {
    return JSON.parse(text) ?? undefined;
  } catch {
    return undefined;
  }
}

function long(value: number): Buffer {
  const bytes = Buffer.alloc(10);
  return bytes.subarray(0, writeLong(value, bytes, 0));
}

function sized(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([long(bytes.length), bytes]);
}
