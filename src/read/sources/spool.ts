/** A request's body, kept in a temporary file until its import has ended. */
import { createHash } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MusterError } from "../../errors.ts";
import { CHUNK_BYTES } from "../../event-loop.ts";
import { explainedFile } from "../../file-errors.ts";

export interface Spool extends AsyncDisposable {
  bytes: number;
  /** SHA-256 of the bytes as they came. */
  digest: Buffer;
  /** Reads the bytes from the beginning; can be called again until the spool is disposed of. */
  read(): AsyncGenerator<Uint8Array>;
}

/**
 * Keeps what a request sends in a file without a name.
 * @throws MusterError `too_large` over `bytesMax`, `unavailable` if the disk is full. Passes on what `chunks` throws
 */
export async function spool(chunks: AsyncIterable<Uint8Array>, bytesMax: number): Promise<Spool> {
  const file = await NamelessFile.create();
  try {
    const hash = createHash("sha256");
    for await (const chunk of chunks) {
      if (file.bytes + chunk.length > bytesMax) throw tooLarge(bytesMax);
      hash.update(chunk);
      await file.append(chunk);
    }
    const { bytes } = file;
    return { bytes, digest: hash.digest(), read: () => file.chunks(), [Symbol.asyncDispose]: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

export const tooLarge = (bytesMax: number) =>
  new MusterError("too_large", `the body is larger than ${bytesMax} bytes: send it in parts, or import it as a file`);

/** A temporary file that nobody else can open. It is gone when it is closed, and when the process is killed. */
export class NamelessFile implements AsyncDisposable {
  bytes = 0;

  private constructor(private readonly file: FileHandle) {}

  /** @throws MusterError `unavailable` if TMPDIR cannot be written */
  static async create(): Promise<NamelessFile> {
    const path = join(tmpdir(), `muster-${Bun.randomUUIDv7()}`);
    const file = await open(path, "wx+", 0o600).catch(explain);
    await unlink(path);
    return new NamelessFile(file);
  }

  /** @returns where the bytes lie in the file */
  async append(chunk: Uint8Array): Promise<{ offset: number; bytes: number }> {
    const offset = this.bytes;
    for (let at = 0; at < chunk.length; ) at += (await this.file.write(chunk, at).catch(explain)).bytesWritten;
    this.bytes += chunk.length;
    return { offset, bytes: chunk.length };
  }

  /** All bytes from the beginning, or part of them. */
  async *chunks({ offset, bytes } = { offset: 0, bytes: this.bytes }): AsyncGenerator<Uint8Array> {
    for (const end = offset + bytes; offset < end; ) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - offset));
      const { bytesRead } = await this.file.read(chunk, 0, chunk.length, offset);
      if (bytesRead === 0) throw new Error("a temporary file is shorter than what was written to it");
      offset += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  }

  /** Part of the bytes at once, which must all be there. */
  async bytesAt(offset: number, bytes: number): Promise<Buffer> {
    return Buffer.concat(await Array.fromAsync(this.chunks({ offset, bytes })));
  }

  close(): Promise<void> {
    return this.file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Says why a temporary file cannot be written. */
function explain(error: unknown): never {
  throw explainedFile(error, "TMPDIR", tmpdir());
}
