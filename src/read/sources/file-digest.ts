/** How a later import knows a file again: by its lasting name, and by a digest of its content. */
import { createHash } from "node:crypto";
import type { SourceFile } from "./source.ts";

/** Found for every file of a disk or a bucket. A request's body and a pipe have none. */
export interface Identity {
  /** The file's real path, or its s3:// address. */
  name: string;
  /** The entity tag of an object's content, which is then its digest. Missing if the bucket lists none. */
  etag?: string | undefined;
  /** Whether it lies in a bucket. */
  isObject: boolean;
}

/** The longest entity tag that is used as a digest. S3's have 34 to 72 characters. */
const ETAG_LENGTH_MAX = 200;

/** The digest of an object, which its bucket has computed. */
export function etagDigest({ etag = "" }: Identity): string | undefined {
  return etag === "" || etag.length > ETAG_LENGTH_MAX ? undefined : `etag:${etag}`;
}

/** The SHA-256 of a file's bytes as they are stored (packed or not), computed while the file is read. */
export class ContentDigest {
  readonly #hash = createHash("sha256");
  #bytes = 0;

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
  }

  /** Ends the digest. If the file's reader has left out a part of it, the file is read again. */
  async of(file: SourceFile, onChunk?: (chunk: Uint8Array) => void): Promise<string> {
    return this.#bytes === file.bytes ? `sha256:${this.#hash.digest("hex")}` : digestOf(file, onChunk);
  }
}

/**
 * Reads a file for its digest alone.
 * @param onChunk is called with each chunk; it may throw
 */
export async function digestOf(file: SourceFile, onChunk?: (chunk: Uint8Array) => void): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of file.open()) {
    onChunk?.(chunk);
    hash.update(chunk);
  }
  return `sha256:${hash.digest("hex")}`;
}
