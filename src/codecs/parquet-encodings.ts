/**
 * Decodes the values of a Parquet page one by one (https://github.com/apache/parquet-format/blob/master/Encodings.md). Nothing
 * is made before it is asked for: a page of few bytes can claim billions of values.
 */
import { RECORD_BYTES_MAX } from "./codec.ts";
import { damaged, type ParquetBytes } from "./parquet-bytes.ts";

/** A value as it is stored. Text and other bytes are a view of the page. */
export type StoredValue = boolean | number | bigint | Buffer;

export interface ValueDecoder {
  next(): StoredValue;
}

/** The physical types, by their numbers in parquet.thrift. */
export const TYPE = { boolean: 0, int32: 1, int64: 2, int96: 3, float: 4, double: 5, bytes: 6, fixed: 7 } as const;

/** The widest value of a column of the type FIXED_LEN_BYTE_ARRAY. */
const WIDTHS: Record<number, number> = {
  [TYPE.int32]: 4,
  [TYPE.int64]: 8,
  [TYPE.int96]: 12,
  [TYPE.float]: 4,
  [TYPE.double]: 8,
};

/** PLAIN: the values one after the other. */
export class Plain implements ValueDecoder {
  #bit = 0;
  #byte = 0;

  constructor(
    private readonly bytes: ParquetBytes,
    private readonly type: number,
    private readonly typeLength: number,
  ) {}

  next(): StoredValue {
    const { bytes, type } = this;
    if (type === TYPE.boolean) {
      if (this.#bit % 8 === 0) this.#byte = bytes.byte();
      return ((this.#byte >> (this.#bit++ % 8)) & 1) === 1;
    }
    if (type === TYPE.bytes) return bytes.take(valueLength(bytes.take(4).readUInt32LE()));
    return fixedValue(bytes.take(widthOf(type, this.typeLength)), type);
  }
}

function widthOf(type: number, typeLength: number): number {
  const width = type === TYPE.fixed ? valueLength(typeLength) : WIDTHS[type];
  if (!width) throw damaged("a column has values without a width");
  return width;
}

/** @throws MusterError `refused` if a value is longer than is read */
export function valueLength(bytes: number): number {
  if (bytes > RECORD_BYTES_MAX) throw damaged(`a value has ${bytes} bytes, and up to ${RECORD_BYTES_MAX} are read`);
  return bytes;
}

function fixedValue(value: Buffer, type: number): StoredValue {
  switch (type) {
    case TYPE.int32:
      return value.readInt32LE();
    case TYPE.int64:
      return value.readBigInt64LE();
    case TYPE.float:
      return value.readFloatLE();
    case TYPE.double:
      return value.readDoubleLE();
    default:
      return value;
  }
}

/** BYTE_STREAM_SPLIT: the first bytes of all values, then the second bytes of all, and so on. */
export class SplitBytes implements ValueDecoder {
  #index = 0;
  readonly #width: number;
  readonly #count: number;

  constructor(
    private readonly bytes: ParquetBytes,
    private readonly type: number,
    typeLength: number,
  ) {
    this.#width = widthOf(type, typeLength);
    this.#count = Math.floor(bytes.left / this.#width);
  }

  next(): StoredValue {
    const index = this.#index++;
    if (index >= this.#count) throw damaged("a page has fewer values than it claims");
    const { data, at } = this.bytes;
    const value = Buffer.alloc(this.#width);
    for (let byte = 0; byte < this.#width; byte++) value[byte] = data[at + byte * this.#count + index] ?? 0;
    return fixedValue(value, this.type);
  }
}

/** RLE: runs of one number, and runs of numbers that are packed into bits. For levels, booleans and places in a dictionary. */
export class Runs {
  #left = 0;
  #value = 0;
  /** Where the next number of a packed run begins; undefined in a run of one number. */
  #bit: number | undefined;

  constructor(
    private readonly bytes: ParquetBytes,
    private readonly width: number,
  ) {
    if (width > 32) throw damaged("a page has numbers of over 32 bits");
  }

  next(): number {
    if (this.width === 0) return 0;
    while (this.#left === 0) this.#begin();
    this.#left--;
    if (this.#bit === undefined) return this.#value;
    const value = bitsAt(this.bytes.data, this.#bit, this.width);
    this.#bit += this.width;
    return value;
  }

  #begin(): void {
    const { bytes, width } = this;
    const head = bytes.varint();
    const count = Math.floor(head / 2);
    if (head % 2 === 0) {
      this.#bit = undefined;
      this.#left = count;
      this.#value = bytes.take(Math.ceil(width / 8)).reduceRight((value, byte) => value * 256 + byte, 0);
      return;
    }
    // Groups of eight. Some writers leave out the end of the last group.
    const size = Math.min(count * width, bytes.left);
    this.#bit = bytes.at * 8;
    this.#left = Math.min(count * 8, Math.floor((size * 8) / width));
    bytes.take(size);
  }
}

/** Up to 32 bits, the lowest first. */
export function bitsAt(data: Uint8Array, bit: number, width: number): number {
  let value = 0;
  for (let got = 0; got < width; ) {
    const at = bit + got;
    const taken = Math.min(8 - (at % 8), width - got);
    value += (((data[Math.floor(at / 8)] ?? 0) >> (at % 8)) & ((1 << taken) - 1)) * 2 ** got;
    got += taken;
  }
  return value;
}

/** Numbers that say which value of a dictionary comes next. */
export class Places<Value> {
  readonly #runs: Runs | undefined;

  constructor(
    bytes: ParquetBytes,
    private readonly dictionary: readonly Value[],
  ) {
    // A page of nothing but nulls may have no bytes.
    if (bytes.left > 0) this.#runs = new Runs(bytes, bytes.byte());
  }

  next(): Value {
    const value = this.#runs && this.dictionary[this.#runs.next()];
    if (value === undefined) throw damaged("a value is not in its dictionary");
    return value;
  }
}
