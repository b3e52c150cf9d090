import { expect, test } from "bun:test";
import { join } from "node:path";
import {
  bigint,
  boolean,
  date,
  datetime,
  decimal,
  double,
  int,
  type MySqlColumnBuilderBase,
  mysqlTable,
  text,
  tinytext,
  varchar,
} from "drizzle-orm/mysql-core";
import fc from "fast-check";
import type { z } from "zod";
import { type ColumnCodec, Fault, type SqlValue } from "../src/codecs/codec.ts";
import { readInstant } from "../src/codecs/datetime.ts";
import type { Table } from "../src/codecs/tables.ts";
import type { ReasonCode } from "../src/db/ledger.ts";
import { tableOf } from "./support/dictionary.ts";
import { only, rows, things } from "./support/things.ts";

type Verdict = SqlValue | { refused: ReasonCode };
type Cases<Input> = [input: Input, expected: Verdict][];

const refused = (code: ReasonCode): Verdict => ({ refused: code });
const wrongType = refused("wrong_type");
const outOfRange = refused("out_of_range");
const tooLong = refused("too_long");
const invalidText = refused("invalid_text");
const invalidDatetime = refused("invalid_datetime");

const key = codecAt(tableOf("hired_employees"), 0);
const reference = codecAt(tableOf("hired_employees"), 3);
const varchar255 = codecOf(varchar("value", { length: 255 }));
const milliseconds = codecOf(datetime("value", { mode: "string", fsp: 3 }));
const seconds = codecOf(datetime("value"));
const money = codecOf(decimal("value", { precision: 10, scale: 2 }));
const big = codecOf(bigint("value", { mode: "bigint" }));

test("an id or a reference is a whole number from 1 to 2147483647", () => {
  const json: Cases<unknown> = [
    [1, 1],
    [2147483647, 2147483647],
    [JSON.parse("1e0"), 1],
    [2147483648, outOfRange],
    [0, outOfRange],
    [-0, outOfRange],
    [-1, outOfRange],
    [1e300, outOfRange],
    [JSON.parse("1e999"), outOfRange],
    [8.5, wrongType],
    ["12", wrongType],
    [true, wrongType],
    [[1], wrongType],
    [{ id: 1 }, wrongType],
  ];
  const csv: Cases<string> = [
    ["1", 1],
    ["2147483647", 2147483647],
    ["007", 7],
    ["2147483648", outOfRange],
    ["0", outOfRange],
    ["-0", outOfRange],
    ["-5", outOfRange],
    ["9".repeat(100_000), outOfRange],
    ["8.0", wrongType],
    ["+1", wrongType],
    ["1e0", wrongType],
    ["-", wrongType],
    ["0x10", wrongType],
    ["1 2", wrongType],
    ["١", wrongType],
  ];
  for (const codec of [key, reference]) {
    fromJson(codec, json);
    fromCsv(codec, csv);
  }
});

test("an int column that is no id takes the range of its SQL type", () => {
  const signed = codecOf(int("value"));
  fromCsv(signed, [
    ["-2147483648", -2147483648],
    ["-2147483649", outOfRange],
    ["2147483648", outOfRange],
    ["0", 0],
    ["-0", 0],
  ]);
  fromJson(signed, [[-0, 0]]);
  fromJson(codecOf(int("value", { unsigned: true })), [
    [4294967295, 4294967295],
    [4294967296, outOfRange],
    [-1, outOfRange],
  ]);
});

test("a bigint keeps every digit: a number up to 2^53 in JSON, text beyond", () => {
  fromJson(big, [
    [9007199254740991, 9007199254740991],
    ["9007199254740991", 9007199254740991],
    ["9007199254740993", "9007199254740993"],
    ["-9223372036854775808", "-9223372036854775808"],
    ["-9223372036854775809", outOfRange],
    ["9223372036854775808", outOfRange],
    ["1".repeat(100_000), outOfRange],
    [9007199254740992, outOfRange],
    [1.5, wrongType],
    ["1.5", wrongType],
    [false, wrongType],
  ]);
  fromCsv(big, [
    ["-000", 0],
    ["0009223372036854775807", "9223372036854775807"],
    ["1e3", wrongType],
  ]);
  fromCsv(codecOf(bigint("value", { mode: "number", unsigned: true })), [
    ["18446744073709551615", "18446744073709551615"],
    ["18446744073709551616", outOfRange],
    ["-1", outOfRange],
  ]);
  fromSql(big, [
    ["9007199254740993", "9007199254740993"],
    ["12", 12],
    [12, 12],
    [12n, 12],
  ]);
});

