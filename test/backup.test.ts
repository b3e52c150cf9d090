import { afterAll, beforeEach, expect, setSystemTime, test } from "bun:test";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { RowDataPacket } from "mysql2/promise";
import { backup } from "../src/backups/backup.ts";
import { keepNewest, proofOf } from "../src/backups/catalog.ts";
import type { Manifest } from "../src/backups/manifest.ts";
import { restore } from "../src/backups/restore.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { verify } from "../src/backups/verify.ts";
import type { TableName } from "../src/codecs/tables.ts";
import { importSource } from "../src/ingest/import.ts";
import { findRun, listRuns } from "../src/repositories/run-log.ts";
import { freshDatabase } from "./support/database.ts";
import { SAMPLE_TABLES, sampleTables, tableOf, tables } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { notOnTidb } from "./support/missing.ts";

const database = await freshDatabase();
afterAll(async () => {
  await database.close();
  await removeFolders();
});

let folder = "";
let store = new DirectoryStore("");
const report = { say() {} };
beforeEach(async () => {
  await database.empty();
  await database.pool.query("INSERT INTO departments VALUES (1, 'Sales'), (2, 'Legal')");
  await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk'), (2, 'Judge')");
  await database.pool.query(
    `INSERT INTO hired_employees VALUES (1, 'Ana', '2021-05-01 10:00:00.5', 1, 2), (2, 'Bo', '2021-06-01 10:00:00', 2, 1),
     (3, 'Zoë 😀', '9999-12-31 23:59:59.999', 1, 1)`,
  );
  folder = await folderOf({});
  store = new DirectoryStore(folder);
});

const make = async (names: readonly TableName[] = SAMPLE_TABLES) =>
  (await backup(database, store, { tables: names.map(tableOf), codec: "deflate", report })).manifest;
const bring = (names: TableName[], options: { backup?: string; plan?: boolean } = {}) =>
  restore(database, store, { backup: "latest", ...options, tables: names.map(tableOf), report });

async function contentOf(table: string): Promise<unknown[][]> {
  const sql = `SELECT * FROM ${table} ORDER BY id`;
  const [rows] = await database.pool.query<RowDataPacket[][]>({ sql, rowsAsArray: true });
  return rows as unknown[][];
}

/** All that a refused restore must leave unchanged. */
const everything = () => Promise.all(["departments", "jobs", "hired_employees"].map(contentOf));

const change = (...statements: string[]) =>
  statements.reduce(async (before, statement) => {
    await before;
    await database.pool.query(statement);
  }, Promise.resolve());

test("a backup has a file for each table, and a manifest entry that describes it", async () => {
  const manifest = await make();
  expect((await readdir(join(folder, manifest.id))).sort()).toEqual([
    "departments.avro",
    "hired_employees.avro",
    "jobs.avro",
    "manifest.json",
  ]);
  expect(await store.ids()).toEqual([manifest.id]);
  const entry = manifest.tables.find(({ table }) => table === "hired_employees");
  const bytes = await Bun.file(join(folder, manifest.id, "hired_employees.avro")).bytes();
  expect(entry).toMatchObject({ file: "hired_employees.avro", rows: 3, bytes: bytes.length });
  expect(entry?.sha256).toBe(new Bun.CryptoHasher("sha256").update(bytes).digest("hex"));
  expect(manifest.server).toMatch(/^\d+\.\d+/);
  const [run] = await listRuns(database.db, { limit: 1 });
  expect(run).toMatchObject({ kind: "backup", status: "succeeded", counts: { jobs: { received: 2 } } });
});

test("a restore undoes additions, changes and deletions byte by byte, and its run counts them", async () => {
  await make();
  const before = await everything();
  await change(
    "DELETE FROM hired_employees WHERE id = 1",
    "UPDATE hired_employees SET name = 'BO' WHERE id = 2",
    "INSERT INTO hired_employees VALUES (9, 'New', '2021-01-01 00:00:00', 1, 1), (10, 'Newer', '2021-01-01', 1, 1)",
  );
  const { tables: counts, run } = await bring(["hired_employees"]);
  expect(counts.hired_employees).toEqual({ received: 3, inserted: 1, updated: 1, unchanged: 1, deleted: 2 });
  expect(await everything()).toEqual(before);
  expect(await findRun(database.db, run)).toMatchObject({ kind: "restore", status: "succeeded", counts });
});

