import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import type { Manifest } from "../src/backups/manifest.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { readTokens } from "../src/http/auth.ts";
import { appOver, posted } from "./support/app.ts";
import { run } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const database = await freshDatabase();
const folder = await folderOf({});
const app = appOver(database, { store: new DirectoryStore(folder) });
afterAll(async () => {
  await database.close();
  await removeFolders();
});
await database.pool.query("INSERT INTO departments VALUES (1, 'Sales'), (2, 'Legal')");
await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk')");
await database.pool.query("INSERT INTO hired_employees VALUES (1, 'Ana', '2021-05-01 10:00:00', 1, 1)");

const post = (path: string, body: unknown = {}) => app.request(path, posted(body));

async function made(...table: string[]): Promise<Manifest> {
  const response = await post("/backup", { table });
  expect(response.status).toBe(201);
  return (await response.json()) as Manifest;
}

test("POST /backup with the original system's body answers 201 with the manifest and its Location", async () => {
  const response = await post("/backup", { table: ["jobs", "departments"] });
  const manifest = (await response.json()) as Manifest;
  expect([response.status, response.headers.get("Location")]).toEqual([201, `/backups/${manifest.id}`]);
  expect(manifest.tables.map(({ table, rows }) => [table, rows])).toEqual([
    ["jobs", 1],
    ["departments", 2],
  ]);
  expect(await (await app.request(`/backups/${manifest.id}`)).json()).toEqual(manifest);
});

test("POST /restore puts the rows back and answers the counts; with `plan` it answers the counts alone", async () => {
  await made("departments", "jobs");
  await database.pool.query("UPDATE departments SET department = 'x' WHERE id = 2");
  const counts = { received: 2, inserted: 0, updated: 1, unchanged: 1, deleted: 0 };
  const plan = await post("/restore", { table: ["departments"], plan: true });
  expect([plan.status, ((await plan.json()) as { tables: object }).tables]).toEqual([200, { departments: counts }]);
  expect(await (await app.request("/departments/2")).json()).toEqual({ id: 2, department: "x" });
  const restored = await post("/restore", { table: ["departments"] });
  expect([restored.status, ((await restored.json()) as { tables: object }).tables]).toEqual([
    200,
    { departments: counts },
  ]);
  expect(await (await app.request("/departments/2")).json()).toEqual({ id: 2, department: "Legal" });
});

test("GET /backups lists backups in pages, newest first, with their proofs", async () => {
  const { id } = await made("jobs");
  const proven = await post(`/backups/${id}/verify`);
  expect([proven.status, ((await proven.json()) as { proof: object }).proof]).toMatchObject([
    200,
    { seconds: expect.any(Number) },
  ]);
  const page = await app.request("/backups?limit=1");
  expect(await page.json()).toMatchObject([{ id, proof: { proved_at: expect.any(String) } }]);
  const [, next] = /<([^>]*)>; rel="next"/.exec(page.headers.get("Link") ?? "") ?? [];
  const older = (await (await app.request(next ?? "")).json()) as Manifest[];
  expect(older[0]?.id.localeCompare(id)).toBe(-1);
});

test("a manifest that cannot be read does not hide the other backups", async () => {
  const { id } = await made("jobs");
  const file = join(folder, id, "manifest.json");
  const text = await Bun.file(file).text();
  await Bun.write(file, "{");
  const list = (await (await app.request("/backups")).json()) as { id: string; damaged?: true }[];
  expect(list[0]).toEqual({ id, damaged: true });
  expect(list.length).toBeGreaterThan(1);
  await Bun.write(file, text);
});

test("a backup's file is downloaded whole or in part, and answered 304 if the client has it", async () => {
  const manifest = await made("jobs");
  const path = `/backups/${manifest.id}/jobs.avro`;
  const bytes = await Bun.file(join(folder, manifest.id, "jobs.avro")).bytes();
  const whole = await app.request(path);
  const etag = whole.headers.get("ETag") ?? "";
  expect([whole.status, etag]).toEqual([200, `"${manifest.tables[0]?.sha256}"`]);
  expect(await whole.bytes()).toEqual(bytes);
  const part = await app.request(path, { headers: { Range: "bytes=4-9" } });
  expect([part.status, part.headers.get("Content-Range")]).toEqual([206, `bytes 4-9/${bytes.length}`]);
  expect(await part.bytes()).toEqual(bytes.slice(4, 10));
  const end = await app.request(path, { headers: { Range: "bytes=-16" } });
  expect(await end.bytes()).toEqual(bytes.slice(-16));
  expect((await app.request(path, { headers: { "If-None-Match": etag } })).status).toBe(304);
  expect((await app.request(path, { headers: { Range: `bytes=${bytes.length}-` } })).status).toBe(416);
  expect((await app.request(path, { headers: { Range: "bytes=4-9", "If-Range": '"x"' } })).status).toBe(200);
});

