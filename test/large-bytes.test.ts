/** Blobs so large that the server cannot send them as base64. */
import { afterAll, expect, test } from "bun:test";
import { int, mysqlTable } from "drizzle-orm/mysql-core";
import type { RowDataPacket } from "mysql2/promise";
import { backup } from "../src/backups/backup.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { longblob } from "../src/db/more-types.ts";
import { listRows } from "../src/repositories/rows.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { only } from "./support/things.ts";

const photos = only({
  photos: mysqlTable("photos", { id: int("id").autoincrement().primaryKey(), image: longblob("image") }),
});

const database = await freshDatabase();
afterAll(async () => {
  await database.close();
  await removeFolders();
});
await database.pool.query("CREATE TABLE photos (id INT AUTO_INCREMENT PRIMARY KEY, image LONGBLOB)");
await database.pool.query("INSERT INTO muster_gates VALUES ('photos')");

test("a blob that is too large for the server's packets is never taken for null", async () => {
  const [[row]] = await database.pool.query<RowDataPacket[]>("SELECT @@max_allowed_packet AS bytes");
  const bytes = Math.floor(row?.bytes * 0.9);
  await database.pool.query("INSERT INTO photos VALUES (1, REPEAT('a', ?))", [bytes]);
  const store = new DirectoryStore(await folderOf({}));
  const saving = backup(database, store, { tables: [photos], codec: "null", report: { say() {} } });
  const message = `a value of ${bytes} bytes is too large for the server to send`;
  await expect(saving).rejects.toThrow(message);
  await expect(listRows(database, photos, { limit: 1 })).rejects.toThrow(message);
});