test("a decimal takes at most its column's decimals and is never rounded", () => {
  fromJson(money, [
    [12.5, "12.50"],
    ["12.5", "12.50"],
    ["0012.500", "12.50"],
    [-0, "0.00"],
    ["-0.00", "0.00"],
    [0.1, "0.10"],
    [99999999.99, "99999999.99"],
    [100000000, outOfRange],
    ["100000000.00", outOfRange],
    [1e21, outOfRange],
    [0.125, wrongType],
    ["0.125", wrongType],
    [1e-7, wrongType],
    ["1e2", wrongType],
    ["1.", wrongType],
    [".5", wrongType],
    ["+1", wrongType],
    [true, wrongType],
  ]);
  fromCsv(money, [
    ["-7", "-7.00"],
    ["1,5", wrongType],
  ]);
  const fine = codecOf(decimal("value", { precision: 65, scale: 30, unsigned: true }));
  fromJson(fine, [
    [1.5e-7, "0.000000150000000000000000000000"],
    [9007199254740992, outOfRange],
    ["90071992547409931234.5", "90071992547409931234.500000000000000000000000000000"],
    ["-1", outOfRange],
  ]);
  fromCsv(codecOf(decimal("value")), [["10", "10"]]);
  fromSql(money, [
    ["12.50", "12.50"],
    [12.5, "12.50"],
  ]);
});

test("a double is a finite number", () => {
  const codec = codecOf(double("value"));
  fromJson(codec, [
    [0.1, 0.1],
    [-0, 0],
    [1e300, 1e300],
    [JSON.parse("1e999"), outOfRange],
    ["0.1", wrongType],
    [true, wrongType],
  ]);
  fromCsv(codec, [
    ["-1.5e-3", -0.0015],
    ["1E+21", 1e21],
    ["-0", 0],
    ["1e999", outOfRange],
    ["Infinity", wrongType],
    ["NaN", wrongType],
    [".5", wrongType],
    ["0x10", wrongType],
    ["1_000", wrongType],
  ]);
  fromCsv(codecOf(double("value", { unsigned: true })), [["-1", outOfRange]]);
  fromSql(codec, [
    ["1e21", 1e21],
    ["-0", 0],
  ]);
});

test("a boolean is true or false, and in CSV also 1 or 0", () => {
  const codec = codecOf(boolean("value"));
  fromJson(codec, [
    [true, 1],
    [false, 0],
    [1, wrongType],
    ["true", wrongType],
  ]);
  fromCsv(codec, [
    ["true", 1],
    ["1", 1],
    ["false", 0],
    ["0", 0],
    ["TRUE", wrongType],
    ["2", wrongType],
  ]);
  expect([codec.toJson(1), codec.toJson(0), codec.toCsv(1), codec.toCsv(0)]).toEqual([true, false, "true", "false"]);
});

test("the length of text is counted in code points, not in UTF-16 units", () => {
  const longest = "😀".repeat(255);
  const cases: Cases<string> = [
    ["a".repeat(255), "a".repeat(255)],
    [longest, longest],
    ["a".repeat(256), tooLong],
    [`${longest}a`, tooLong],
    ["e\u0301".repeat(128), tooLong],
  ];
  fromJson(varchar255, cases);
  fromCsv(varchar255, cases);
});

test("text is kept as it was sent, and other types are refused", () => {
  fromJson(varchar255, [
    ["  two  spaces ", "  two  spaces "],
    ["a\tb\r\nc", "a\tb\r\nc"],
    ["a\0", invalidText],
    ["\x1A", invalidText],
    ["\x7F\x85", "\x7F\x85"],
    ["\ufffd", "\ufffd"],
    ["\ud800", invalidText],
    ["a\udc00b", invalidText],
    ["\ude00\ud83d", invalidText],
    [12, wrongType],
    [["a"], wrongType],
    [{}, wrongType],
  ]);
  fromJson(codecOf(varchar("value", { length: 9, enum: ["red", "green"] })), [
    ["red", "red"],
    ["blue", wrongType],
  ]);
});

test("a text column takes as many bytes as its SQL type", () => {
  fromJson(codecOf(tinytext("value")), [
    ["a".repeat(255), "a".repeat(255)],
    ["é".repeat(128), tooLong],
  ]);
  fromJson(codecOf(text("value")), [
    ["é".repeat(32_767), "é".repeat(32_767)],
    ["a".repeat(65_536), tooLong],
  ]);
});

