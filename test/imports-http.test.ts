/** POST /imports: what is answered at once, how the run goes on, is followed and cancelled, and that nothing stays behind. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { tmpdir } from "node:os";
import { gzipSync } from "node:zlib";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import type { Counts } from "../src/db/ledger.ts";
import { tryLock } from "../src/db/named-lock.ts";
import { readTokens } from "../src/http/auth.ts";
import { IMPORTS_MAX, WorkUnderWay } from "../src/http/under-way.ts";
import type { ImportLimits } from "../src/limits.ts";
import { loadLock } from "../src/repositories/locks.ts";
import { listRuns, type RunRecord, recordRun } from "../src/repositories/run-log.ts";
import { appOver } from "./support/app.ts";
import { start } from "./support/commands.ts";
import { connect, freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { until } from "./support/observe.ts";

const BYTES_MAX = 1_000_000;
const database = await freshDatabase();
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: appOver(database, { imported: { bytesMax: BYTES_MAX }, store: new DirectoryStore(await folderOf({})) }).fetch,
});
afterAll(async () => {
  await server.stop(true);
  await database.close();
  await removeFolders();
});

beforeEach(database.empty);

const ask = (path: string, init: RequestInit = {}) => fetch(new URL(path, server.url), init);
const CSV = { "Content-Type": "text/csv" };
const send = (query: string, body: string | Uint8Array | ReadableStream, headers: Record<string, string> = {}) =>
  ask(`/imports${query}`, { method: "POST", body, headers: { "Content-Type": "text/csv", ...headers } });

interface Seen {
  event: string;
  id?: string;
  run: RunRecord;
}

/** The events of a run, to their end. */
async function* eventsOf(id: string, url = server.url): AsyncGenerator<Seen> {
  const answer = await fetch(new URL(`/runs/${id}/events`, url));
  expect([answer.status, answer.headers.get("Content-Type")]).toEqual([200, "text/event-stream"]);
  let unread = "";
  for await (const text of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const messages = `${unread}${text}`.split("\n\n");
    unread = messages.pop() ?? "";
    for (const message of messages) {
      const {
        data = "",
        event = "",
        ...more
      } = Object.fromEntries(message.split("\n").map((line) => line.split(/: (.*)/)));
      yield { event, run: JSON.parse(data), ...more };
    }
  }
}

/** Follows the run of an answer. @returns it as it ended */
async function ended(answer: Response | Promise<Response>): Promise<RunRecord> {
  const { status, headers } = await answer;
  expect([status, headers.get("Content-Type")]).toEqual([202, "application/json"]);
  const [, id = ""] = /^\/runs\/(.+)$/.exec(headers.get("Location") ?? "") ?? [];
  const last = (await Array.fromAsync(eventsOf(id))).at(-1);
  expect(last).toMatchObject({ event: "ended", id, run: { id } });
  return (last as Seen).run;
}

const jobs = async (): Promise<unknown> =>
  (await database.pool.query({ sql: "SELECT id, job FROM jobs ORDER BY id", rowsAsArray: true }))[0];

/** The bodies that this process holds, in nameless files that disappear when they are closed. */
const kept = () =>
  readdirSync("/proc/self/fd").filter((fd) => {
    const path = `/proc/self/fd/${fd}`;
    return existsSync(path) && /muster-[0-9a-f-]{36} \(deleted\)$/.test(readlinkSync(path));
  });

interface Rejected {
  run: string;
  file: string;
  position: number;
  raw: string;
  reasons: { code: string }[];
}
const rejected = async (query = "") => (await (await ask(`/rejections${query}`)).json()) as Rejected[];

/** Holds up imports into a table until it is disposed of. */
async function held(table: string): Promise<AsyncDisposable> {
  const connection = await database.pool.getConnection();
  // The server may still be ending the connection that held it in the test before.
  expect(await tryLock(connection, loadLock(database, table), 60)).toBe(true);
  return { [Symbol.asyncDispose]: async () => connection.destroy() };
}

