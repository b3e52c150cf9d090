/** A table with every column type that Muster supports, and rows for it. */
import {
  bigint,
  boolean,
  date,
  datetime,
  decimal,
  double,
  int,
  mysqlTable,
  text,
  varchar,
} from "drizzle-orm/mysql-core";
import fc from "fast-check";
import { buildTables } from "../../src/codecs/dictionary.ts";
import type { Row, Table } from "../../src/codecs/tables.ts";

export const things: Table = only({
  things: mysqlTable("things", {
    id: int("id").autoincrement().primaryKey(),
    count: int("count").notNull(),
    distance: bigint("distance", { mode: "bigint" }).notNull(),
    amount: decimal("amount", { precision: 12, scale: 3 }).notNull(),
    ratio: double("ratio").notNull(),
    open: boolean("open").notNull(),
    name: varchar("name", { length: 40 }).notNull(),
    note: text("note"),
    day: date("day").notNull(),
    at: datetime("at", { mode: "string", fsp: 3 }).notNull(),
    second: datetime("second").notNull(),
  }),
});

/** The only table of a schema. */
export function only(module: object): Table {
  const [table, another] = buildTables(module);
  if (!table || another) throw new Error("the schema must have one table");
  return table;
}

/** Random text that a row can hold: quotes, line ends, spaces at its ends, any character but control characters. */
const words = fc
  .oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 40 }),
    fc.string({
      unit: fc.constantFrom("a", "é", "😀", '"', ",", "\n", "\r", " ", "\t", "\u0085", "\uFEFF"),
      maxLength: 12,
    }),
  )
  .filter((text) => text.trim() !== "" && !/[^\P{Cc}\t\n\r\u007F-\u009F]/u.test(text));

const instants = fc
  .date({ min: new Date("1000-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59.999Z"), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 23).replace("T", " "));

export const rows: fc.Arbitrary<Row> = fc.tuple(
  fc.integer({ min: 1, max: 2147483647 }),
  fc.integer(),
  fc
    .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : String(value))),
  fc.integer({ min: -999_999_999_999, max: 999_999_999_999 }).map((value) => (value / 1000).toFixed(3)),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  fc.constantFrom(0, 1),
  words,
  fc.option(words, { nil: null }),
  instants.map((text) => text.slice(0, 10)),
  instants,
  instants.map((text) => text.slice(0, 19)),
);

/** A row as the server sends it (MySQL protocol, Text Resultset Row), after the four bytes of its packet header. */
export function textOf(row: Row): Buffer {
  const parts = row.flatMap((value) => {
    if (value === null) return [Buffer.of(0xfb)];
    const text = Buffer.from(String(value));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    if (text.length < 0xfb) return [length.subarray(0, 1), text];
    return text.length < 65_536
      ? [Buffer.of(0xfc), length.subarray(0, 2), text]
      : [Buffer.of(0xfd), length.subarray(0, 3), text];
  });
  return Buffer.concat([Buffer.alloc(4), ...parts]);
}
