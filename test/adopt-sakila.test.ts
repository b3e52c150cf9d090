/** Sakila, made by a plain SQL script, is adopted, loaded, backed up and restored. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Connection } from "mysql2/promise";
import { adoptIn, definitionsIn, madeBy, runScript } from "./support/adopted.ts";
import { run, start } from "./support/commands.ts";
import { dropDatabase, freshUrl } from "./support/database.ts";
import { removeFolders } from "./support/files.ts";
import { copyOfProject } from "./support/project.ts";
import { FIRST_FILES, LAST_FILES, LEFT_OUT } from "./support/sakila-rows.ts";

const ADOPTED = `actor category city country customer film film_actor film_category film_text inventory language payment
  rental`.split(/\s+/);
const url = freshUrl();
const elsewhere = freshUrl();
let connection: Connection;
let folder: string;
let service: ReturnType<typeof start> | undefined;
let before: Record<string, string>;

beforeAll(async () => {
  const script = await Bun.file(join(import.meta.dir, "support/sakila.sql")).text();
  connection = await madeBy(url, script);
  folder = (await copyOfProject()).folder;
  before = await definitionsIn(connection);
});

afterAll(async () => {
  service?.kill();
  await connection.end();
  for (const each of [url, elsewhere]) await dropDatabase(each);
  await removeFolders();
});

test("adopt names what is left out and why, and changes no table", async () => {
  const { code, stdout, stderr } = await adoptIn(folder, url, "--yes", "--json");
  expect([code, stderr]).toEqual([0, ""]);
  const report = JSON.parse(stdout);
  const left = report.left_out.map(({ table, reasons }: { table: string; reasons: string[] }) => [
    table,
    reasons.join(),
  ]);
  expect(left).toEqual([
    ["address", expect.stringContaining("address.location has the type geometry, which Muster does not move")],
    ["customer_list", "is a view, not a table"],
    ["film_list", "is a view, not a table"],
    ["staff", expect.stringContaining("staff -> store -> staff")],
    ["store", expect.stringContaining("staff -> store -> staff")],
  ]);
  expect(report.tables.toSorted()).toEqual(ADOPTED);
  expect(report.undeclared_foreign_keys).toContainEqual({
    ...{ table: "customer", foreign_key: "fk_customer_address", reason: "refers to address, which is left out" },
  });
  const undeclared = report.undeclared_foreign_keys.map((each: { foreign_key: string }) => each.foreign_key);
  expect(undeclared.toSorted()).toEqual([
    ...["fk_customer_address", "fk_customer_store", "fk_inventory_store", "fk_payment_staff", "fk_rental_staff"],
  ]);
  expect(await definitionsIn(connection)).toMatchObject(before);
});

test("the new schema needs no migration, and the typed client is made of it", async () => {
  const generated = await run(["--bun", "x", "drizzle-kit", "generate"], { DATABASE_URL: url }, folder);
  expect(generated.stdout + generated.stderr).toContain("No schema changes");
  const client = await run(["node_modules/.bin/tsc", "-p", "tsconfig.client.json", "--outDir", "made"], {}, folder);
  expect([client.code, client.stdout]).toEqual([0, ""]);
});

test("files are imported into the adopted tables", async () => {
  await imported(FIRST_FILES);
  await runScript(connection, LEFT_OUT);
  await imported(LAST_FILES);
  const [rows] = await connection.query("SELECT COUNT(*) AS texts FROM film_text");
  expect(rows).toEqual([{ texts: 36 }] as never);
});

async function imported(files: Record<string, string>): Promise<void> {
  await rm(join(folder, "data"), { recursive: true, force: true });
  for (const [name, text] of Object.entries(files)) await Bun.write(join(folder, "data", name), text);
  const { stdout, stderr } = await muster("import", "data", "--json");
  const { status, tables, reasons } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}");
  expect([status, reasons, stderr.includes("rror")]).toEqual(["succeeded", [], false]);
  expect(Object.keys(tables).toSorted()).toEqual(
    Object.keys(files)
      .map((name) => name.replace(".csv", ""))
      .toSorted(),
  );
  for (const [table, counts] of Object.entries<{ received: number; inserted: number }>(tables)) {
    const lines = (files[`${table}.csv`] ?? "").trim().split("\n").length - 1;
    expect([table, counts.received, counts.inserted]).toEqual([table, lines, lines]);
  }
}

test("rows are inserted, rejected and read over HTTP", async () => {
  const started = start(["src/main.ts"], { DATABASE_URL: url, PORT: "0" }, folder);
  service = started;
  const address = await listening(started.stdout);
  const post = async (path: string, row: object) => {
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(address + path, { method: "POST", headers, body: JSON.stringify(row) });
    return { status: response.status, text: await response.text() };
  };
  expect((await post("/film_actor", { actor_id: 40, film_id: 1 })).status).toBe(201);
  expect((await post("/film_actor", { actor_id: 400, film_id: 1 })).text).toContain("unknown_reference");
  expect((await post("/city", { city: "Here", country_id: 3 })).status).toBe(201);
  const rental = { rental_date: "2026-01-11 10:00:01Z", inventory_id: 1, customer_id: 2, staff_id: 1 };
  expect((await post("/rental", rental)).text).toContain("duplicate_value");
  const orphan = await post("/rental", { ...rental, customer_id: 3, staff_id: 9 });
  expect(orphan.text).toContain("refused_by_database");
  expect((await fetch(`${address}/film_actor/40,1`)).status).toBe(200);
  expect(await (await fetch(`${address}/film/3`)).json()).toMatchObject({
    ...{ film_id: 3, title: "FILM 3", release_year: 1993, rental_rate: "2.99", rating: "R" },
    special_features: ["Trailers", "Deleted Scenes"],
  });
  started.kill("SIGTERM");
  expect(await started.exited).toBe(0);
});

test("a backup brings deleted and changed rows back, byte by byte", async () => {
  const rows = await rowsOf(connection, ADOPTED);
  expect(rows.payment).toHaveLength(50);
  const made = await muster("backup", "--json");
  expect([made.code, made.stderr]).toEqual([0, expect.any(String)]);
  await connection.query("DELETE FROM payment");
  await connection.query("DELETE FROM rental WHERE rental_id > 9");
  await connection.query("DELETE FROM film_actor WHERE actor_id < 20");
  await connection.query("DELETE FROM film_category");
  await connection.query("DELETE FROM inventory WHERE inventory_id > 9");
  await connection.query("DELETE FROM film WHERE film_id > 10 AND film_id NOT IN (SELECT film_id FROM film_actor)");
  await connection.query("UPDATE film_actor SET last_update = '2020-01-01 00:00:00'");
  await connection.query("UPDATE customer SET email = 'changed', last_update = NULL WHERE customer_id > 20");
  const restored = await muster("restore", ...ADOPTED, "--json");
  expect([restored.code, restored.stderr]).toEqual([0, expect.any(String)]);
  expect(await rowsOf(connection, ADOPTED)).toEqual(rows);
});

test("in an empty database the migrations create the same tables, and a backup is restored there", async () => {
  const there = { DATABASE_URL: elsewhere };
  const restored = await run(["scripts/restore.ts", ...ADOPTED, "--json"], there, folder);
  expect([restored.code, restored.stderr]).toEqual([0, expect.any(String)]);
  const other = await madeBy(elsewhere, "");
  expect(await rowsOf(other, ADOPTED)).toEqual(await rowsOf(connection, ADOPTED));
  await other.end();
});

const muster = (script: string, ...args: string[]) =>
  run([`scripts/${script}.ts`, ...args], { DATABASE_URL: url }, folder);

/** All rows of tables in the order of their keys, with each value as bytes. */
async function rowsOf(of: Connection, tables: readonly string[]): Promise<Record<string, unknown[]>> {
  const found: Record<string, unknown[]> = {};
  for (const table of tables) {
    const [columns] = await of.query(`SHOW COLUMNS FROM ${table}`);
    const bytes = (columns as { Field: string }[]).map(({ Field }) => `HEX(${Field}) AS ${Field}`);
    const [rows] = await of.query(
      `SELECT ${bytes.join(", ")} FROM ${table} ORDER BY ${table}.${(columns as { Field: string }[])[0]?.Field}, 2`,
    );
    found[table] = rows as unknown[];
  }
  return found;
}

/** The service's address, from the log line that says that it is up. The log stays open, so that the service can go on. */
async function listening(stdout: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stdout.getReader();
  let log = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    log += new TextDecoder().decode(read.value);
    const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(log) ?? [];
    if (address) return address;
  }
  throw new Error(`the service ended: ${log}`);
}
