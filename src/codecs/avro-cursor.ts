/** Reads Avro's binary encoding (specification 1.11, Binary Encoding) value by value, and never past the end of its bytes. */
import { isUtf8 } from "node:buffer";
import { MusterError } from "../errors.ts";
import { INVALID_UTF8 } from "./codec.ts";

/** The most values in one record. Without it, a few bytes could claim millions of values that take no bytes, like null. */
export const VALUES_MAX = 10_000;
/** How deep a record or a schema may be nested. Without this limit, a schema that refers to itself would exhaust the stack. */
export const DEPTH_MAX = 64;
const KEY_BYTES_MAX = 65_536;
/** A long has 64 bits, seven in each byte. */
const LONG_BYTES_MAX = 10;
/** Seven bytes carry 49 bits, which a JavaScript number holds exactly. */
const EXACT_BYTES = 7;

/**
 * A place in a block's bytes. Each value that is read moves it on.
 * A method that reads throws MusterError `backup_damaged` if the bytes end too early, or are not a value of its type.
 */
export class Cursor {
  at = 0;
  /** How many values were read so far. */
  values = 0;
  /** Set if a read fails because its bytes have not arrived yet: how many bytes the value needs from `at` on. Otherwise 0. */
  needed = 0;
  #valuesEnd = 0;
  #depth = 0;

  constructor(public data: Buffer) {}

  /** Begins a record with this many fields. Counts them, and starts the limits of values and depth anew. */
  beginRecord(fields: number): void {
    this.values += fields;
    this.#valuesEnd = this.values + VALUES_MAX;
    this.#depth = 0;
  }

  /** Counts the fields or items that are read next. */
  count(values: number): void {
    this.values += values;
    if (this.values > this.#valuesEnd) throw damaged(`a record has more than ${VALUES_MAX} values`);
  }

  /** Goes one level deeper: into a nested record, a list or a map. */
  enter(): void {
    if (++this.#depth > DEPTH_MAX) throw damaged(`a record is nested deeper than ${DEPTH_MAX} levels`);
  }

  leave(): void {
    this.#depth--;
  }

  /** Skips `size` bytes. Returns where they begin. */
  take(size: number): number {
    const start = this.at;
    if (size > this.data.length - start) {
      this.needed = size;
      throw damaged("a record goes on after the end of its block");
    }
    this.at = start + size;
    return start;
  }

  /** Reads an int or a long. Returns a number, or the digits as text if a number cannot hold them exactly. */
  long(): number | string {
    const { data } = this;
    let at = this.at;
    let byte = data[at++];
    let value = 0;
    for (let unit = 1; byte !== undefined && at - this.at <= EXACT_BYTES; unit *= 0x80, byte = data[at++]) {
      if (byte < 0x80) {
        value += byte * unit;
        this.at = at;
        return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      }
      value += (byte & 0x7f) * unit;
    }
    return this.#longer();
  }

  #longer(): number | string {
    let value = 0n;
    for (let index = 0; index < LONG_BYTES_MAX; index++) {
      const byte = this.data[this.take(1)] ?? 0;
      value |= BigInt(byte & 0x7f) << BigInt(7 * index);
      if (byte >= 0x80) continue;
      const long = BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
      return Number.isSafeInteger(Number(long)) ? Number(long) : String(long);
    }
    throw damaged("a number in a record is too long");
  }

  /** Reads a length or an index. */
  size(): number {
    const size = this.long();
    if (typeof size === "number" && size >= 0) return size;
    throw damaged("a record has an impossible length");
  }

  /**
   * Reads how many items the next block of a list or map has; 0 after the last block. After a negative count comes the size of
   * the block in bytes, which is not needed.
   */
  blockCount(): number {
    const count = this.long();
    if (typeof count !== "number") throw damaged("a record has an impossible count");
    if (count < 0) this.size();
    this.count(Math.abs(count));
    return Math.abs(count);
  }

  /**
   * Reads bytes. Returns a copy, because the buffer of `data` is used again.
   * @param size how many bytes. If it is left out, the size is read first.
   */
  bytes(size = this.size()): Uint8Array {
    const start = this.take(size);
    return new Uint8Array(this.data.subarray(start, start + size));
  }

  /** Reads text. Returns INVALID_UTF8, which no column accepts, if its bytes are not UTF-8. */
  text(): string {
    const size = this.size();
    const start = this.take(size);
    const text = this.data.toString("utf8", start, start + size);
    // toString writes U+FFFD for bytes that are not UTF-8. Valid text can contain U+FFFD too, so isUtf8 decides.
    if (!text.includes("\uFFFD") || isUtf8(this.data.subarray(start, start + size))) return text;
    return INVALID_UTF8;
  }

  key(): string {
    const { at } = this;
    if (this.size() > KEY_BYTES_MAX) throw damaged(`a key in a record is longer than ${KEY_BYTES_MAX} bytes`);
    this.at = at;
    return this.text();
  }

  boolean(): boolean {
    const byte = this.data[this.take(1)] ?? 0;
    if (byte > 1) throw damaged("a record has a boolean that is neither true nor false");
    return byte === 1;
  }

  float(): number {
    return this.data.readFloatLE(this.take(4));
  }

  double(): number {
    return this.data.readDoubleLE(this.take(8));
  }
}

export function damaged(why: string): MusterError {
  return new MusterError("backup_damaged", `the Avro file is damaged: ${why}`);
}
