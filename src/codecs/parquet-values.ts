/** Makes values of Parquet those of JSON, so that the rules of JSON rows can judge them. Nothing is rounded. */
import { isUtf8 } from "node:buffer";
import { INVALID_UTF8 } from "./codec.ts";
import { isoDay, isoInstant } from "./epoch.ts";
import { decimalDigits, decimalText } from "./numbers.ts";
import { damaged } from "./parquet-bytes.ts";
import { type StoredValue, TYPE } from "./parquet-encodings.ts";
import { LOGICAL, type ParquetLeaf } from "./parquet-footer.ts";

/** The older names of types (parquet.thrift, ConvertedType). */
const CONVERTED = {
  text: 0,
  enum: 4,
  decimal: 5,
  date: 6,
  timeMs: 7,
  timeUs: 8,
  timestampMs: 9,
  timestampUs: 10,
  json: 19,
};
const UNSIGNED = [11, 12, 13, 14];
/** No decimal has more digits: MySQL's have 65. */
const SCALE_MAX = 128;

type ReadValue = (value: StoredValue) => unknown;

/**
 * Whole numbers past 2^53 and decimals become digits as text. Dates and instants become ISO 8601: without a zone if the file
 * says that they are local. Bytes that are no text stay bytes, which no column takes.
 */
export function valueReader(leaf: ParquetLeaf): ReadValue {
  switch (leaf.type) {
    case TYPE.int32:
    case TYPE.int64:
      return wholeReader(leaf);
    case TYPE.int96:
      return int96;
    case TYPE.bytes:
    case TYPE.fixed:
      return bytesReader(leaf);
    default:
      return (value) => value;
  }
}

function wholeReader({ type, converted, logical, scale }: ParquetLeaf): ReadValue {
  const kind = logical?.kind;
  if (kind === LOGICAL.decimal || converted === CONVERTED.decimal) {
    const decimals = checkedScale(logical?.scale ?? scale);
    return (value) => decimalText(BigInt(value as number | bigint), decimals);
  }
  if (kind === LOGICAL.date || converted === CONVERTED.date) return (value) => isoDay(Number(value));
  if (kind === LOGICAL.timestamp) return timestamp(decimalsOf(logical?.unit), logical?.isUtc ?? false);
  if (kind === LOGICAL.time) return time(decimalsOf(logical?.unit));
  if (converted === CONVERTED.timestampMs || converted === CONVERTED.timestampUs)
    return timestamp(converted === CONVERTED.timestampMs ? 3 : 6, true);
  if (converted === CONVERTED.timeMs || converted === CONVERTED.timeUs)
    return time(converted === CONVERTED.timeMs ? 3 : 6);
  const isUnsigned = logical?.isSigned === false || (converted !== undefined && UNSIGNED.includes(converted));
  if (type === TYPE.int32) return isUnsigned ? (value) => Number(value) >>> 0 : (value) => value;
  return (value) => {
    const whole = isUnsigned ? BigInt.asUintN(64, BigInt(value as bigint)) : value;
    return Number.isSafeInteger(Number(whole)) ? Number(whole) : String(whole);
  };
}

/** @param unit 1, 2 or 3 for milliseconds, microseconds or nanoseconds */
function decimalsOf(unit = 0): number {
  if (unit < 1 || unit > 3) throw damaged("a column has a time without a unit");
  return unit * 3;
}

const timestamp =
  (decimals: number, isUtc: boolean): ReadValue =>
  (value) => {
    const text = isoInstant(BigInt(value as number | bigint), decimals);
    return isUtc ? text : text.replace("Z", "");
  };

const time =
  (decimals: number): ReadValue =>
  (value) =>
    isoInstant(BigInt(value as number | bigint), decimals).slice(11, -1);

/** Spark's and Impala's older timestamps: nanoseconds of a day, and its Julian day. They are in UTC. */
function int96(value: StoredValue): unknown {
  if (!(value instanceof Buffer)) return value;
  const nanos = value.readBigUInt64LE();
  const day = BigInt(value.readInt32LE(8) - JULIAN_1970);
  return isoInstant(day * 86_400_000_000_000n + nanos, 9);
}

const JULIAN_1970 = 2_440_588;

function bytesReader({ type, converted, logical, scale, typeLength }: ParquetLeaf): ReadValue {
  const kind = logical?.kind;
  if (kind === LOGICAL.decimal || converted === CONVERTED.decimal) {
    const decimals = checkedScale(logical?.scale ?? scale);
    return (value) => decimalDigits(value as Buffer, decimals);
  }
  if (kind === LOGICAL.uuid && typeLength === 16) return (value) => uuid(value as Buffer);
  const isText =
    [LOGICAL.string, LOGICAL.enum, LOGICAL.json].some((each) => each === kind) ||
    [CONVERTED.text, CONVERTED.enum, CONVERTED.json].some((each) => each === converted);
  if (type === TYPE.bytes && isText) return (value) => text(value as Buffer);
  // A copy, so that a row does not keep its whole page in memory.
  return (value) => new Uint8Array(value as Buffer);
}

const text = (bytes: Buffer) => {
  const read = bytes.toString();
  return read.includes("\uFFFD") && !isUtf8(bytes) ? INVALID_UTF8 : read;
};

const uuid = (bytes: Buffer) => bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");

function checkedScale(scale: number): number {
  if (scale > SCALE_MAX) throw damaged(`a column has ${scale} decimals`);
  return scale;
}
