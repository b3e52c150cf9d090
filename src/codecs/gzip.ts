/** Gzip (RFC 1952), one member or several, read to its exact end. */
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { MusterError } from "../errors.ts";
import { CHUNK_BYTES } from "../turn.ts";

/**
 * What the bytes unpack to.
 * @param name says in an error which file it was
 * @param bytesMax a few bytes can unpack to a thousand times as many
 * @throws MusterError `refused` for bytes that are no gzip, are cut off, go on behind its end, or unpack to more than
 * `bytesMax`; what `chunks` throws
 */
export async function* gunzipped(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  bytesMax = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  let bytes = 0;
  const counted = async function* () {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      yield chunk;
    }
  };
  // Its errors come out of gunzip.
  pipeline(Readable.from(counted(), { objectMode: false }), gunzip, () => {});
  try {
    let unpacked = 0;
    for await (const chunk of gunzip) {
      unpacked += chunk.length;
      if (unpacked > bytesMax)
        throw new MusterError("refused", `${name} unpacks to more than ${bytesMax} bytes: nothing was imported`);
      yield chunk as Buffer;
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!code?.startsWith("Z_")) throw error;
    throw damaged(name, code === "Z_BUF_ERROR" ? "it is cut off" : message);
  }
  // zlib takes a zero behind a member for padding, and would leave out all that follows.
  if (gunzip.bytesWritten < bytes) throw damaged(name, "it goes on behind its end");
}

const damaged = (name: string, why: string) =>
  new MusterError("refused", `${name} is no sound gzip file: ${why}; nothing was imported`);
