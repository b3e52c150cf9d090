/** Text answers as gzip for the clients that take it (RFC 9110, section 12.5.3). */
import { once } from "node:events";
import { constants, createGzip } from "node:zlib";
import type { Context } from "hono";
import { parseAccept } from "hono/utils/accept";

/** What fits into a connection's first ten segments (RFC 6928) arrives no sooner for being smaller. */
export const GZIP_BYTES_MIN = 14_600;
/** Level 1 makes a fifth of a page, and level 6 a sixth in six times the time. */
const LEVEL = 1;

/** Whether this client takes gzip; what is answered then depends on Accept-Encoding, and must say so in Vary. */
export function takesGzip(c: Context): boolean {
  const header = c.req.header("Accept-Encoding");
  if (header === undefined) return false;
  const codings = parseAccept(header);
  const named = codings.find(({ type }) => /^(x-)?gzip$/i.test(type)) ?? codings.find(({ type }) => type === "*");
  return named !== undefined && named.q > 0;
}

/** A whole text, compressed at once. */
export const gzip = (text: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  Bun.gzipSync(text, { level: LEVEL, library: "libdeflate" });

/** A stream's parts, each of which the client can read when it arrives: nothing of it waits for the next. */
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