test("a backup or file that does not exist is 404, and no request reaches a path outside the store", async () => {
  const { id } = await made("jobs");
  for (const path of [`/backups/${id}/departments.avro`, `/backups/${id}/manifest.json`, `/backups/..%2F${id}`]) {
    expect((await app.request(path)).status).toBe(404);
  }
  expect((await app.request(`/backups/${id}/..%2F..%2Fjobs.avro`)).status).toBe(404);
  expect((await post("/restore", { table: ["jobs"], backup: "../../etc" })).status).toBe(404);
  expect((await post(`/backups/${id.replace(/^./, "1")}/verify`)).status).toBe(404);
});

test("a malformed body is 400, a restore that conflicts with other rows 409 with their ids, a damaged backup 422", async () => {
  expect((await post("/backup", { table: [] })).status).toBe(400);
  expect((await post("/backup", { table: ["staff"] })).status).toBe(400);
  expect((await post("/restore", { table: ["jobs"], path: "/etc" })).status).toBe(400);
  const { id } = await made("departments", "jobs");
  await database.pool.query("INSERT INTO departments VALUES (9, 'Later')");
  await database.pool.query("INSERT INTO hired_employees VALUES (9, 'Bo', '2021-05-01', 9, 1)");
  const conflict = await post("/restore", { table: ["departments"] });
  expect([conflict.status, ((await conflict.json()) as { detail: string }).detail]).toEqual([
    409,
    expect.stringMatching(/hired_employees 9.*departments 9/),
  ]);
  await Bun.write(join(folder, id, "departments.avro"), "Obj");
  const damaged = await post("/restore", { table: ["departments"], backup: id });
  expect([damaged.status, await damaged.json()]).toMatchObject([422, { code: "backup_damaged" }]);
});

test("backups need the role admin", async () => {
  const guarded = appOver(database, { store: new DirectoryStore(folder), tokens: readTokens("writer:w,admin:a") });
  const list = (token: string) => guarded.request("/backups", { headers: { Authorization: `Bearer ${token}` } });
  expect([(await list("w")).status, (await list("a")).status]).toEqual([403, 200]);
});

test("the commands back up, plan, restore and verify, and end with code 2 if they refuse", async () => {
  const environment = { DATABASE_URL: database.url, BACKUP_STORE: await folderOf({}) };
  const backup = await run(["scripts/backup.ts", "jobs", "departments", "--json"], environment);
  const { backup: id, tables } = JSON.parse(backup.stdout.trim().split("\n").at(-1) ?? "");
  expect([backup.code, tables.jobs.received]).toEqual([0, 1]);
  await database.pool.query("UPDATE jobs SET job = 'x'");
  const plan = await run(["scripts/restore.ts", "jobs", "--plan"], environment);
  expect([plan.code, plan.stdout]).toEqual([
    0,
    expect.stringMatching(/jobs +1 +0 +1 +0 +0\nthis would be restored from .*; nothing was changed\n$/),
  ]);
  const restored = await run(["scripts/restore.ts", "jobs", "--backup", id, "--json"], environment);
  expect([restored.code, JSON.parse(restored.stdout).tables.jobs.updated]).toEqual([0, 1]);
  expect(await (await app.request("/jobs/1")).json()).toEqual({ id: 1, job: "Clerk" });
  const proven = await run(["scripts/backup.ts", "--verify", id], environment);
  expect([proven.code, proven.stdout]).toEqual([0, expect.stringContaining("is proven")]);
  for (const args of [
    ["scripts/restore.ts"],
    ["scripts/restore.ts", "staff"],
    ["scripts/restore.ts", "hired_employees"],
    ["scripts/backup.ts", "--keep", "0"],
  ]) {
    const refused = await run(args, environment);
    expect([args, refused.code, refused.stderr.trim().split("\n").length]).toEqual([args, 2, 1]);
  }
});
