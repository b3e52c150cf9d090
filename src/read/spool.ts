/** What a request sends, kept until its import has ended. */
import { createHash } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MusterError } from "../errors.ts";
import { CHUNK_BYTES } from "../event-loop.ts";
import { explainedFile } from "../file-errors.ts";

export interface Spool extends AsyncDisposable {
  bytes: number;
  /** Of the bytes as they came: SHA-256. */
  digest: Buffer;
  /** The bytes from their beginning; they may be read more than once, until it is disposed of. */
  read(): AsyncGenerator<Uint8Array>;
}

/**
 * Writes bytes of any number into a file that has no name: nobody else can open it, and it is gone with its handle, also
 * where the process is killed.
 * @throws MusterError `too_large` over `bytesMax`, `unavailable` where the disk is full; what `chunks` throws
 */
export async function spool(chunks: AsyncIterable<Uint8Array>, bytesMax: number): Promise<Spool> {
  const file = await openNameless();
  try {
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw tooLarge(bytesMax);
      hash.update(chunk);
      await write(file, chunk);
    }
    const read = () => chunksOf(file);
    return { bytes, digest: hash.digest(), read, [Symbol.asyncDispose]: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

export const tooLarge = (bytesMax: number) =>
  new MusterError("too_large", `the body is larger than ${bytesMax} bytes: send it in parts, or import it as a file`);

async function openNameless(): Promise<FileHandle> {
  const path = join(tmpdir(), `muster-${Bun.randomUUIDv7()}`);
  const file = await open(path, "wx+", 0o600).catch(explain);
  await unlink(path);
  return file;
}

async function write(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at).catch(explain)).bytesWritten;
}

/** Says what keeps a body from being kept. */
function explain(error: unknown): never {
  throw explainedFile(error, "TMPDIR", tmpdir());
}

async function* chunksOf(file: FileHandle): AsyncGenerator<Uint8Array> {
  for (let position = 0; ; ) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}
