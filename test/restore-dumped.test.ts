/** A table that mysqldump's file has made again: MySQL then writes its columns' collations into its definition. */
import { afterAll, expect, test } from "bun:test";
import { backup } from "../src/backups/backup.ts";
import { restore } from "../src/backups/restore.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { freshDatabase } from "./support/database.ts";
import { tableOf } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const database = await freshDatabase();
afterAll(async () => {
  await database.close();
  await removeFolders();
});
const tables = [tableOf("hired_employees")];
const run = (statement: string) => database.pool.query(statement);

test("a table whose column names the table's own collation is swapped in a restore, like any other", async () => {
  await run("INSERT INTO departments VALUES (1, 'Legal')");
  await run("INSERT INTO jobs VALUES (1, 'Clerk')");
  await run("INSERT INTO hired_employees VALUES (1, 'Ana', '2021-05-01 10:00:00', 1, 1)");
  const store = new DirectoryStore(await folderOf({}));
  await backup(database, store, { tables, codec: "deflate", report: { say: () => {} } });
  await run(
    "ALTER TABLE hired_employees MODIFY name varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL",
  );
  await run("DELETE FROM hired_employees");
  const said: string[] = [];
  await restore(database, store, { tables, backup: "latest", report: { say: (line) => said.push(line) } });
  expect((await run("SELECT name FROM hired_employees"))[0]).toEqual([{ name: "Ana" }] as never);
  expect(said.filter((line) => line.includes("row by row"))).toEqual([]);
});