test("a restore of a parent table keeps the rows that refer to it, and does not disturb readers", async () => {
  await make();
  const before = await everything();
  await change("UPDATE departments SET department = 'sales' WHERE id = 1", "INSERT INTO departments VALUES (3, 'x')");
  const { tables: counts } = await bring(["departments"]);
  expect(counts.departments).toEqual({ received: 2, inserted: 0, updated: 1, unchanged: 1, deleted: 1 });
  expect(await everything()).toEqual(before);
});

test("a restore of several tables brings back a child with its deleted parent, and a child that has moved to another parent", async () => {
  await make();
  const before = await everything();
  await change(
    "INSERT INTO departments VALUES (7, 'Later')",
    "UPDATE hired_employees SET department_id = 7",
    "DELETE FROM departments WHERE id IN (1, 2)",
  );
  await bring(["hired_employees", "departments"]);
  expect(await everything()).toEqual(before);
});

test("a restore that would take the parent from rows of another table is refused with their number and ids", async () => {
  await make();
  await change(
    "INSERT INTO departments VALUES (7, 'Later')",
    "UPDATE hired_employees SET department_id = 7 WHERE id > 1",
  );
  const before = await everything();
  const refusal = bring(["departments"]);
  await expect(refusal).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringMatching(/rows of hired_employees: 2 would .*2, 3.*7/),
  });
  expect(await everything()).toEqual(before);
  expect((await listRuns(database.db, { limit: 1 }))[0]).toMatchObject({ kind: "restore", status: "refused" });
});

test("a restore of rows whose parent is gone is refused, unless the parent is restored with them", async () => {
  await make();
  await change("DELETE FROM hired_employees", "DELETE FROM departments WHERE id = 2");
  const before = await everything();
  await expect(bring(["hired_employees"])).rejects.toMatchObject({ code: "conflict" });
  await expect(bring(["hired_employees"], { plan: true })).rejects.toMatchObject({ code: "conflict" });
  expect(await everything()).toEqual(before);
  await bring(["hired_employees", "departments"]);
  expect((await contentOf("hired_employees")).length).toBe(3);
});

test("a plan says what would change and changes nothing", async () => {
  await make();
  await change("DELETE FROM hired_employees WHERE id = 1", "UPDATE hired_employees SET name = 'BO' WHERE id = 2");
  const before = await everything();
  const plan = await bring(["hired_employees"], { plan: true });
  expect(plan.tables.hired_employees).toEqual({ received: 3, inserted: 1, updated: 1, unchanged: 1, deleted: 0 });
  expect(await everything()).toEqual(before);
  expect((await bring(["hired_employees"])).tables).toEqual(plan.tables);
});

const countsOn = notOnTidb("it counts on in steps of 30,000");
test.skipIf(countsOn !== "")(`a restore brings AUTO_INCREMENT back, and never lowers it${countsOn}`, async () => {
  await change("INSERT INTO jobs VALUES (500, 'x')", "DELETE FROM jobs WHERE id = 500");
  await make(["jobs"]);
  const insertId = async () =>
    (await database.pool.query("INSERT INTO jobs (job) VALUES ('y')"))[0] as unknown as { insertId: number };
  const next = (await insertId()).insertId;
  expect(next).toBeGreaterThan(500);
  await bring(["jobs"]);
  expect((await insertId()).insertId).toBeGreaterThan(next);
  const elsewhere = await freshDatabase();
  await restore(elsewhere, store, { backup: "latest", tables: [tableOf("jobs")], report });
  const [{ insertId: first }] = (await elsewhere.pool.query("INSERT INTO jobs (job) VALUES ('z')")) as never as [
    { insertId: number },
  ];
  expect(first).toBe(501);
  await elsewhere.close();
});