test("a CSV body is answered with its run and imported, and its file is gone afterwards", async () => {
  const answer = await send("?table=jobs", "id,job\n1,Clerk\n2,\n3,Judge\n");
  expect(await answer.clone().json()).toMatchObject({ kind: "import", status: "running", finished_at: null });
  const run = await ended(answer);
  expect(run).toMatchObject({
    status: "succeeded",
    counts: { jobs: { received: 3, inserted: 2, unchanged: 0, rejected: 1, withheld: 0 } },
    error: null,
    progress: null,
  });
  expect(await (await ask(`/runs/${run.id}`)).json()).toEqual(run);
  expect(await jobs()).toEqual([
    [1, "Clerk"],
    [3, "Judge"],
  ]);
  expect(await rejected()).toMatchObject([
    { run: run.id, file: "jobs.csv", position: 3, raw: "2,", reasons: [{ code: "missing", field: "job" }] },
  ]);
  await until(() => kept().length === 0);
  // The body that another test file is sending may have a name for a moment.
  await until(() => !readdirSync(tmpdir()).some((name) => /^muster-[0-9a-f]{8}-/.test(name)));
});

test("NDJSON, packed bodies and the Avro file of a backup are taken by their type", async () => {
  const packed = { "Content-Encoding": "gzip" };
  const ndjson = { "Content-Type": "application/x-ndjson" };
  const line = (id: number, job: string) => `${JSON.stringify({ id, job })}\n`;
  await ended(send("?table=jobs", line(1, "Clerk"), ndjson));
  await ended(send("?table=jobs", gzipSync(line(2, "Judge")), { ...ndjson, ...packed }));
  await ended(send("?table=jobs", gzipSync("3,Baker\n"), packed));
  const json = { "Content-Type": "application/json" };
  const backup = await ask("/backup", { method: "POST", headers: json, body: '{"table": ["jobs"]}' });
  const avro = await (await ask(`${backup.headers.get("Location")}/jobs.avro`)).bytes();
  await database.pool.query("DELETE FROM jobs WHERE id > 1");
  const run = await ended(send("?table=jobs", avro, { "Content-Type": "application/avro" }));
  expect(run.counts).toMatchObject({ jobs: { received: 3, inserted: 2, unchanged: 1, rejected: 0 } });
  expect(await jobs()).toEqual([
    [1, "Clerk"],
    [2, "Judge"],
    [3, "Baker"],
  ]);
});

describe("refused at once, without a run:", () => {
  const big = "x".repeat(BYTES_MAX + 1);
  const unknown = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(big));
      controller.close();
    },
  });
  test.each<[string, string, string | Uint8Array | ReadableStream, Record<string, string>, number, RegExp]>([
    ["no table", "", "1,a\n", {}, 400, /table must be given once, and be one of .*hired_employees/],
    ["an unknown table", "?table=staff", "1,a\n", {}, 400, /be one of departments/],
    ["an unknown parameter", "?table=jobs&path=/etc", "1,a\n", {}, 400, /path.* is not known/],
    ["a limit that is none", "?table=jobs&max_rejects=many", "1,a\n", {}, 400, /a share from 0% to 100%/],
    ["a dry run neither on nor off", "?table=jobs&dry_run=1", "1,a\n", {}, 400, /true or false/],
    ["no content", "?table=jobs", "", {}, 400, /the body is empty/],
    ["another content type", "?table=jobs", "1,a\n", { "Content-Type": "text/html" }, 415, /text\/csv/],
    ["another charset", "?table=jobs", "1,a\n", { "Content-Type": "text/csv; charset=latin1" }, 415, /UTF-8/],
    ["another coding", "?table=jobs", "1,a\n", { "Content-Encoding": "br" }, 415, /Content-Encoding br/],
    ["a body that is too long", "?table=jobs", big, {}, 413, /larger than 1000000 bytes/],
    ["one whose length is not said", "?table=jobs", unknown, {}, 413, /larger than 1000000 bytes/],
  ])("%s", async (_, query, body, headers, status, detail) => {
    const answer = await send(query, body, headers);
    const problem = (await answer.json()) as { status: number; detail: string };
    expect([answer.status, problem.status]).toEqual([status, status]);
    expect(problem.detail).toMatch(detail);
    expect(await listRuns(database.db, { limit: 1 })).toEqual([]);
    expect(kept()).toEqual([]);
  });
});

