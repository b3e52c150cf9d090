/** The service over a dictionary that is given to it, in this process: nothing reads the tables of src/db/schema.ts. */
import { afterAll, expect, test } from "bun:test";
import { int, mysqlTable, varchar } from "drizzle-orm/mysql-core";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { Dictionary } from "../src/codecs/dictionary.ts";
import type { MusterDatabase } from "../src/repositories/muster-database.ts";
import { appOver, posted } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { until } from "./support/observe.ts";

const plants = mysqlTable("plants", {
  id: int("id").autoincrement().primaryKey(),
  city: varchar("city", { length: 80 }).notNull(),
});
const machines = mysqlTable("machines", {
  number: int("number").autoincrement().primaryKey(),
  plant: int("plant")
    .notNull()
    .references(() => plants.id),
});
const dictionary = new Dictionary({ machines, plants });

const own = await freshDatabase();
const database: MusterDatabase = { ...own, dictionary };
const store = new DirectoryStore(await folderOf({}));
const app = appOver(database, { store });
afterAll(async () => {
  await own.close();
  await removeFolders();
});
for (const statement of [
  "CREATE TABLE plants (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, city VARCHAR(80) NOT NULL)",
  "CREATE TABLE machines (number INT NOT NULL AUTO_INCREMENT PRIMARY KEY, plant INT NOT NULL)",
  "ALTER TABLE machines ADD CONSTRAINT machines_plant_plants_id_fk FOREIGN KEY (plant) REFERENCES plants (id)",
  "INSERT INTO muster_gates VALUES ('plants'), ('machines')",
])
  await own.pool.query(statement);

const asked = async (path: string, init?: RequestInit) => (await app.request(path, init)).json();

test("rows of its tables are inserted, imported, listed, backed up and restored", async () => {
  const rows = { machines: [{ plant: 1 }, { plant: 2 }], plants: [{ id: 1, city: "Bogotá" }] };
  expect(await asked("/insert", posted(rows))).toMatchObject({ inserted: 2, rejected: 1 });
  const headers = { "Content-Type": "text/csv" };
  const imports = await app.request("/imports?table=machines", { method: "POST", headers, body: "8,1\n9,2\n" });
  expect(imports.status).toBe(202);
  const { id } = (await imports.json()) as { id: string };
  const run = await until(async () => {
    const found = (await asked(`/runs/${id}`)) as { finished_at: string | null };
    return found.finished_at !== null && found;
  });
  expect(run).toMatchObject({ status: "succeeded", counts: { machines: { inserted: 1, rejected: 1 } } });

  const backup = await app.request("/backup", posted({ table: ["plants", "machines"] }));
  expect(backup.status).toBe(201);
  await own.pool.query("DELETE FROM machines");
  const restored = await asked("/restore", posted({ table: ["machines"] }));
  expect(restored).toMatchObject({ tables: { machines: { received: 2, inserted: 2 } } });
  expect(await asked("/machines?plant=1")).toHaveLength(2);
});

test("the document and the page have its tables alone, and the schema's tables are not found", async () => {
  const { paths } = (await asked("/openapi.json")) as { paths: object };
  expect(Object.keys(paths)).toEqual(expect.arrayContaining(["/plants", "/machines"]));
  expect(Object.keys(paths).filter((path) => /hired|jobs|departments/.test(path))).toEqual([]);
  expect(await (await app.request("/")).text()).toContain('<a href="page/tables/plants">plants</a>');
  const { status } = await app.request("/jobs");
  expect([status, await asked("/jobs")]).toEqual([
    404,
    expect.objectContaining({ detail: 'there is no table "jobs": the tables are plants, machines' }),
  ]);
});

test("the examples of its document are taken, whatever the key is called", async () => {
  const { paths } = (await asked("/openapi.json")) as Document;
  const { examples } = paths["/machines"]?.post.requestBody.content["application/json"] ?? {};
  expect(Object.keys(examples ?? {})).toEqual(["row", "rows", "mixed", "bad"]);
  for (const { value, "x-status": status } of Object.values(examples ?? {}))
    expect((await app.request("/machines", posted(value))).status).toBe(status);
});

interface Document {
  paths: Record<string, { post: { requestBody: { content: Record<string, { examples: Examples }> } } }>;
}
type Examples = Record<string, { value: unknown; "x-status": number }>;