test("`latest` is the newest backup that has the tables; an older one is restored by its id", async () => {
  const first = await make(["jobs"]);
  await change("UPDATE jobs SET job = 'Baker' WHERE id = 1");
  await make(["departments", "jobs"]);
  await make(["departments"]);
  await bring(["jobs"]);
  expect((await contentOf("jobs"))[0]).toEqual([1, "Baker"]);
  await bring(["jobs"], { backup: first.id });
  expect((await contentOf("jobs"))[0]).toEqual([1, "Clerk"]);
});

test("a backup that does not exist, or lacks the table, is not found", async () => {
  await expect(bring(["jobs"])).rejects.toMatchObject({ code: "not_found" });
  const nothing = verify(database, store, { id: "latest", report });
  await expect(nothing).rejects.toThrow("there is no backup in the store: make one first");
  const { id } = await make(["departments"]);
  await expect(bring(["jobs"])).rejects.toMatchObject({ code: "not_found" });
  await expect(bring(["jobs"], { backup: id })).rejects.toMatchObject({ code: "not_found" });
  await expect(bring(["jobs"], { backup: `../${id}` })).rejects.toMatchObject({ code: "not_found" });
});

test("an empty table is backed up and restored", async () => {
  await change("DELETE FROM hired_employees");
  await make();
  await change("INSERT INTO hired_employees VALUES (1, 'Ana', '2021-05-01', 1, 2)");
  expect((await bring(["hired_employees"])).tables.hired_employees).toMatchObject({ received: 0, deleted: 1 });
  expect(await contentOf("hired_employees")).toEqual([]);
});

test("--keep removes the oldest backups, and never the newest", async () => {
  const ids: string[] = [];
  for (let index = 0; index < 4; index++) ids.push((await make(["jobs"])).id);
  await keepNewest(store, 2, () => {});
  expect(await store.ids()).toEqual(ids.slice(2));
  await keepNewest(store, 0, () => {});
  expect(await store.ids()).toEqual(ids.slice(3));
});

test("a backup made after the clock was set back is still the newest", async () => {
  setSystemTime(new Date(Date.now() + 86_400_000));
  const early = await make(["jobs"]);
  setSystemTime();
  const { id } = await make(["jobs"]);
  await keepNewest(store, 1, () => {});
  expect(id > early.id).toBe(true);
  expect(await store.ids()).toEqual([id]);
});

test("an empty store is reported if this database was backed up before: its mount may be gone", async () => {
  const said: string[] = [];
  const again = () => backup(database, store, { tables, codec: "deflate", report: { say: (line) => said.push(line) } });
  await again();
  expect(said).toEqual([]);
  await rm(folder, { recursive: true });
  await again();
  expect(said).toEqual([expect.stringContaining("check that it is mounted")]);
});

test("rows that another program stored against the rules are backed up, counted and reported", async () => {
  const connection = await database.pool.getConnection();
  await connection.query("SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'");
  await connection.query("INSERT INTO jobs VALUES (0, 'Zero'), (-7, 'Minus'), (3, ''), (4, 'Fine ü')");
  await connection.query(
    "INSERT INTO hired_employees VALUES (4, 'Eve', '0000-00-00', 1, 1), (5, 'Ute', '2021-00-15', 1, 1)",
  );
  connection.destroy();
  const said: string[] = [];
  const { manifest } = await backup(database, store, {
    tables: sampleTables,
    codec: "deflate",
    report: { say: (line) => said.push(line) },
  });
  expect(manifest.tables.map(({ table, rows, invalid_rows }) => [table, rows, invalid_rows])).toEqual([
    ["departments", 2, undefined],
    ["jobs", 6, 2],
    ["hired_employees", 5, 2],
  ]);
  expect(said).toEqual([
    "jobs: 2 rows break the rules of its columns (the first: id -7, column id); correct them, or a restore of this backup will be refused",
    expect.stringContaining(
      "hired_employees: 2 rows break the rules of its columns (the first: id 4, column datetime)",
    ),
  ]);
  for (const table of ["jobs", "hired_employees"] as const)
    await expect(bring([table])).rejects.toMatchObject({ code: "refused" });
});

