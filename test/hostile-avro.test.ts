/** Avro files that claim more than they hold: they are damaged, even if a checksum fits their bytes, and found so at once. */
import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeTable } from "../src/backups/table-file.ts";
import { readRecords } from "../src/codecs/avro-records.ts";
import { MusterError } from "../src/errors.ts";
import { importSource } from "../src/ingest/import.ts";
import { avroRows } from "../src/read/formats/avro-rows.ts";
import { ndjsonRows } from "../src/read/formats/ndjson-rows.ts";
import { listRejections } from "../src/repositories/rejection-log.ts";
import { appOver, posted } from "./support/app.ts";
import { containerOf, hostileAvro, long, record, sized } from "./support/avro.ts";
import { freshDatabase } from "./support/database.ts";
import { tableOf } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const database = await freshDatabase();
afterAll(async () => {
  await database.close();
  await removeFolders();
});

const jobs = tableOf("jobs");
const hostile = Object.entries(await hostileAvro());
const once = (bytes: Buffer<ArrayBuffer>) => new Blob([bytes]).stream();

/** Reads a file as an import and as a backup. @returns what each says of it */
const READERS: [string, (bytes: Buffer<ArrayBuffer>) => Promise<unknown[]>][] = [
  ["an import", async (bytes) => Array.fromAsync(readRecords(once(bytes)))],
  ["a backup", async (bytes) => Array.fromAsync((await decodeTable(jobs, once(bytes))).rows)],
];

describe.each(READERS)("an Avro file read as %s:", (_, read) => {
  test.each(hostile)("one with %s is refused at once", async (_, [bytes, says]) => {
    await expect(read(bytes)).rejects.toThrow(says);
  });
});

test("records without any bytes are refused: a few bytes could claim a billion of them", async () => {
  const bytes = await containerOf(record({}), "null", { count: 1e9, data: Buffer.alloc(0) });
  await expect(Array.fromAsync(readRecords(once(bytes)))).rejects.toThrow("a record has no bytes");
});

test("a block of any size is read, and no more than a record of it is held in memory", async () => {
  const row = Buffer.concat([long(1), sized("Clerk")]);
  const data = Buffer.alloc(10_000_000 * row.length, row);
  const bytes = await containerOf(record({ id: "int", job: "string" }), "deflate", { count: 10_000_000, data });
  let [rows, most] = [0, 0];
  for await (const batch of readRecords(once(bytes))) {
    rows += batch.length;
    most = Math.max(most, batch.length);
  }
  expect([rows, most]).toEqual([10_000_000, 2_000]);
});

test("a file with random changes is read or refused as damaged", async () => {
  const tree = record({ left: ["null", "tree"], kids: { type: "array", items: "tree" } }, "tree");
  const schema = record({
    ...{ id: "int", job: "string", longs: { type: "array", items: "long" }, nulls: { type: "array", items: "null" } },
    map: { type: "map", values: ["null", "string", { type: "array", items: { type: "map", values: "double" } }] },
    ...{ tree, e: { type: "enum", name: "e", symbols: ["A", "B"] }, f: { type: "fixed", name: "f", size: 3 } },
    pay: { type: "bytes", logicalType: "decimal", precision: 9, scale: 2 },
    at: { type: "long", logicalType: "timestamp-micros" },
    ...{ half: { type: "double", logicalType: "timestamp-millis" }, day: { type: "float", logicalType: "date" } },
  });
  const leaf = Buffer.concat([long(0), long(0)]);
  const row = Buffer.concat([
    ...[long(7), sized("Clerk"), long(2), long(1), long(2 ** 45), long(0), long(2), long(0)],
    ...[long(2), sized("a"), long(0), sized("b"), long(2), long(1), long(1), sized("k"), Buffer.alloc(8), leaf],
    ...[long(0), long(1), leaf, long(1), leaf, long(0), long(1), Buffer.from("abc"), sized("\x01\x02"), long(1e15)],
    Buffer.alloc(12, 0x3f),
  ]);
  const good = Buffer.concat([row, row, row]);
  expect(
    await Array.fromAsync(readRecords(once(await containerOf(schema, "null", { count: 3, data: good })))),
  ).toHaveLength(1);
  const change = fc.record({
    at: fc.nat(),
    drop: fc.nat(3),
    put: fc.oneof(
      fc.constantFrom(0, 1, -1, 1000, 9_999, -(2 ** 31), 2 ** 31, 2 ** 40, -(2 ** 48)).map(long),
      fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
      fc.nat(200).map((size) => Buffer.alloc(size)),
    ),
  });
  const changed = (bytes: Buffer, changes: readonly { at: number; drop: number; put: Buffer }[]) => {
    for (const { at: anywhere, drop, put } of changes) {
      const at = anywhere % (bytes.length + 1);
      bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + drop)]);
    }
    return bytes;
  };
  const changes = fc.array(change, { minLength: 1, maxLength: 4 });
  const property = fc.asyncProperty(changes, fc.boolean(), async (changes, inRecords) => {
    // The changed records are framed again in valid blocks, as somebody who signs a file could do.
    const data = inRecords ? changed(good, changes) : good;
    const whole = await containerOf(schema, "deflate", { count: Math.min(3, data.length), data });
    const bytes = Buffer.from(inRecords ? whole : changed(whole, changes));
    for (const [, read] of READERS) await read(bytes).catch((error) => expect(error).toBeInstanceOf(MusterError));
  });
  await fc.assert(property, { numRuns: 3_000 });
});

