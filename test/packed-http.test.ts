/** POST /imports: formats and packings of bodies. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { findRun } from "../src/repositories/run-log.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { until } from "./support/observe.ts";
import { zipOf } from "./support/zip.ts";

const BYTES_MAX = 100_000;
const database = await freshDatabase();
const app = appOver(database, { imported: { bytesMax: BYTES_MAX } });
afterAll(() => database.close());
beforeEach(database.empty);

const CSV = "id,job\n1,Baker\n";
const JSON_TEXT = '[{"id":1,"job":"Baker"}]';

async function sent(body: string | Uint8Array, headers: Record<string, string>, query = "") {
  return app.request(`/imports?table=jobs${query}`, { method: "POST", body, headers });
}

async function ended(body: string | Uint8Array, headers: Record<string, string>, query?: string) {
  const answer = await sent(body, headers, query);
  const { id, ...more } = (await answer.json()) as { id: string };
  expect([answer.status, more]).toEqual([202, expect.anything()]);
  await until(async () => (await findRun(database.db, id))?.status !== "running");
  return findRun(database.db, id);
}

test.each<[string, string | Uint8Array, type: string, coding: string, query: string]>([
  ["TSV", CSV.replaceAll(",", "\t"), "text/tab-separated-values", "identity", ""],
  ["a JSON array", JSON_TEXT, "application/json", "identity", ""],
  ["zstd", zstdCompressSync(CSV), "text/csv", "zstd", ""],
  ["gzip around JSON", gzipSync(JSON_TEXT), "application/json", "gzip", ""],
  ["a zip archive", zipOf({ name: "jobs.json", content: JSON_TEXT }), "application/zip", "identity", ""],
  ["a zip archive, by the format", zipOf({ name: "x", content: CSV }), "application/zip", "identity", "&format=csv"],
  ["JSON, by the format", JSON_TEXT, "text/csv", "identity", "&format=json"],
])("a body of %s is imported", async (_, body, type, coding, query) => {
  const run = await ended(body, { "Content-Type": type, "Content-Encoding": coding }, query);
  expect(run).toMatchObject({ status: "succeeded", counts: { jobs: { inserted: 1 } } });
});

test.each<[string, Uint8Array, RegExp]>([
  ["zstd", zstdCompressSync(CSV), /^jobs\.csv: it is packed with zstd: .*\(HTTP: Content-Encoding: zstd\)/],
  [
    "zip",
    zipOf({ name: "jobs.csv", content: CSV }),
    /^jobs\.csv: it is a zip archive: .*\(HTTP: Content-Type: application\/zip\)/,
  ],
])("a body of type text/csv that is %s is refused, with how to send it", async (_, body, why) => {
  expect(await ended(body, { "Content-Type": "text/csv" }, "&name=jobs.csv")).toMatchObject({
    status: "refused",
    error: expect.stringMatching(why),
  });
});

test("a body that unpacks to more than a body may have is refused", async () => {
  const bomb = CSV + "2,Judge\n".repeat(BYTES_MAX);
  const type = { "Content-Type": "text/csv" };
  for (const run of [
    await ended(zstdCompressSync(bomb), { ...type, "Content-Encoding": "zstd" }),
    await ended(zipOf({ name: "jobs.csv", content: bomb }), { "Content-Type": "application/zip" }),
  ])
    expect(run).toMatchObject({
      status: "refused",
      error: expect.stringContaining(`unpacks to more than ${BYTES_MAX} bytes`),
    });
});

test("another Content-Encoding is answered with those that are accepted", async () => {
  const answer = await sent(CSV, { "Content-Type": "text/csv", "Content-Encoding": "br" });
  expect([answer.status, answer.headers.get("Accept-Encoding")]).toEqual([415, "gzip, zstd"]);
});

test("POST /TABLE takes TSV, and text in the format that it is told", async () => {
  const post = (body: string, type: string, query = "") =>
    app.request(`/jobs${query}`, { method: "POST", body, headers: { "Content-Type": type } });
  expect((await post("id\tjob\n1\tBaker, or cook\n", "text/tab-separated-values")).status).toBe(201);
  expect((await post('[{"id":2,"job":"Judge"}]', "text/csv", "?format=json")).status).toBe(201);
  const refused = await post("Obj\x01", "text/csv", "?format=avro");
  expect([refused.status, await refused.json()]).toMatchObject([
    400,
    { detail: "format=avro is not read here: send the file to POST /imports" },
  ]);
  const [rows] = await database.pool.query("SELECT id, job FROM jobs ORDER BY id");
  expect(rows).toMatchObject([
    { id: 1, job: "Baker, or cook" },
    { id: 2, job: "Judge" },
  ]);
});
