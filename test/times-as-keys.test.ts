/** Tables with times in their keys, and JSON beside them: imported twice, listed page by page, restored. */
import { afterAll, expect, test } from "bun:test";
import { datetime, int, json, mysqlTable, primaryKey, time, timestamp, year } from "drizzle-orm/mysql-core";
import { backup } from "../src/backups/backup.ts";
import { restore } from "../src/backups/restore.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { Dictionary } from "../src/codecs/dictionary.ts";
import { keyIn } from "../src/codecs/key-text.ts";
import type { Counts } from "../src/db/ledger.ts";
import { importSource } from "../src/ingest/import.ts";
import { listRows } from "../src/repositories/rows.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const slots = mysqlTable(
  "slots",
  {
    year: year("year").notNull(),
    begins: time("begins", { fsp: 6 }).notNull(),
    seen: timestamp("seen", { mode: "string", fsp: 6 }).notNull(),
    local: datetime("local", { mode: "string", fsp: 6 }).notNull(),
    notes: json("notes"),
  },
  (table) => [primaryKey({ columns: [table.year, table.begins, table.seen, table.local] })],
);
const plans = mysqlTable("plans", { id: int("id").autoincrement().primaryKey(), notes: json("notes") });
const dictionary = new Dictionary({ slots, plans, zones: { "slots.local": "America/Bogota" } });
const fresh = await freshDatabase();
const database = { ...fresh, dictionary };
afterAll(async () => {
  await fresh.close();
  await removeFolders();
});
await fresh.pool.query(`CREATE TABLE slots (year YEAR NOT NULL, begins TIME(6) NOT NULL, seen TIMESTAMP(6) NOT NULL,
  local DATETIME(6) NOT NULL, notes JSON, PRIMARY KEY (year, begins, seen, local))`);
await fresh.pool.query("CREATE TABLE plans (id INT AUTO_INCREMENT PRIMARY KEY, notes JSON)");
await fresh.pool.query("INSERT INTO muster_gates VALUES ('slots'), ('plans')");

const SEEN = "2024-07-01T12:00:00.000001Z";
const NOTES = '"{""b"": [1.50, 1e2, 18446744073709551615], ""a"": ""\\\\t\\u00e9\\n""}"';
const SLOTS = [
  `0,-01:00:00.5,${SEEN},2024-07-01T12:00:00Z,`,
  `2024,08:30:00,${SEEN},2024-07-01T12:00:00Z,${NOTES}`,
  `2024,08:30:00,${SEEN},2024-07-01T12:00:00.000001Z,${NOTES}`,
  `2024,100:30:00,${SEEN},2024-07-01T12:00:00Z,"[]"`,
];
const FILES = {
  "slots.csv": `year,begins,seen,local,notes\n${SLOTS.join("\n")}\n`,
  "plans.csv": `id,notes\n1,${NOTES}\n2,1.0\n3,\n`,
};
const load = async () => {
  const { tables } = await importSource(database, { source: await folderOf(FILES), report: { say() {} } });
  return tables as Partial<Record<string, Counts>>;
};

test("rows with times as keys and JSON are known when they come again, and after a restore", async () => {
  const first = await load();
  expect([first.slots, first.plans]).toMatchObject([
    { received: 4, inserted: 4 },
    { received: 3, inserted: 3 },
  ]);
  const again = await load();
  expect([again.slots, again.plans]).toMatchObject([
    { received: 4, unchanged: 4 },
    { received: 3, unchanged: 3 },
  ]);
  const table = dictionary.of("slots");
  const rows = await listRows(database, table, { limit: 9 });
  expect(rows.map((row) => row[1])).toEqual([
    ...["-01:00:00.500000", "08:30:00.000000", "08:30:00.000000", "100:30:00.000000"],
  ]);
  for (const [index, row] of rows.entries())
    expect(await listRows(database, table, { limit: 9, after: keyIn(table, row) })).toEqual(rows.slice(index + 1));
  const report = { say() {} };
  const store = new DirectoryStore(await folderOf({}));
  const { manifest } = await backup(database, store, { tables: dictionary.tables, codec: "null", report });
  const { tables } = await restore(database, store, { tables: dictionary.tables, backup: manifest.id, report });
  const kept = tables as Partial<Record<string, Counts>>;
  expect([kept.slots, kept.plans]).toMatchObject([{ unchanged: 4 }, { unchanged: 3 }]);
  await fresh.pool.query("UPDATE slots SET notes = '{}' WHERE year = 2024");
  await fresh.pool.query("DELETE FROM plans");
  await restore(database, store, { tables: dictionary.tables, backup: manifest.id, report });
  expect(await listRows(database, table, { limit: 9 })).toEqual(rows);
});
