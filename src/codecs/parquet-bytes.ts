/** Takes numbers from the bytes of a Parquet file, and never reads past their end. */
import { MusterError } from "../errors.ts";

export const damaged = (why: string) => new MusterError("refused", `it is not a valid Parquet file: ${why}`);

/** Where a Parquet file lies: its parts are read in any order. */
export interface ParquetSource {
  readonly bytes: number;
  bytesAt(offset: number, bytes: number): Promise<Buffer>;
}

export class ParquetBytes {
  at = 0;

  constructor(readonly data: Buffer) {}

  get left(): number {
    return this.data.length - this.at;
  }

  /** The next bytes, as a view. */
  take(bytes: number): Buffer {
    const start = this.at;
    this.need(bytes);
    this.at += bytes;
    return this.data.subarray(start, this.at);
  }

  need(bytes: number): void {
    if (!(bytes >= 0 && bytes <= this.left)) throw cutOff();
  }

  byte(): number {
    const byte = this.data[this.at];
    if (byte === undefined) throw cutOff();
    this.at++;
    return byte;
  }

  /** An unsigned number of up to 32 bits (ULEB128). */
  varint(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 28; factor *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw damaged("a number is too long");
  }

  /** A signed number of up to 64 bits (zigzag). */
  zigzag(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return (value >> 1n) ^ -(value & 1n);
    }
    throw damaged("a number is too long");
  }
}

export const cutOff = () => damaged("it is cut off");
