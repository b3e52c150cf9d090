import { afterAll, expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import { bigint, decimal, int, mysqlTable, varchar } from "drizzle-orm/mysql-core";
import { backup } from "../src/backups/backup.ts";
import { restore } from "../src/backups/restore.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { verify } from "../src/backups/verify.ts";
import { Dictionary } from "../src/codecs/dictionary.ts";
import type { Row, Table } from "../src/codecs/tables.ts";
import { listRows } from "../src/repositories/rows.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { notOnTidb } from "./support/missing.ts";
import { only } from "./support/things.ts";

const database = await freshDatabase();
const report = { say() {} };
// Muster adds gates for the tables of the schema only.
await database.pool.query("INSERT INTO muster_gates VALUES ('staff')");
afterAll(async () => {
  await database.close();
  await removeFolders();
});

const staff = (columns: object) =>
  only({ staff: mysqlTable("staff", { id: int("id").autoincrement().primaryKey(), ...columns } as never) });

const name = () => varchar("name", { length: 9 }).notNull();
const level = () => int("level").notNull();
const before = staff({ name: name(), level: level() });

/** Backs the old table up, changes it by SQL, then restores it into the new one. @returns the rows, or the error */
async function carried(change: string, now: Table): Promise<readonly Row[] | string> {
  const store = new DirectoryStore(await folderOf({}));
  await database.pool.query("DROP TABLE IF EXISTS staff");
  await database.pool.query(
    "CREATE TABLE staff (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(9) NOT NULL, level INT NOT NULL)",
  );
  await database.pool.query("INSERT INTO staff VALUES (1, 'Ana', 7), (2, 'Bo', -1)");
  await backup(database, store, { tables: [before], codec: "deflate", report });
  await database.pool.query("DELETE FROM staff");
  await database.pool.query(`ALTER TABLE staff ${change}`);
  const options = { tables: [now], backup: "latest", report };
  const dictionary = new Dictionary({ staff: now.source });
  const proven = await verify({ ...database, dictionary }, store, { id: "latest", report }).then(
    () => "proven",
    (error) => `${error.code}: ${error.message}`,
  );
  const failed = (error: { code: string; message: string }) => `${error.code}: ${error.message}`;
  const planned = await restore(database, store, { ...options, plan: true }).catch(failed);
  const restored = await restore(database, store, options).catch(failed);
  const rows = await listRows(database, now, { limit: 9 });
  if (typeof restored === "string") {
    expect([planned, proven, rows]).toEqual([restored, restored, []]);
    return restored;
  }
  expect(proven).toBe("proven");
  expect(planned).toMatchObject({ tables: { staff: { received: 2, inserted: 2 } } });
  return rows;
}

test.each<[string, string, Table, Row[]]>([
  [
    "was added with a default",
    "ADD grade INT NOT NULL DEFAULT 3",
    staff({ name: name(), level: level(), grade: int("grade").notNull().default(3) }),
    [
      [1, "Ana", 7, 3],
      [2, "Bo", -1, 3],
    ],
  ],
  [
    "was dropped",
    "DROP name",
    staff({ level: level() }),
    [
      [1, 7],
      [2, -1],
    ],
  ],
  [
    "was reordered",
    "MODIFY level INT NOT NULL AFTER id",
    staff({ level: level(), name: name() }),
    [
      [1, 7, "Ana"],
      [2, -1, "Bo"],
    ],
  ],
  [
    "was widened",
    "MODIFY level BIGINT NOT NULL",
    staff({ name: name(), level: bigint("level", { mode: "number" }).notNull() }),
    [
      [1, "Ana", 7],
      [2, "Bo", -1],
    ],
  ],
])("a backup made before a column %s can be restored", async (_, change, now, rows) => {
  expect(await carried(change, now)).toEqual(rows);
});

const computes = notOnTidb("it computes no such default");
test.skipIf(computes !== "")(
  `a column that was added with a default that the server computes gets that default${computes}`,
  async () => {
    const code = varchar("code", { length: 20 });
    const added = staff({
      name: name(),
      level: level(),
      year: int("year").notNull().default(sql`(40 + 2)`),
      code: code.default(sql`(concat('a', 'b'))`),
    });
    const change = "ADD year INT NOT NULL DEFAULT (40 + 2), ADD code VARCHAR(20) DEFAULT (concat('a', 'b'))";
    expect(await carried(change, added)).toEqual([
      [1, "Ana", 7, 42, "ab"],
      [2, "Bo", -1, 42, "ab"],
    ]);
  },
);

test("a backup that does not fit the changed table is refused with the field's name, by the plan too", async () => {
  const added = staff({ name: name(), level: level(), pay: decimal("pay", { precision: 6, scale: 2 }).notNull() });
  expect(await carried("ADD pay DECIMAL(6,2) NOT NULL", added)).toMatch(/^refused: .*pay: the backup does not have it/);
  const retyped = staff({ name: name(), level: varchar("level", { length: 9 }).notNull() });
  expect(await carried("MODIFY level VARCHAR(9) NOT NULL", retyped)).toMatch(/^refused: .*level: the backup has it as/);
  const shorter = staff({ name: varchar("name", { length: 2 }).notNull(), level: level() });
  expect(await carried("MODIFY name VARCHAR(2) NOT NULL", shorter)).toMatch(
    /^refused: .*record 1 of staff .*name takes 2/,
  );
});
