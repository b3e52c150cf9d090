/** The codecs of numbers. They never round: a value that the column cannot hold exactly is refused. */
import { z } from "zod";
import { shown } from "../shown.ts";
import { copyInt } from "./avro-bytes.ts";
import { type AvroForm, asItIs, type ColumnCodec, Fault, type SqlValue, wrongType } from "./codec.ts";
import { copyDigits } from "./text-to-json.ts";

const WHOLE = /^-?[0-9]+$/;

export function int(min: number, max: number): ColumnCodec {
  const within = (value: number, sent: unknown) =>
    value >= min && value <= max
      ? value + 0 // -0 becomes 0
      : new Fault("out_of_range", `must be from ${min} to ${max}, not ${shown(sent)}`);
  return {
    fromJson: (value) => (isWhole(value) ? within(value, value) : wrongType("a whole number", value)),
    fromCsv: (cell) => (WHOLE.test(cell) ? within(Number(cell), cell) : wrongType("a whole number", cell)),
    fromBytes(bytes, start, end) {
      let value = 0;
      for (let at = start; at < end; at++) {
        const digit = (bytes[at] ?? 0) - 48;
        if (digit < 0 || digit > 9) return undefined;
        value = value * 10 + digit;
      }
      return end > start && value >= min && value <= max ? value : undefined;
    },
    // Only a number below 1, or one with as many digits as the largest, can be out of range.
    mayBreak: (text, start, end) => (text[start] ?? 0) <= 48 || end - start >= String(max).length,
    fromSql: Number,
    toJson: asItIs,
    copyJson: copyDigits,
    toCsv: String,
    schema: z.int().min(min).max(max),
    avro: {
      ...(max > 2_147_483_647 ? { type: "long" } : { type: "int", copy: copyInt }),
      write: asItIs,
      read: (value) => within(Number(value), value),
    },
  };
}

/** Counts Infinity as whole: JSON.parse makes it from 1e999, which is out of range, not of another type. */
const isWhole = (value: unknown): value is number =>
  typeof value === "number" && (Number.isInteger(value) || !Number.isFinite(value));

export function bigint(min: bigint, max: bigint): ColumnCodec {
  const canonical = (value: bigint) => (Number.isSafeInteger(Number(value)) ? Number(value) : String(value));
  const outOfRange = (sent: unknown) => new Fault("out_of_range", `must be from ${min} to ${max}, not ${shown(sent)}`);
  const read = (digits: string) => {
    if (!WHOLE.test(digits)) return wrongType("a whole number", digits);
    // Too many digits are refused before BigInt, which would take quadratic time for them.
    const significant = digits.replace(/^(-?)0+(?=\d)/, "$1");
    if (significant.length > 20) return outOfRange(digits);
    const value = BigInt(significant);
    return value >= min && value <= max ? canonical(value) : outOfRange(digits);
  };
  return {
    fromJson(value) {
      if (typeof value === "string") return read(value);
      if (!isWhole(value)) return wrongType("a whole number", value);
      return Number.isSafeInteger(value) ? read(String(value)) : inexact(value);
    },
    fromCsv: read,
    fromSql: (value) => canonical(BigInt(value as string | number | bigint)),
    toJson: asItIs,
    toCsv: String,
    schema: z.union([z.int(), z.string().regex(WHOLE)]),
    // Avro's long ends at 2^63 - 1. An unsigned column can hold more, so it becomes a decimal.
    avro:
      max < 2n ** 63n
        ? { type: "long", write: asItIs, read: (value) => read(String(value)) }
        : avroDecimal(20, 0, read),
  };
}

/** The fault of a JSON number past 2^53: JSON.parse may have rounded it already. */
const inexact = (value: number) =>
  new Fault("out_of_range", `must be written as text: JSON numbers such as ${value} are not exact`);

export function decimal(precision: number, scale: number, unsigned: boolean): ColumnCodec {
  const wholeDigits = precision - scale;
  const read = (sent: string): string | Fault => {
    const [, minus, digits = "", decimals = ""] = /^(-?)([0-9]+)(?:\.([0-9]+))?$/.exec(sent) ?? [];
    if (!digits) return wrongType("a decimal number", sent);
    if (/[1-9]/.test(decimals.slice(scale))) {
      return new Fault("wrong_type", `keeps ${scale} decimals, and ${shown(sent)} has more`);
    }
    const whole = digits.replace(/^0+(?=.)/, "");
    const value = scale === 0 ? whole : `${whole}.${decimals.slice(0, scale).padEnd(scale, "0")}`;
    const negative = minus !== "" && /[1-9]/.test(value);
    if (whole !== "0" && whole.length > wholeDigits) {
      return new Fault("out_of_range", `takes ${wholeDigits} digits before the point, and ${shown(sent)} has more`);
    }
    if (negative && unsigned) return new Fault("out_of_range", `must not be negative, and ${shown(sent)} is`);
    return negative ? `-${value}` : value;
  };
  return {
    fromJson(value) {
      if (typeof value === "string") return read(value);
      if (typeof value !== "number") return wrongType("a decimal number", value);
      return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? read(plainDigits(value)) : inexact(value);
    },
    fromCsv: read,
    fromSql(value) {
      const canonical = read(String(value));
      return canonical instanceof Fault ? String(value) : canonical;
    },
    toJson: asItIs,
    toCsv: String,
    schema: z.string().regex(/^-?[0-9]+(\.[0-9]+)?$/),
    avro: avroDecimal(precision, scale, read),
  };
}

/** Avro's decimal: the number without its point, as two's complement, highest byte first (specification, Decimal). */
function avroDecimal(precision: number, scale: number, read: (digits: string) => SqlValue | Fault): AvroForm {
  return {
    type: { type: "bytes", logicalType: "decimal", precision, scale },
    write(value) {
      const unscaled = BigInt(String(value).replace(".", ""));
      const bytes = Math.floor((unscaled < 0n ? ~unscaled : unscaled).toString(2).length / 8) + 1;
      const hex = BigInt.asUintN(bytes * 8, unscaled).toString(16);
      return Buffer.from(hex.padStart(bytes * 2, "0"), "hex");
    },
    read: (value) =>
      value instanceof Uint8Array ? read(decimalDigits(value, scale)) : wrongType("a decimal number", value),
  };
}

/** The most bytes of a decimal in a file: far more would take quadratic time. MySQL's longest has 65 digits, in 28 bytes. */
const DECIMAL_BYTES_MAX = 64;

/** The digits of an Avro decimal. Returns "" for no bytes, and a remark for too many bytes: no column accepts either. */
export function decimalDigits(bytes: Uint8Array, scale: number): string {
  if (bytes.length === 0) return "";
  if (bytes.length > DECIMAL_BYTES_MAX) return `a decimal of ${bytes.length} bytes`;
  const unscaled = BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString("hex")}`));
  return decimalText(unscaled, scale);
}

/** The digits of a decimal that is stored without its point. */
export function decimalText(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  return `${unscaled < 0n ? "-" : ""}${whole}${scale > 0 ? `.${digits.slice(-scale)}` : ""}`;
}

/** Writes a number without an exponent. JavaScript itself writes numbers below 0.000001 like 1.5e-7. */
function plainDigits(value: number): string {
  const [digits = "", exponent] = String(Math.abs(value)).split("e-");
  const plain = exponent ? `0.${"0".repeat(Number(exponent) - 1)}${digits.replace(".", "")}` : digits;
  return value < 0 ? `-${plain}` : plain;
}
