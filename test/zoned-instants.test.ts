/** Columns of datetime that hold the local time of a zone: instants in JSON and CSV, the zone's clocks in SQL and Avro. */
import { afterAll, expect, test } from "bun:test";
import { datetime, int, mysqlTable, timestamp } from "drizzle-orm/mysql-core";
import fc from "fast-check";
import { backup } from "../src/backups/backup.ts";
import { restore } from "../src/backups/restore.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { avroSchema } from "../src/codecs/avro.ts";
import { Fault } from "../src/codecs/codec.ts";
import { csvCells, fromCsv } from "../src/codecs/csv.ts";
import { buildTables } from "../src/codecs/dictionary.ts";
import { fromJson, toJson } from "../src/codecs/json.ts";
import type { Row } from "../src/codecs/tables.ts";
import { readingTable } from "../src/read/recipes/reading-table.ts";
import { insertRows } from "../src/repositories/inserts.ts";
import { listRows } from "../src/repositories/rows.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { only } from "./support/things.ts";

const source = mysqlTable("orders", {
  id: int("id").autoincrement().primaryKey(),
  bogota: datetime("bogota", { mode: "string" }).notNull(),
  york: datetime("york", { mode: "string", fsp: 6 }).notNull(),
  east: datetime("east", { mode: "string", fsp: 3 }).notNull(),
  seen: timestamp("seen"),
});
const zones = {
  "orders.bogota": "America/Bogota",
  "orders.york": "America/New_York",
  "orders.east": "+05:30",
};
const orders = only({ orders: source, zones });

const database = await freshDatabase();
afterAll(async () => {
  await database.close();
  await removeFolders();
});
await database.pool.query(`CREATE TABLE orders (id INT AUTO_INCREMENT PRIMARY KEY, bogota DATETIME NOT NULL,
  york DATETIME(6) NOT NULL, east DATETIME(3) NOT NULL, seen TIMESTAMP NULL)`);
await database.pool.query("INSERT INTO muster_gates VALUES ('orders')");

const [, , york] = orders.columns;
const stored = (text: string) => {
  const read = york?.codec.fromCsv(text);
  return read instanceof Fault ? `${read.code}: ${read.detail}` : read;
};
const shown = (local: string) => york?.codec.toJson(`${local}.000000`);

test("an instant is stored as the clocks of the zone show it, and read back as the same instant", () => {
  expect(stored("2024-07-01T12:00:00.000001Z")).toBe("2024-07-01 08:00:00.000001");
  expect(stored("2024-12-01T12:00:00Z")).toBe("2024-12-01 07:00:00.000000");
  expect(shown("2024-12-01 07:00:00")).toBe("2024-12-01T12:00:00Z");
  const instants = fc.date({ min: new Date("1001-01-01"), max: new Date("9998-12-31"), noInvalidDate: true });
  fc.assert(
    fc.property(
      fc.oneof(instants, fc.date({ min: new Date("1900-01-01"), max: new Date("2040-01-01"), noInvalidDate: true })),
      (date) => {
        const local = york?.codec.fromJson(date.toISOString());
        if (local instanceof Fault) return expect(local.detail).toContain("show twice");
        expect(Date.parse(String(york?.codec.toJson(local ?? null)))).toBe(date.getTime());
        expect(york?.codec.fromSql(String(local))).toBe(local ?? null);
      },
    ),
    { numRuns: 2_000 },
  );
});

test("an instant that the clocks show twice is refused, and one in the hour before or after is not", () => {
  // On 3 November 2024 at 6:00 UTC the clocks of New York went from 2:00 back to 1:00.
  expect(stored("2024-11-03T05:30:00Z")).toContain(
    "2024-11-03 01:30:00, which the clocks of America/New_York show twice",
  );
  expect(stored("2024-11-03T06:30:00Z")).toContain("invalid_datetime");
  expect(stored("2024-11-03T04:59:59Z")).toBe("2024-11-03 00:59:59.000000");
  expect(stored("2024-11-03T07:00:00Z")).toBe("2024-11-03 02:00:00.000000");
});

