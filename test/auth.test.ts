import { afterAll, describe, expect, test } from "bun:test";
import { Hono } from "hono";
import pino from "pino";
import { assertBindable, authenticate, readTokens, requires } from "../src/http/auth.ts";
import type { Env } from "../src/http/env.ts";
import { answerError } from "../src/http/problem.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";

const database = await freshDatabase();
afterAll(database.close);

const lines: string[] = [];
const log = pino({ level: "trace" }, { write: (line: string) => void lines.push(line) });
const tokens = readTokens("reader:read-me,reader:read.me~2, writer:write/me==,admin:rule+me");
const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

describe("with API_TOKENS", () => {
  const app = appOver(database, { tokens, log });

  test("a request without a token is answered 401 with the scheme to use", async () => {
    const answer = await app.request("/jobs");
    expect([answer.status, answer.headers.get("WWW-Authenticate")]).toEqual([401, 'Bearer realm="muster"']);
    expect(answer.headers.get("Content-Type")).toBe("application/problem+json");
    expect(await answer.json()).toMatchObject({ status: 401, instance: answer.headers.get("X-Request-Id") });
  });

  test.each([
    "Bearer wrong",
    "Bearer read-m",
    "Bearer read-me2",
    "Basic cmVhZC1tZQ==",
    "Bearer",
    "read-me",
    "Bearer read-me x",
  ])("the header %p is answered 401 invalid_token", async (Authorization) => {
    const answer = await app.request("/jobs", { headers: { Authorization } });
    expect([answer.status, answer.headers.get("WWW-Authenticate")]).toEqual([
      401,
      'Bearer realm="muster", error="invalid_token"',
    ]);
  });

  test.each(["read-me", "read.me~2", "write/me==", "rule+me"])("the header %p may read", async (token) => {
    expect((await app.request("/jobs", bearer(token))).status).toBe(200);
    expect((await app.request("/jobs", { headers: { authorization: `bearer ${token}` } })).status).toBe(200);
  });

  test.each([
    "/departments",
    "/jobs/1",
    "/hired_2021_quarter",
    "/hired_department",
    "/runs",
    "/rejections",
    "/nothing/here",
  ])("%s needs a token", async (path) => {
    expect((await app.request(path)).status).toBe(401);
    expect((await app.request(path, { method: "POST" })).status).toBe(401);
  });

  test("health checks and metrics need no token", async () => {
    expect((await app.request("/healthz")).status).toBe(200);
    expect((await app.request("/readyz", bearer("wrong"))).status).toBe(200);
  });

  test("requests for any Host are answered", async () => {
    const headers = { Host: "muster.example", Origin: "https://muster.example", Authorization: "Bearer read-me" };
    expect((await app.request("/jobs", { headers })).status).toBe(200);
  });

  test("no token is ever logged", async () => {
    await app.request("/jobs", bearer("read-me"));
    await app.request("/jobs?x=1", bearer("guessed-token"));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join()).not.toMatch(/read-me|guessed-token|Authorization/i);
  });
});

test("each role may do what the roles below it may, and 403 names the role that is needed", async () => {
  const app = new Hono<Env>();
  app.onError(answerError(log));
  app.use(authenticate(tokens));
  for (const role of ["reader", "writer", "admin"] as const) app.get(`/${role}`, requires(role), (c) => c.text("yes"));
  const asked = async (token: string) => {
    const answers = ["/reader", "/writer", "/admin"].map((path) => app.request(path, bearer(token)));
    return (await Promise.all(answers)).map((answer) => answer.status);
  };
  expect(await asked("read-me")).toEqual([200, 403, 403]);
  expect(await asked("write/me==")).toEqual([200, 200, 403]);
  expect(await asked("rule+me")).toEqual([200, 200, 200]);
  const refused = await app.request("/admin", bearer("write/me=="));
  expect(refused.headers.get("WWW-Authenticate")).toBe(
    'Bearer realm="muster", error="insufficient_scope", scope="admin"',
  );
});

describe("without API_TOKENS", () => {
  const app = appOver(database);
  const status = async (headers: Record<string, string>) => (await app.request("/jobs", { headers })).status;

  test.each(["localhost", "localhost:3000", "LOCALHOST", "127.0.0.1:3000", "127.1.2.3", "[::1]", "[::1]:3000"])(
    "requests for the Host %p are answered",
    async (Host) => expect(await status({ Host })).toBe(200),
  );

  test.each([
    "evil.example",
    "evil.example:3000",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "192.168.0.7",
    "localhost@evil.example",
    "[::2]",
    "",
  ])("requests for the Host %p are refused", async (Host) => expect(await status({ Host })).toBe(403));

  test("requests from a page of another origin are refused, those from a page of this machine are not", async () => {
    const Host = "localhost:3000";
    expect(await status({ Host, Origin: "http://localhost:5173" })).toBe(200);
    expect(await status({ Host, Origin: "http://[::1]:5173" })).toBe(200);
    for (const Origin of [
      "https://evil.example",
      "http://localhost.evil.example",
      "null",
      "http://evil.example:3000",
    ]) {
      expect([Origin, await status({ Host, Origin })]).toEqual([Origin, 403]);
    }
  });

  test("a page of another origin is not even told the health of the service", async () => {
    const answer = await app.request("/readyz", { headers: { Host: "evil.example" } });
    expect([answer.status, answer.headers.get("Content-Type")]).toEqual([403, "application/problem+json"]);
  });

  test.each(["127.0.0.1", "localhost", "::1"])("the service may listen on %s", (host) => {
    expect(() => assertBindable(host, undefined)).not.toThrow();
  });

  test.each(["0.0.0.0", "::", "192.168.0.7", "muster.example", ""])(
    "the service may not listen on %p, and the error says what to set",
    (host) => {
      expect(() => assertBindable(host, undefined)).toThrow(/API_TOKENS=.*HOST=127\.0\.0\.1/);
      expect(() => assertBindable(host, tokens)).not.toThrow();
    },
  );
});

test.each([
  "s3cret",
  "owner:s3cret",
  "reader:",
  "reader:s3cret,",
  "reader: s3cret",
  "reader:s3cret writer:x",
  "reader:s3crét",
])("API_TOKENS=%s is refused without repeating it", (text) => {
  expect(() => readTokens(text)).toThrow(/API_TOKENS: entry \d/);
  expect(() => readTokens(text)).not.toThrow(/s3cr/);
});
