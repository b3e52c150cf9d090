/** What is sent again only where it has changed, and what is sent as gzip. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const database = await freshDatabase();
const app = appOver(database, { store: new DirectoryStore(await folderOf({})) });
const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: app.fetch });
afterAll(async () => {
  await server.stop(true);
  await database.close();
  await removeFolders();
});

const JOBS = 600;
beforeAll(async () => {
  const rows = Array.from({ length: JOBS }, (_, index) => [index + 1, `Keeper of the ${index + 1}th key`]);
  await database.pool.query("INSERT INTO jobs VALUES ?", [rows]);
  await database.pool.query("INSERT INTO departments VALUES (1, 'Sales')");
  await database.pool.query("INSERT INTO hired_employees VALUES (1, 'Ana', '2021-05-01', 1, 1)");
});

const asked = (path: string, headers: Record<string, string> = {}, method = "GET") =>
  app.request(path, { method, headers });
const tagOf = async (path: string) => (await asked(path)).headers.get("ETag") ?? "";

describe("an ETag", () => {
  test.each([
    "/jobs?limit=5",
    "/jobs/1",
    "/hired_2021_quarter",
    "/hired_department",
    "/runs",
    "/rejections",
    "/backups",
  ])("is on %s: whoever has it gets 304 without a body", async (path) => {
    const tag = await tagOf(path);
    expect(tag).toMatch(/^W\/"\w+"$/);
    const again = await asked(path, { "If-None-Match": tag });
    expect([again.status, again.headers.get("ETag"), await again.text()]).toEqual([304, tag, ""]);
    expect(again.headers.get("Content-Type")).toBeNull();
    expect(again.headers.get("Vary")).toContain("Accept-Encoding");
  });

  test.each([
    ['"other"', 200],
    ["*", 304],
    ['"other", TAG', 304],
    ["STRONG", 304],
    ["", 200],
  ])("is compared weakly, and among several: If-None-Match %p is %d", async (header, status) => {
    const tag = await tagOf("/jobs/1");
    const sent = header.replace("TAG", tag).replace("STRONG", tag.replace("W/", ""));
    expect((await asked("/jobs/1", { "If-None-Match": sent })).status).toBe(status);
  });

  test("changes with a write that Muster did not see", async () => {
    const tag = await tagOf("/hired_2021_quarter");
    await database.pool.query("UPDATE departments SET department = 'Market' WHERE id = 1");
    const answer = await asked("/hired_2021_quarter", { "If-None-Match": tag });
    expect([answer.status, await answer.json()]).toEqual([
      200,
      [{ department: "Market", job: "Keeper of the 1th key", Q1: 0, Q2: 1, Q3: 0, Q4: 0 }],
    ]);
  });

  test("changes where the page is the same and the next one is new", async () => {
    const last = `/jobs?limit=3&cursor=${JOBS - 3}`;
    const tag = await tagOf(last);
    await database.pool.query("INSERT INTO jobs VALUES (?, 'Newcomer')", [JOBS + 1]);
    const answer = await asked(last, { "If-None-Match": tag });
    await database.pool.query("DELETE FROM jobs WHERE id > ?", [JOBS]);
    expect([answer.status, answer.headers.get("Link")]).toEqual([200, `</jobs?limit=3&cursor=${JOBS}>; rel="next"`]);
  });

  test("is on no error, no answer to a POST, and no stream", async () => {
    expect((await asked("/jobs/99999")).headers.get("ETag")).toBeNull();
    expect((await asked("/hired_department", {}, "POST")).headers.get("ETag")).toBeNull();
    expect((await asked("/jobs", { Accept: "text/csv", "If-None-Match": "*" })).status).toBe(200);
  });
});

test.each([
  "/jobs",
  "/jobs/1",
  "/hired_2021_quarter",
  "/hired_department",
  "/runs",
  "/rejections",
  "/backups",
  "/healthz",
])("HEAD %s has the headers of GET and no body", async (path) => {
  const [head, get] = await Promise.all([
    fetch(`${server.url.origin}${path}`, { method: "HEAD" }),
    fetch(`${server.url.origin}${path}`),
  ]);
  expect([head.status, await head.text()]).toEqual([get.status, ""]);
  for (const name of ["Content-Type", "ETag", "Link", "Vary", "Cache-Control"]) {
    expect([name, head.headers.get(name)]).toEqual([name, get.headers.get(name)]);
  }
  expect([null, get.headers.get("Content-Length")]).toContain(head.headers.get("Content-Length"));
  expect(
    (await fetch(`${server.url.origin}${path}`, { method: "HEAD", headers: { "If-None-Match": "*" } })).status,
  ).toBe(304);
});

test("HEAD of a stream says that its length is not known", async () => {
  const head = await fetch(`${server.url}jobs`, { method: "HEAD", headers: { Accept: "text/csv" } });
  expect([head.status, head.headers.get("Content-Length")]).toEqual([200, null]);
});

describe("gzip", () => {
  const gzip = { "Accept-Encoding": "gzip" };

  test.each(["gzip", "br, GZIP;q=0.5", "*", "gzip, deflate, br, zstd"])(
    "is what a long answer is sent in to a client that says %p",
    async (coding) => {
      const plain = await asked("/jobs");
      const answer = await asked("/jobs", { "Accept-Encoding": coding });
      expect([plain.headers.get("Content-Encoding"), answer.headers.get("Content-Encoding")]).toEqual([null, "gzip"]);
      const [whole, bytes] = [await plain.text(), await answer.bytes()];
      expect(bytes.length).toBeLessThan(whole.length / 3);
      expect(new TextDecoder().decode(Bun.gunzipSync(Buffer.from(bytes)))).toBe(whole);
      for (const each of [plain, answer]) expect(each.headers.get("Vary")).toBe("Accept, Accept-Encoding");
      expect(answer.headers.get("ETag")).toBe(plain.headers.get("ETag"));
    },
  );

  test.each(["br", "gzip;q=0", "*, gzip;q=0", "identity", ""])("is not for a client that says %p", async (coding) => {
    const answer = await asked("/jobs", { "Accept-Encoding": coding });
    expect(answer.headers.get("Content-Encoding")).toBeNull();
    expect(await answer.json()).toHaveLength(JOBS);
  });

  test("is not for an answer that a connection's first packets carry", async () => {
    expect((await asked("/jobs/1", gzip)).headers.get("Content-Encoding")).toBeNull();
  });

  test("is not for an answer that is no longer than what the client has sent", async () => {
    for (const [name, coding] of [
      ["Keeper of all the keys of the house, and of its cellars and stables", null],
      ["Keeper", "gzip"],
    ] as const) {
      const body = JSON.stringify(Array.from({ length: 500 }, (_, index) => ({ job: `${name} ${index}` })));
      const headers = { ...gzip, "Content-Type": "application/json" };
      const answer = await fetch(`${server.url}jobs`, { method: "POST", headers, body, decompress: false });
      expect([answer.status, answer.headers.get("Content-Encoding")]).toEqual([201, coding]);
    }
  });

  test("is for streams, each part of which can be read before the next is made", async () => {
    const rows = Array.from({ length: 300 }, (_, index) => [crypto.randomUUID(), "jobs", index, "{}", "[]", "open"]);
    await database.pool.query(
      "INSERT INTO muster_rejections (run, `table`, position, raw, reasons, state, created_at) VALUES ?",
      [rows.map((row) => [...row, "2026-01-01"])],
    );
    await database.pool.query(
      "INSERT INTO muster_runs (id, kind, status, counts, owner, started_at) SELECT run, 'insert', 'succeeded', '{}', 'x', NOW() FROM muster_rejections",
    );
    const plain = await (await asked("/rejections", { Accept: "text/csv" })).text();
    const answer = await asked("/rejections", { Accept: "text/csv", ...gzip });
    expect([answer.headers.get("Content-Encoding"), answer.headers.get("Vary")]).toEqual([
      "gzip",
      "Accept, Accept-Encoding",
    ]);
    const reader = answer.body?.getReader();
    const first = (await reader?.read())?.value ?? new Uint8Array();
    // A decoder that was given no more than the first part has the first page's lines.
    const decoder = new DecompressionStream("gzip");
    const writer = decoder.writable.getWriter();
    void writer.write(Buffer.from(first)).catch(() => {});
    const decoded = await decoder.readable.getReader().read();
    expect(plain).toStartWith(new TextDecoder().decode(decoded.value));
    expect(new TextDecoder().decode(decoded.value).split("\r\n").length).toBeGreaterThan(100);
    const parts = [first];
    for (let part = await reader?.read(); part?.value; part = await reader?.read()) parts.push(part.value);
    expect(parts.length).toBeGreaterThan(1);
    expect(new TextDecoder().decode(Bun.gunzipSync(Buffer.concat(parts)))).toBe(plain);
  });

  test("is not for backups, which are compressed as they are", async () => {
    const headers = { "Content-Type": "application/json", ...gzip };
    const made = await app.request("/backup", { method: "POST", headers, body: '{"table": ["jobs"]}' });
    const file = await asked(`${made.headers.get("Location")}/jobs.avro`, { "Accept-Encoding": "gzip" });
    expect([file.status, file.headers.get("Content-Encoding")]).toEqual([200, null]);
    expect(new TextDecoder().decode((await file.bytes()).subarray(0, 3))).toBe("Obj");
  });
});
