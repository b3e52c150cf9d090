/** Unpacks compressed bytes piece by piece: gzip and zstd files, and everything that node:zlib can unpack. */
import { pipeline, Readable, type Transform } from "node:stream";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import { MusterError } from "../errors.ts";
import { CHUNK_BYTES } from "../event-loop.ts";
import { ZstdFrames } from "./zstd-frames.ts";

/**
 * Base-2 logarithm of the largest zstd window that is accepted. The window is held in memory: 32 MiB. Only zstd --ultra and
 * --long use a larger one.
 */
const WINDOW_LOG_MAX = 25;

/**
 * Unpacks a file piece by piece to its exact end.
 * @param name what the file is called in an error
 * @param bytesMax how many bytes it may unpack to. A packed file can unpack to thousands of times its size.
 * @throws MusterError `refused` if the bytes are damaged, cut off, go on after the end, or unpack to more than `bytesMax`.
 * Passes on what `chunks` throws
 */
export type Unpack = (chunks: AsyncIterable<Uint8Array>, name: string, bytesMax?: number) => AsyncGenerator<Uint8Array>;

/** Unpacks gzip (RFC 1952), one member or several. */
export const gunzipped: Unpack = async function* (chunks, name, bytesMax) {
  const damaged = damagedFile(name, "gzip");
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  let sent = 0;
  const counted = watched(chunks, ({ length }) => {
    sent += length;
  });
  yield* bounded(unpacked(counted, gunzip, damaged), name, bytesMax);
  // zlib takes a zero byte after a member for padding, and would silently drop everything after it.
  if (gunzip.bytesWritten < sent) throw damaged("it goes on after its end");
};

/** Unpacks zstd (RFC 8878), one frame or several. */
export const unzstd: Unpack = async function* (chunks, name, bytesMax) {
  const damaged = damagedFile(name, "zstd");
  const frames = new ZstdFrames();
  const followed = watched(chunks, (chunk) => {
    frames.add(chunk);
    if (frames.isBroken) throw damaged(frames.count > 0 ? "it goes on after its end" : "it begins otherwise");
  });
  const faulty = (why: string) => (/memory/.test(why) ? refused(name, WINDOW_TOO_LARGE) : damaged(why));
  yield* bounded(unpacked(followed, createUnzstd(), faulty), name, bytesMax);
  if (!frames.isAtEnd || frames.count === 0) throw damaged("it is cut off");
};

const WINDOW_TOO_LARGE = `needs over ${2 ** (WINDOW_LOG_MAX - 20)} MiB of memory: pack it without --ultra and --long`;

/** A transform that unpacks zstd with a bounded window. It does not notice that its input is cut off. */
export const createUnzstd = (): Transform =>
  createZstdDecompress({ chunkSize: CHUNK_BYTES, params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX } });

/** Makes the error for a packed file that is damaged. @param format how a file of this kind is called, such as gzip */
export const damagedFile = (name: string, format: string) => (why: string) =>
  refused(name, `is not a valid ${format} file: ${why}`);

const refused = (name: string, why: string) => new MusterError("refused", `${name} ${why}; nothing was imported`);

/** Passes on what is unpacked. @throws MusterError `refused` if it is more than `bytesMax` */
export async function* bounded(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  bytesMax = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw refused(name, `unpacks to more than ${bytesMax} bytes`);
    yield chunk;
  }
}

async function* watched(chunks: AsyncIterable<Uint8Array>, look: (chunk: Uint8Array) => void) {
  for await (const chunk of chunks) {
    look(chunk);
    yield chunk;
  }
}

/**
 * Unpacks bytes by a transform of node:zlib.
 * @param damaged makes the error for bytes that cannot be unpacked or end too early
 * @throws what `damaged` makes, and what `packed` throws
 */
export async function* unpacked(
  packed: AsyncIterable<Uint8Array>,
  unpacker: Transform,
  damaged: (why: string) => Error,
): AsyncGenerator<Uint8Array> {
  // An error of `packed` comes out of the unpacker, so the callback has nothing to do.
  pipeline(Readable.from(packed, { objectMode: false }), unpacker, () => {});
  try {
    for await (const chunk of unpacker) yield chunk as Buffer;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!/^Z(STD)?_/.test(code ?? "")) throw error;
    throw damaged(code === "Z_BUF_ERROR" ? "it is cut off" : message);
  }
}
