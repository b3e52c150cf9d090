/** When the service and an import collect garbage by themselves, so that they stay small. */
import { afterAll, expect, spyOn, test } from "bun:test";
import { Hono } from "hono";
import { bytesOf, takeBody } from "../src/http/body.ts";
import type { Env } from "../src/http/env.ts";
import { InFlight } from "../src/http/in-flight.ts";
import { importSource } from "../src/ingest/import.ts";
import { openSource } from "../src/read/sources/source.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const database = await freshDatabase();
afterAll(async () => {
  await database.close();
  await removeFolders();
});

const MEBIBYTE = 1024 * 1024;

test("garbage is collected after each parsed body above a mebibyte, and after twelve mebibytes of shorter ones", async () => {
  const inFlight = new InFlight();
  const service = new Hono<Env>()
    .use(takeBody(inFlight, 8 * MEBIBYTE), inFlight.atWork())
    .post("/", async (c) => c.text(await inFlight.parse(bytesOf(c).length, () => "parsed")))
    .post("/refused", (c) => c.text("refused", 415));
  using collected = spyOn(Bun, "gc");
  const collectionsAfter = async (bodies: number, bytes: number, path = "/") => {
    collected.mockClear();
    const body = new Uint8Array(bytes);
    for (let sent = 0; sent < bodies; sent++) await service.request(path, { method: "POST", body });
    return collected.mock.calls.length;
  };
  expect(await collectionsAfter(23, MEBIBYTE / 2)).toBe(0);
  expect(await collectionsAfter(1, MEBIBYTE / 2)).toBe(1);
  expect(await collectionsAfter(2, MEBIBYTE + 1)).toBe(2);
  expect(await collectionsAfter(23, MEBIBYTE / 2)).toBe(0);
  expect(await collectionsAfter(2, MEBIBYTE + 1, "/refused")).toBe(0);
});

test("an import collects garbage after each quarter of a million rows", async () => {
  const rows = Array.from({ length: 260_000 }, (_, index) => `${index + 1},Clerk\n`).join("");
  const source = await openSource({
    dictionary: database.dictionary,
    locations: [await folderOf({ "jobs.csv": rows })],
  });
  using collected = spyOn(Bun, "gc");
  collected.mockClear();
  const { tables } = await importSource(database, { source, dryRun: true, report: { say: () => {} } });
  expect([tables.jobs?.received, collected.mock.calls.length]).toEqual([260_000, 1]);
});