test("the reasons of rejected rows are in the run's last event and in GET /runs", async () => {
  const wrong = await ended(send("?table=jobs&name=titles.csv", "number,title\n1,Clerk\n"));
  expect(wrong).toMatchObject({
    status: "refused",
    error: expect.stringMatching(/^titles\.csv: line 1 .*"number,title"/),
  });
  const cut = gzipSync("1,Clerk\n").subarray(0, 12);
  const damaged = await ended(send("?table=jobs", cut, { "Content-Encoding": "gzip" }));
  expect(damaged).toMatchObject({
    status: "refused",
    error: expect.stringMatching(/^jobs\.csv\.gz is not a valid gzip/),
  });
  const bomb = gzipSync("1,Clerk\n".repeat(BYTES_MAX / 8 + 1));
  const burst = await ended(send("?table=jobs", bomb, { "Content-Encoding": "gzip" }));
  expect(burst).toMatchObject({
    status: "refused",
    error: expect.stringMatching(/unpacks to more than 1000000 bytes/),
  });
  expect(await jobs()).toEqual([]);
});

test("a dry run, max_rejects and handling=strict keep good rows out", async () => {
  const body = "1,Clerk\n2,\n3,Judge\n";
  const counts = { jobs: { received: 3, inserted: 0, unchanged: 0, rejected: 1, withheld: 2 } };
  expect(await ended(send("?table=jobs&dry_run=true", body))).toMatchObject({ status: "succeeded", counts });
  expect(await rejected()).toEqual([]);
  expect(await ended(send("?table=jobs&max_rejects=0", body))).toMatchObject({ status: "refused", counts });
  const refused = await ended(send("?table=jobs&max_rejects=5%25", body));
  expect(refused).toMatchObject({ status: "refused", error: expect.stringContaining("more than the 5 % allowed") });
  const strict = await send("?table=jobs&max_rejects=50%", body, { Prefer: "handling=strict" });
  expect(strict.headers.get("Preference-Applied")).toBe("handling=strict");
  expect(await ended(strict)).toMatchObject({ status: "refused", counts });
  expect(await jobs()).toEqual([]);
  expect(await ended(send("?table=jobs&max_rejects=50%", body))).toMatchObject({ status: "succeeded" });
});

test("the same bytes again, or another body of the same name, supersede earlier rejections; other bodies do not", async () => {
  const open = async () => (await rejected("?state=open")).map(({ file, raw }) => [file, raw]);
  await ended(send("?table=jobs", "1,\n"));
  await ended(send("?table=jobs", "2,\n"));
  await ended(send("?table=jobs", "1,\n"));
  expect((await open()).sort()).toEqual([
    ["jobs.csv", "1,"],
    ["jobs.csv", "2,"],
  ]);
  await ended(send("?table=jobs&name=a/../list.csv", "3,\n"));
  await ended(send("?table=jobs&name=a/../list.csv", "4,\n"));
  expect((await open()).slice(-2).sort()).toEqual([
    ["a/../list.csv", "4,"],
    ["jobs.csv", "1,"],
  ]);
});

