/** Columns that the server generates: rows may come with them, as they were exported, and they are not read. */
import { expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import { int, mysqlTable, varchar } from "drizzle-orm/mysql-core";
import { fromJson } from "../src/codecs/json.ts";
import { csvRows } from "../src/read/csv/csv-rows.ts";
import { only } from "./support/things.ts";

const people = only({
  people: mysqlTable("people", {
    id: int("id").autoincrement().primaryKey(),
    full: varchar("full", { length: 90 }).generatedAlwaysAs(sql`concat(first, ' ', last)`),
    first: varchar("first", { length: 40 }).notNull(),
    last: varchar("last", { length: 40 }).notNull(),
  }),
});

async function rowsOf(text: string) {
  async function* chunks() {
    yield Buffer.from(text);
  }
  const rows = [];
  for await (const batch of csvRows(people, chunks(), "people.csv")) rows.push(...batch);
  return rows.map(({ values, reasons }) => ({ values, reasons }));
}

test("a file that was exported with a generated column can be read again", async () => {
  const read = await rowsOf("id,full,first,last\n1,Ana Gil,Ana,Gil\n");
  expect(read).toEqual([{ values: [1, "Ana", "Gil"], reasons: [] }]);
});

test("a file without a header has the columns that are written", async () => {
  expect(await rowsOf("1,Ana,Gil\n")).toEqual([{ values: [1, "Ana", "Gil"], reasons: [] }]);
});

test("a row of JSON may have the generated column, and no other field that is not a column", () => {
  const row = { id: 1, full: "Ana Gil", first: "Ana", last: "Gil" };
  expect(fromJson(people, row, { keyOptional: false })).toEqual({ values: [1, "Ana", "Gil"], reasons: [] });
  expect(fromJson(people, { ...row, middle: "M" }, { keyOptional: false }).reasons).toMatchObject([
    { code: "unknown_field", field: "middle" },
  ]);
});