const INSTANTS: Cases<string> = [
  ["2021-11-07T02:48:42Z", "2021-11-07 02:48:42.000"],
  ["2021-11-07T02:48:42.5Z", "2021-11-07 02:48:42.500"],
  ["2021-11-07T02:48:42.05Z", "2021-11-07 02:48:42.050"],
  ["2021-11-07T02:48:42.123+00:00", "2021-11-07 02:48:42.123"],
  ["2021-01-01T00:30:00+01:00", "2020-12-31 23:30:00.000"],
  ["2020-02-28T23:30:00.001-00:45", "2020-02-29 00:15:00.001"],
  ["2021-06-01T00:00:00-23:59", "2021-06-01 23:59:00.000"],
  ["2024-02-29T00:00:00Z", "2024-02-29 00:00:00.000"],
  ["2000-02-29T00:00:00Z", "2000-02-29 00:00:00.000"],
  ["1000-01-01T00:00:00Z", "1000-01-01 00:00:00.000"],
  ["0999-12-31T23:30:00-01:00", "1000-01-01 00:30:00.000"],
  ["9999-12-31T23:59:59.999Z", "9999-12-31 23:59:59.999"],
  ["9999-12-31T23:59:59-01:00", outOfRange],
  ["1000-01-01T00:00:00+00:01", outOfRange],
  ["0999-12-31T23:59:59Z", outOfRange],
  ["0000-01-01T00:00:00+01:00", outOfRange],
  ["2021-02-30T00:00:00Z", invalidDatetime],
  ["2021-02-29T00:00:00Z", invalidDatetime],
  ["1900-02-29T00:00:00Z", invalidDatetime],
  ["2021-04-31T00:00:00+02:00", invalidDatetime],
  ["2021-00-10T00:00:00Z", invalidDatetime],
  ["2021-13-01T00:00:00Z", invalidDatetime],
  ["2021-01-00T00:00:00Z", invalidDatetime],
  ["2021-01-01T24:00:00Z", invalidDatetime],
  ["2021-01-01T00:60:00Z", invalidDatetime],
  ["2016-12-31T23:59:60Z", invalidDatetime],
  ["2021-01-01T00:00:00", invalidDatetime],
  ["2021-01-01 00:00:00Z", "2021-01-01 00:00:00.000"],
  ["2021-01-01t00:00:00z", "2021-01-01 00:00:00.000"],
  ["2021-01-01T00:00Z", "2021-01-01 00:00:00.000"],
  ["2021-01-01 00:30+01", "2020-12-31 23:30:00.000"],
  ["2021-01-01", invalidDatetime],
  ["2021-1-1T00:00:00Z", invalidDatetime],
  ["2021-01-01T00:00:00.Z", invalidDatetime],
  ["2021-01-01T00:00:00.1230Z", "2021-01-01 00:00:00.123"],
  ["2021-01-01T00:00:00.120000000000-01:00", "2021-01-01 01:00:00.120"],
  ["2021-01-01T00:00:00.1230001Z", invalidDatetime],
  ["2021-01-01T00:00.5Z", invalidDatetime],
  ["2021-01-01T00:00:00,5Z", invalidDatetime],
  ["2021-01-01T00:00:00+24:00", invalidDatetime],
  ["2021-01-01T00:00:00+01:60", invalidDatetime],
  ["2021-01-01T00:00:00+0100", "2020-12-31 23:00:00.000"],
  ["2021-01-01T00:00:00+01", "2020-12-31 23:00:00.000"],
  ["2021-01-01 00:00:00 -0100", "2021-01-01 01:00:00.000"],
  ["2021-01-01T00:00:00+1", invalidDatetime],
  ["2021-01-01T00:00:00+010", invalidDatetime],
  ["2021-01-01T00:00:00  Z", invalidDatetime],
  ["2021-01-01T00:00:00 UTC", invalidDatetime],
  ["2021-01-01T00:00:00+01:00Z", invalidDatetime],
  ["2021-01-01T00:00:00ZZ", invalidDatetime],
  [" 2021-01-01T00:00:00Z", invalidDatetime],
  ["+002021-01-01T00:00:00Z", invalidDatetime],
  ["２021-01-01T00:00:00Z", invalidDatetime],
  ["now", invalidDatetime],
];

test("a datetime must exist and have a zone, and is stored in UTC", () => {
  fromJson(milliseconds, INSTANTS);
  fromCsv(milliseconds, INSTANTS);
  fromJson(milliseconds, [
    [1636253322, wrongType],
    [null, wrongType],
    [["2021-11-07T02:48:42Z"], wrongType],
  ]);
});

