/** Decodes the values of a Parquet page that are written as differences from the ones before. */
import { damaged, ParquetBytes } from "./parquet-bytes.ts";
import { bitsAt, type ValueDecoder, valueLength } from "./parquet-encodings.ts";

/** The most values of a block of DELTA_BINARY_PACKED. Writers use 128 or 256. */
const BLOCK_VALUES_MAX = 65_536;

/** DELTA_BINARY_PACKED: whole numbers, each as its difference from the one before. */
export class Deltas implements ValueDecoder {
  readonly #valuesPerMini: number;
  readonly #minis: number;
  readonly #count: number;
  #given = 0;
  #value: bigint;
  #least = 0n;
  #widths: Buffer = Buffer.alloc(0);
  /** The miniblock that is being read, where its next difference begins, and how many of its differences are left. */
  #mini = 0;
  #bit = 0;
  #left = 0;

  constructor(
    private readonly bytes: ParquetBytes,
    private readonly isLong: boolean,
  ) {
    const blockValues = bytes.varint();
    this.#minis = bytes.varint();
    this.#count = bytes.varint();
    this.#value = bytes.zigzag();
    this.#valuesPerMini = blockValues / this.#minis;
    if (!(blockValues <= BLOCK_VALUES_MAX && this.#valuesPerMini > 0 && this.#valuesPerMini % 8 === 0))
      throw damaged(`a page has blocks of ${blockValues} values in ${this.#minis} parts`);
    this.#mini = this.#minis;
  }

  next(): number | bigint {
    if (this.#given >= this.#count) throw damaged("a page has fewer values than it claims");
    if (this.#given++ > 0) {
      if (this.#left === 0) this.#beginMini();
      const width = this.#widths[this.#mini] ?? 0;
      const { data } = this.bytes;
      const low = BigInt(bitsAt(data, this.#bit, Math.min(32, width)));
      const high = width > 32 ? BigInt(bitsAt(data, this.#bit + 32, width - 32)) << 32n : 0n;
      this.#bit += width;
      this.#left--;
      this.#value += this.#least + low + high;
    }
    this.#value = BigInt.asIntN(this.isLong ? 64 : 32, this.#value);
    return this.isLong ? this.#value : Number(this.#value);
  }

  /** Moves the bytes to what comes after all values, without reading them. */
  skip(): void {
    for (let left = this.#count - 1; left > 0; left -= this.#valuesPerMini) this.#beginMini();
  }

  #beginMini(): void {
    const { bytes } = this;
    if (++this.#mini >= this.#minis) {
      this.#least = bytes.zigzag();
      this.#widths = bytes.take(this.#minis);
      this.#mini = 0;
    }
    const width = this.#widths[this.#mini] ?? 0;
    if (width > 64) throw damaged("a page has differences of over 64 bits");
    this.#bit = bytes.at * 8;
    this.#left = this.#valuesPerMini;
    // The last one may be cut off behind its last value; what is missing is never asked for, or is refused above.
    bytes.take((width * this.#valuesPerMini) / 8);
  }
}

/** DELTA_LENGTH_BYTE_ARRAY: the lengths of all values, then their bytes. */
export class LengthsFirst implements ValueDecoder {
  readonly #lengths: Deltas;

  constructor(private readonly bytes: ParquetBytes) {
    this.#lengths = ahead(bytes);
  }

  next(): Buffer {
    return this.bytes.take(valueLength(Number(this.#lengths.next())));
  }
}

/** DELTA_BYTE_ARRAY: how much of the value before each begins with, and what comes after that. */
export class Prefixed implements ValueDecoder {
  readonly #prefixes: Deltas;
  readonly #suffixes: Deltas;
  #value: Buffer = Buffer.alloc(0);

  constructor(private readonly bytes: ParquetBytes) {
    this.#prefixes = ahead(bytes);
    this.#suffixes = ahead(bytes);
  }

  next(): Buffer {
    const prefix = Number(this.#prefixes.next());
    if (!(prefix >= 0 && prefix <= this.#value.length)) throw damaged("a value begins like one that is too short");
    const suffix = this.bytes.take(valueLength(Number(this.#suffixes.next())));
    this.#value = prefix === 0 ? suffix : Buffer.concat([this.#value.subarray(0, prefix), suffix]);
    valueLength(this.#value.length);
    return this.#value;
  }
}

/** Reads numbers that stand before other bytes, and moves `bytes` behind them. */
function ahead(bytes: ParquetBytes): Deltas {
  const copy = new ParquetBytes(bytes.data);
  copy.at = bytes.at;
  new Deltas(bytes, false).skip();
  return new Deltas(copy, false);
}