test("a stored time that the clocks show twice is read as the first one, and one that they skip is counted on", () => {
  expect(shown("2024-11-03 01:30:00")).toBe("2024-11-03T05:30:00Z");
  expect(shown("2024-03-10 02:30:00")).toBe("2024-03-10T07:30:00Z");
  expect(shown("9999-12-31 23:59:59")).toBe("+010000-01-01T04:59:59.000Z");
  expect(shown("0000-00-00 00:00:00")).toBe("0000-00-00T00:00:00Z");
});

const local = (decimals: number) =>
  fc.date({ min: new Date("1000-01-02"), max: new Date("9999-12-30"), noInvalidDate: true }).map((date) => {
    const text = date.toISOString().slice(0, 23).replace("T", " ");
    return decimals === 0 ? text.slice(0, 19) : text.padEnd(20 + decimals, "1");
  });
const contents = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 99_999 }), local(0), local(6), local(3), fc.constant(null)), {
    selector: ([id]) => id,
    maxLength: 10,
  })
  .map((rows): Row[] => rows.sort(([a], [b]) => a - b));

test("any local times are the same after a backup and a restore, also those that exist twice or never", async () => {
  const types = avroSchema(orders).fields.map(({ type }) => type);
  expect(types.slice(1, 3)).toEqual([
    { type: "long", logicalType: "local-timestamp-millis" },
    { type: "long", logicalType: "local-timestamp-micros" },
  ]);
  const connection = await database.pool.getConnection();
  const report = { say() {} };
  const odd: Row = [100_000, "2024-11-03 01:30:00", "2024-11-03 01:30:00.000001", "2024-03-10 02:30:00.000", null];
  await fc.assert(
    fc.asyncProperty(contents, async (some) => {
      const rows = [...some, odd];
      await connection.query("DELETE FROM orders");
      await insertRows(connection, orders, rows);
      const store = new DirectoryStore(await folderOf({}));
      const { manifest } = await backup(database, store, { tables: [orders], codec: "null", report });
      expect(manifest.tables[0]).not.toHaveProperty("invalid_rows");
      await connection.query("DELETE FROM orders");
      await restore(database, store, { tables: [orders], backup: manifest.id, report });
      expect(await listRows(database, orders, { limit: 100 })).toEqual(rows);
    }),
    { numRuns: 6 },
  );
  connection.release();
});

test("a row is the same after JSON and after CSV", () => {
  const row: Row = [
    1,
    "2024-07-01 08:00:00",
    "2024-07-01 08:00:00.000001",
    "2024-07-01 08:00:00.120",
    "2024-07-01 08:00:00",
  ];
  expect(toJson(orders, row)).toEqual({
    ...{ id: 1, bogota: "2024-07-01T13:00:00Z", york: "2024-07-01T12:00:00.000001Z", east: "2024-07-01T02:30:00.120Z" },
    seen: "2024-07-01T08:00:00Z",
  });
  expect(fromJson(orders, toJson(orders, row), { keyOptional: false })).toEqual({ values: row, reasons: [] });
  expect(fromCsv(orders, csvCells(orders, row), undefined)).toEqual({ values: row, reasons: [] });
});

test("a recipe's dates are instants, too", () => {
  const [, bogota] = readingTable(orders, {
    datetime: { formats: ["dd/MM/yyyy HH:mm"], zone: "Europe/Madrid" },
  }).columns;
  expect(bogota?.codec.fromCsv("01/07/2024 14:00")).toBe("2024-07-01 07:00:00");
  expect(bogota?.codec.fromCsv("2024-07-01T12:00:00Z")).toBe("2024-07-01 07:00:00");
});

test("a zone of no column, of another type, or that does not exist is refused", () => {
  const refused = (given: Record<string, string>) => () => buildTables({ orders: source, zones: given });
  expect(refused({ "orders.begot": "UTC" })).toThrow("orders.begot has a zone in zones, and is no column");
  expect(refused({ "orders.seen": "UTC" })).toThrow("orders.seen has a zone in zones, and is not a datetime");
  expect(refused({ "orders.york": "Mars/Olympus" })).toThrow('has the zone "Mars/Olympus", which does not exist');
});
