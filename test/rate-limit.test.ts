import { afterAll, describe, expect, test } from "bun:test";
import { type Config, readConfig } from "../src/config.ts";
import { readTokens } from "../src/http/auth.ts";
import { addressOf } from "../src/http/client-address.ts";
import { ADDRESSES_MAX, GUESSES_PER_MINUTE_MAX } from "../src/http/rate-limit.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";

const database = await freshDatabase();
afterAll(database.close);

const tokens = readTokens("reader:one,reader:two,writer:three");

/** The service with a clock that the test sets. */
function limited(perMinute: number, options: { proxies?: string[]; open?: boolean } = {}) {
  const clock = { ms: 1_000_000 };
  const rateLimit = { perMinute, proxies: options.proxies, now: () => clock.ms };
  const app = appOver(database, { rateLimit, ...(!options.open && { tokens }) });
  const ask = (from: string, headers: Record<string, string> = {}, path = "/jobs/1") =>
    app.request(path, { headers: { Host: "localhost", ...headers } }, { requestIP: () => ({ address: from }) });
  return { clock, ask, as: (token: string, from = "192.0.2.1") => ask(from, { Authorization: `Bearer ${token}` }) };
}

async function statuses(count: number, ask: () => Response | Promise<Response>): Promise<Record<number, number>> {
  const all: Record<number, number> = {};
  for (let sent = 0; sent < count; sent++) {
    const { status } = await ask();
    all[status] = (all[status] ?? 0) + 1;
  }
  return all;
}

describe("a token", () => {
  test("may send so many requests a minute, and is then told when to retry", async () => {
    const { clock, as } = limited(3);
    const first = await as("one");
    expect([first.status, first.headers.get("RateLimit-Policy"), first.headers.get("RateLimit")]).toEqual([
      404,
      '"minute";q=3;w=60',
      '"minute";r=2;t=60',
    ]);
    clock.ms += 12_500;
    expect(await statuses(2, () => as("one"))).toEqual({ 404: 2 });
    const refused = await as("one");
    expect([refused.status, refused.headers.get("Retry-After"), refused.headers.get("RateLimit")]).toEqual([
      429,
      "48",
      '"minute";r=0;t=48',
    ]);
    expect([refused.headers.get("Content-Type"), await refused.json()]).toEqual([
      "application/problem+json",
      expect.objectContaining({ status: 429, detail: "rate limit of 3 requests per minute exceeded; retry in 48 s" }),
    ]);
    clock.ms += 47_500;
    expect((await as("one")).status).toBe(404);
  });

  test("is counted from all addresses together, and does not use up another token's limit", async () => {
    const { as } = limited(2);
    await as("one", "192.0.2.1");
    await as("one", "192.0.2.2");
    expect((await as("one", "192.0.2.3")).status).toBe(429);
    expect((await as("two", "192.0.2.1")).status).toBe(404);
  });
});

describe("an address", () => {
  test("without a token has a limit of its own", async () => {
    const { ask } = limited(2, { open: true });
    expect(await statuses(3, () => ask("127.0.0.1"))).toEqual({ 404: 2, 429: 1 });
    expect((await ask("127.0.0.2")).status).toBe(404);
  });

  test("that sends no token although one is needed is limited as well", async () => {
    const { ask } = limited(2);
    expect(await statuses(3, () => ask("192.0.2.1"))).toEqual({ 401: 2, 429: 1 });
  });

  test("that guesses tokens is soon not told whether they are right, while others are served", async () => {
    const { clock, ask, as } = limited(10_000);
    const guess = (token: string) => ask("192.0.2.66", { Authorization: `Bearer ${token}` });
    expect(await statuses(GUESSES_PER_MINUTE_MAX, () => guess("wrong"))).toEqual({ 401: GUESSES_PER_MINUTE_MAX });
    expect((await guess("one")).status).toBe(404);
    expect((await guess("wrong again")).status).toBe(429);
    expect((await guess("one")).status).toBe(429);
    expect((await as("one", "192.0.2.1")).status).toBe(404);
    clock.ms += 60_000;
    expect((await guess("one")).status).toBe(404);
  });

  test("cannot be faked by X-Forwarded-For", async () => {
    const { ask } = limited(2, { open: true });
    let hop = 0;
    expect(await statuses(3, () => ask("127.0.0.1", { "X-Forwarded-For": `198.51.100.${hop++}` }))).toEqual({
      404: 2,
      429: 1,
    });
  });

  test("behind a trusted proxy is the one that the proxy names", async () => {
    const { ask } = limited(1, { open: true, proxies: ["10.0.0.0/8"] });
    const from = (client: string) => ask("10.1.2.3", { "X-Forwarded-For": `203.0.113.9, ${client}, 10.0.0.1` });
    expect((await from("198.51.100.1")).status).toBe(404);
    expect((await from("198.51.100.2")).status).toBe(404);
    expect((await from("198.51.100.1")).status).toBe(429);
    expect((await ask("192.0.2.7", { "X-Forwarded-For": "198.51.100.1" })).status).toBe(404);
  });

  test("is counted by itself up to a number of addresses; a flood of others shares one count and takes no more memory", async () => {
    const { ask, as } = limited(5, { open: true });
    for (let each = 0; each < ADDRESSES_MAX; each++)
      await ask(`10.${each >> 16}.${(each >> 8) & 255}.${each & 255}`, {}, "/x");
    expect(await statuses(6, () => ask(`192.0.2.${Math.floor(Math.random() * 250)}`))).toEqual({ 404: 5, 429: 1 });
    expect((await ask("10.0.0.1")).status).toBe(404);
    expect((await as("one", "10.0.0.2")).status).toBe(404);
  });
});

