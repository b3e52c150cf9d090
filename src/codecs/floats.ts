/** The codecs of floating-point numbers. A number that the column would round is refused. */
import { z } from "zod";
import { shown } from "../shown.ts";
import { asItIs, type ColumnCodec, Fault, type SqlValue, wrongType } from "./codec.ts";

/** FLOAT holds 32 bits. A number that it would round is refused. */
export function float(unsigned: boolean): ColumnCodec {
  const { fromJson, fromCsv, fromSql, ...codec } = double(unsigned);
  const exact = (value: SqlValue | Fault) => {
    if (value instanceof Fault) return value;
    const kept = shortest(Number(value));
    if (!Number.isFinite(kept)) return new Fault("out_of_range", `must be a number that 32 bits hold, not ${value}`);
    return kept === value ? kept : new Fault("wrong_type", `holds 32 bits, and would change ${value} to ${kept}`);
  };
  return {
    ...codec,
    fromJson: (value) => exact(fromJson(value)),
    fromCsv: (cell) => exact(fromCsv(cell)),
    // The server itself shows six digits of a FLOAT.
    select: (column) => `${column} + 0e0`,
    fromSql: (value) => shortest(Number(fromSql(value))),
    // All digits of what the column holds, so that a condition finds it: on the server a FLOAT of 0.1 is not equal to 0.1.
    toSql: (value) => Math.fround(Number(value)),
    avro: { type: "float", write: asItIs, read: (value) => shortest(Number(value)) },
  };
}

const FLOAT_MAX = (2 - 2 ** -23) * 2 ** 127;

/** The number with the fewest digits that 32 bits hold as the same value: 0.1 for 0.10000000149011612. */
function shortest(value: number): number {
  const kept = Math.fround(value);
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(kept.toPrecision(digits));
    // The server refuses a number above the largest FLOAT, also if it would be rounded down to that.
    if (Math.fround(short) === kept && Math.abs(short) <= FLOAT_MAX) return short + 0;
  }
  return kept + 0;
}

export function double(unsigned: boolean): ColumnCodec {
  const within = (value: number, sent: unknown) => {
    if (!Number.isFinite(value))
      return new Fault("out_of_range", `must be a number that 64 bits hold, not ${shown(sent)}`);
    if (value < 0 && unsigned) return new Fault("out_of_range", `must not be negative, and ${shown(sent)} is`);
    return value + 0;
  };
  return {
    fromJson: (value) => (typeof value === "number" ? within(value, value) : wrongType("a number", value)),
    fromCsv: (cell) =>
      /^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(cell) ? within(Number(cell), cell) : wrongType("a number", cell),
    fromSql: (value) => Number(value) + 0,
    toJson: asItIs,
    toCsv: String,
    schema: unsigned ? z.number().min(0) : z.number(),
    avro: { type: "double", write: asItIs, read: (value) => within(Number(value), value) },
  };
}
