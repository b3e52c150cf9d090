/** Imports that are killed while they fill tables that the server judges: each table is as it was, or has all its rows. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { DebugPoint } from "../src/debug-points.ts";
import { run, startStoppedAt } from "./support/commands.ts";
import { connect, dropDatabase, freshUrl } from "./support/database.ts";
import { removeFolders } from "./support/files.ts";
import { select } from "./support/observe.ts";
import { copyOfProject, type ProjectCopy } from "./support/project.ts";

const SCHEMA = `
import { type AnyMySqlColumn, int, mysqlTable, primaryKey, varchar } from "drizzle-orm/mysql-core";

export const people = mysqlTable("people", {
  login: varchar("login", { length: 20 }).primaryKey(),
  email: varchar("email", { length: 40 }).notNull().unique(),
  boss: varchar("boss", { length: 20 }).references((): AnyMySqlColumn => people.login),
});

export const seats = mysqlTable("seats", {
  login: varchar("login", { length: 20 }).notNull().references(() => people.login),
  seat: int("seat").notNull(),
}, (table) => [primaryKey({ columns: [table.login, table.seat] })]);
`;
const FILES = {
  "csv/people.csv": "ana,a,bo\nbo,b,ana\ncy,c,cy\ncy,c,cy\ndi,A,\ned,e,none\nflo,f\n",
  "csv/seats.csv": "ana,1\nbo,2\ncy,1\ncy,7\ndi,1\nANA,1\n",
};
const COUNTS = {
  people: { received: 7, rejected: 3 },
  seats: { received: 6, rejected: 2 },
};
const MOMENTS: DebugPoint[] = ["rows staged", "stage judged", "rows inserted", "run ended"];

const url = freshUrl();
const importing = ["scripts/import.ts", "csv", "--json"];
let project: ProjectCopy;
beforeAll(async () => {
  project = await copyOfProject(FILES, SCHEMA);
  await run(["--bun", "x", "drizzle-kit", "generate"], {}, project.folder);
});
afterAll(async () => {
  await dropDatabase(url);
  await removeFolders();
});

test("an import that is killed at any of its steps leaves whole tables, and the same command completes", async () => {
  const environment = { DATABASE_URL: url };
  await run([...importing, "--dry-run"], environment, project.folder);
  const database = await connect(url);
  const { pool } = database;
  const rows = async () => [
    (await select(pool, "SELECT login FROM people ORDER BY login")).map(({ login }) => login).join(),
    (await select(pool, "SELECT login, seat FROM seats ORDER BY login, seat")).length,
  ];
  for (const moment of MOMENTS) {
    await pool.query("DELETE FROM seats");
    await pool.query("UPDATE people SET boss = NULL");
    await pool.query("DELETE FROM people");
    await pool.query("DELETE FROM muster_rejections");
    const { command } = await startStoppedAt(moment, importing, environment, project.folder);
    command.kill("SIGKILL");
    await command.exited;
    expect([moment, ["", "ana,bo,cy"].includes(String((await rows())[0]))]).toEqual([moment, true]);
    const again = await run(importing, environment, project.folder);
    expect([moment, again.code]).toEqual([moment, 0]);
    expect(JSON.parse(again.stdout.trim().split("\n").at(-1) ?? "")).toMatchObject({ tables: COUNTS });
    expect([moment, await rows()]).toEqual([moment, ["ana,bo,cy", 4]]);
    const open = await select(pool, "SELECT id FROM muster_rejections WHERE state = 'open'");
    expect([moment, open.length]).toEqual([moment, 5]);
    expect(await select(pool, "SHOW TABLES LIKE 'stage%'")).toEqual([]);
  }
  await database.close();
});
