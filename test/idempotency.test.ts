import { afterAll, beforeEach, expect, test } from "bun:test";
import { connect as connectSocket } from "node:net";
import type { RowDataPacket } from "mysql2/promise";
import { forgetExpiredKeys } from "../src/repositories/kept-answers.ts";
import { appOver, posted } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { AT_THE_GATE, gateOf, hold, underWay, until } from "./support/observe.ts";

const database = await freshDatabase();
const app = appOver(database);
afterAll(() => database.close());

beforeEach(database.empty);

const body = JSON.stringify({ jobs: [{ job: "Clerk" }, { job: "" }] });

function post(key: string, text = body, headers: Record<string, string> = {}, path = "/insert") {
  return app.request(path, posted(text, { "Idempotency-Key": key, ...headers }));
}

async function count(table: string): Promise<number> {
  const [rows] = await database.pool.query<RowDataPacket[]>(`SELECT COUNT(*) AS n FROM ${table}`);
  return rows[0]?.n;
}

test("the same request again gets the same answer and inserts nothing twice", async () => {
  const first = await post("k1");
  const again = await post("k1");
  expect([first.status, again.status]).toEqual([207, 207]);
  expect([first.headers.get("Idempotent-Replayed"), again.headers.get("Idempotent-Replayed")]).toEqual([null, "true"]);
  expect(await again.json()).toEqual(await first.json());
  expect([await count("jobs"), await count("muster_rejections"), await count("muster_runs")]).toEqual([1, 1, 1]);
});

test("a refusal is answered again as well, with its content type", async () => {
  const bad = JSON.stringify({ jobs: [{ job: "" }] });
  await post("k1", bad);
  const again = await post("k1", bad);
  expect([again.status, again.headers.get("Content-Type")]).toEqual([422, "application/problem+json"]);
  expect(await count("muster_rejections")).toBe(1);
});

test("a key that was used with another body, preference or path is refused with 422", async () => {
  await post("k1");
  expect((await post("k1", `${body} `)).status).toBe(422);
  expect((await post("k1", body, { Prefer: "handling=strict" })).status).toBe(422);
  expect((await post("k1", '{"job":"x"}', {}, "/jobs")).status).toBe(422);
  expect(await count("jobs")).toBe(1);
});

test("while the first request is under way, the second is answered 409 at once", async () => {
  const release = await hold(database.pool, gateOf("jobs"));
  const first = post("k1");
  await underWay(database, AT_THE_GATE); // so the first request has the key
  // The gate is still held: the second request did not wait for the first.
  expect((await post("k1")).status).toBe(409);
  await release();
  expect((await first).status).toBe(207);
  expect((await post("k1")).headers.get("Idempotent-Replayed")).toBe("true");
});

test("a request that waits at a gate does not hold up the keys of others", async () => {
  const release = await hold(database.pool, gateOf("jobs"));
  const waiting = post("k1");
  await underWay(database, AT_THE_GATE);
  expect((await post("k2", '{"department":"Fleet"}', {}, "/departments")).status).toBe(201);
  await release();
  await waiting;
});

test("of many equal requests at once one does the work, and the others get its answer or 409", async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => post("k1")));
  const statuses = answers.map(({ status }) => status);
  expect(statuses.every((status) => status === 207 || status === 409)).toBe(true);
  expect(answers.filter((each) => each.status === 207 && !each.headers.has("Idempotent-Replayed"))).toHaveLength(1);
  expect(await count("jobs")).toBe(1);
});

test("an expired key may be used again", async () => {
  await post("k1");
  await database.pool.query("UPDATE muster_idempotency_keys SET created_at = UTC_TIMESTAMP(3) - INTERVAL 25 HOUR");
  expect((await post("k1", JSON.stringify({ jobs: [{ job: "Judge" }] }))).status).toBe(201);
  expect(await count("jobs")).toBe(2);
});

test("expired keys are removed, and the others stay", async () => {
  await post("k1");
  await database.pool.query("UPDATE muster_idempotency_keys SET created_at = UTC_TIMESTAMP(3) - INTERVAL 25 HOUR");
  await post("k2");
  await forgetExpiredKeys(database.db);
  expect(await count("muster_idempotency_keys")).toBe(1);
  expect((await post("k2")).headers.get("Idempotent-Replayed")).toBe("true");
});

test("a request that was refused as a whole leaves its key free", async () => {
  expect((await post("k1", "{")).status).toBe(400);
  expect((await post("k1")).status).toBe(207);
  expect((await post("")).status).toBe(400);
});

test("a client whose connection was cut after the commit sends again and gets the answer that it missed", async () => {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: app.fetch });
  const port = server.port ?? 0;
  const head = `POST /insert HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nIdempotency-Key: cut`;
  const socket = connectSocket(port, "127.0.0.1");
  await new Promise<void>((sent) => {
    socket.write(`${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`, () => sent());
  });
  socket.pause(); // the client never reads the answer
  await until(async () => (await count("jobs")) > 0);
  socket.destroy();
  const headers = { "Content-Type": "application/json", "Idempotency-Key": "cut" };
  const again = await fetch(`http://127.0.0.1:${port}/insert`, { method: "POST", headers, body });
  expect([again.status, again.headers.get("Idempotent-Replayed")]).toEqual([207, "true"]);
  expect(await count("jobs")).toBe(1);
  await server.stop(true);
});