test("a row that another writer makes wrong before the publish is rejected with its line", async () => {
  await database.pool.query("INSERT INTO jobs VALUES (9, 'Baker')");
  const gate = await database.pool.getConnection();
  await gate.beginTransaction();
  await gate.query("SELECT * FROM muster_gates WHERE `table` = 'jobs' FOR UPDATE");
  const answer = await send("?table=jobs", "1,Clerk\n2,Judge\n3,Baker\n");
  const { id } = (await answer.clone().json()) as RunRecord;
  for await (const { run } of eventsOf(id)) if (run.progress?.phase.startsWith("publishing")) break;
  await gate.query("INSERT INTO jobs VALUES (2, 'Smith')");
  await gate.commit();
  gate.release();
  expect((await ended(answer)).counts).toMatchObject({ jobs: { received: 3, inserted: 2, rejected: 1 } });
  expect(await rejected()).toMatchObject([{ position: 2, raw: "2,Judge", reasons: [{ code: "duplicate_id" }] }]);
});

test("the same request with its Idempotency-Key gets the run that it began before", async () => {
  const key = { "Idempotency-Key": "k1" };
  const first = await send("?table=jobs", "1,Clerk\n", key);
  const again = await send("?table=jobs", "1,Clerk\n", key);
  expect([again.status, again.headers.get("Idempotent-Replayed")]).toEqual([202, "true"]);
  const { id } = (await first.clone().json()) as { id: string };
  expect(await again.json()).toMatchObject({ id, kind: "import" });
  expect(again.headers.get("Location")).toBe(first.headers.get("Location"));
  expect((await send("?table=jobs", "2,Judge\n", key)).status).toBe(422);
  await ended(first);
  expect(await listRuns(database.db, { limit: 9 })).toHaveLength(1);
});

test("an Idempotency-Key is free again after an import that was refused", async () => {
  const strict = { "Idempotency-Key": "k2", Prefer: "handling=strict" };
  const first = await send("?table=jobs", "1,\n", strict);
  expect((await ended(first)).status).toBe("refused");
  const again = await send("?table=jobs", "1,\n", strict);
  expect([again.status, again.headers.get("Idempotent-Replayed")]).toEqual([202, null]);
  expect(again.headers.get("Location")).not.toBe(first.headers.get("Location"));
  await ended(again);
});

/** Begins a request that announces a body of so many bytes. */
function uploading(body: string, query = "?table=jobs", length = 99, port = server.port) {
  const socket = connectSocket(port ?? 0, "127.0.0.1");
  const head = `POST /imports${query} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: ${length}`;
  socket.write(`${head}\r\n\r\n${body}`);
  return socket;
}

/** Reads the first part of the answer on a socket. */
async function answerOf(socket: AsyncIterable<Buffer>): Promise<string> {
  for await (const bytes of socket) return bytes.toString();
  return "";
}

describe("uploads have limits:", () => {
  const serving = (imported: Partial<ImportLimits>) => {
    const limited = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: appOver(database, { imported }).fetch });
    const post = (body: string, query = "?table=jobs") =>
      fetch(new URL(`/imports${query}`, limited.url), {
        method: "POST",
        body,
        headers: { "Content-Type": "text/csv" },
      });
    return { post, port: limited.port, [Symbol.asyncDispose]: () => limited.stop(true) };
  };

  test("a body that comes too slowly is answered 408", async () => {
    await using limited = serving({ slowMsMax: 100, bytesPerSecondMin: 1_000_000 });
    const answer = await answerOf(uploading("1,a\n", "?table=jobs", 99, limited.port));
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    expect(answer).toMatch(/the body is too slow: 4 bytes in [01] s, send at least 1000000 bytes a second/);
    await until(() => kept().length === 0);
  });

  test("too many bodies at once are answered 429, too many bytes in all 503", async () => {
    await using limited = serving({ uploadsMax: 1, spooledBytesMax: 40 });
    expect((await limited.post("1,Clerk\n".repeat(6))).status).toBe(503);
    const slow = uploading("1,a\n", "?table=jobs", 99, limited.port);
    await until(() => kept().length === 1);
    const busy = await limited.post("1,Clerk\n");
    expect([busy.status, busy.headers.get("Retry-After")]).toEqual([429, "5"]);
    slow.destroy();
    await until(() => kept().length === 0);
    expect((await limited.post("1,Clerk\n")).status).toBe(202);
    await until(() => kept().length === 0);
  });

  test("more rejected rows than are kept end the import early, unless the client allows more", async () => {
    await using limited = serving({ rejectsMax: 100 });
    const rows = `1,Clerk\n${",\n".repeat(20_000)}`;
    const refused = await ended(limited.post(rows));
    const { received, rejected } = refused.counts.jobs as Counts;
    expect(refused).toMatchObject({ status: "refused", counts: { jobs: { inserted: 0, withheld: 1 } } });
    expect(refused.error).toMatch(/^more rows are rejected than the 100 that are kept \(.*\): nothing was imported$/);
    expect([rejected > 100, received < 20_001, received]).toEqual([true, true, rejected + 1]);
    expect(await ended(limited.post(rows, "?table=jobs&max_rejects=100%25"))).toMatchObject({ status: "refused" });
    const counts = { jobs: { received: 20_001, inserted: 1, rejected: 20_000 } };
    const all = await ended(limited.post(rows, "?table=jobs&max_rejects=20000"));
    expect(all).toMatchObject({ status: "succeeded", counts });
  });
});

