/**
 * Reads Thrift's compact protocol, in which Parquet keeps its metadata
 * (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md). Only the fields that are asked for
 * become values, so a hostile file cannot make millions of objects of the others.
 */
import { damaged, ParquetBytes } from "./parquet-bytes.ts";

const STOP = 0;
const [TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const STRUCT = 12;
/** Parquet's own metadata is less than ten levels deep. */
const DEPTH_MAX = 32;

export class Thrift extends ParquetBytes {
  /** The type of the value that comes next. The outermost value is a struct. */
  #type = STRUCT;
  #depth = 0;

  /** Calls `field` with the number of each field. It must read the field's value or skip() it. */
  struct(field: (id: number) => void): void {
    this.#expect(STRUCT);
    this.#enter();
    let id = 0;
    for (let head = this.byte(); head !== STOP; head = this.byte()) {
      const delta = head >> 4;
      id = delta === 0 ? Number(this.zigzag()) : id + delta;
      this.#type = head & 0x0f;
      field(id);
    }
    this.#depth--;
  }

  /** Calls `item` for each element. It must read the element or skip() it. */
  list(item: () => void): void {
    this.#expect(LIST, SET);
    this.#enter();
    const head = this.byte();
    const count = head >> 4 === 15 ? this.varint() : head >> 4;
    // Each element takes a byte or more.
    this.need(count);
    for (let left = count; left > 0; left--) {
      this.#type = head & 0x0f;
      item();
    }
    this.#depth--;
  }

  /** A number that is exact in JavaScript: sizes, offsets and counts are. */
  number(): number {
    this.#expect(BYTE, I16, I32, I64);
    if (this.#type === BYTE) return this.take(1).readInt8();
    const value = Number(this.zigzag());
    if (!Number.isSafeInteger(value)) throw damaged("a number in its metadata is too large");
    return value;
  }

  /** A size, an offset or a count. */
  size(): number {
    const value = this.number();
    if (value < 0) throw damaged("a size in its metadata is negative");
    return value;
  }

  boolean(): boolean {
    this.#expect(TRUE, FALSE);
    return this.#type === TRUE;
  }

  text(): string {
    this.#expect(BINARY);
    return this.take(this.varint()).toString();
  }

  /** Reads over a value of any type. */
  skip(): void {
    switch (this.#type) {
      case TRUE:
      case FALSE:
        return;
      case BYTE:
        this.take(1);
        return;
      case I16:
      case I32:
      case I64:
        this.zigzag();
        return;
      case DOUBLE:
        this.take(8);
        return;
      case BINARY:
        this.take(this.varint());
        return;
      case LIST:
      case SET:
        this.list(() => this.#skipElement());
        return;
      case STRUCT:
        this.struct(() => this.skip());
        return;
      default:
        throw damaged(`its metadata has a value of the type ${this.#type}`);
    }
  }

  /** In a list, a boolean takes a byte. */
  #skipElement(): void {
    if (this.#type === TRUE || this.#type === FALSE) this.take(1);
    else this.skip();
  }

  #expect(...types: (number | undefined)[]): void {
    if (!types.includes(this.#type))
      throw damaged(`its metadata has a value of the type ${this.#type}, not ${types[0]}`);
  }

  #enter(): void {
    if (++this.#depth > DEPTH_MAX) throw damaged(`its metadata is nested over ${DEPTH_MAX} levels deep`);
  }
}
