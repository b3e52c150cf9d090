import { afterAll, describe, expect, test } from "bun:test";
import { Hono } from "hono";
import pino from "pino";
import { z } from "zod";
import { rejections, runs } from "../src/db/ledger.ts";
import { type ErrorCode, MusterError } from "../src/errors.ts";
import type { Env } from "../src/http/env.ts";
import { answerError } from "../src/http/problem.ts";
import { validate } from "../src/http/validate.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";

const database = await freshDatabase();
afterAll(database.close);
await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk')");

const lines: string[] = [];
const log = pino({ level: "trace" }, { write: (line: string) => void lines.push(line) });
const app = appOver(database, { log });

/** Reads an error answer: a problem document that names its request. */
async function problemOf(response: Response | Promise<Response>) {
  const { status, headers } = await response;
  const body = JSON.parse(await (await response).text());
  expect(headers.get("Content-Type")).toBe("application/problem+json");
  expect(body).toMatchObject({ type: "about:blank", status, instance: headers.get("X-Request-Id") });
  expect([body.title, body.detail].every(Boolean)).toBe(true);
  return { status, headers, body };
}

describe("an error is a problem document:", () => {
  test("404 for an unknown path, 405 with Allow for another method", async () => {
    expect((await problemOf(app.request("/a/b/c"))).status).toBe(404);
    expect((await problemOf(app.request("/%E0%A4%A"))).status).toBe(404);
    for (const [method, path, allow] of [
      ["DELETE", "/jobs/1", "GET, HEAD"],
      ["PUT", "/jobs", "GET, HEAD, POST"],
      ["POST", "/runs", "GET, HEAD"],
      ["GET", "/insert", "POST"],
      ["GET", "/rejections/replay", "POST"],
      ["PUT", "/backups/latest/verify", "POST"],
      ["GET", "/backups/latest/verify", "POST"],
      ["POST", "/backups/latest/jobs.avro", "GET, HEAD"],
      ["POST", "/healthz", "GET, HEAD"],
      ["OPTIONS", "/hired_department", "GET, HEAD, POST"],
    ] as const) {
      const { status, headers } = await problemOf(app.request(path, { method }));
      expect([path, status, headers.get("Allow")]).toEqual([path, 405, allow]);
    }
  });

  test("400 with an entry for each wrong parameter", async () => {
    const { status, body } = await problemOf(
      app.request("/rejections?state=shut&code=odd&table=staff&run=7&colour=red"),
    );
    expect(status).toBe(400);
    const pointers = body.errors.map(({ pointer }: { pointer: string }) => pointer);
    expect(pointers.sort()).toEqual(["/code", "/colour", "/run", "/state", "/table"]);
    expect(body.detail).toContain("state must be one of open, replayed, discarded, superseded");
    expect(body.detail).toContain(
      '"colour" is not known, only limit, cursor, spreadsheet, table, code, cause, run, state',
    );
  });

  test("406 if no form that Accept asks for exists", async () => {
    const { status, body } = await problemOf(app.request("/jobs", { headers: { Accept: "text/html, image/*" } }));
    expect([status, body.detail]).toEqual([
      406,
      "Accept allows none of application/json, text/csv, application/x-ndjson: ask for one of them",
    ]);
  });

  test("413 for a body over the limit, 400 for one that is not JSON", async () => {
    const long = { method: "POST", body: "x".repeat(100_000) };
    expect((await problemOf(app.request("/hired_department", long))).status).toBe(413);
    const taking = new Hono<Env>().post("/", validate("json", z.strictObject({})), (c) => c.text("taken"));
    taking.onError(answerError(log));
    const post = (body: string) =>
      taking.request("/", { method: "POST", body, headers: { "Content-Type": "application/json" } });
    expect(await (await post("{}")).text()).toBe("taken");
    const broken = await post('{"a":');
    expect([broken.status, broken.headers.get("Content-Type")]).toEqual([400, "application/problem+json"]);
  });

  test.each([
    ["invalid", 400, null],
    ["not_found", 404, null],
    ["conflict", 409, null],
    ["refused", 422, null],
    ["unavailable", 503, "5"],
    ["interrupted", 503, "5"],
  ] as const)("the domain error %s is %d", async (code: ErrorCode, expected, retryAfter) => {
    const failing = new Hono<Env>().get("/", () => {
      throw new MusterError(code, "do this");
    });
    failing.onError(answerError(log));
    const answer = await failing.request("/");
    expect([answer.status, answer.headers.get("Retry-After")]).toEqual([expected, retryAfter]);
    expect(await answer.json()).toMatchObject({ detail: "do this" });
  });
});

