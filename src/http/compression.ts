/** Gzip for clients that accept it (RFC 9110, section 12.5.3). */
import { once } from "node:events";
import { constants, createGzip } from "node:zlib";
import type { Context } from "hono";
import { parseAccept } from "hono/utils/accept";

/** Shorter answers are not compressed. They fit into a connection's first ten segments (RFC 6928): gzip would save no time. */
export const GZIP_BYTES_MIN = 14_600;
/** Level 1 reduces a page of rows to a fifth; level 6 to a sixth, in six times the time. */
const LEVEL = 1;

/** Whether the client accepts gzip. The answer then depends on Accept-Encoding, so the caller must name that in Vary. */
export function takesGzip(c: Context): boolean {
  const header = c.req.header("Accept-Encoding");
  if (header === undefined) return false;
  const codings = parseAccept(header);
  const named = codings.find(({ type }) => /^(x-)?gzip$/i.test(type)) ?? codings.find(({ type }) => type === "*");
  return named !== undefined && named.q > 0;
}

/** Compresses a whole text. */
export const gzip = (text: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  Bun.gzipSync(text, { level: LEVEL, library: "libdeflate" });

/** Compresses a stream part by part. The client can decode each part as it arrives, without waiting for the next. */
export async function* gzipped(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const encoder = createGzip({ level: LEVEL });
  const made: Buffer[] = [];
  encoder.on("data", (bytes: Buffer) => made.push(bytes));
  try {
    for await (const part of parts) {
      encoder.write(part);
      await new Promise<void>((done) => encoder.flush(constants.Z_SYNC_FLUSH, done));
      yield Buffer.concat(made.splice(0));
    }
    const end = once(encoder, "end");
    encoder.end();
    await end;
    yield Buffer.concat(made);
  } finally {
    encoder.destroy();
  }
}
