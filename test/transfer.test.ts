/** Answers that are not sent again if they have not changed, and answers sent as gzip. */
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
  ])("is on %s, and a client that sends it gets 304 without a body", async (path) => {
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
  ])("is compared weakly and in lists: If-None-Match %p is answered %d", async (header, status) => {
    const tag = await tagOf("/jobs/1");
    const sent = header.replace("TAG", tag).replace("STRONG", tag.replace("W/", ""));
    expect((await asked("/jobs/1", { "If-None-Match": sent })).status).toBe(status);
  });

  test("changes with a row that another program writes", async () => {
    const tag = await tagOf("/hired_2021_quarter");
    await database.pool.query("UPDATE departments SET department = 'Market' WHERE id = 1");
    const answer = await asked("/hired_2021_quarter", { "If-None-Match": tag });
    expect([answer.status, await answer.json()]).toEqual([
      200,
      [{ department: "Market", job: "Keeper of the 1th key", Q1: 0, Q2: 1, Q3: 0, Q4: 0 }],
    ]);
  });

  test("changes if the page is the same and a next page has come", async () => {
    const last = `/jobs?limit=3&cursor=${JOBS - 3}`;
    const tag = await tagOf(last);
    await database.pool.query("INSERT INTO jobs VALUES (?, 'Newcomer')", [JOBS + 1]);
    const answer = await asked(last, { "If-None-Match": tag });
    await database.pool.query("DELETE FROM jobs WHERE id > ?", [JOBS]);
    expect([answer.status, answer.headers.get("Link")]).toEqual([200, `</jobs?limit=3&cursor=${JOBS}>; rel="next"`]);
  });

  test("is on no error, on no answer to a POST, and on no stream", async () => {
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
    "is used for a long answer to a client with Accept-Encoding: %p",
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

  test.each(["br", "gzip;q=0", "*, gzip;q=0", "identity", ""])(
    "is not used for a client with Accept-Encoding: %p",
    async (coding) => {
      const answer = await asked("/jobs", { "Accept-Encoding": coding });
      expect(answer.headers.get("Content-Encoding")).toBeNull();
      expect(await answer.json()).toHaveLength(JOBS);
    },
  );

  test("is not used for an answer that fits in the first packets of a connection", async () => {
    expect((await asked("/jobs/1", gzip)).headers.get("Content-Encoding")).toBeNull();
  });

  test("is not used for an answer that is no longer than the request", async () => {
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

  test("is used for streams, whose parts can each be read before the next is made", async () => {
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
    // With no more than the first part, a decoder has the lines of the first page.
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

  test("is not used for backups, which are compressed already", async () => {
    const headers = { "Content-Type": "application/json", ...gzip };
    const made = await app.request("/backup", { method: "POST", headers, body: '{"table": ["jobs"]}' });
    const file = await asked(`${made.headers.get("Location")}/jobs.avro`, { "Accept-Encoding": "gzip" });
    expect([file.status, file.headers.get("Content-Encoding")]).toEqual([200, null]);
    expect(new TextDecoder().decode((await file.bytes()).subarray(0, 3))).toBe("Obj");
  });
});
