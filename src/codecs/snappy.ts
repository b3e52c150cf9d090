/** Unpacks the snappy blocks of Avro files (specification 1.11, Required Codecs): one block, and the CRC of what it unpacks to. */
import { crc32 } from "node:zlib";
import { snappyUncompressor } from "hysnappy";
import { CHUNK_BYTES, turn } from "../event-loop.ts";

/** The most bytes of a block, packed or unpacked. It is held in memory, because snappy has no smaller parts. */
export const SNAPPY_BYTES_MAX = 32 * 1024 * 1024;
const CRC_BYTES = 4;
/** The length at the beginning takes at most this many bytes: a varint of 32 bits. */
const LENGTH_BYTES_MAX = 5;

type UnpackBlock = (packed: AsyncIterable<Uint8Array>, damaged: (why: string) => Error) => AsyncGenerator<Uint8Array>;

/**
 * Makes what unpacks the blocks of one file. It throws what `damaged` makes if the bytes are not a block, or one that is too
 * long, and passes on what `packed` throws.
 */
export function unsnappy(): UnpackBlock {
  // The library runs in WebAssembly: what damaged bytes make it write stays within its own memory, and the CRC shows it.
  const unpack = snappyUncompressor();
  return async function* (packed, damaged) {
    const bytes = unpackedBlock(Buffer.concat(await piecesOf(packed, damaged)), unpack, damaged);
    for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
      if (start > 0) await turn();
      yield bytes.subarray(start, start + CHUNK_BYTES);
    }
  };
}

async function piecesOf(packed: AsyncIterable<Uint8Array>, damaged: (why: string) => Error): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of packed) {
    bytes += piece.length;
    if (bytes > SNAPPY_BYTES_MAX) throw damaged(TOO_LONG);
    pieces.push(piece);
  }
  return pieces;
}

const TOO_LONG = `a block of snappy is longer than ${SNAPPY_BYTES_MAX} bytes`;

function unpackedBlock(
  block: Buffer,
  unpack: ReturnType<typeof snappyUncompressor>,
  damaged: (why: string) => Error,
): Uint8Array {
  const claimed = lengthOf(block);
  if (claimed === undefined || block.length <= CRC_BYTES) throw damaged("a block of snappy is cut off");
  if (claimed > SNAPPY_BYTES_MAX) throw damaged(TOO_LONG);
  let bytes: Uint8Array | undefined;
  try {
    bytes = unpack(block.subarray(0, -CRC_BYTES), claimed);
  } catch {
    throw damaged("a block of snappy cannot be unpacked");
  }
  if (crc32(bytes) === block.readUInt32BE(block.length - CRC_BYTES)) return bytes;
  throw damaged("a block of snappy has another checksum");
}

/** How many bytes a block claims to unpack to. */
function lengthOf(block: Buffer): number | undefined {
  let length = 0;
  for (let at = 0; at < Math.min(LENGTH_BYTES_MAX, block.length); at++) {
    const byte = block[at] ?? 0;
    length += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) return length;
  }
  return undefined;
}
