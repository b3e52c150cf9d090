/** Sakila, made by a plain SQL script, is adopted. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import type { Connection } from "mysql2/promise";
import { adoptIn, definitionsIn, madeBy } from "./support/adopted.ts";
import { run } from "./support/commands.ts";
import { dropDatabase, freshUrl } from "./support/database.ts";
import { removeFolders } from "./support/files.ts";
import { copyOfProject } from "./support/project.ts";

const url = freshUrl();
const elsewhere = freshUrl();
let connection: Connection;
let folder: string;
let before: Record<string, string>;

beforeAll(async () => {
  connection = await madeBy(url, await Bun.file(join(import.meta.dir, "support/sakila.sql")).text());
  folder = (await copyOfProject()).folder;
  before = await definitionsIn(connection);
});

afterAll(async () => {
  await connection.end();
  for (const each of [url, elsewhere]) await dropDatabase(each);
  await removeFolders();
});

test("a dry run names what is left out and why, and writes nothing", async () => {
  const schema = await Bun.file(join(folder, "src/db/schema.ts")).text();
  const { code, stdout, stderr } = await adoptIn(folder, url, "--dry-run");
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("customer_list: is a view, not a table");
  expect(stdout).toContain("address: address.location has the type geometry, which Muster does not move");
  expect(await Bun.file(join(folder, "src/db/schema.ts")).text()).toBe(schema);
});

test("without --yes and without a terminal it is refused", async () => {
  const { code, stderr } = await adoptIn(folder, url);
  expect([code, stderr]).toEqual([2, expect.stringContaining("give --yes to allow it")]);
});

test("adopt writes the schema and migrations, and changes no table of the user", async () => {
  const { code, stdout, stderr } = await adoptIn(folder, url, "--yes", "--json");
  expect([code, stderr]).toEqual([0, ""]);
  expect(JSON.parse(stdout)).toMatchObject({ status: "succeeded", tables: expect.arrayContaining(["film_text"]) });
  const after = await definitionsIn(connection);
  for (const [table, definition] of Object.entries(before)) expect(after[table]).toBe(definition);
  const [rows] = await connection.query("SELECT COUNT(*) AS applied FROM __muster_migrations");
  expect(rows).toEqual([{ applied: 2 }] as never);
});

test("the new schema needs no further migration", async () => {
  const generated = await run(["--bun", "x", "drizzle-kit", "generate"], { DATABASE_URL: url }, folder);
  expect(generated.stdout + generated.stderr).toContain("No schema changes");
});

test("in an empty database the migrations create the same tables", async () => {
  await run(["scripts/import.ts", "nothing"], { DATABASE_URL: elsewhere }, folder);
  const other = await madeBy(elsewhere, "");
  const made = await definitionsIn(other);
  await other.end();
  for (const [table, definition] of Object.entries(made)) {
    if (!/^(muster_|__)/.test(table)) expect(definition).toBe(before[table] ?? "");
  }
});
