/** Rows by request that leave values to the server: defaults that it computes, in a key too, and a counter within a key. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import { type AnyMySqlColumn, char, datetime, int, mysqlTable, primaryKey, varchar } from "drizzle-orm/mysql-core";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { Dictionary } from "../src/codecs/dictionary.ts";
import { appOver, posted } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const members = mysqlTable("members", {
  login: varchar("login", { length: 20 }).primaryKey(),
  joined: datetime("joined", { mode: "string", fsp: 3 }).notNull().default(sql`(now(3))`),
  code: char("code", { length: 36 }).default(sql`(uuid())`),
});
const nodes = mysqlTable("nodes", {
  id: char("id", { length: 36 }).notNull().primaryKey().default(sql`(uuid())`),
  above: char("above", { length: 36 }).references((): AnyMySqlColumn => nodes.id),
  label: varchar("label", { length: 20 }).notNull().unique(),
});
const seats = mysqlTable(
  "seats",
  {
    number: int("number").autoincrement().notNull(),
    hall: varchar("hall", { length: 20 }).notNull(),
    row: int("row"),
  },
  (table) => [primaryKey({ columns: [table.number, table.hall] })],
);
const dictionary = new Dictionary({ members, nodes, seats });
const own = await freshDatabase();
const { pool } = own;
const app = appOver({ ...own, dictionary }, { store: new DirectoryStore(await folderOf({})) });
for (const statement of [
  "CREATE TABLE members (login VARCHAR(20) PRIMARY KEY, joined DATETIME(3) NOT NULL DEFAULT (NOW(3)), code CHAR(36) DEFAULT (UUID()))",
  "CREATE TABLE nodes (id CHAR(36) PRIMARY KEY DEFAULT (UUID()), above CHAR(36), label VARCHAR(20) NOT NULL UNIQUE, CONSTRAINT nodes_above FOREIGN KEY (above) REFERENCES nodes (id))",
  "CREATE TABLE seats (number INT NOT NULL AUTO_INCREMENT, hall VARCHAR(20) NOT NULL, `row` INT, PRIMARY KEY (number, hall))",
  "INSERT INTO muster_gates VALUES ('members'), ('nodes'), ('seats')",
])
  await pool.query(statement);
beforeEach(async () => {
  await pool.query("UPDATE nodes SET above = NULL");
  for (const { name } of dictionary.tables) await pool.query(`DELETE FROM ${name}`);
});
afterAll(async () => {
  await own.close();
  await removeFolders();
});

interface Answer {
  status: number;
  rows: { status: string; key: Record<string, unknown>; reasons?: object[] }[];
}
const post = async (path: string, body: unknown): Promise<Answer> => {
  const answer = await app.request(path, posted(body));
  return { ...((await answer.json()) as Answer), status: answer.status };
};
const get = async (path: string) => (await app.request(path)).json();

test("columns that the server fills may be left out by some rows and given by others, and do not count as a change", async () => {
  const rows = [
    { login: "ana" },
    { login: "bo", joined: "2024-01-01T00:00:00Z" },
    { login: "cy", joined: null, code: "a" },
  ];
  expect(await post("/members", rows)).toMatchObject({ status: 201, inserted: 3 });
  expect(await get("/members")).toMatchObject([
    { login: "ana", joined: expect.stringMatching(/Z$/), code: expect.stringMatching(/^.{36}$/) },
    { login: "bo", joined: "2024-01-01T00:00:00Z" },
    { login: "cy", code: "a" },
  ]);
  expect(await post("/members", rows)).toMatchObject({ status: 200, unchanged: 3 });
  expect(await post("/members", { login: "bo", joined: "2024-01-02T00:00:00Z" })).toMatchObject({
    rows: [{ reasons: [{ code: "duplicate_id", field: "login" }] }],
  });
});

test("the server gives a counter within a key, and the answer has the whole key", async () => {
  const rows = [{ hall: "A" }, { number: 900, hall: "A" }, { hall: "B" }];
  const answer = await post("/seats", rows);
  expect(answer).toMatchObject({ status: 201, inserted: 3 });
  const stored = (await get("/seats")) as { number: number; hall: string }[];
  const keys = answer.rows.map(({ key }) => key);
  expect(keys).toEqual(expect.arrayContaining(stored.map(({ number, hall }) => ({ number, hall }))));
  expect(keys.map(({ hall }) => hall)).toEqual(["A", "A", "B"]);
  for (const { number, hall } of keys) expect(await get(`/seats/${number},${hall}`)).toMatchObject({ number, hall });
});

test("a row whose key the server computes is stored, and is rejected if its parent does not exist", async () => {
  const rows = [
    { above: "top", label: "a" },
    { id: "top", above: null, label: "b" },
    { above: "nowhere", label: "c" },
    { above: null, label: "C" },
    { above: "top", label: "A" },
  ];
  const { rows: verdicts } = await post("/nodes", rows);
  expect(verdicts.map(({ status }) => status)).toEqual(["inserted", "inserted", "rejected", "inserted", "rejected"]);
  expect(verdicts[2]?.reasons).toMatchObject([{ code: "unknown_reference", field: "above" }]);
  expect(verdicts[4]?.reasons).toMatchObject([{ code: "duplicate_value", field: "label" }]);
  const [orphans] = await pool.query(
    "SELECT c.id FROM nodes c LEFT JOIN nodes p ON p.id = c.above WHERE c.above IS NOT NULL AND p.id IS NULL",
  );
  expect(orphans).toEqual([]);
});