test("the limit of unpacked bytes is for the whole file, not for each block", async () => {
  const data = Buffer.concat([long(1), sized("x".repeat(1_000_000))]);
  const blocks = Array.from({ length: 20 }, () => ({ count: 1, data }));
  const bytes = await containerOf(record({ id: "int", job: "string" }), "deflate", ...blocks);
  expect(bytes.length).toBeLessThan(200_000);
  expect(
    (await Array.fromAsync(avroRows(jobs, once(bytes), "jobs.avro", { bytesMax: 30_000_000 }))).flat(),
  ).toHaveLength(20);
  await expect(Array.fromAsync(avroRows(jobs, once(bytes), "jobs.avro", { bytesMax: 5_000_000 }))).rejects.toThrow(
    "jobs.avro: it unpacks to more than 5000000 bytes; nothing was imported",
  );
});

test("a rejected record of a million characters is cut, and bytes are never shown as text", async () => {
  const schema = record({ id: "int", job: "bytes", more: "string" });
  const data = Buffer.concat([long(1), sized("Clerk"), sized("\x01".repeat(1_000_000))]);
  const [[row] = []] = await Array.fromAsync(
    avroRows(jobs, once(await containerOf(schema, "deflate", { count: 1, data })), "x"),
  );
  expect(row?.reasons).toMatchObject([
    { code: "wrong_type", field: "job" },
    { code: "unknown_field", field: "more" },
  ]);
  expect(Buffer.from(row?.raw ?? []).toString()).toStartWith('{"id":1,"job":{"bytes":"Q2xlcms="},"more":"\\u0001');
  expect(row?.raw.length).toBeLessThan(500_000);
});

describe.each(["__proto__", "constructor", "toString"])("a field called %s", (name) => {
  const unknown = [{ code: "unknown_field", field: name, detail: `jobs has no field "${name}"` }];

  test("is an unknown field in Avro, and is kept in the rejection", async () => {
    await database.empty();
    const data = Buffer.concat([long(7), sized("Clerk"), sized("lost?")]);
    const bytes = await containerOf(
      record({ id: "int", job: "string", ...Object.fromEntries([[name, "string"]]) }),
      "null",
      { count: 1, data },
    );
    await importSource(database, { source: await folderOf({ "jobs.avro": bytes }), report: { say() {} } });
    const [rejection] = await listRejections(database.db, { limit: 9 });
    expect(rejection).toMatchObject({ raw: `{"id":7,"job":"Clerk","${name}":"lost?"}`, reasons: unknown });
  });

  test("is an unknown field in NDJSON and in a request's JSON", async () => {
    const text = `{"id": 7, "job": "Clerk", "${name}": {"job": "x"}}`;
    const [row] = (await Array.fromAsync(ndjsonRows(jobs, new Blob([text]).stream(), "jobs.ndjson"))).flat();
    expect(row?.reasons).toEqual(unknown as never);
    const app = appOver(database);
    for (const body of [`[${text}]`, `[{"id": 7}, {"job": "Clerk"}, {"${name}": 1}]`]) {
      const answer = await app.request("/jobs", posted(body));
      expect([answer.status, JSON.stringify(await answer.json())]).toEqual([422, expect.stringContaining(name)]);
    }
  });
});
