/** Follows the frames of a zstd file (RFC 8878) without unpacking them, because node:zlib does not notice that a file is cut off. */

const FRAME = 0xfd2fb528;
/** Skippable frames begin with this number or one of the 15 after it (section 3.1.2). */
const SKIPPABLE = 0x184d2a50;
const SKIPPABLE_MASK = 0xfffffff0;
const MAGIC_BYTES = 4;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
/** The type of a block that is one byte, repeated. */
const RLE = 1;

/** What comes next in the file: a part with a known number of bytes, and what to do with them. */
type Part = (bytes: Buffer) => void;

/** Is given all bytes of a file in order, and then knows whether they end where a frame ends. */
export class ZstdFrames {
  /** Set when bytes come that are not zstd. */
  isBroken = false;
  /** How many frames have begun that hold data. */
  count = 0;
  #hasChecksum = false;
  /** How many bytes are skipped before the next part. */
  #skip = 0;
  /** The bytes of the next part that have come, and how many it has in all. */
  #held = Buffer.alloc(0);
  #needed = MAGIC_BYTES;
  #part: Part = this.#magic;

  /** Whether the bytes so far end where a frame ends. */
  get isAtEnd(): boolean {
    return !this.isBroken && this.#skip === 0 && this.#held.length === 0 && this.#part === this.#magic;
  }

  add(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && !this.isBroken) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length - at);
        this.#skip -= skipped;
        at += skipped;
        continue;
      }
      const taken = chunk.subarray(at, at + this.#needed - this.#held.length);
      this.#held = Buffer.concat([this.#held, taken]);
      at += taken.length;
      if (this.#held.length < this.#needed) return;
      const bytes = this.#held;
      this.#held = Buffer.alloc(0);
      this.#part(bytes);
    }
  }

  #expect(needed: number, part: Part, skip = 0): void {
    this.#needed = needed;
    this.#part = part;
    this.#skip = skip;
  }

  #magic(bytes: Buffer): void {
    const magic = bytes.readUInt32LE();
    if (magic === FRAME) {
      this.count++;
      this.#expect(1, this.#descriptor);
    } else if ((magic & SKIPPABLE_MASK) >>> 0 === SKIPPABLE) this.#expect(4, this.#skippable);
    else this.isBroken = true;
  }

  #skippable(bytes: Buffer): void {
    this.#expect(MAGIC_BYTES, this.#magic, bytes.readUInt32LE());
  }

  /** The frame header descriptor says how long the rest of the header is (section 3.1.1.1). */
  #descriptor([descriptor = 0]: Buffer): void {
    const isSingleSegment = (descriptor & 0x20) !== 0;
    const sizeFlag = descriptor >> 6;
    const sizeBytes = sizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 2 ** sizeFlag;
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
    this.#hasChecksum = (descriptor & 4) !== 0;
    this.#expect(BLOCK_HEADER_BYTES, this.#block, (isSingleSegment ? 0 : 1) + dictionaryBytes + sizeBytes);
  }

  #block(bytes: Buffer): void {
    const header = bytes.readUIntLE(0, BLOCK_HEADER_BYTES);
    const size = ((header >> 1) & 3) === RLE ? 1 : header >> 3;
    const isLast = (header & 1) === 1;
    if (!isLast) this.#expect(BLOCK_HEADER_BYTES, this.#block, size);
    else this.#expect(MAGIC_BYTES, this.#magic, size + (this.#hasChecksum ? CHECKSUM_BYTES : 0));
  }
}
