/** The codec of each SQL type (docs/rules.md): how its values are written in JSON, CSV, SQL and Avro. */
import type { MySqlColumn } from "drizzle-orm/mysql-core";
import { z } from "zod";
import { copyInstant } from "./avro-bytes.ts";
import { asItIs, type ColumnCodec, wrongType } from "./codec.ts";
import { dayOf, instant, mayBeZeroDate, millisecondsOf, readDay, readInstant, readUtcInstant } from "./datetime.ts";
import { bigint, decimal, double, int } from "./numbers.ts";
import { copyJsonInstant } from "./text-to-json.ts";
import { text, varchar } from "./texts.ts";

/** The largest id. Keys and references are from 1 to KEY_MAX. */
export const KEY_MAX = 2_147_483_647;

/**
 * The codec of a column, by its SQL type.
 * @param isKey the column is an id, or refers to one
 * @returns undefined for a type that Muster does not move
 */
export function codecOf(column: MySqlColumn, isKey: boolean): ColumnCodec | undefined {
  const [, name = "", first, second, unsigned] = SQL_TYPE.exec(column.getSQLType()) ?? [];
  if (column.columnType === "MySqlCustomColumn" || !Object.hasOwn(CODECS, name)) return undefined;
  if (isKey) return name === "int" ? nullable(int(1, KEY_MAX)) : undefined;
  const codec = CODECS[name]?.({
    first: first === undefined ? undefined : Number(first),
    second: second === undefined ? undefined : Number(second),
    unsigned: unsigned !== undefined,
    allowed: column.enumValues,
  });
  return codec && nullable(codec);
}

const SQL_TYPE = /^([a-z]+)(?:\((\d+)(?:,(\d+))?\))?( unsigned)?$/;

interface SqlType {
  first: number | undefined;
  second: number | undefined;
  unsigned: boolean;
  allowed: readonly string[] | undefined;
}

const CODECS: Record<string, (type: SqlType) => ColumnCodec | undefined> = {
  int: ({ unsigned }) => (unsigned ? int(0, 4_294_967_295) : int(-2_147_483_648, 2_147_483_647)),
  bigint: ({ unsigned }) => (unsigned ? bigint(0n, 2n ** 64n - 1n) : bigint(-(2n ** 63n), 2n ** 63n - 1n)),
  decimal: ({ first, second, unsigned }) => decimal(first ?? 10, second ?? 0, unsigned),
  // DOUBLE(precision, scale) is not moved, because the server silently rounds its values.
  double: ({ first, unsigned }) => (first === undefined ? double(unsigned) : undefined),
  boolean: () => boolean,
  varchar: ({ first, allowed }) => (first ? varchar(first, allowed) : undefined),
  tinytext: ({ allowed }) => text(255, allowed),
  text: ({ allowed }) => text(65_535, allowed),
  mediumtext: ({ allowed }) => text(16_777_215, allowed),
  longtext: ({ allowed }) => text(4_294_967_295, allowed),
  date: () => date,
  // A column with more than three decimals of a second is not moved: JSON and CSV have three at most.
  datetime: ({ first }) => (first === undefined || first <= 3 ? datetime(first ?? 0) : undefined),
};

/** Adds null to a codec: null in SQL and JSON, an empty cell in CSV. */
function nullable(codec: ColumnCodec): ColumnCodec {
  return {
    ...codec,
    fromSql: (value) => (value === null || value === undefined ? null : codec.fromSql(value)),
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

/** Milliseconds since 1970 as ISO 8601. A number that no Date can hold becomes text that no column accepts. */
const isoOf = (ms: number) => (Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`);

function datetime(decimals: number): ColumnCodec {
  const length = decimals === 0 ? 19 : 20 + decimals;
  return {
    fromJson: (value) =>
      typeof value === "string" ? readInstant(value, decimals) : wrongType("an instant as text", value),
    fromCsv: (cell) => readInstant(cell, decimals),
    fromBytes: (bytes, start, end) => readUtcInstant(bytes, start, end, length),
    mayBreak: mayBeZeroDate,
    fromSql(value) {
      const sent = value instanceof Date ? value.toISOString().slice(0, 23).replace("T", " ") : String(value);
      if (sent.length === length) return sent;
      // The binary protocol omits decimals that are zero.
      return `${sent}${sent.length === 19 ? "." : ""}`.padEnd(length, "0").slice(0, length);
    },
    toJson: (value) => instant(String(value)),
    copyJson: copyJsonInstant,
    toCsv: (value) => instant(String(value)),
    schema: z.iso.datetime({ offset: true }),
    avro: {
      type: { type: "long", logicalType: "timestamp-millis" },
      write: (value) => millisecondsOf(String(value)),
      read: (value) => readInstant(isoOf(Number(value)), decimals),
      copy: copyInstant,
    },
  };
}
