/** Restores that are killed while they write tables with foreign key checks off: the old rows stay, or the new are there. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import type { DebugPoint } from "../src/debug-points.ts";
import { run, start, startStoppedAt } from "./support/commands.ts";
import { connect, dropDatabase, freshUrl } from "./support/database.ts";
import { removeFolders } from "./support/files.ts";
import { hold, select, underWay } from "./support/observe.ts";
import { copyOfProject, type ProjectCopy } from "./support/project.ts";

const SCHEMA = `
import { type AnyMySqlColumn, int, mysqlTable, primaryKey, varchar } from "drizzle-orm/mysql-core";

export const people = mysqlTable("people", {
  login: varchar("login", { length: 20 }).primaryKey(),
  email: varchar("email", { length: 40 }).notNull().unique(),
  boss: varchar("boss", { length: 20 }).references((): AnyMySqlColumn => people.login),
});

export const seats = mysqlTable("seats", {
  login: varchar("login", { length: 20 }).notNull().references(() => people.login, { onDelete: "cascade" }),
  seat: int("seat").notNull(),
}, (table) => [primaryKey({ columns: [table.login, table.seat] })]);
`;
const FILES = {
  "csv/people.csv": "ana,a,bo\nbo,b,ana\ncy,c,cy\ndi,d,\n",
  "csv/seats.csv": "ana,1\nbo,2\ncy,1\ncy,7\n",
};
/** Rows swap their unique values, refer to others, change letters, go and come. */
const CHANGES = [
  "UPDATE people SET email = 'x' WHERE login = 'ana'",
  "UPDATE people SET email = 'a' WHERE login = 'bo'",
  "UPDATE people SET email = 'b' WHERE login = 'ana'",
  "UPDATE people SET boss = NULL",
  "DELETE FROM people WHERE login = 'cy'",
  "UPDATE people SET login = 'DI' WHERE login = 'di'",
  "INSERT INTO people VALUES ('ed', 'c', 'ana')",
  "INSERT INTO seats VALUES ('ed', 5)",
];
const MOMENTS: (DebugPoint | RegExp)[] = [
  "rows staged",
  "referrers checked",
  /`people`.*FOR UPDATE$/,
  "rows replaced",
  "run ended",
];

const url = freshUrl();
let project: ProjectCopy;
beforeAll(async () => {
  project = await copyOfProject(FILES, SCHEMA);
  await run(["--bun", "x", "drizzle-kit", "generate"], {}, project.folder);
  expect(await command("import", "csv")).toMatchObject({ code: 0 });
  expect(await command("backup")).toMatchObject({ code: 0 });
});
afterAll(async () => {
  await dropDatabase(url);
  await removeFolders();
});

const environment = () => ({ DATABASE_URL: url, BACKUP_STORE: join(project.folder, "backups") });
const command = (name: string, ...args: string[]) =>
  run([`scripts/${name}.ts`, ...args], environment(), project.folder);

test("a restore that is killed at any of its steps leaves the old rows or the new, and the next one completes", async () => {
  const database = await connect(url);
  const { pool } = database;
  const rows = async () =>
    JSON.stringify([
      await select(pool, "SELECT HEX(login), email, boss FROM people ORDER BY login"),
      await select(pool, "SELECT HEX(login), seat FROM seats ORDER BY login, seat"),
    ]);
  const whole = await rows();
  const restoring = ["scripts/restore.ts", "people", "seats"];
  const ends = new Set<string>();
  for (const moment of MOMENTS) {
    for (const change of CHANGES) await pool.query(change);
    const changed = await rows();
    if (moment instanceof RegExp) {
      const release = await hold(pool, "SELECT * FROM people WHERE login = 'bo' FOR UPDATE");
      const killed = start(restoring, environment(), project.folder);
      await underWay(database, moment);
      killed.kill("SIGKILL");
      await killed.exited;
      await release();
    } else {
      const { command: killed } = await startStoppedAt(moment, restoring, environment(), project.folder);
      killed.kill("SIGKILL");
      await killed.exited;
    }
    const left = await rows();
    expect([moment, [whole, changed].includes(left)]).toEqual([moment, true]);
    ends.add(left === whole ? "new" : "old");
    expect([moment, await command("restore", "people", "seats")]).toEqual([
      moment,
      expect.objectContaining({ code: 0 }),
    ]);
    expect([moment, await rows()]).toEqual([moment, whole]);
    expect(await select(pool, "SHOW TABLES LIKE 'stage%'")).toEqual([]);
  }
  expect(ends).toEqual(new Set(["old", "new"]));
  await database.close();
});
