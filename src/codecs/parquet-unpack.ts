/** Unpacks the pages of Parquet files. A page is held in memory, and its header says how long it is. */
import { brotliDecompressSync, constants, gunzipSync, zstdDecompressSync } from "node:zlib";
import { snappyUncompressor } from "hysnappy";
import { MusterError } from "../errors.ts";
import { unpackLz4Block } from "./lz4.ts";
import { damaged, ParquetBytes } from "./parquet-bytes.ts";

/** The codecs of parquet.thrift by their numbers. */
const CODECS = ["UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"];

export type UnpackPage = (packed: Buffer, bytes: number) => Buffer;

/** @throws MusterError `refused` if pages of this codec are not read */
export function unpackerOf(codec: number): UnpackPage {
  const unpack = UNPACKERS[codec]?.();
  if (!unpack) {
    const name = CODECS[codec] ?? `the codec ${codec}`;
    throw new MusterError("refused", `it is packed by ${name}: write it with snappy, zstd or gzip`);
  }
  return (packed, bytes) => {
    let page: Buffer | undefined;
    try {
      page = unpack(packed, bytes);
    } catch {
      // The library's own words say nothing about the file.
    }
    if (page?.length !== bytes) throw damaged("a page cannot be unpacked");
    return page;
  };
}

/** zlib stops at this size. */
const limited = (bytes: number) => ({ maxOutputLength: Math.max(1, bytes) });
/** 32 MiB: see unpack.ts. A page is seldom larger than 1 MiB. */
const ZSTD = { [constants.ZSTD_d_windowLogMax]: 25 };

const UNPACKERS: (undefined | (() => (packed: Buffer, bytes: number) => Buffer | undefined))[] = [
  () => (packed) => packed,
  () => {
    const unpack = snappyUncompressor();
    return (packed, bytes) => {
      if (new ParquetBytes(packed).varint() !== bytes) return undefined;
      const page = unpack(packed, bytes);
      return Buffer.from(page.buffer, page.byteOffset, page.length);
    };
  },
  () => (packed, bytes) => gunzipSync(packed, limited(bytes)),
  undefined,
  () => (packed, bytes) => brotliDecompressSync(packed, limited(bytes)),
  () => unpackHadoopLz4,
  () => (packed, bytes) => zstdDecompressSync(packed, { ...limited(bytes), params: ZSTD }),
  () => unpackLz4Block,
];

/** The older LZ4: blocks with both their sizes before them, as Hadoop writes them; or one block, as older Arrow did. */
function unpackHadoopLz4(packed: Buffer, bytes: number): Buffer | undefined {
  const blocks: Buffer[] = [];
  const from = new ParquetBytes(packed);
  let sum = 0;
  while (from.left >= 8 && sum < bytes) {
    const size = from.take(4).readUInt32BE();
    const packedSize = from.take(4).readUInt32BE();
    if (packedSize > from.left || size > bytes - sum) break;
    const block = unpackLz4Block(from.take(packedSize), size);
    if (!block) break;
    blocks.push(block);
    sum += size;
  }
  return sum === bytes && from.left === 0 ? Buffer.concat(blocks) : unpackLz4Block(packed, bytes);
}
