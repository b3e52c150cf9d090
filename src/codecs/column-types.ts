/** The codec of each SQL type (docs/rules.md): how its values are written in JSON, CSV, SQL and Avro. */
import type { MySqlColumn } from "drizzle-orm/mysql-core";
import { z } from "zod";
import { bytes } from "./binary-values.ts";
import { asItIs, type ColumnCodec, type SqlValue, wrongType } from "./codec.ts";
import { dayOf, mayBeZeroDate, readDay } from "./datetime.ts";
import { double, float } from "./floats.ts";
import { datetime, isoOf, timestamp } from "./instants.ts";
import { json } from "./json-value.ts";
import { enumType, membersOf, oneOf, someOf } from "./members.ts";
import { bigint, decimal, int } from "./numbers.ts";
import { char, text, varchar } from "./texts.ts";
import { time, year } from "./time-of-day.ts";
import { zonedDatetime } from "./zoned-instants.ts";

/** Whether a primary key may have a column of this type: its values are short, and equal ones have one form. */
export const mayBeKey = (sqlType: string): boolean => KEY_TYPE.test(sqlType);

const KEY_TYPE = /^((tiny|small|medium|big)?int|char|varchar|(var)?binary|date|datetime|timestamp|decimal|year|time)\b/;

/**
 * The codec of a column, by its SQL type.
 * @param use isKey: it belongs to a primary key, or refers to one. isId: that key counts up, so that its values are above 0.
 * zone: whose local time a datetime holds, if not UTC
 * @returns undefined for a type that Muster does not move
 */
export function codecOf(
  column: MySqlColumn,
  { isKey = false, isId = false, zone }: { isKey?: boolean; isId?: boolean; zone?: string | undefined } = {},
): ColumnCodec | undefined {
  const sqlType = sqlTypeOf(column);
  const [, name = "", first, second, unsigned] = SQL_TYPE.exec(sqlType) ?? [];
  if (!Object.hasOwn(CODECS, name)) return undefined;
  if (column.columnType === "MySqlCustomColumn" && !CUSTOM.has(name)) return undefined;
  // Servers and Drizzle do not agree on how a backslash in a member is written: it could become another character.
  if ((name === "enum" || name === "set") && sqlType.includes("\\")) return undefined;
  const codec = CODECS[name]?.({
    first: first === undefined ? undefined : Number(first),
    second: second === undefined ? undefined : Number(second),
    unsigned: unsigned !== undefined,
    allowed: name === "set" ? membersOf(sqlType) : column.enumValues,
    column: column.name,
    isId,
    zone,
    isNumber: isKey && column.columnType === "MySqlBigInt53",
  });
  return codec && nullable(codec);
}

/** A column's type as SQL. */
export const sqlTypeOf = (column: MySqlColumn): string =>
  column.columnType === "MySqlEnumColumn" ? enumType(column.enumValues ?? []) : column.getSQLType();

const SQL_TYPE = /^([a-z]+)(?:\((?:(\d+)(?:,(\d+))?|'.*')\))?( unsigned)?$/s;

/** Types that Drizzle lacks: src/db/more-types.ts has them. */
const CUSTOM = new Set(["bit", "set", "tinyblob", "blob", "mediumblob", "longblob"]);

interface SqlType {
  first: number | undefined;
  second: number | undefined;
  unsigned: boolean;
  allowed: readonly string[] | undefined;
  /** The column's name. */
  column: string;
  isId: boolean;
  zone: string | undefined;
  /** A key's bigint that Drizzle declares as a number: it takes the integers that JavaScript's numbers hold exactly. */
  isNumber: boolean;
}

