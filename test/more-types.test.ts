/** Integers of all sizes, FLOAT, BIT(1), CHAR, ENUM, SET and bytes: the same value in JSON, CSV, Avro and on the server. */
import { afterAll, expect, test } from "bun:test";
import {
  binary,
  char,
  float,
  int,
  mediumint,
  mysqlEnum,
  mysqlTable,
  smallint,
  tinyint,
  varbinary,
} from "drizzle-orm/mysql-core";
import fc from "fast-check";
import { backup } from "../src/backups/backup.ts";
import { restore } from "../src/backups/restore.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { Fault } from "../src/codecs/codec.ts";
import { csvCells, fromCsv } from "../src/codecs/csv.ts";
import { fromJson, toJson } from "../src/codecs/json.ts";
import type { Row } from "../src/codecs/tables.ts";
import { bounded } from "../src/db/bounded.ts";
import { bit, blob, set } from "../src/db/more-types.ts";
import { LoadBatch } from "../src/publish/load.ts";
import { insertRows } from "../src/repositories/inserts.ts";
import { listRows, listRowsAsJson } from "../src/repositories/rows.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { only } from "./support/things.ts";

const members = ["red", "PG-13", "it's"] as const;
const parts = only({
  parts: mysqlTable("parts", {
    id: int("id").autoincrement().primaryKey(),
    tiny: tinyint("tiny").notNull(),
    small: smallint("small", { unsigned: true }).notNull(),
    medium: mediumint("medium").notNull(),
    ratio: float("ratio").notNull(),
    open: bit("open").notNull(),
    code: char("code", { length: 5 }).notNull(),
    plain: mysqlEnum("plain", ["a", "b"]).notNull(),
    kind: mysqlEnum("kind", members).notNull(),
    tags: set("tags", { members }).notNull(),
    hash: binary("hash", { length: 16 }).notNull(),
    short: varbinary("short", { length: 4 }).notNull(),
    image: blob("image"),
  }),
});

const database = await freshDatabase();
afterAll(async () => {
  await database.close();
  await removeFolders();
});
await database.pool.query(`CREATE TABLE parts (id INT AUTO_INCREMENT PRIMARY KEY, tiny TINYINT NOT NULL,
  small SMALLINT UNSIGNED NOT NULL, medium MEDIUMINT NOT NULL, ratio FLOAT NOT NULL, open BIT(1) NOT NULL,
  code CHAR(5) NOT NULL, plain ENUM('a','b') NOT NULL, kind ENUM('red','PG-13','it''s') NOT NULL,
  tags SET('red','PG-13','it''s') NOT NULL, hash BINARY(16) NOT NULL, short VARBINARY(4) NOT NULL, image BLOB)`);
await database.pool.query("INSERT INTO muster_gates VALUES ('parts')");

const base64 = (lengths: { minLength: number; maxLength: number }) =>
  fc.uint8Array(lengths).map((bytes) => Buffer.from(bytes).toString("base64"));
const floats = fc
  .float({ noNaN: true, noDefaultInfinity: true })
  .map((value) => parts.columns[4]?.codec.fromSql(value) ?? 0);
const anyRow: fc.Arbitrary<Row> = fc.tuple(
  fc.integer({ min: 1, max: 1_000_000 }),
  fc.integer({ min: -128, max: 127 }),
  fc.integer({ min: 0, max: 65_535 }),
  fc.integer({ min: -8_388_608, max: 8_388_607 }),
  floats,
  fc.constantFrom(0, 1),
  fc
    .array(fc.constantFrom("a", "Z", "é", "😀", ","), { minLength: 1, maxLength: 5 })
    .map((letters) => letters.join("")),
  fc.constantFrom("a", "b"),
  fc.constantFrom(...members),
  fc.subarray([...members]).map((some) => some.join(",")),
  base64({ minLength: 16, maxLength: 16 }),
  base64({ minLength: 1, maxLength: 4 }),
  fc.option(base64({ minLength: 1, maxLength: 300 }), { nil: null }),
);
const contents = fc
  .uniqueArray(anyRow, { selector: ([id]) => id, maxLength: 20 })
  .map((rows) => rows.sort((a, b) => Number(a[0]) - Number(b[0])));

