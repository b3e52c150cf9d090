/** JSON, TIME, YEAR, and instants to the microsecond: the same value in JSON, CSV, Avro and on the server. */
import { afterAll, expect, test } from "bun:test";
import { datetime, int, json, mysqlTable, time, timestamp, year } from "drizzle-orm/mysql-core";
import fc from "fast-check";
import { backup } from "../src/backups/backup.ts";
import { restore } from "../src/backups/restore.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { verify } from "../src/backups/verify.ts";
import { Fault } from "../src/codecs/codec.ts";
import { csvCells, fromCsv } from "../src/codecs/csv.ts";
import { Dictionary } from "../src/codecs/dictionary.ts";
import { exampleRow } from "../src/codecs/example.ts";
import { fromJson, toJson } from "../src/codecs/json.ts";
import type { Row } from "../src/codecs/tables.ts";
import { bounded } from "../src/db/bounded.ts";
import { LoadBatch } from "../src/publish/load.ts";
import { insertRows } from "../src/repositories/inserts.ts";
import { listRows, listRowsAsJson } from "../src/repositories/rows.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { only } from "./support/things.ts";

const shifts = only({
  shifts: mysqlTable("shifts", {
    id: int("id").autoincrement().primaryKey(),
    micros: datetime("micros", { mode: "string", fsp: 6 }).notNull(),
    tenths: datetime("tenths", { mode: "string", fsp: 4 }),
    seen: timestamp("seen", { mode: "string", fsp: 6 }).notNull(),
    begins: time("begins").notNull(),
    lasts: time("lasts", { fsp: 6 }),
    built: year("built").notNull(),
    notes: json("notes"),
  }),
});

const database = await freshDatabase();
afterAll(async () => {
  await database.close();
  await removeFolders();
});
await database.pool.query(`CREATE TABLE shifts (id INT AUTO_INCREMENT PRIMARY KEY, micros DATETIME(6) NOT NULL,
  tenths DATETIME(4), seen TIMESTAMP(6) NOT NULL, begins TIME NOT NULL, lasts TIME(6), built YEAR NOT NULL, notes JSON)`);
await database.pool.query("INSERT INTO muster_gates VALUES ('shifts')");

const codecOf = (name: string) => {
  const column = shifts.columns.find((each) => each.name === name);
  if (!column) throw new Error(`there is no column ${name}`);
  return column.codec;
};

const digits = (count: number) =>
  fc.integer({ min: 0, max: 10 ** count - 1 }).map((value) => String(value).padStart(count, "0"));
const instants = (min: string, max: string, decimals: number) =>
  fc
    .tuple(fc.date({ min: new Date(min), max: new Date(max), noInvalidDate: true }), digits(decimals))
    .map(([date, fraction]) => `${date.toISOString().slice(0, 19).replace("T", " ")}.${fraction}`);
const times = (fraction: fc.Arbitrary<string>) =>
  fc
    .tuple(fc.integer({ min: -838 * 3600, max: 838 * 3600 }), fraction)
    .map(([second, decimals]) => {
      const all = Math.abs(second);
      const parts = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
      return `${second < 0 ? "-" : ""}${parts.map((part) => String(part).padStart(2, "0")).join(":")}${decimals}`;
    })
    .filter((text) => !text.startsWith("838:") && !text.startsWith("-838:"));

/** JSON text of any value but null and blank text, with numbers that a JSON body can hold. */
const jsonTexts = fc
  .oneof(
    fc.json({ maxDepth: 4, stringUnit: "binary" }),
    fc
      .array(
        fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.constantFrom(1e20, 5e-324, 0.1)),
        { maxLength: 5 },
      )
      .map((list) => JSON.stringify(list)),
  )
  .map((text) => codecOf("notes").fromCsv(text))
  .filter((value) => typeof value === "string")
  .map(String);
/** Those that a JSON body can hold: JSON.parse rounds larger numbers. */
const sendable = jsonTexts.filter((text) => !(codecOf("notes").fromJson(JSON.parse(text)) instanceof Fault));