describe("requests", () => {
  test("a client's request id is kept if it is short and plain, and replaced otherwise", async () => {
    const answered = async (id: string) =>
      (await app.request("/jobs", { headers: { "X-Request-Id": id } })).headers.get("X-Request-Id");
    expect(await answered("order-7_b=")).toBe("order-7_b=");
    for (const odd of ["a b", "<b>", "x".repeat(65), '"']) expect(await answered(odd)).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("each request is one line of JSON in the log, without its query", async () => {
    lines.length = 0;
    const answer = await app.request("/jobs?job=Secret%20Agent");
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      request: answer.headers.get("X-Request-Id"),
      method: "GET",
      path: "/jobs",
      status: 200,
      ms: expect.any(Number),
    });
    expect(lines[0]).not.toContain("Secret");
  });

  test.each([
    [undefined, "application/json"],
    ["*/*", "application/json"],
    ["application/*", "application/json"],
    ["text/*", "text/csv"],
    ["TEXT/CSV", "text/csv"],
    ["text/csv, */*", "text/csv"],
    ["text/csv;q=0.5, application/json", "application/json"],
    ["application/json;q=0, */*", "text/csv"],
    ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"],
  ])("a request with Accept: %s is answered as %s", async (accept, expected) => {
    const answer = await app.request("/jobs", accept === undefined ? {} : { headers: { Accept: accept } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("Content-Type")).toStartWith(expected);
    expect(answer.headers.get("Vary")).toBe("Accept, Accept-Encoding");
  });
});

describe("runs and rejections:", async () => {
  const at = "2026-11-22 10:00:00.500";
  const ids = [1, 2, 3].map((number) => `019e96d6-0000-7000-8000-00000000000${number}`);
  const [ended = "", failed = "", running = ""] = ids;
  const run = { kind: "import", source: "jobs.csv", counts: {}, owner: "host:1", started_at: at } as const;
  await database.db.insert(runs).values([
    { ...run, id: ended, status: "succeeded", finished_at: at },
    { ...run, id: failed, status: "failed", error: "the disk is full", finished_at: at },
    { ...run, id: running, status: "running" },
  ]);
  const raw = Buffer.from("7,");
  const rejection = { run: ended, table: "jobs", position: 7, raw, state: "open", created_at: at } as const;
  const missing = [{ code: "missing", field: "job", detail: "job is required and is missing" }] as const;
  const tooLong = [{ code: "too_long", field: "job", detail: "job is long" }] as const;
  await database.db.insert(rejections).values([
    { ...rejection, reasons: [...missing] },
    { ...rejection, table: "departments", raw: Buffer.from([55, 44, 0xff]), reasons: [...missing, ...tooLong] },
    { ...rejection, run: running, reasons: [...missing] },
    { ...rejection, run: failed, state: "discarded", reasons: [...tooLong] },
  ]);

  async function list(path: string): Promise<{ ids: unknown[]; link: string | null }> {
    const answer = await app.request(path);
    expect(answer.status).toBe(200);
    const body = (await answer.json()) as { id: unknown }[];
    return { ids: body.map(({ id }) => id), link: answer.headers.get("Link") };
  }

  test("runs are listed newest first, page by page", async () => {
    const first = await list("/runs?limit=2");
    expect(first).toEqual({ ids: [running, failed], link: `</runs?limit=2&cursor=${failed}>; rel="next"` });
    expect(await list(`/runs?limit=2&cursor=${failed}`)).toEqual({ ids: [ended], link: null });
  });

  test("a run is answered with its error and its instants, an unknown one 404", async () => {
    const answer = await app.request(`/runs/${failed}`);
    expect(await answer.json()).toMatchObject({
      id: failed,
      status: "failed",
      error: "the disk is full",
      started_at: "2026-11-22T10:00:00.500Z",
    });
    expect((await problemOf(app.request("/runs/7"))).status).toBe(404);
    expect((await problemOf(app.request(`/runs/${failed.replace(/.$/, "9")}`))).status).toBe(404);
  });

  test("rejections are listed by id in pages, once their run has ended", async () => {
    const first = await list("/rejections?limit=2");
    expect(first).toEqual({ ids: [1, 2], link: '</rejections?limit=2&cursor=2>; rel="next"' });
    expect(await list("/rejections?limit=2&cursor=2")).toEqual({ ids: [4], link: null });
  });

  test.each([
    ["table=departments", [2]],
    ["code=too_long", [2, 4]],
    ["code=too_long&state=open", [2]],
    ["state=discarded", [4]],
    [`run=${ended}`, [1, 2]],
    [`run=${running}`, []],
  ])("rejections are filtered by ?%s", async (query, expected) => {
    expect((await list(`/rejections?${query}`)).ids).toEqual(expected);
  });

  test("a rejection is answered with its raw input and every reason, an unknown one 404", async () => {
    const answer = async (path: string) => (await app.request(path)).json();
    expect(await answer("/rejections/1")).toMatchObject({
      id: 1,
      run: ended,
      position: 7,
      raw: "7,",
      reasons: missing,
    });
    expect(await answer("/rejections/2")).toMatchObject({ raw_base64: "Nyz/", reasons: [...missing, ...tooLong] });
    for (const id of ["3", "9", "x"]) expect((await problemOf(app.request(`/rejections/${id}`))).status).toBe(404);
  });
});

describe("a query that fails", () => {
  test("is 500 with the request's id, and neither the answer nor the log has the statement or its values", async () => {
    lines.length = 0;
    await database.pool.query("RENAME TABLE hired_employees TO mislaid");
    await database.pool.query("CREATE TABLE mistaken (id int)");
    await database.pool.query("CREATE VIEW hired_employees AS SELECT * FROM mistaken");
    await database.pool.query("DROP TABLE mistaken");
    try {
      for (const path of [
        "/hired_employees?name=Secret%20Agent",
        "/hired_2021_quarter?year=1234",
        "/hired_department",
      ]) {
        const { status, body } = await problemOf(app.request(path));
        expect([status, body.detail]).toEqual([
          500,
          `internal error: the log has the cause under request ${body.instance}`,
        ]);
      }
      const errors = lines.map((line) => JSON.parse(line)).filter((line) => line.msg === "internal error");
      expect(errors.map(({ error }) => error.code)).toEqual(new Array(3).fill("ER_VIEW_INVALID"));
      expect(errors[0].error.at.length).toBeGreaterThan(0);
      // An id, a time or the name of the machine may have the digits of the year.
      const others = { request: "", time: 0, ms: 0, pid: 0, hostname: "" };
      const told = lines.map((line) => JSON.stringify({ ...JSON.parse(line), ...others }));
      expect(told.join()).not.toMatch(/select|mislaid|Secret|1234|from `/i);
    } finally {
      await database.pool.query("DROP VIEW hired_employees");
      await database.pool.query("RENAME TABLE mislaid TO hired_employees");
    }
  });

  test("is 503 with the table's name if somebody has dropped the table", async () => {
    await database.pool.query("RENAME TABLE jobs TO mislaid");
    try {
      const { status, body } = await problemOf(app.request("/jobs"));
      expect([status, body.detail]).toEqual([
        503,
        expect.stringContaining("the database lacks jobs (ER_NO_SUCH_TABLE)"),
      ]);
    } finally {
      await database.pool.query("RENAME TABLE mislaid TO jobs");
    }
  });
});

describe("/readyz", () => {
  test("says with ?verbose what the database server can do", async () => {
    const { version, loadsData, swaps, transactionLimit } = database.server;
    const abilities = { version, load_data: loadsData, swap: swaps };
    for (const query of ["?verbose", "?verbose=true", "?verbose=1"]) {
      expect(await (await app.request(`/readyz${query}`)).json()).toEqual({
        ...{ status: "ready", database: { ...abilities, transaction_bytes_max: transactionLimit?.bytes ?? null } },
      });
    }
    expect((await app.request("/readyz?verbose=maybe")).status).toBe(400);
  });

  test("is 200 if the database answers, and 503 if it lacks a migration", async () => {
    expect(await (await app.request("/readyz")).json()).toEqual({ status: "ready" });
    await database.pool.query("RENAME TABLE __drizzle_migrations TO unapplied");
    const { status, headers } = await problemOf(app.request("/readyz"));
    await database.pool.query("RENAME TABLE unapplied TO __drizzle_migrations");
    expect([status, headers.get("Retry-After")]).toEqual([503, "5"]);
    expect((await app.request("/healthz")).status).toBe(200);
  });
});