describe("while an import is under way", () => {
  test("its events report its progress to every client, and end with it", async () => {
    const lock = await held("jobs");
    const answer = await send("?table=jobs", "1,Clerk\n2,\n");
    const { id } = (await answer.json()) as RunRecord;
    const seen: Seen[] = [];
    for await (const event of eventsOf(id)) {
      seen.push(event);
      if (event.run.progress?.table) await lock[Symbol.asyncDispose]();
    }
    const { event, run } = seen.find((each) => each.run.progress?.table) ?? {};
    expect([event, run?.status]).toEqual(["progress", "running"]);
    expect(run?.progress).toEqual({ table: "jobs", phase: "waiting", rows: 0, rejected: 0 });
    expect(await (await ask(`/runs/${id}`)).json()).toEqual(seen.at(-1)?.run);
    expect(seen.at(-1)).toMatchObject({ event: "ended", id, run: { status: "succeeded" } });
  });

  test("uploads that do not end hold no place, and disappear with their clients", async () => {
    const sockets = Array.from({ length: IMPORTS_MAX + 1 }, () => uploading("1,a\n"));
    await until(() => kept().length === sockets.length);
    await ended(send("?table=jobs", "1,Clerk\n"));
    for (const socket of sockets) socket.destroy();
    await until(() => kept().length === 0);
    expect(await listRuns(database.db, { limit: 9 })).toHaveLength(1);
  });

  test("a third import waits for a place when its body has come, and a fourth request is refused", async () => {
    const running: Response[] = [];
    const late = uploading("3,Baker", "?table=jobs", 8);
    await until(() => kept().length === 1);
    {
      await using _ = await held("jobs");
      while (running.length < IMPORTS_MAX) running.push(await send("?table=jobs", `${running.length + 1},Clerk\n`));
      const busy = await send("?table=jobs", "4,Clerk\n");
      expect([busy.status, busy.headers.get("Retry-After")]).toEqual([429, "5"]);
      late.write("\n");
    }
    expect(await answerOf(late)).toMatch(/^HTTP\/1.1 202 /);
    for (const answer of running) expect(await ended(answer)).toMatchObject({ status: "succeeded" });
    await until(async () => ((await jobs()) as unknown[]).length === 3);
  });

  test("an import that is sent right after others have ended waits until they have cleared away what they staged", async () => {
    const work = new WorkUnderWay();
    const leave = await work.imports.enter(IMPORTS_MAX);
    const next = appOver(database, { work }).request("/imports?table=jobs", {
      method: "POST",
      body: "1,Clerk\n",
      headers: CSV,
    });
    await until(() => work.imports.waitedMs > 0);
    leave();
    expect((await next).status).toBe(202);
    await work.stop();
  });

  test("with 5 connections, an import that waits behind another run does not hold up inserts", async () => {
    const few = await connect(database.url, { connections: 5 });
    const app = appOver(few);
    const leave = await few.longRuns.enter();
    const waiting = app.request("/imports?table=jobs", { method: "POST", body: "1,Clerk\n", headers: CSV });
    await until(() => kept().length === 1);
    expect((await app.request("/jobs", { method: "POST", body: "2,Baker\n", headers: CSV })).status).toBe(201);
    leave();
    expect((await waiting).status).toBe(202);
    await until(async () => ((await jobs()) as unknown[]).length === 2);
    await few.close();
  });

  test("an import whose client leaves while it begins is ended, and holds nothing", async () => {
    const few = await connect(database.url, { connections: 5 });
    const app = appOver(few, { answerMsMax: { write: 100 } });
    const connections = await Promise.all(Array.from({ length: 5 }, () => few.pool.getConnection()));
    const answer = await app.request("/imports?table=jobs", { method: "POST", body: "1,Clerk\n", headers: CSV });
    expect(answer.status).toBe(503);
    for (const connection of connections) connection.release();
    await until(async () => (await listRuns(database.db, { limit: 1 }))[0]?.status === "failed");
    await until(() => kept().length === 0);
    const leave = await few.longRuns.enter(few.pool.pool.config.connectionLimit);
    leave();
    expect(await jobs()).toEqual([]);
    await few.close();
  });

  test("DELETE ends it with nothing published, and frees its place", async () => {
    const running: Response[] = [];
    {
      await using _ = await held("jobs");
      while (running.length < IMPORTS_MAX) running.push(await send("?table=jobs", `${running.length + 1},Clerk\n`));
      expect((await send("?table=departments", "1,Sales\n")).status).toBe(429);
      for (const { headers } of running) {
        const asked = await ask(headers.get("Location") ?? "", { method: "DELETE" });
        expect([asked.status, await asked.json()]).toEqual([202, expect.objectContaining({ status: "running" })]);
      }
      for (const answer of running) {
        const error = "interrupted: it was cancelled on request";
        expect(await ended(answer)).toMatchObject({ status: "failed", error, counts: {} });
      }
    }
    await until(() => kept().length === 0);
    expect(await jobs()).toEqual([]);
    await ended(send("?table=departments", "1,Sales\n"));
  });

  test("an import of another process can be followed and cancelled too", async () => {
    await using _ = await held("jobs");
    const source = await folderOf({ "jobs.csv": "1,Clerk\n" });
    const command = start(["scripts/import.ts", source], { DATABASE_URL: database.url });
    await until(async () => (await listRuns(database.db, { limit: 1 })).length === 1);
    const [{ id } = { id: "" }] = await listRuns(database.db, { limit: 1 });
    let last: Seen | undefined;
    for await (const seen of eventsOf(id)) {
      if (seen.run.progress && !last?.run.progress) await ask(`/runs/${id}`, { method: "DELETE" });
      last = seen;
    }
    expect(last).toMatchObject({
      event: "ended",
      run: { status: "failed", error: expect.stringMatching(/cancelled/) },
    });
    expect(await command.exited).toBe(1);
    expect(await new Response(command.stderr).text()).toEndWith("interrupted: it was cancelled on request\n");
  });

  test("SIGTERM ends it with nothing published, tells the clients that follow it, and stops the service", async () => {
    await using _ = await held("jobs");
    const service = start(["src/main.ts"], { DATABASE_URL: database.url, PORT: "0" });
    let said = "";
    for await (const text of service.stdout.pipeThrough(new TextDecoderStream()).values({ preventCancel: true })) {
      said += text;
      if (said.includes("Muster serves")) break;
    }
    const [url = ""] = /http:[^"]+/.exec(said) ?? [];
    const headers = { "Content-Type": "text/csv" };
    const answer = await fetch(`${url}imports?table=jobs`, { method: "POST", headers, body: "1,Clerk\n" });
    const { id } = (await answer.json()) as RunRecord;
    let last: Seen | undefined;
    for await (const seen of eventsOf(id, new URL(url))) {
      if (last === undefined) service.kill("SIGTERM");
      last = seen;
    }
    expect(last).toMatchObject({ event: "ended", run: { status: "failed", error: expect.stringMatching(/stopped/) } });
    expect(await service.exited).toBe(0);
    expect(await jobs()).toEqual([]);
  });
});

test("imports and cancellations need the role writer, events the role reader", async () => {
  const app = appOver(database, { tokens: readTokens("reader:look") });
  const id = Bun.randomUUIDv7();
  const asked = ["POST /imports?table=jobs", `DELETE /runs/${id}`, `GET /runs/${id}/events`].map((each) => {
    const [method = "", path = ""] = each.split(" ");
    return app.request(path, { method, headers: { Authorization: "Bearer look", "Content-Type": "text/csv" } });
  });
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([403, 403, 404]);
});

describe("when a run has ended", () => {
  const id = Bun.randomUUIDv7();
  beforeEach(() =>
    recordRun(database, database.pool, {
      id,
      kind: "insert",
      source: "POST /jobs",
      status: "succeeded",
      counts: {},
      began: 0,
    }),
  );

  test("its last event comes at once, and a client that has seen it gets 204", async () => {
    expect(await Array.fromAsync(eventsOf(id))).toMatchObject([{ event: "ended", id, run: { id, kind: "insert" } }]);
    const again = await ask(`/runs/${id}/events`, { headers: { "Last-Event-ID": id } });
    expect([again.status, await again.text()]).toEqual([204, ""]);
    const head = await ask(`/runs/${id}/events`, { method: "HEAD" });
    expect([head.status, head.headers.get("Content-Type"), await head.text()]).toEqual([200, "text/event-stream", ""]);
  });

  test("DELETE is refused with 409, and for an unknown run with 404", async () => {
    const { status, detail } = (await (await ask(`/runs/${id}`, { method: "DELETE" })).json()) as Record<
      string,
      unknown
    >;
    expect([status, detail]).toEqual([409, `run ${id} has ended: it succeeded`]);
    for (const method of ["GET", "DELETE"]) {
      const path = `/runs/${Bun.randomUUIDv7()}${method === "GET" ? "/events" : ""}`;
      expect((await ask(path, { method })).status).toBe(404);
    }
  });

  test("a restore that is under way is not cancelled", async () => {
    await database.pool.query("UPDATE muster_runs SET kind = 'restore', status = 'running', finished_at = NULL");
    expect((await ask(`/runs/${id}`, { method: "DELETE" })).status).toBe(409);
  });
});

test("a client that leaves causes no further query for its run", async () => {
  /** A service that counts its queries. */
  const following = async () => {
    const own = await connect(database.url);
    const counted = { looks: 0 };
    own.pool.on("acquire", () => counted.looks++);
    const serving = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: appOver(own).fetch });
    const stop = async () => {
      await serving.stop(true);
      await own.close();
    };
    return { counted, serving, stop };
  };
  const [left, stays] = [await following(), await following()];
  const id = Bun.randomUUIDv7();
  await recordRun(database, database.pool, {
    id,
    kind: "import",
    source: "upload:x",
    status: "running",
    counts: {},
    began: 0,
  });
  await database.pool.query("UPDATE muster_runs SET finished_at = NULL");
  const aborting = new AbortController();
  for (const [{ serving }, signal] of [
    [left, aborting.signal],
    [stays, null],
  ] as const) {
    const answer = await fetch(new URL(`/runs/${id}/events`, serving.url), { signal });
    await answer.body?.getReader().read();
  }
  /** Waits until a client that stays has caused so many queries. */
  const looked = (times: number) => {
    const before = stays.counted.looks;
    return until(() => stays.counted.looks >= before + times);
  };
  await until(() => left.counted.looks > 2);
  aborting.abort();
  await until(() => left.serving.pendingRequests === 0);
  await looked(2); // one query may have been under way
  const { looks } = left.counted;
  await looked(5);
  expect(left.counted.looks).toBe(looks);
  await left.stop();
  await stays.stop();
});
