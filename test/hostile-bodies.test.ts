/** Small bodies that unpack to a lot: meanwhile the service answers others, stays small and can be stopped. */
import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import type { RunRecord } from "../src/repositories/run-log.ts";
import { containerOf, hostileAvro, long, record, repeated, sized } from "./support/avro.ts";
import { serve } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";

const MEMORY_MB_MAX = 500;
const MB = 1024 * 1024;

const database = await freshDatabase();
const { service, url, stop } = await serve({ DATABASE_URL: database.url, IMPORT_BYTES_MAX: "9999999999" });
afterAll(async () => {
  await stop();
  await database.close();
});

type Body = [what: string, body: Buffer<ArrayBuffer>, headers: Record<string, string>];

const send = ([, body, headers]: Body, more = "&max_rejects=1000000000") =>
  fetch(`${url}imports?table=jobs${more}`, { method: "POST", body, headers });
const runOf = async (id: string) => (await (await fetch(`${url}runs/${id}`)).json()) as RunRecord;
const isWell = async () => expect((await fetch(`${url}healthz`)).status).toBe(200);

/** Waits until the import has read bytes of the body. */
async function reading(id: string): Promise<void> {
  for (let run = await runOf(id); !run.progress?.bytes; run = await runOf(id)) {
    expect(run.status).toBe("running");
    await isWell();
  }
}