test("guesses are limited even if requests are not", async () => {
  const { ask, as } = limited(Number.POSITIVE_INFINITY);
  const guess = () => ask("192.0.2.66", { Authorization: "Bearer wrong" });
  expect(await statuses(GUESSES_PER_MINUTE_MAX, guess)).toEqual({ 401: GUESSES_PER_MINUTE_MAX });
  expect((await guess()).status).toBe(429);
  const answer = await as("one");
  expect([answer.status, answer.headers.get("RateLimit")]).toEqual([404, null]);
});

test("health checks and metrics are not limited", async () => {
  const { ask } = limited(1, { open: true });
  for (let asked = 0; asked < 3; asked++) {
    const answer = await ask("127.0.0.1", {}, "/healthz");
    expect([answer.status, answer.headers.get("RateLimit")]).toEqual([200, null]);
  }
});

test.each([
  ["192.0.2.1", undefined, [], "192.0.2.1"],
  ["::ffff:192.0.2.1", undefined, [], "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", undefined, [], "2001:db8:1:2::/64"],
  ["2001:db8::9", undefined, [], "2001:db8:0:0::/64"],
  ["2001:DB8:0:0:ffff::", undefined, [], "2001:db8:0:0::/64"],
  ["::1", undefined, [], "0:0:0:0::/64"],
  ["10.0.0.1", "192.0.2.1", [], "10.0.0.1"],
  ["10.0.0.1", "192.0.2.1", ["10.0.0.1"], "192.0.2.1"],
  ["10.0.0.2", "192.0.2.1", ["10.0.0.1"], "10.0.0.2"],
  ["::ffff:10.0.0.1", "192.0.2.1:51234", ["10.0.0.0/30"], "192.0.2.1"],
  ["fd00::1", "[2001:db8::9]:443", ["fd00::/8"], "2001:db8:0:0::/64"],
  ["10.0.0.1", "evil, 192.0.2.1, 10.0.0.2", ["10.0.0.0/8"], "192.0.2.1"],
  ["10.0.0.1", "192.0.2.1, not an address", ["10.0.0.0/8"], "not an address"],
  ["10.0.0.1", undefined, ["10.0.0.0/8"], "10.0.0.1"],
  ["10.0.0.1", "10.0.0.2", ["10.0.0.0/8"], "10.0.0.1"],
])(
  "a request from %s with X-Forwarded-For %s is counted for its client, if %j is trusted: %s",
  (socket, forwarded, proxies, expected) => {
    const header = (name: string) => (name === "X-Forwarded-For" ? forwarded : undefined);
    const context = { env: { requestIP: () => ({ address: socket }) }, req: { header, raw: new Request("http://x") } };
    expect(addressOf(proxies)(context as never)).toBe(expected);
  },
);

test("there is a limit if tokens are used, and none if only this machine is answered, unless RATE_LIMIT is set", () => {
  const limitOf = (environment: Record<string, string>) => readConfig(environment).RATE_LIMIT;
  expect(limitOf({})).toBe(0);
  expect(limitOf({ API_TOKENS: "reader:x" })).toBe(30_000);
  expect([limitOf({ RATE_LIMIT: "7" }), limitOf({ API_TOKENS: "reader:x", RATE_LIMIT: "0" })]).toEqual([7, 0]);
});

test.each([
  ["RATE_LIMIT", "many"],
  ["RATE_LIMIT", "-1"],
  ["TRUSTED_PROXY", "proxy.example.com"],
  ["TRUSTED_PROXY", "10.0.0.0/33"],
  ["PUBLIC_URL", "hr.example.com/muster"],
  ["PUBLIC_URL", "https://hr.example.com/?muster"],
  ["PUBLIC_URL", "https://hr.example.com//other.example.com"],
  ["PUBLIC_URL", "https://hr.example.com/muster#"],
  ["PUBLIC_URL", "https://user@hr.example.com/muster"],
  ["PUBLIC_URL", "https:hr.example.com/muster"],
  ["CORS_ORIGINS", "*"],
  ["CORS_ORIGINS", "app.example.com"],
  ["CORS_ORIGINS", "https://app.example.com/"],
])("%s=%s is refused with what to set it to", (variable, value) => {
  expect(() => readConfig({ [variable]: value })).toThrow(
    new RegExp(`^set ${variable} to (a whole number|the address|origins)`),
  );
});

test.each([
  ["TRUSTED_PROXY", "10.0.0.0/8, ::1,fd00::/8", ["10.0.0.0/8", "::1", "fd00::/8"]],
  ["CORS_ORIGINS", "https://a.example,http://localhost:5173", ["https://a.example", "http://localhost:5173"]],
])("%s=%s is a list", (variable, value, expected) => {
  expect(readConfig({ [variable]: value })[variable as keyof Config]).toEqual(expected as never);
});