test("any row is the same after JSON and after CSV", () => {
  fc.assert(
    fc.property(anyRow, (row) => {
      const json = JSON.parse(JSON.stringify(toJson(parts, row)));
      expect(fromJson(parts, json, { keyOptional: false })).toEqual({ values: row, reasons: [] });
      expect(fromCsv(parts, csvCells(parts, row), undefined)).toEqual({ values: row, reasons: [] });
    }),
    { numRuns: 300 },
  );
});

test("any rows are the same after INSERT or LOAD DATA, a backup and a restore", async () => {
  const connection = await database.pool.getConnection();
  await fc.assert(
    fc.asyncProperty(contents, fc.boolean(), async (rows, loads) => {
      await connection.query("DELETE FROM parts");
      const batch = new LoadBatch();
      for (const row of rows) batch.add(row);
      if (!loads) await insertRows(connection, parts, rows);
      else if (rows.length > 0) await batch.send(connection, parts, "parts");
      expect(await listRows(database, parts, { limit: 100 })).toEqual(rows);
      const { json } = await listRowsAsJson(bounded(database, 60_000), parts, { limit: 100 });
      expect(JSON.parse(json.toString())).toEqual(rows.map((row) => toJson(parts, row)));
      const store = new DirectoryStore(await folderOf({}));
      const report = { say() {} };
      const { manifest } = await backup(database, store, { tables: [parts], codec: "null", report });
      expect(manifest.tables[0]).not.toHaveProperty("invalid_rows");
      await connection.query("DELETE FROM parts");
      await restore(database, store, { tables: [parts], backup: manifest.id, report });
      expect(await listRows(database, parts, { limit: 100 })).toEqual(rows);
    }),
    { numRuns: 12 },
  );
  connection.release();
});

test("rows are found by values of every type", async () => {
  const connection = await database.pool.getConnection();
  await connection.query("DELETE FROM parts");
  const row: Row = [
    5,
    -1,
    1,
    1,
    0.1,
    1,
    "x",
    "a",
    "it's",
    "red,it's",
    Buffer.alloc(16, 1).toString("base64"),
    "AAE=",
    "/w==",
  ];
  await insertRows(connection, parts, [row]);
  connection.release();
  for (const [index, column] of parts.columns.entries()) {
    const equal = [{ column, value: row[index] ?? null }];
    expect([column.name, await listRows(database, parts, { limit: 2, equal })]).toEqual([column.name, [row]]);
  }
});

const given = (name: string, value: unknown) => {
  const read = parts.columns.find((column) => column.name === name)?.codec.fromJson(value);
  return read instanceof Fault ? `${read.code}: ${read.detail}` : read;
};

test("a value that the server would change is refused", () => {
  expect(given("tiny", 128)).toContain("out_of_range");
  expect(given("small", -1)).toContain("out_of_range");
  expect(given("ratio", 16_777_217)).toBe("wrong_type: holds 32 bits, and would change 16777217 to 16777216");
  expect(given("ratio", 1e39)).toContain("out_of_range");
  expect(given("code", "abcdef")).toContain("too_long");
  expect(given("plain", "A")).toContain("wrong_type");
  expect(given("tags", ["red", "red"])).toContain("must have each member once");
  expect(given("tags", ["blue"])).toContain("wrong_type");
  expect(given("hash", "AAAA")).toBe("wrong_type: takes exactly 16 bytes, and has 3");
  expect(given("short", "AAAAAAA=")).toBe("too_long: takes 4 bytes, and has 5");
  expect(given("short", "AAE")).toContain("must be base64 with its padding");
});

test("an enum or a set with a backslash in a member is refused with its column", () => {
  const members = ["a\\b", "c"] as const;
  for (const kind of [mysqlEnum("kind", members), set("kind", { members })]) {
    const notes = mysqlTable("notes", { id: int("id").autoincrement().primaryKey(), kind });
    expect(() => only({ notes })).toThrow("notes.kind has the type");
  }
});

test("a value of a set may come in any order, and blanks at the end of a CHAR do not count", () => {
  expect(given("tags", ["it's", "red"])).toBe("red,it's");
  expect(given("code", "ab   ")).toBe("ab");
});
