/** Values of an ENUM that other programs stored. */
import { afterAll, expect, test } from "bun:test";
import { int, mysqlEnum, mysqlTable } from "drizzle-orm/mysql-core";
import { backup } from "../src/backups/backup.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { listRows } from "../src/repositories/rows.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { only } from "./support/things.ts";

const moods = only({
  moods: mysqlTable("moods", {
    id: int("id").autoincrement().primaryKey(),
    mood: mysqlEnum("mood", ["good", "bad"]).notNull(),
  }),
});

const database = await freshDatabase();
afterAll(async () => {
  await database.close();
  await removeFolders();
});
await database.pool.query("CREATE TABLE moods (id INT AUTO_INCREMENT PRIMARY KEY, mood ENUM('good','bad') NOT NULL)");
await database.pool.query("INSERT INTO muster_gates VALUES ('moods')");

test("a backup names the ENUM if a row has none of its members", async () => {
  const connection = await database.pool.getConnection();
  await connection.query("SET SESSION sql_mode = ''");
  await connection.query("INSERT INTO moods VALUES (1, 'great')");
  connection.destroy();
  expect(await listRows(database, moods, { limit: 2 })).toEqual([[1, ""]]);
  const store = new DirectoryStore(await folderOf({}));
  const saving = backup(database, store, { tables: [moods], codec: "null", report: { say() {} } });
  await expect(saving).rejects.toThrow('mood: a row has "", which is no member of the ENUM: correct it first');
});
