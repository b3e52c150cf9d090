/** Gzip (RFC 1952), one member or several, read to its exact end. */
import { createGunzip } from "node:zlib";
import { MusterError } from "../errors.ts";
import { CHUNK_BYTES } from "../event-loop.ts";
import { unpacked } from "./unpacked.ts";

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
  // zlib takes a zero behind a member for padding, and would leave out all that follows.
  if (gunzip.bytesWritten < sent) throw damaged("it goes on behind its end");
}