test("control characters that are stored already are backed up and restored", async () => {
  await database.pool.query("INSERT INTO jobs VALUES (8, 'a\\0b'), (9, 'Baker\\Z')");
  const before = (await database.pool.query("SELECT * FROM jobs"))[0];
  await make(["jobs"]);
  await database.pool.query("DELETE FROM jobs WHERE id IN (8, 9, 10, 11)");
  await bring(["jobs"]);
  expect((await database.pool.query("SELECT * FROM jobs"))[0]).toEqual(before);
});

test("a verify that cannot write its proof fails, and leaves nothing beside the backup", async () => {
  const { id } = await make(["jobs"]);
  await mkdir(join(folder, id, "proof.json"));
  await expect(verify(database, store, { id, report })).rejects.toThrow();
  expect((await readdir(join(folder, id))).sort()).toEqual(["jobs.avro", "manifest.json", "proof.json"]);
  expect((await listRuns(database.db, { limit: 1 }))[0]).toMatchObject({ status: "failed" });
});

test("--keep never removes the only backup of a table", async () => {
  const whole = await make();
  await make(["jobs"]);
  const last = await make(["jobs"]);
  await keepNewest(store, 1, () => {});
  expect(await store.ids()).toEqual([whole.id, last.id]);
});

test("--verify restores into scratch tables, compares them, and writes a proof with its time and duration", async () => {
  const { id } = await make();
  const before = await everything();
  expect(await proofOf(store, id)).toBeUndefined();
  const { proof } = await verify(database, store, { id, report });
  expect(proof.seconds).toBeGreaterThan(0);
  expect(await proofOf(store, id)).toEqual(proof);
  expect(await everything()).toEqual(before);
  const [stages] = await database.pool.query<RowDataPacket[]>("SHOW TABLES LIKE 'stage%'");
  expect(stages).toEqual([]);
});

test("a backup has all rows from before an import that is published meanwhile, and none of its rows", async () => {
  const rows = Array.from({ length: 40_000 }, (_, index) => `${index + 1},Job ${index}\n`).join("");
  const source = await folderOf({ "jobs.csv": rows });
  await change("DELETE FROM hired_employees", "DELETE FROM jobs");
  await importSource(database, { source, report });
  const more = await folderOf({ "jobs.csv": rows.replaceAll(/^/gm, "1").replaceAll("1,Job", "01,Job").slice(0, -1) });
  let importing: Promise<unknown> | undefined;
  const progress = () => {
    importing ??= importSource(database, { source: more, report });
  };
  const { manifest } = await backup(database, store, {
    tables: [tableOf("jobs")],
    codec: "deflate",
    report: { say() {}, progress },
  });
  await importing;
  expect(manifest.tables[0]?.rows).toBe(40_000);
  expect((await contentOf("jobs")).length).toBeGreaterThan(40_000);
});

test("a backup that fails leaves nothing, and its run says why", async () => {
  const full = new DirectoryStore("/proc/nothing");
  await expect(backup(database, full, { tables, codec: "deflate", report })).rejects.toThrow();
  expect((await listRuns(database.db, { limit: 1 }))[0]).toMatchObject({ kind: "backup", status: "failed" });
  const begun = store.begin.bind(store);
  store.begin = async (id) => ({ ...(await begun(id)), complete: () => Promise.reject(new Error("disk full")) });
  await expect(make()).rejects.toThrow("disk full");
  expect(await readdir(folder)).toEqual([]);
});

test("the manifest is the same text as the answer", async () => {
  const manifest = await make();
  expect((await Bun.file(join(folder, manifest.id, "manifest.json")).json()) as Manifest).toEqual(manifest);
});
