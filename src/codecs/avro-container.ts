/** Avro object container files (Avro specification 1.11, Object Container Files), framed here so that every byte is checked. */
import { promisify } from "node:util";
import { deflateRaw, inflateRaw, zstdDecompress } from "node:zlib";
import { type Schema, Type } from "avsc";
import { MusterError } from "../errors.ts";
import type { AvroSchema } from "./avro.ts";

export const AVRO_CODECS = ["deflate", "zstandard", "null"] as const;
export type AvroCodec = (typeof AVRO_CODECS)[number];

/** Limits of what a reader holds: a header, and one block before and after it is unpacked. */
const HEADER_BYTES_MAX = 4 * 1024 * 1024;
const BLOCK_BYTES_MAX = 64 * 1024 * 1024;

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);
const expand = promisify(zstdDecompress);

/** Level 1 is twice as fast as 6 and costs a tenth of the size. */
const PACK: Record<AvroCodec, (data: Buffer) => Promise<Uint8Array>> = {
  deflate: (data) => deflate(data, { level: 1 }),
  zstandard: (data) => Bun.zstdCompress(data),
  null: async (data) => data,
};
const UNPACK: Record<AvroCodec, (data: Buffer) => Promise<Uint8Array>> = {
  deflate: (data) => inflate(data, { maxOutputLength: BLOCK_BYTES_MAX }),
  zstandard: (data) => expand(data, { maxOutputLength: BLOCK_BYTES_MAX }),
  null: async (data) => data,
};

export interface Block {
  /** Records in it. */
  count: number;
  /** Their binary encoding. */
  data: Buffer;
}

const HEADER = Type.forSchema({
  type: "record",
  name: "Header",
  fields: [
    { name: "magic", type: { type: "fixed", name: "Magic", size: 4 } },
    { name: "meta", type: { type: "map", values: "bytes" } },
    { name: "sync", type: { type: "fixed", name: "Sync", size: 16 } },
  ],
} as Schema);
const MAGIC = Buffer.from("Obj\x01");
const SYNC_BYTES = 16;

/** The file's bytes in pieces. While one block is being packed the next is taken from the source. */
export async function* writeContainer(
  schema: AvroSchema,
  codec: AvroCodec,
  blocks: AsyncIterable<Block>,
): AsyncGenerator<Buffer> {
  const sync = Buffer.from(crypto.getRandomValues(new Uint8Array(SYNC_BYTES)));
  const meta = { "avro.schema": Buffer.from(JSON.stringify(schema)), "avro.codec": Buffer.from(codec) };
  yield HEADER.toBuffer({ magic: MAGIC, meta, sync });
  let packing: Promise<Buffer> | undefined;
  for await (const { count, data } of blocks) {
    const before = packing;
    packing = PACK[codec](data).then((packed) => Buffer.concat([long(count), long(packed.length), packed, sync]));
    packing.catch(() => {}); // thrown where it is awaited
    if (before) yield await before;
  }
  if (packing) yield await packing;
}

/**
 * Reads a container to its exact end.
 * @returns the schema it was written with, and its blocks one by one
 * @throws MusterError `backup_damaged` for whatever is not as the specification has it
 */
export async function readContainer(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ schema: AvroSchema; codec: AvroCodec; blocks: AsyncGenerator<Block> }> {
  const bytes = new Bytes(chunks);
  const { meta, sync } = await readHeader(bytes);
  const codec = AVRO_CODECS.find((each) => each === (meta["avro.codec"]?.toString() ?? "null"));
  if (!codec) throw damaged(`its codec ${meta["avro.codec"]} is none of ${AVRO_CODECS.join(", ")}`);
  return { schema: schemaOf(meta["avro.schema"]), codec, blocks: readBlocks(bytes, codec, sync) };
}

async function* readBlocks(bytes: Bytes, codec: AvroCodec, sync: Buffer): AsyncGenerator<Block> {
  while (!(await bytes.atEnd())) {
    const count = await bytes.long();
    const size = await bytes.long();
    if (count < 0 || size < 0 || size > BLOCK_BYTES_MAX) throw damaged("a block has an impossible size");
    const packed = await bytes.take(size);
    if (!sync.equals(await bytes.take(SYNC_BYTES))) throw damaged("a block does not end where it should");
    const data = await UNPACK[codec](packed).catch(() => {
      throw damaged("a block cannot be unpacked");
    });
    // A record of no bytes has no field: a few bytes could say that there are a billion of them.
    if (count > data.length) throw damaged("a block has more records than bytes");
    yield { count, data: Buffer.from(data.buffer, data.byteOffset, data.byteLength) };
  }
}

async function readHeader(bytes: Bytes): Promise<{ meta: Record<string, Buffer>; sync: Buffer }> {
  for (let wanted = 4096; ; wanted *= 2) {
    const start = await bytes.peek(wanted);
    if (!start.subarray(0, MAGIC.length).equals(MAGIC)) throw damaged("it does not begin as an Avro file does");
    const header = decodeHeader(start);
    if (header) {
      await bytes.take(header.offset);
      return header.value;
    }
    if (start.length < wanted || wanted > HEADER_BYTES_MAX) throw damaged("its header is cut off");
  }
}

interface Header {
  value: { meta: Record<string, Buffer>; sync: Buffer };
  offset: number;
}

/** Undefined where the header goes on behind these bytes. */
function decodeHeader(start: Buffer): Header | undefined {
  try {
    const header = HEADER.decode(start) as unknown as Header;
    return header.offset < 0 ? undefined : header;
  } catch {
    throw damaged("its header cannot be read");
  }
}

function schemaOf(text: Buffer | undefined): AvroSchema {
  try {
    const schema = JSON.parse(text?.toString() ?? "") as AvroSchema;
    if (schema.type === "record" && Array.isArray(schema.fields)) return schema;
  } catch {}
  throw damaged("its header has no record schema");
}

/** A long as Avro writes it: zig-zag, seven bits a byte, the lowest first. Counts and sizes fit a number. */
function long(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value * 2;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** 49 bits: no count or size needs more. */
const LONG_BYTES_MAX = 7;

/** A stream that is taken in exact pieces. */
class Bytes {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held = Buffer.alloc(0);
  #ended = false;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  async atEnd(): Promise<boolean> {
    return (await this.peek(1)).length === 0;
  }

  /** So many bytes without taking them; fewer only at the end. */
  async peek(size: number): Promise<Buffer> {
    if (this.#held.length < size && !this.#ended) {
      const parts: Uint8Array[] = [this.#held];
      let length = this.#held.length;
      while (length < size && !this.#ended) {
        const { value, done } = await this.#chunks.next();
        if (done) this.#ended = true;
        else {
          parts.push(value);
          length += value.length;
        }
      }
      this.#held = Buffer.concat(parts);
    }
    return this.#held.subarray(0, size);
  }

  async take(size: number): Promise<Buffer> {
    const taken = await this.peek(size);
    if (taken.length < size) throw damaged("it is cut off");
    this.#held = this.#held.subarray(size);
    return taken;
  }

  async long(): Promise<number> {
    const start = await this.peek(LONG_BYTES_MAX);
    let value = 0;
    for (let at = 0; at < start.length; at++) {
      const byte = start[at] ?? 0;
      value += (byte & 0x7f) * 2 ** (7 * at);
      if (byte >= 0x80) continue;
      await this.take(at + 1);
      return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
    throw damaged("it is cut off, or a number in it is too long");
  }
}

export function damaged(why: string): MusterError {
  return new MusterError("backup_damaged", `the Avro file is damaged: ${why}`);
}