const CODECS: Record<string, (type: SqlType) => ColumnCodec | undefined> = {
  tinyint: integer(8),
  smallint: integer(16),
  mediumint: integer(24),
  int: integer(32),
  bigint: ({ unsigned, isId, isNumber }) => {
    const max = Number.MAX_SAFE_INTEGER;
    if (isNumber) return int(isId ? 1 : unsigned ? 0 : -max, max);
    const least = isId ? 1n : unsigned ? 0n : -(2n ** 63n);
    return bigint(least, unsigned ? 2n ** 64n - 1n : 2n ** 63n - 1n);
  },
  decimal: ({ first, second, unsigned }) => decimal(first ?? 10, second ?? 0, unsigned),
  // DOUBLE(precision, scale) is not moved, because the server silently rounds its values.
  double: ({ first, unsigned }) => (first === undefined ? double(unsigned) : undefined),
  float: ({ first, unsigned }) => (first === undefined ? float(unsigned) : undefined),
  boolean: () => boolean,
  bit: ({ first = 1 }) => (first === 1 ? bit : undefined),
  char: ({ first = 1, allowed }) => char(first, allowed),
  varchar: ({ first, allowed }) => (first ? varchar(first, allowed) : undefined),
  tinytext: ({ allowed }) => text(255, allowed),
  text: ({ allowed }) => text(65_535, allowed),
  mediumtext: ({ allowed }) => text(16_777_215, allowed),
  longtext: ({ allowed }) => text(4_294_967_295, allowed),
  enum: ({ allowed = [], column }) => oneOf(allowed, column),
  set: ({ allowed = [] }) => someOf(allowed),
  binary: ({ first = 1, column }) => bytes(first, true, column),
  varbinary: ({ first, column }) => (first ? bytes(first, false, column) : undefined),
  tinyblob: ({ column }) => bytes(255, false, column),
  blob: ({ column }) => bytes(65_535, false, column),
  mediumblob: ({ column }) => bytes(16_777_215, false, column),
  longblob: ({ column }) => bytes(4_294_967_295, false, column),
  date: () => date,
  datetime: ({ first = 0, zone }) => {
    if (first > 6) return undefined;
    return zone === undefined ? datetime(first) : zonedDatetime(first, zone);
  },
  timestamp: ({ first = 0 }) => (first <= 6 ? timestamp(first) : undefined),
  time: ({ first = 0 }) => (first <= 6 ? time(first) : undefined),
  year: () => year,
  json: () => json,
};

const BITS: Record<string, number> = { tinyint: 8, smallint: 16, mediumint: 24, int: 32 };

/** The largest number that a column of an integer type takes, if it is exact in JavaScript. */
export function largestNumber(sqlType: string): number {
  const bits = BITS[/^[a-z]+/.exec(sqlType)?.[0] ?? ""];
  if (bits === undefined) return Number.MAX_SAFE_INTEGER;
  return 2 ** (sqlType.endsWith("unsigned") ? bits : bits - 1) - 1;
}

/** The integers of a type with that many bits. */
function integer(bits: number) {
  return ({ unsigned, isId }: SqlType): ColumnCodec =>
    unsigned ? int(isId ? 1 : 0, 2 ** bits - 1) : int(isId ? 1 : -(2 ** (bits - 1)), 2 ** (bits - 1) - 1);
}

/** Adds null to a codec: null in SQL and JSON, an empty cell in CSV. */
function nullable(codec: ColumnCodec): ColumnCodec {
  return {
    ...codec,
    fromSql: (value) => (value === null || value === undefined ? null : codec.fromSql(value)),
    ...(codec.toSql && { toSql: (value: SqlValue) => (value === null ? null : codec.toSql?.(value)) }),
    // Every value of every answer passes here, so types whose values need no conversion get no wrapper.
    toJson: codec.toJson === asItIs ? asItIs : (value) => (value === null ? null : codec.toJson(value)),
    toCsv: (value) => (value === null ? "" : codec.toCsv(value)),
  };
}

const boolean: ColumnCodec = {
  fromJson: (value) => (typeof value === "boolean" ? Number(value) : wrongType("true or false", value)),
  fromCsv(cell) {
    if (cell === "true" || cell === "1") return 1;
    return cell === "false" || cell === "0" ? 0 : wrongType("true, false, 1 or 0", cell);
  },
  fromSql: (value) => (Number(value) === 0 ? 0 : 1),
  toJson: (value) => value !== 0,
  toCsv: (value) => (value === 0 ? "false" : "true"),
  schema: z.boolean(),
  avro: { type: "boolean", write: (value) => value !== 0, read: Number },
};

/** BIT(1), as a boolean. */
const bit: ColumnCodec = {
  ...boolean,
  select: (column) => `${column} + 0`,
  load: (text) => `${text} + 0`,
  fromSql: (value) => (Number(Buffer.isBuffer(value) ? value[0] : value) === 0 ? 0 : 1),
};

const date: ColumnCodec = {
  fromJson: (value) => (typeof value === "string" ? readDay(value) : wrongType("a day as text", value)),
  fromCsv: readDay,
  mayBreak: mayBeZeroDate,
  fromSql: (value) => (value instanceof Date ? value.toISOString() : String(value)).slice(0, 10),
  toJson: asItIs,
  toCsv: String,
  schema: z.iso.date(),
  avro: {
    type: { type: "int", logicalType: "date" },
    write: (value) => dayOf(String(value)),
    read: (value) => readDay(isoOf(Number(value) * DAY_MS).slice(0, 10)),
  },
};

const DAY_MS = 86_400_000;
