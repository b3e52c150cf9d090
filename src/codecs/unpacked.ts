/** What is packed, piece by piece, by the unpackers of node:zlib. */
import { pipeline, Readable, type Transform } from "node:stream";

/**
 * What `packed` unpacks to.
 * @param unpacker a new one of node:zlib
 * @param damaged makes the error for bytes that cannot be unpacked, or end too early
 * @throws what `damaged` makes, and what `packed` throws
 */
export async function* unpacked(
  packed: AsyncIterable<Uint8Array>,
  unpacker: Transform,
  damaged: (why: string) => Error,
): AsyncGenerator<Uint8Array> {
  // Its errors come out of the unpacker.
  pipeline(Readable.from(packed, { objectMode: false }), unpacker, () => {});
  try {
    for await (const chunk of unpacker) yield chunk as Buffer;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!/^Z(STD)?_/.test(code ?? "")) throw error;
    throw damaged(code === "Z_BUF_ERROR" ? "it is cut off" : message);
  }
}