test.each([
  ["2021-03-01 08:00:00", "must be an instant, and in $ the zone is missing: add Z, or an offset like -05:00"],
  ["2021-03-01T08:00:00.123456", "must be an instant, and in $ the zone is missing: add Z, or an offset like -05:00"],
  ["2021-03-01", "must be an instant like 2021-11-07T02:48:42Z, and in $ the time and the zone are missing"],
  ["2021-03-01T08:00:00.123456+00:00", "keeps 3 decimals of a second, and $ has more: round it"],
  ["01/03/2021 08:00", "must be an instant like 2021-11-07T02:48:42Z, not $"],
  ["1614585600", "must be an instant like 2021-11-07T02:48:42Z, not $"],
  ["2021-03-01T08:00:00[UTC]", 'must have Z or an offset like -05:00 after the time, not "[UTC]"'],
  ["2021-03-01T08:00:00,5Z", 'must have Z or an offset like -05:00 after the time, not ",5Z"'],
  ["0000-00-00 00:00:00", "must be on a day that exists; the one in $ does not"],
  ["2021-03-01T24:00:00Z", "must be at a time that exists; the one in $ does not"],
  ["2016-12-31T23:59:60Z", "must be at a time that exists; the one in $ does not"],
  ["0999-12-31T23:59:59Z", "must be from the year 1000 to 9999, not $"],
])("the datetime %s is refused with what is wrong with it", (text, detail) => {
  expect(milliseconds.fromCsv(text)).toMatchObject({ detail: detail.replace("$", JSON.stringify(text)) });
});

test("a datetime is answered with milliseconds only if they are not zero", () => {
  expect(milliseconds.toJson("2021-11-07 02:48:42.000")).toBe("2021-11-07T02:48:42Z");
  expect(milliseconds.toCsv("2021-11-07 02:48:42.050")).toBe("2021-11-07T02:48:42.050Z");
  expect(seconds.toJson("2021-11-07 02:48:42")).toBe("2021-11-07T02:48:42Z");
});

test("a datetime with more decimals than its column keeps is refused, not rounded", () => {
  fromJson(seconds, [
    ["2021-11-07T02:48:42.000000Z", "2021-11-07 02:48:42"],
    ["2021-11-07T02:48:42.900Z", invalidDatetime],
  ]);
  fromJson(codecOf(datetime("value", { fsp: 1 })), [
    ["2021-11-07T02:48:42+00:00", "2021-11-07 02:48:42.0"],
    ["2021-11-07T02:48:42.9Z", "2021-11-07 02:48:42.9"],
    ["2021-11-07T02:48:42.95Z", invalidDatetime],
  ]);
});

test("a datetime has one form, whether it comes by text protocol, by binary protocol or from Drizzle as a Date", () => {
  fromSql(milliseconds, [
    ["2021-11-07 02:48:42.120", "2021-11-07 02:48:42.120"],
    ["2021-11-07 02:48:42", "2021-11-07 02:48:42.000"],
    [new Date("2021-11-07T02:48:42.120Z"), "2021-11-07 02:48:42.120"],
  ]);
  fromSql(seconds, [[new Date("2021-11-07T02:48:42Z"), "2021-11-07 02:48:42"]]);
});