const rowOf = (notes: fc.Arbitrary<string>): fc.Arbitrary<Row> =>
  fc.tuple(
    fc.integer({ min: 1, max: 1_000_000 }),
    instants("1000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 6),
    fc.option(instants("1000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 4), { nil: null }),
    instants("1970-01-01T00:00:01Z", "2038-01-19T03:14:07Z", 6),
    times(fc.constant("")),
    fc.option(
      times(digits(6).map((text) => `.${text}`)).filter((text) => !/^-[0:.]+$/.test(text)),
      { nil: null },
    ),
    fc.oneof(fc.constant(0), fc.integer({ min: 1901, max: 2155 })),
    fc.option(notes, { nil: null }),
  );
const contents = fc
  .uniqueArray(rowOf(jsonTexts), { selector: ([id]) => id, maxLength: 20 })
  .map((rows) => rows.sort((a, b) => Number(a[0]) - Number(b[0])));

test("any row is the same after JSON and after CSV", () => {
  fc.assert(
    fc.property(rowOf(sendable), (row) => {
      const sent = JSON.parse(JSON.stringify(toJson(shifts, row)));
      expect(fromJson(shifts, sent, { keyOptional: false })).toEqual({ values: row, reasons: [] });
      expect(fromCsv(shifts, csvCells(shifts, row), undefined)).toEqual({ values: row, reasons: [] });
    }),
    { numRuns: 300 },
  );
});

test("any rows are the same after INSERT or LOAD DATA, a backup, its check and a restore", async () => {
  const connection = await database.pool.getConnection();
  const report = { say() {} };
  const dictionary = new Dictionary({ shifts: shifts.source });
  await fc.assert(
    fc.asyncProperty(contents, fc.boolean(), async (rows, loads) => {
      await connection.query("DELETE FROM shifts");
      const batch = new LoadBatch();
      for (const row of rows) batch.add(row);
      if (!loads) await insertRows(connection, shifts, rows);
      else if (rows.length > 0) await batch.send(connection, shifts, "shifts");
      expect(await listRows(database, shifts, { limit: 100 })).toEqual(rows);
      const { json: listed } = await listRowsAsJson(bounded(database, 60_000), shifts, { limit: 100 });
      expect(JSON.parse(listed.toString())).toEqual(JSON.parse(JSON.stringify(rows.map((row) => toJson(shifts, row)))));
      const store = new DirectoryStore(await folderOf({}));
      const { manifest } = await backup(database, store, { tables: [shifts], codec: "null", report });
      expect(manifest.tables[0]).not.toHaveProperty("invalid_rows");
      await verify({ ...database, dictionary }, store, { id: manifest.id, report });
      await restore(database, store, { tables: [shifts], backup: manifest.id, report });
      expect(await listRows(database, shifts, { limit: 100 })).toEqual(rows);
      await connection.query("DELETE FROM shifts");
      await restore(database, store, { tables: [shifts], backup: manifest.id, report });
      expect(await listRows(database, shifts, { limit: 100 })).toEqual(rows);
    }),
    { numRuns: 8 },
  );
  connection.release();
});

const given = (name: string, value: unknown) => {
  const read = codecOf(name).fromJson(value);
  return read instanceof Fault ? `${read.code}: ${read.detail}` : read;
};
const cell = (name: string, value: string) => {
  const read = codecOf(name).fromCsv(value);
  return read instanceof Fault ? `${read.code}: ${read.detail}` : read;
};

test("values just outside a column's range are refused, and those at its ends are stored", async () => {
  expect(given("seen", "1970-01-01T00:00:00.999999Z")).toContain("out_of_range");
  expect(given("seen", "2038-01-19T03:14:08Z")).toContain("out_of_range");
  expect(given("micros", "2021-11-07T02:48:42.1234567Z")).toContain("keeps 6 decimals of a second");
  expect(given("begins", "08:30")).toBe('wrong_type: must be a time like 08:30:00, not "08:30"');
  expect(given("begins", "08:30:00.5")).toContain("keeps 0 decimals of a second");
  expect(given("begins", "08:60:00")).toContain("wrong_type");
  expect(given("begins", "839:00:00")).toContain("out_of_range");
  expect(given("lasts", "838:59:59.000001")).toContain("out_of_range");
  for (const other of [70, 99, 1, 1900, 2156]) expect(given("built", other)).toContain("must be a year from 1901");
  const ends: Row[] = [
    [1, "1000-01-01 00:00:00.000000", null, "1970-01-01 00:00:01.000000", "-838:59:59", "-838:59:59.000000", 0, null],
    [
      ...[2, "9999-12-31 23:59:59.999999", "9999-12-31 23:59:59.9999", "2038-01-19 03:14:07.999999", "838:59:59"],
      ...["838:59:59.000000", 2155, null],
    ],
  ];
  await database.pool.query("DELETE FROM shifts");
  const connection = await database.pool.getConnection();
  await insertRows(connection, shifts, ends);
  connection.release();
  expect(await listRows(database, shifts, { limit: 9 })).toEqual(ends);
});

test("JSON has one text: keys in order, no blanks, one form of each number", () => {
  expect(cell("notes", ' { "b" : 1.0, "a" : [1e2, -0, 0.10, "\\u00e9"] } ')).toBe('{"a":[100,0,0.1,"é"],"b":1}');
  expect(cell("notes", "[18446744073709551615,-9223372036854775808,1e20,1E400000]")).toContain("1E400000");
  expect(cell("notes", "[18446744073709551615,1e20]")).toBe("[18446744073709551615,100000000000000000000]");
  expect(given("notes", { b: "2", a: [true, null] })).toBe('{"a":[true,null],"b":"2"}');
  expect(given("notes", JSON.parse('{"__proto__":1}'))).toBe('{"__proto__":1}');
});

test("JSON that the server would change, or that could mean two things, is refused", () => {
  expect(cell("notes", '{"a":1,"a":1}')).toBe('wrong_type: has the key "a" twice in one object');
  expect(cell("notes", "0.12345678901234567890")).toContain("which the database would round");
  expect(cell("notes", "18446744073709551617")).toContain("which the database would round");
  expect(given("notes", [2 ** 53])).toContain("not exact in JSON");
  expect(cell("notes", "null")).toContain("must not be the JSON null");
  expect(given("notes", '{"a":1}')).toBe("wrong_type: is text that holds JSON: send the object or list itself");
  expect(cell("notes", '"\\ud800"')).toContain("invalid_text");
  for (const broken of ["{", "[1,]", "{a:1}", "01", "tru", '"a', '"\\x"', "[1] 2", "'a'", "\u00a01", '"\t"'])
    expect(cell("notes", broken)).toContain("must be JSON");
  for (const deep of ["[".repeat(500_000), `${"[".repeat(101)}1${"]".repeat(101)}`])
    expect(cell("notes", deep)).toBe("too_long: is nested deeper than 100 levels");
});

test("numbers past 2^53 in stored JSON keep their digits in answers and backups", async () => {
  await database.pool.query("DELETE FROM shifts");
  const row: Row = [...exampleRow(shifts, 1)];
  const notes = '{"a":[9007199254740993,18446744073709551615]}';
  const connection = await database.pool.getConnection();
  await insertRows(connection, shifts, [[...row.slice(0, -1), notes]]);
  connection.release();
  const { json: listed } = await listRowsAsJson(bounded(database, 60_000), shifts, { limit: 9 });
  expect(listed.toString()).toContain(notes);
  const [stored = []] = await listRows(database, shifts, { limit: 9 });
  expect(JSON.stringify(toJson(shifts, stored))).toContain(notes);
  const store = new DirectoryStore(await folderOf({}));
  const report = { say() {} };
  const { manifest } = await backup(database, store, { tables: [shifts], codec: "deflate", report });
  const dictionary = new Dictionary({ shifts: shifts.source });
  await verify({ ...database, dictionary }, store, { id: manifest.id, report });
});

test("JSON that another program stored in another spelling is read in its one form", async () => {
  await database.pool.query("DELETE FROM shifts");
  const spelled = '{"b":  1.0, "a": [1e2, "\\u00e9"]}';
  await database.pool.query(
    `INSERT INTO shifts VALUES (1, NOW(6), NULL, NOW(6), '01:00:00', NULL, 2024, ?), (2, NOW(6), NULL, NOW(6), '01:00:00',
      NULL, 2024, 'null')`,
    [spelled],
  );
  const one = '{"a":[100,"é"],"b":1}';
  const [first, second] = await listRows(database, shifts, { limit: 9 });
  expect([first?.at(-1), second?.at(-1)]).toEqual([one, "null"]);
  const { json: listed } = await listRowsAsJson(bounded(database, 60_000), shifts, { limit: 9 });
  expect(listed.toString()).toContain(`"notes":${one}`);
  const store = new DirectoryStore(await folderOf({}));
  const report = { say() {} };
  const { manifest } = await backup(database, store, { tables: [shifts], codec: "null", report });
  expect(manifest.tables[0]).not.toHaveProperty("invalid_rows");
  await database.pool.query("DELETE FROM shifts");
  await restore(database, store, { tables: [shifts], backup: manifest.id, report });
  expect((await listRows(database, shifts, { limit: 9 })).map((row) => row.at(-1))).toEqual([one, "null"]);
});

test("stored text that is no JSON, because a CHECK was dropped, is answered as text", () => {
  expect(codecOf("notes").toJson("{broken")).toBe("{broken");
  const out = Buffer.alloc(100);
  const end = codecOf("notes").copyJson?.(Buffer.from("{broken"), 0, 7, out, 0);
  expect(out.toString("utf8", 0, end)).toBe('"{broken"');
});

test("rows are found by values of every type, but JSON", async () => {
  await database.pool.query("DELETE FROM shifts");
  const row: Row = [
    1,
    "2300-01-01 00:00:00.000001",
    "2300-01-01 00:00:00.1000",
    "2030-01-01 00:00:00.000001",
    "-01:00:00",
    "00:00:00.100000",
    0,
    null,
  ];
  const connection = await database.pool.getConnection();
  await insertRows(connection, shifts, [row]);
  connection.release();
  for (const [index, column] of shifts.columns.entries()) {
    const equal = [{ column, value: row[index] ?? null }];
    expect([column.name, await listRows(database, shifts, { limit: 2, equal })]).toEqual([column.name, [row]]);
  }
});
