/** Unpacks compressed bytes piece by piece: gzip files, and everything that node:zlib can unpack. */
import { pipeline, Readable, type Transform } from "node:stream";
import { createGunzip } from "node:zlib";
import { MusterError } from "../errors.ts";
import { CHUNK_BYTES } from "../event-loop.ts";

/**
 * Unpacks gzip (RFC 1952), one member or several, to its exact end.
 * @param name what the file is called in an error
 * @param bytesMax how many bytes it may unpack to. A gzip file can unpack to a thousand times its size.
 * @throws MusterError `refused` if the bytes are not gzip, are cut off, go on after the end, or unpack to more than
 * `bytesMax`, and what `chunks` throws
 */
export async function* gunzipped(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  bytesMax = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array> {
  const refused = (why: string) => new MusterError("refused", `${name} ${why}; nothing was imported`);
  const damaged = (why: string) => refused(`is not a valid gzip file: ${why}`);
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  let sent = 0;
  const counted = async function* () {
    for await (const chunk of chunks) {
      sent += chunk.length;
      yield chunk;
    }
  };
  let bytes = 0;
  for await (const chunk of unpacked(counted(), gunzip, damaged)) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw refused(`unpacks to more than ${bytesMax} bytes`);
    yield chunk;
  }
  // zlib takes a zero byte after a member for padding, and would silently drop everything after it.
  if (gunzip.bytesWritten < sent) throw damaged("it goes on after its end");
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