test("every instant is the one that JavaScript's Date computes, whatever its offset", () => {
  const parts = fc.tuple(
    fc.integer({ min: 995, max: 9999 }),
    fc.integer({ min: 0, max: 13 }),
    fc.integer({ min: 0, max: 32 }),
    fc.integer({ min: 0, max: 86_399 }),
    fc.integer({ min: -1439, max: 1439 }),
  );
  const two = (value: number) => String(value).padStart(2, "0");
  fc.assert(
    fc.property(parts, ([year, month, day, second, offset]) => {
      const date = `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`;
      const time = `${two(Math.floor(second / 3600))}:${two(Math.floor(second / 60) % 60)}:${two(second % 60)}`;
      const zone = `${offset < 0 ? "-" : "+"}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
      const midnight = new Date(Date.UTC(year, month - 1, day));
      const exists = midnight.getUTCMonth() === month - 1 && midnight.getUTCDate() === day;
      const instant = new Date(midnight.getTime() + second * 1000 - offset * 60_000);
      const inRange = instant.getUTCFullYear() >= 1000 && instant.getUTCFullYear() <= 9999;
      const expected = inRange ? instant.toISOString().slice(0, 19).replace("T", " ") : outOfRange;
      expect(verdict(readInstant(`${date}T${time}${zone}`, 0))).toEqual(exists ? expected : invalidDatetime);
    }),
    { numRuns: 2000 },
  );
});

test.each(["America/Sao_Paulo", "Asia/Tokyo"])("the time zone %s changes no instant", (zone) => {
  const script = `
    import { instant, readInstant } from "./src/codecs/datetime.ts";
    const read = ${JSON.stringify(INSTANTS)}.map(([text]) => readInstant(text, 3));
    console.log(JSON.stringify({
      offset: new Date(2021, 0, 1).getTimezoneOffset(),
      verdicts: read.map((value) => typeof value === "string" ? value : { refused: value.code }),
      written: instant("2021-11-07 02:48:42.000"),
    }));`;
  const { stdout } = Bun.spawnSync([process.execPath, "-e", script], {
    cwd: join(import.meta.dir, ".."),
    env: { ...process.env, TZ: zone },
  });
  const { offset, verdicts, written } = JSON.parse(stdout.toString());
  expect(offset).not.toBe(0);
  expect(verdicts).toEqual(INSTANTS.map(([, expected]) => expected));
  expect(written).toBe("2021-11-07T02:48:42Z");
});

test("a date must exist in the calendar", () => {
  for (const codec of [codecOf(date("value")), codecOf(date("value", { mode: "string" }))]) {
    const cases: Cases<string> = [
      ["2024-02-29", "2024-02-29"],
      ["2023-02-29", invalidDatetime],
      ["2024-2-9", invalidDatetime],
      ["2024-02-09T00:00:00Z", invalidDatetime],
      ["0999-12-31", outOfRange],
    ];
    fromJson(codec, [...cases, [20240229, wrongType]]);
    fromCsv(codec, cases);
    fromSql(codec, [
      ["2024-02-29", "2024-02-29"],
      [new Date("2024-02-29T00:00:00Z"), "2024-02-29"],
    ]);
  }
});

test("null is null in CSV, JSON, Avro and SQL", () => {
  for (const { codec } of things.columns) {
    expect([codec.fromSql(null), codec.toJson(null), codec.toCsv(null)]).toEqual([null, null, ""]);
  }
});

test("a reason quotes a short part of the value, as text that can be stored", () => {
  const long = `${"9".repeat(59)}\ud83d\ude00${"9".repeat(100_000)}`;
  for (const { codec, sqlType } of things.columns) {
    if (sqlType === "text") continue;
    for (const fault of [codec.fromCsv(long), codec.fromJson(long), codec.fromJson({ long })]) {
      if (!(fault instanceof Fault)) throw new Error(`${sqlType} took it`);
      expect(fault.detail.length).toBeLessThan(160);
      expect(fault.detail.isWellFormed()).toBe(true);
    }
  }
});

test("a value passes the JSON schema of its column, and text over its limit does not", () => {
  fc.assert(
    fc.property(rows, (row) => {
      things.columns.forEach(({ codec, nullable }, index) => {
        const schema: z.ZodType = nullable ? codec.schema.nullable() : codec.schema;
        expect(schema.safeParse(codec.toJson(row[index] ?? null)).error).toBeUndefined();
      });
    }),
  );
  expect(varchar255.schema.safeParse("😀".repeat(255)).success).toBe(true);
  expect(varchar255.schema.safeParse("😀".repeat(256)).success).toBe(false);
  expect(key.schema.safeParse(0).success).toBe(false);
});

/** The codec that Muster derives for this column. */
function codecOf(column: MySqlColumnBuilderBase): ColumnCodec {
  const table = only({ probe: mysqlTable("probe", { id: int("id").autoincrement().primaryKey(), value: column }) });
  return codecAt(table, 1);
}

function codecAt(table: Table, index: number): ColumnCodec {
  const codec = table.columns[index]?.codec;
  if (!codec) throw new Error(`${table.name} has no column ${index}`);
  return codec;
}

const verdict = (value: SqlValue | Fault): Verdict => (value instanceof Fault ? { refused: value.code } : value);

function fromJson(codec: ColumnCodec, cases: Cases<unknown>): void {
  compare(cases, (input) => codec.fromJson(input));
}

function fromCsv(codec: ColumnCodec, cases: Cases<string>): void {
  compare(cases, (input) => codec.fromCsv(input));
}

function fromSql(codec: ColumnCodec, cases: [unknown, SqlValue][]): void {
  compare(cases, (input) => codec.fromSql(input));
}

/** Compared as a whole, so that a failure shows which inputs went wrong; toStrictEqual tells 0 from -0. */
function compare<Input>(cases: Cases<Input>, judge: (input: Input) => SqlValue | Fault): void {
  const label = (input: unknown) => (typeof input === "string" ? `"${input}"` : String(input)).slice(0, 60);
  expect(cases.map(([input]) => [label(input), verdict(judge(input))])).toStrictEqual(
    cases.map(([input, expected]) => [label(input), expected]),
  );
}
