/** Decodes the records of an Avro block as its bytes arrive. Holds at most one record and one chunk. */
import { CHUNK_BYTES, turn } from "../event-loop.ts";
import type { PackedBlock } from "./avro-container.ts";
import { Cursor, damaged, VALUES_MAX } from "./avro-cursor.ts";

/** A batch ends at about this many values; its last record can add VALUES_MAX. Ordinary rows meet other limits first. */
const VALUES_PER_BATCH = 5 * VALUES_MAX;

export interface RecordLimits {
  /** Rows in a batch. */
  rowsMax: number;
  /** Bytes in a record. */
  bytesMax: number;
}

/**
 * Reads a block to its exact end, in batches that are bounded by records, bytes and values.
 * @param decode reads the record at the cursor. If the bytes end inside the record, it is called again from the record's
 * start, with more bytes
 * @throws MusterError `backup_damaged` if the bytes are not exactly the block's records, and what `decode` throws
 */
export async function* recordsOf<Decoded>(
  { count, pieces }: PackedBlock,
  { rowsMax, bytesMax }: RecordLimits,
  decode: (from: Cursor) => Decoded,
): AsyncGenerator<Decoded[]> {
  const from = new Cursor(Buffer.alloc(0));
  const held = new Held();
  let batch: Decoded[] = [];
  /** How many bytes of the block came before those in the cursor. */
  let before = 0;
  /** How many bytes and values of the block were read before this batch. */
  let begun = { bytes: 0, values: 0 };
  try {
    for (let left = count; left > 0; ) {
      const start = from.at;
      try {
        batch.push(decode(from));
      } catch (error) {
        if (from.needed === 0) throw error;
        await held.fill(from, start, pieces, bytesMax);
        before += start;
        continue;
      }
      left--;
      // A record without bytes is refused: otherwise a few bytes could claim a billion of them.
      if (from.at === start) throw damaged("a record has no bytes");
      const isSmall = before + from.at - begun.bytes < CHUNK_BYTES && from.values - begun.values < VALUES_PER_BATCH;
      if (batch.length < rowsMax && isSmall) continue;
      yield batch;
      batch = [];
      begun = { bytes: before + from.at, values: from.values };
      await turn();
    }
    yield batch;
    let rest = from.data.length - from.at;
    for await (const piece of pieces) rest += piece.length;
    if (rest > 0) throw damaged("a block has bytes after its last record");
  } finally {
    await pieces.return(undefined);
  }
}

/** Holds the bytes of a block in one buffer, which all its records share. A new buffer for each record would pile up. */
class Held {
  #buffer = Buffer.allocUnsafe(2 * CHUNK_BYTES);

  /**
   * Gives the cursor more bytes for the record at `start`. Each call doubles them, so that a long record is decoded only a few
   * times.
   */
  async fill(from: Cursor, start: number, pieces: PackedBlock["pieces"], bytesMax: number): Promise<void> {
    const rest = from.data.subarray(start);
    const needed = from.at - start + from.needed;
    if (needed > bytesMax) throw damaged(`a record is longer than ${bytesMax} bytes`);
    const wanted = Math.max(needed, Math.min(2 * rest.length, bytesMax));
    this.#reserve(wanted);
    this.#buffer.set(rest);
    let length = rest.length;
    while (length < wanted) {
      const { value, done } = await pieces.next();
      if (done) break;
      this.#reserve(length + value.length);
      this.#buffer.set(value, length);
      length += value.length;
    }
    if (length === rest.length) throw damaged("a record goes on after the end of its block");
    from.data = this.#buffer.subarray(0, length);
    from.at = 0;
    from.needed = 0;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(bytes + CHUNK_BYTES);
    larger.set(this.#buffer);
    this.#buffer = larger;
  }
}
