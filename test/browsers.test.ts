/** What a web page may do with the service from a browser. */
import { afterAll, describe, expect, test } from "bun:test";
import { readTokens } from "../src/http/auth.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";

const database = await freshDatabase();
afterAll(database.close);

const ours = "https://app.example.com";
const tokens = readTokens("reader:read-me,writer:write-me");
const withTokens = appOver(database, { origins: [ours], tokens, rateLimit: { perMinute: 100 } });
const withoutTokens = appOver(database, { origins: [ours] });
const Authorization = "Bearer read-me";

function preflight(app: typeof withTokens, Origin: string, method = "POST") {
  const headers = {
    ...{ Host: "localhost", Origin, "Access-Control-Request-Method": method },
    "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
  };
  return app.request("/insert", { method: "OPTIONS", headers });
}

describe("a page of an origin in CORS_ORIGINS", () => {
  test("may send a preflight without a token, which counts against no rate limit", async () => {
    for (const app of [withTokens, withoutTokens]) {
      const answer = await preflight(app, ours);
      expect([answer.status, answer.headers.get("Access-Control-Allow-Origin")]).toEqual([204, ours]);
      expect(answer.headers.get("Access-Control-Allow-Methods")).toBe("GET,HEAD,POST,DELETE");
      const allowed = answer.headers.get("Access-Control-Allow-Headers")?.toLowerCase().split(",");
      for (const name of [
        "authorization",
        "content-type",
        "idempotency-key",
        "prefer",
        "if-none-match",
        "content-encoding",
        "last-event-id",
      ])
        expect(allowed).toContain(name);
      expect([answer.headers.get("RateLimit"), answer.headers.get("Access-Control-Max-Age")]).toEqual([null, "600"]);
    }
  });

  test("may read answers and their headers, refusals too", async () => {
    const answers = [
      await withTokens.request("/jobs", { headers: { Origin: ours, Authorization } }),
      await withTokens.request("/jobs", { headers: { Origin: ours } }),
      await withTokens.request("/insert", { method: "POST", headers: { Origin: ours, Authorization } }),
      await withoutTokens.request("/jobs", { headers: { Origin: ours, Host: "localhost" } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 401, 403, 200]);
    for (const { headers } of answers) {
      expect([headers.get("Access-Control-Allow-Origin"), headers.get("Access-Control-Allow-Credentials")]).toEqual([
        ours,
        null,
      ]);
      const exposed = headers.get("Access-Control-Expose-Headers")?.split(",");
      for (const name of [
        "Link",
        "Location",
        "ETag",
        "Retry-After",
        "RateLimit",
        "RateLimit-Policy",
        "X-Request-Id",
        "Idempotent-Replayed",
        "Preference-Applied",
      ])
        expect(exposed).toContain(name);
      expect(headers.get("Vary")).toContain("Origin");
    }
    expect(answers[0]?.headers.get("ETag")).toStartWith("W/");
  });
});

test("a page of another origin may not read an answer, and gets none if there are no tokens", async () => {
  const evil = "https://evil.example";
  for (const app of [withTokens, withoutTokens]) {
    expect((await preflight(app, evil)).headers.get("Access-Control-Allow-Origin")).toBeNull();
  }
  const answer = await withTokens.request("/jobs", { headers: { Origin: evil, Authorization } });
  expect([answer.status, answer.headers.get("Access-Control-Allow-Origin")]).toEqual([200, null]);
  const refused = await withoutTokens.request("/jobs", { headers: { Origin: evil, Host: "localhost" } });
  expect([refused.status, refused.headers.get("Access-Control-Allow-Origin")]).toEqual([403, null]);
});

test("without CORS_ORIGINS no page of another origin may read an answer", async () => {
  const app = appOver(database, { tokens });
  expect((await preflight(app, ours)).headers.get("Access-Control-Allow-Origin")).toBeNull();
  const answer = await app.request("/jobs", { headers: { Origin: ours, Authorization } });
  expect([answer.status, answer.headers.get("Access-Control-Allow-Origin")]).toEqual([200, null]);
});

test("Vary names Origin also if the request had none", async () => {
  const answer = await withTokens.request("/jobs", { headers: { Authorization } });
  expect(answer.headers.get("Vary")).toBe("Origin, Accept, Accept-Encoding");
});

test.each(["/jobs", "/healthz", "/nothing", "/jobs/0", "/hired_department"])(
  "%s has the headers that forbid a browser to guess its type, frame it, run scripts in it or send a referrer",
  async (path) => {
    const { headers } = await appOver(database).request(path, { headers: { Accept: "*/*" } });
    expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(headers.get("X-Frame-Options")).toBe("DENY");
    expect(headers.get("Content-Security-Policy")).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers.get("Referrer-Policy")).toBe("no-referrer");
    expect(headers.get("Cross-Origin-Resource-Policy")).toBe("same-origin");
  },
);
