/** Avro's binary encoding (specification 1.11, Binary Encoding), read value by value and never behind the end of its bytes. */
import { isUtf8 } from "node:buffer";
import { MusterError } from "../errors.ts";
import { INVALID_UTF8 } from "./codec.ts";

/**
 * Limits of one record, whatever its bytes claim. Fields and items that take no bytes (null, an empty record) and schemas
 * that name each other would make any number of values of a few bytes.
 */
export const VALUES_MAX = 10_000;
export const DEPTH_MAX = 64;
const KEY_BYTES_MAX = 65_536;
/** A long has 64 bits, seven of them in a byte. */
const LONG_BYTES_MAX = 10;
/** So many bytes have 49 bits, which a JavaScript number holds exactly. */
const EXACT_BYTES = 7;

/**
 * A place in a block's bytes, which moves on with each value that is read.
 * Every method throws MusterError `backup_damaged` for bytes that end too early or cannot be what is read.
 */
export class Cursor {
  at = 0;
  /** Values that were read so far: the work that was done. */
  values = 0;
  /** The bytes that the last value needs, from `at` on, if it was thrown because they are not there. */
  needed = 0;
  #valuesEnd = 0;
  #depth = 0;

  constructor(public data: Buffer) {}

  /** The next record begins here, and has so many fields. */
  beginRecord(fields: number): void {
    this.values += fields;
    this.#valuesEnd = this.values + VALUES_MAX;
    this.#depth = 0;
  }

  /** So many fields or items follow. */
  count(values: number): void {
    this.values += values;
    if (this.values > this.#valuesEnd) throw damaged(`a record has more than ${VALUES_MAX} values`);
  }

  /** A record, a list or a map begins; `leave` ends it. */
  enter(): void {
    if (++this.#depth > DEPTH_MAX) throw damaged(`a record is nested deeper than ${DEPTH_MAX} levels`);
  }

  leave(): void {
    this.#depth--;
  }

  /** Goes over so many bytes; returns where they begin. */
  take(size: number): number {
    const start = this.at;
    if (size > this.data.length - start) {
      this.needed = size;
      throw damaged("a record goes on behind its block");
    }
    this.at = start + size;
    return start;
  }

  /** An int or a long: a number, or its digits if a number is not exact. */
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

  /** Items of the next block of a list or a map; 0 ends it. A negative count stands before the block's size in bytes. */
  blockCount(): number {
    const count = this.long();
    if (typeof count !== "number") throw damaged("a record has an impossible count");
    if (count < 0) this.size();
    this.count(Math.abs(count));
    return Math.abs(count);
  }

  /** A copy, since `data` is used again for what follows. @param size of bytes that do not say it themselves */
  bytes(size = this.size()): Uint8Array {
    const start = this.take(size);
    return new Uint8Array(this.data.subarray(start, start + size));
  }

  /** Text. Bytes that are not UTF-8 become INVALID_UTF8, which no column accepts. */
  text(): string {
    const size = this.size();
    const start = this.take(size);
    const text = this.data.toString("utf8", start, start + size);
    // U+FFFD may stand in the bytes, or for bytes that are not UTF-8.
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