/** The service's memory at most, in MB; 0 on systems without /proc. */
function memoryPeak(pid: number): number {
  if (process.platform !== "linux") return 0;
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

/** A text many times over, as the members of one gzip file. */
const packed = (text: string, times: number) => Buffer.concat(Array(times).fill(gzipSync(text)));
const csv = { "Content-Type": "text/csv", "Content-Encoding": "gzip" };
const ndjson = { "Content-Type": "application/x-ndjson", "Content-Encoding": "gzip" };
const avro = { "Content-Type": "application/avro" };
const records = async (fields: object, row: Buffer, count: number) =>
  containerOf(record({ id: "int", job: "string", ...fields }), "deflate", {
    count,
    data: Buffer.alloc(count * row.length, row),
  });
const row = Buffer.concat([long(1), sized("a")]);
const nothing = Buffer.concat([long(1), sized("")]);

/** Each takes half a minute or longer to read. */
const ENDLESS: Body[] = [
  ["one cell of 2 billion lines", Buffer.concat([gzipSync('1,"'), packed("\n".repeat(16 * MB), 120)]), csv],
  ["9 GB of empty lines", packed("\n".repeat(16 * MB), 560), csv],
  ["rows of a million cells", packed(`${",".repeat(1_000_000)}\n`.repeat(16), 560), csv],
  ["a billion rows without a value", packed(",\n".repeat(8 * MB), 120), csv],
  ["a billion broken quotes", packed('"1,a"x\n'.repeat(2 * MB), 500), csv],
  ["a billion headers", packed("id,job\n".repeat(2 * MB), 500), csv],
  ["a billion times the same good row", packed("1,a\n".repeat(4 * MB), 250), csv],
  ["9 GB of empty lines of JSON", packed("\n".repeat(16 * MB), 560), ndjson],
  ["a billion empty objects", packed("{}\n".repeat(5 * MB), 200), ndjson],
  ["lines of half a million brackets", packed(`{}\n${`${"[".repeat(500_000)}\n`.repeat(16)}`, 560), ndjson],
  [
    "lines of 90,000 keys",
    packed(`{${Array.from({ length: 90_000 }, (_, at) => `"${at}":1`)}}\n`.repeat(16), 60),
    ndjson,
  ],
  ["10 million Avro records that are rejected", await records({}, nothing, 10_000_000), avro],
  ["10 million Avro records that are unchanged", await records({}, row, 10_000_000), avro],
  [
    "9,000 Avro records of a megabyte of text",
    repeated(await records({ text: "string" }, Buffer.concat([row, sized("é".repeat(500_000))]), 1), 9_000),
    avro,
  ],
  [
    "a million Avro records with lists of 9,000 nulls",
    await records({ list: { type: "array", items: "null" } }, Buffer.concat([row, long(9_000), long(0)]), 1_000_000),
    avro,
  ],
];

test.each(ENDLESS)(
  "while the service reads %s, others are answered and a cancel ends the import",
  async (what, body, headers) => {
    const { id } = (await (await send([what, body, headers])).json()) as RunRecord;
    await reading(id);
    expect((await fetch(`${url}runs/${id}`, { method: "DELETE" })).status).toBe(202);
    for (let run = await runOf(id); run.finished_at === null; run = await runOf(id)) await isWell();
    // The body was not read to its end.
    expect(await runOf(id)).toMatchObject({ status: "failed", error: "interrupted: it was cancelled on request" });
    expect(memoryPeak(service.pid)).toBeLessThan(MEMORY_MB_MAX);
  },
);

test("Avro files that claim to be enormous, or are changed at random, end their runs and do not harm the service", async () => {
  const schema = record({
    ...{ id: "int", job: "string", list: { type: "array", items: ["null", "long", "string"] } },
    map: { type: "map", values: { type: "array", items: "null" } },
  });
  const good = Buffer.concat([row, long(2), long(0), long(1), long(5), long(0), long(1), sized("k"), long(0), long(0)]);
  const random = (below: number) => Math.floor(Math.random() * below);
  const changed = async () => {
    const data = Buffer.concat([good, good, good]);
    for (let times = 1 + random(3); times > 0; times--) data.writeUInt8(random(256), random(data.length));
    const at = random(data.length);
    const put = long([0, -1, 9_999, 2 ** 31, -(2 ** 40), 2 ** 48][random(6)] ?? 0);
    const bytes = Buffer.concat([data.subarray(0, at), put, data.subarray(at + random(3))]);
    return containerOf(schema, "deflate", { count: 3, data: bytes });
  };
  const files = Object.values(await hostileAvro()).map(([bytes]) => bytes);
  while (files.length < 120) files.push(await changed());
  const ended = new Map<string, number>();
  for (const file of files) {
    const { id } = (await (await send(["", file, avro], "&dry_run=true")).json()) as RunRecord;
    let run = await runOf(id);
    for (; run.finished_at === null; run = await runOf(id)) await isWell();
    ended.set(run.status, (ended.get(run.status) ?? 0) + 1);
    if (run.status === "refused") expect(run.error).toMatch(/^jobs\.avro: the Avro file is damaged: /);
  }
  expect([...ended.keys()].filter((status) => status !== "refused" && status !== "succeeded")).toEqual([]);
  expect(memoryPeak(service.pid)).toBeLessThan(MEMORY_MB_MAX);
});

test("an answer sent before the body has come ends the connection, so that the service can stop", async () => {
  for (const [path, length, status] of [
    ["/imports?table=jobs&x=1", 9_000_000, 400],
    ["/imports?table=jobs", 10_000_000_000, 413],
    ["/jobs", 9_000_000, 413],
  ]) {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: ${length}\r\n\r\n1`,
    );
    const answer = Buffer.concat(await Array.fromAsync(socket as AsyncIterable<Buffer>)).toString();
    expect([path, answer.slice(9, 12), /connection: close/i.test(answer)]).toEqual([path, String(status), true]);
  }
});

test("SIGTERM ends the service while it reads two such bodies and others are sent slowly", async () => {
  const other = await serve({ DATABASE_URL: database.url, IMPORT_BYTES_MAX: "9999999999" });
  const { port } = new URL(other.url);
  const slow = Array.from({ length: 5 }, () => {
    const socket = connect(Number(port), "127.0.0.1").on("error", () => {});
    socket.write(
      "POST /imports?table=jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 9\r\n\r\n1",
    );
    return socket;
  });
  const ids: string[] = [];
  for (const table of ["jobs", "departments"]) {
    const [, body, headers] = ENDLESS.find(([what]) => /megabyte of text/.test(what)) as Body;
    const answer = await fetch(`${other.url}imports?table=${table}`, { method: "POST", body, headers });
    ids.push(((await answer.json()) as RunRecord).id);
  }
  for (const id of ids) await reading(id);
  expect(memoryPeak(other.service.pid)).toBeLessThan(MEMORY_MB_MAX);
  expect(await other.stop()).toBe(0);
  for (const id of ids) {
    expect(await runOf(id)).toMatchObject({
      status: "failed",
      error: expect.stringContaining("the service was stopped"),
    });
  }
  for (const socket of slow) socket.destroy();
});
