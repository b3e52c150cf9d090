/** TIMESTAMP and YEAR: the same value in JSON, CSV, Avro and on the server. */
import { afterAll, expect, test } from "bun:test";
import { int, mysqlTable, timestamp, year } from "drizzle-orm/mysql-core";
import fc from "fast-check";
import { backup } from "../src/backups/backup.ts";
import { restore } from "../src/backups/restore.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { Fault } from "../src/codecs/codec.ts";
import { csvCells, fromCsv } from "../src/codecs/csv.ts";
import { fromJson, toJson } from "../src/codecs/json.ts";
import type { Row } from "../src/codecs/tables.ts";
import { LoadBatch } from "../src/publish/load.ts";
import { readingTable } from "../src/read/recipes/reading-table.ts";
import { insertRows } from "../src/repositories/inserts.ts";
import { listRows } from "../src/repositories/rows.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { only } from "./support/things.ts";

const visits = only({
  visits: mysqlTable("visits", {
    id: int("id").autoincrement().primaryKey(),
    at: timestamp("at", { mode: "string", fsp: 3 }).notNull(),
    second: timestamp("second", { mode: "string" }),
    made: year("made").notNull(),
  }),
});

const database = await freshDatabase();
afterAll(async () => {
  await database.close();
  await removeFolders();
});
await database.pool.query(`CREATE TABLE visits (id INT AUTO_INCREMENT PRIMARY KEY, at TIMESTAMP(3) NOT NULL DEFAULT NOW(3),
  second TIMESTAMP NULL, made YEAR NOT NULL)`);
await database.pool.query("INSERT INTO muster_gates VALUES ('visits')");

const LAST_MS = Date.parse("2038-01-19T03:14:07.499Z");
const stored = (length: number) =>
  fc.integer({ min: 1000, max: LAST_MS }).map((ms) => new Date(ms).toISOString().replace("T", " ").slice(0, length));
const contents = fc
  .uniqueArray(
    fc.tuple(
      ...[fc.integer({ min: 1, max: 1_000_000 }), stored(23), fc.option(stored(19), { nil: null })],
      fc.integer({ min: 1901, max: 2155 }),
    ) as fc.Arbitrary<Row>,
    { selector: ([id]) => id, maxLength: 20 },
  )
  .map((rows) => rows.sort((a, b) => Number(a[0]) - Number(b[0])));

test("any rows are the same after JSON, CSV, INSERT or LOAD DATA, a backup and a restore", async () => {
  const connection = await database.pool.getConnection();
  await fc.assert(
    fc.asyncProperty(contents, fc.boolean(), async (rows, loads) => {
      for (const row of rows) {
        const json = JSON.parse(JSON.stringify(toJson(visits, row)));
        expect(fromJson(visits, json, { keyOptional: false })).toEqual({ values: row, reasons: [] });
        expect(fromCsv(visits, csvCells(visits, row), undefined)).toEqual({ values: row, reasons: [] });
      }
      await connection.query("DELETE FROM visits");
      const batch = new LoadBatch();
      for (const row of rows) batch.add(row);
      if (!loads) await insertRows(connection, visits, rows);
      else if (rows.length > 0) await batch.send(connection, visits, "visits");
      expect(await listRows(database, visits, { limit: 100 })).toEqual(rows);
      const store = new DirectoryStore(await folderOf({}));
      const report = { say() {} };
      const { manifest } = await backup(database, store, { tables: [visits], codec: "null", report });
      await connection.query("DELETE FROM visits");
      await restore(database, store, { tables: [visits], backup: manifest.id, report });
      expect(await listRows(database, visits, { limit: 100 })).toEqual(rows);
    }),
    { numRuns: 12 },
  );
  connection.release();
});

test("an instant or a year that the column cannot hold is refused, also if a recipe reads it", () => {
  const [, at, , made] = visits.columns;
  const codeOf = (read: unknown) => (read instanceof Fault ? read.code : read);
  expect(codeOf(at?.codec.fromCsv("1970-01-01T00:00:00Z"))).toBe("out_of_range");
  expect(codeOf(at?.codec.fromJson("2038-01-19T03:14:08Z"))).toBe("out_of_range");
  expect(at?.codec.fromBytes?.(Buffer.from("2038-01-19T03:14:08.000Z"), 0, 24)).toBeUndefined();
  expect(at?.codec.fromCsv("2038-01-19T04:14:07+01:00")).toBe("2038-01-19 03:14:07.000");
  expect(codeOf(made?.codec.fromJson(70))).toBe("out_of_range");
  const local = readingTable(visits, { datetime: { formats: ["dd/MM/yyyy HH:mm"], zone: "UTC" } });
  expect(local.columns[1]?.codec.fromCsv("31/12/2037 23:59")).toBe("2037-12-31 23:59:00.000");
  expect(codeOf(local.columns[1]?.codec.fromCsv("31/12/2038 23:59"))).toBe("out_of_range");
});
