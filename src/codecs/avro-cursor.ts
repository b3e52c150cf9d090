/** Reads Avro's binary encoding (specification 1.11, Binary Encoding) value by value, and never past the end of its bytes. */
import { isUtf8 } from "node:buffer";
import { MusterError } from "../errors.ts";
import { INVALID_UTF8 } from "./codec.ts";

/** Values of one record. Without it, values of no bytes (null, an empty record) would make millions of a few bytes. */
export const VALUES_MAX = 10_000;
/** How deep a record, or a schema, is nested. Without it, a schema that refers to itself would exhaust the stack. */
export const DEPTH_MAX = 64;
const KEY_BYTES_MAX = 65_536;
/** A long has 64 bits, seven in each byte. */
const LONG_BYTES_MAX = 10;
/** This many bytes have 49 bits, which a JavaScript number holds exactly. */
const EXACT_BYTES = 7;

/**
 * A place in a block's bytes. Each value that is read moves it on.
 * Every method throws MusterError `backup_damaged` if the bytes end too early or are not such a value.
 */
export class Cursor {
  at = 0;
  /** How many values were read so far. */
  values = 0;
  /** After an error: how many bytes from `at` on the value needs, if they have not come yet; else 0. */
  needed = 0;
  #valuesEnd = 0;
  #depth = 0;

  constructor(public data: Buffer) {}

  /** Begins a record of so many fields. */
  beginRecord(fields: number): void {
    this.values += fields;
    this.#valuesEnd = this.values + VALUES_MAX;
    this.#depth = 0;
  }

  /** Counts fields or items that follow. */
  count(values: number): void {
    this.values += values;
    if (this.values > this.#valuesEnd) throw damaged(`a record has more than ${VALUES_MAX} values`);
  }

  /** Begins a record, a list or a map. */
  enter(): void {
    if (++this.#depth > DEPTH_MAX) throw damaged(`a record is nested deeper than ${DEPTH_MAX} levels`);
  }

  leave(): void {
    this.#depth--;
  }

  /** Skips so many bytes. Returns where they begin. */
  take(size: number): number {
    const start = this.at;
    if (size > this.data.length - start) {
      this.needed = size;
      throw damaged("a record goes on after the end of its block");
    }
    this.at = start + size;
    return start;
  }

  /** An int or a long: a number, or its digits past 2^53. */
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

  /** The length of what follows, or an index. */
  size(): number {
    const size = this.long();
    if (typeof size === "number" && size >= 0) return size;
    throw damaged("a record has an impossible length");
  }

  /** How many items the next block of a list or map has; 0 after the last. A negative count is followed by a size in bytes. */
  blockCount(): number {
    const count = this.long();
    if (typeof count !== "number") throw damaged("a record has an impossible count");
    if (count < 0) this.size();
    this.count(Math.abs(count));
    return Math.abs(count);
  }

  /** A copy, since the buffer of `data` is used again. @param size if the bytes do not begin with it */
  bytes(size = this.size()): Uint8Array {
    const start = this.take(size);
    return new Uint8Array(this.data.subarray(start, start + size));
  }

  /** Text. Bytes that are not UTF-8 become INVALID_UTF8, which no column accepts. */
  text(): string {
    const size = this.size();
    const start = this.take(size);
    const text = this.data.toString("utf8", start, start + size);
    // U+FFFD is in the bytes themselves, or stands for bytes that are not UTF-8.
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
