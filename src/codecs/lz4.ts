/** Unpacks blocks of LZ4 (https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md). */

const MATCH_LENGTH_MIN = 4;

/** @returns exactly `bytes` bytes; undefined if the block is damaged or has another size */
export function unpackLz4Block(packed: Buffer, bytes: number): Buffer | undefined {
  const out = Buffer.alloc(bytes);
  let [from, to] = [0, 0];
  /** A length of 15 goes on in the next bytes, as long as they are 255. */
  const lengthOf = (nibble: number) => {
    let length = nibble;
    for (let more = nibble === 15 ? 255 : 0; more === 255; length += more) more = packed[from++] ?? 0;
    return length;
  };
  while (from < packed.length) {
    const token = packed[from++] ?? 0;
    const literals = lengthOf(token >> 4);
    if (from + literals > packed.length || to + literals > bytes) return undefined;
    packed.copy(out, to, from, from + literals);
    from += literals;
    to += literals;
    // The last sequence ends with its literals.
    if (from === packed.length) break;
    if (from + 2 > packed.length) return undefined;
    const offset = packed.readUInt16LE(from);
    from += 2;
    const length = lengthOf(token & 15) + MATCH_LENGTH_MIN;
    if (offset === 0 || offset > to || to + length > bytes) return undefined;
    // A match may overlap what it writes, so its bytes are copied one by one.
    for (const end = to + length; to < end; to++) out[to] = out[to - offset] ?? 0;
  }
  return to === bytes ? out : undefined;
}
