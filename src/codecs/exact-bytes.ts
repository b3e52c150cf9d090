import { Cursor, damaged } from "./avro-cursor.ts";

/** Seven bytes carry 49 bits. No count or size in an Avro container needs more. */
const LONG_BYTES_MAX = 7;

/**
 * Takes exact numbers of bytes from chunks of any size, to read an Avro container.
 * Its methods throw MusterError `backup_damaged` if the chunks end too early, and what the chunks throw.
 */
export class ExactBytes {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held = Buffer.alloc(0);
  #ended = false;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  async atEnd(): Promise<boolean> {
    return (await this.peek(1)).length === 0;
  }

  /** The next bytes, without taking them; fewer than `size` only at the end. */
  async peek(size: number): Promise<Buffer> {
    if (this.#held.length < size && !this.#ended) {
      const parts: Uint8Array[] = [this.#held];
      let length = this.#held.length;
      while (length < size && !this.#ended) {
        const { value, done } = await this.#chunks.next();
        if (done) this.#ended = true;
        else {
          parts.push(value);
          length += value.length;
        }
      }
      this.#held = Buffer.concat(parts);
    }
    return this.#held.subarray(0, size);
  }

  async take(size: number): Promise<Buffer> {
    const taken = await this.peek(size);
    if (taken.length < size) throw damaged("it is cut off");
    this.#held = this.#held.subarray(size);
    return taken;
  }

  /** Takes `size` bytes in pieces, as they arrive. */
  async *pieces(size: number): AsyncGenerator<Buffer> {
    for (let left = size; left > 0; ) {
      if (await this.atEnd()) throw damaged("it is cut off");
      const piece = this.#held.subarray(0, left);
      this.#held = this.#held.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  async long(): Promise<number> {
    const start = await this.peek(LONG_BYTES_MAX);
    const length = start.findIndex((byte) => byte < 0x80) + 1;
    if (length === 0) throw damaged("it is cut off, or a number in it is too long");
    return Number(new Cursor(await this.take(length)).long());
  }
}
