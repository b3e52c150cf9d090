/** Limits of one request and of many at once: beyond them requests are refused at once. */
import { afterAll, describe, expect, test } from "bun:test";
import pino from "pino";
import type { AppDependencies } from "../src/app.ts";
import { DEFAULTS } from "../src/config.ts";
import type { BatchAnswer } from "../src/http/batch-answer.ts";
import type { Problem } from "../src/http/problem.ts";
import { appOver, posted } from "./support/app.ts";
import { serve } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { HOSTILE } from "./support/hostile.ts";
import { withoutProc } from "./support/missing.ts";
import { GATES, hold, select, until } from "./support/observe.ts";
import { cpuMilliseconds, onOneCore, peakMegabytes } from "./support/process.ts";

const database = await freshDatabase();
const app = appOver(database);
afterAll(database.close);

const POST = "POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n";
const job = (name = "Clerk") => posted([{ job: name }]);
const refusal = async (response: Response) => [
  ...[response.status, response.headers.get("Retry-After"), ((await response.json()) as Problem).detail],
];

describe("one body", () => {
  test.each(Object.keys(HOSTILE))("of %s is refused with the limit that it breaks", async (name) => {
    const { path, type, body, status, says } = HOSTILE[name]?.() ?? expect.unreachable();
    expect(body.length).toBeLessThanOrEqual(DEFAULTS.BODY_BYTES_MAX);
    const response = await app.request(path, { method: "POST", headers: { "Content-Type": type }, body });
    expect([response.status, await response.text()]).toEqual([status, expect.stringMatching(says)]);
  });

  test("that does not come in time is answered 408", async () => {
    const { send, stop } = await listening({ inFlight: { bodyMsMax: 100 } });
    for (const length of [1_000, 1_000_000]) {
      const slow = await send(`${POST}Content-Length: ${length}\r\n\r\n1,Clerk\n`);
      await until(() => slow.answer().includes("\r\n\r\n{"));
      expect(slow.answer()).toMatch(/^HTTP\/1\.1 408 .*did not arrive within 100 ms/s);
    }
    await stop();
  });

  test("that breaks off does not look like an error of the service, and no row of it is stored", async () => {
    await database.empty();
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(line) });
    const { send, stop } = await listening({ log });
    const starts = [
      "Content-Length: 1000\r\n\r\n",
      "Content-Length: 1000000\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\n8\r\n",
    ];
    for (const start of starts) (await send(`${POST}${start}1,Clerk\n`)).end();
    await until(() => lines.length === starts.length);
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ level: 30, msg: "request", status: 400 });
    expect(await select(database.pool, "SELECT id FROM jobs")).toEqual([]);
    await stop();
  });

  test("or query with a thousand faults is told fifty of them", async () => {
    const parameters = Array.from({ length: 1000 }, (_, index) => `p${index}`).join("&");
    const { errors, detail } = (await (await app.request(`/jobs?${parameters}`)).json()) as Problem;
    expect([errors?.length, detail]).toEqual([50, expect.stringMatching(/; and 950 more$/)]);
  });
});

test.each([
  ["Prefer", `"${'\\"'.repeat(7_000)}`, "x".repeat(14_000), 201],
  ["Content-Type", `application/json; a${" ".repeat(14_000)}b`, `application/json; a=${"x".repeat(14_000)}`, 201],
  ["If-None-Match", `a${" ".repeat(14_000)}b`, "x".repeat(14_000), 200],
])("%s of 14,000 characters takes about as long as any other", async (name, hostile, plain, status) => {
  /** The processor time of this process, in microseconds. */
  const cost = async (value: string) => {
    const headers = { [name]: value };
    const before = process.cpuUsage();
    for (let times = 0; times < 20; times++) {
      const answer = await app.request("/jobs", status === 200 ? { headers } : posted([{ job: "a" }], headers));
      expect(answer.status).toBe(status);
    }
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  await cost(plain);
  expect(await cost(hostile)).toBeLessThan(20 * (await cost(plain)));
});

describe("bodies at once", () => {
  const full = { bytesMax: 200_000 };

  test("over the limit of bytes are refused with 503, while reads are answered; room that is not used is given back", async () => {
    const { send, stop, url } = await listening({ inFlight: full });
    const slow: { end(): void }[] = [];
    const first = await until(async () => {
      slow.push(await send(`${POST}Content-Length: 200000\r\n\r\n`)); // one more is taken, since an announcement counts for only a second
      const response = await fetch(`${url}jobs`, job());
      return response.status === 503 && response;
    });
    expect(await refusal(first)).toEqual([503, "5", expect.stringMatching(/^the service is busy: .*200000 bytes/)]);
    expect((await fetch(`${url}jobs?limit=1`)).status).toBe(200);
    // Bytes that are announced and do not come soon stop counting.
    await until(async () => (await fetch(`${url}jobs`, job())).status === 201);
    for (const { end } of slow) end();
    await stop();
  });

  test("are taken if they come alone, even if one is larger than the limit", async () => {
    const roomy = appOver(database, { inFlight: { bytesMax: 10 } });
    expect((await roomy.request("/jobs", job())).status).toBe(201);
    expect((await roomy.request("/jobs", job())).status).toBe(201);
  });
});

describe("requests at once", () => {
  test("over their limit are refused with 503, while health checks and metrics are answered", async () => {
    const few = appOver(database, { inFlight: { requestsMax: 2 } });
    const release = await hold(database.pool, GATES);
    const waiting = [few.request("/jobs", job()), few.request("/jobs", job())];
    expect(await refusal(await few.request("/jobs"))).toEqual([
      503,
      "5",
      expect.stringMatching(/working on 2 requests, the most it takes/),
    ]);
    expect((await few.request("/healthz")).status).toBe(200);
    await release();
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([201, 201]);
    expect((await few.request("/jobs")).status).toBe(200);
  });

  test("that write are refused while another has waited too long; those that wait are stored", async () => {
    await database.empty();
    const busy = appOver(database, { inFlight: { waitMsMax: 20 } });
    const release = await hold(database.pool, GATES);
    const waiting = Array.from({ length: 8 }, () => app.request("/jobs", job()));
    await until(() => database.writers.waitedMs > 20);
    const late = await busy.request("/jobs", job());
    expect(await refusal(late)).toEqual([503, "5", expect.stringMatching(/^the service is busy: writes/)]);
    expect((await busy.request("/jobs?limit=1")).status).toBe(200);
    await release();
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(waiting.map(() => 201));
    expect(await select(database.pool, "SELECT COUNT(*) AS found FROM jobs")).toMatchObject([{ found: 8 }]);
    expect((await busy.request("/jobs", job())).status).toBe(201);
  });
});

describe("two hundred rejected rows of 40 KB", async () => {
  const text = `${`{"job": "${"x".repeat(40_000)}"}\n`.repeat(200)}`;
  const headers = { "Content-Type": "application/x-ndjson" };
  const batch = async () =>
    (await (await app.request("/jobs", { method: "POST", headers, body: text })).json()) as BatchAnswer;
  const ask = (path: string, body: unknown) => app.request(`/rejections/${path}`, posted(body));

  test("are listed in pages that fit in memory", async () => {
    const { run } = await batch();
    const pages: number[][] = [];
    for (let path: string | undefined = `/rejections?run=${run}`; path !== undefined; ) {
      const answer = await app.request(path);
      pages.push(((await answer.json()) as { id: number }[]).map(({ id }) => id));
      path = /<(.*)>; rel="next"/.exec(answer.headers.get("Link") ?? "")?.[1];
    }
    expect(pages.length).toBeGreaterThan(1);
    const [row] = await select(database.pool, `SELECT COUNT(*) AS found FROM muster_rejections WHERE run = '${run}'`);
    expect([new Set(pages.flat()).size, pages.flat().length]).toEqual([row?.found, 200]);
  });

  test("are replayed as they came, a mebibyte at a time, and discarded all together", async () => {
    const { run, rows } = await batch();
    const some = (await (await ask("replay", { run })).json()) as BatchAnswer;
    expect([some.received > 20, some.received + Number(some.remaining)]).toEqual([true, 200]);
    expect(some.received).toBeLessThan(30);
    const open = rows.slice(some.received).map(({ rejection }) => rejection);
    expect(await (await ask("discard", { ids: open })).json()).toEqual({ discarded: open.length });
  });
});

describe.skipIf(withoutProc !== "")(`the service${withoutProc}`, () => {
  test("stays under 500 MB while 120 writers send 7.9 MB each to a closed gate: it keeps some and refuses the others at once", async () => {
    await database.empty();
    const { service, url, stop } = await serve({ DATABASE_URL: database.url });
    const rows = Array.from({ length: 1000 }, (_, index) => `{"job": "Clerk ${index}"}`.padEnd(7_900));
    const body = Buffer.from(`[${rows.join(",")}]`);
    const release = await hold(database.pool, GATES);
    const answers: Response[] = [];
    const writers = Array.from({ length: 120 }, async () => {
      const answer = await fetch(`${url}jobs`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body,
      });
      answers.push(answer);
      return answer.status;
    });
    await until(() => answers.length >= 110);
    expect(answers.map(({ status, headers }) => `${status} ${headers.get("Retry-After")}`)).toEqual(
      answers.map(() => "503 5"),
    );
    for (const path of ["healthz", "readyz", "jobs?limit=1"]) expect((await fetch(url + path)).status).toBe(200);
    await release();
    const statuses = await Promise.all(writers);
    const stored = statuses.filter((status) => status === 201).length;
    expect([stored > 0, new Set(statuses)]).toEqual([true, new Set([201, 503])]);
    expect(await select(database.pool, "SELECT COUNT(*) AS found FROM jobs")).toMatchObject([{ found: stored * 1000 }]);
    expect(peakMegabytes(service.pid)).toBeLessThan(500);
    expect(await stop()).toBe(0);
  });

  test("answers /healthz within a second of processor time on one core, while sixteen hostile bodies come at once", async () => {
    const { service, url, stop } = await serve({ DATABASE_URL: database.url });
    onOneCore(service.pid);
    const bodies = Object.values(HOSTILE).map((make) => make());
    let sending = true;
    const sent = Promise.all(
      bodies.map(async ({ path, type, body, status }) => {
        const ask = async () => {
          const answer = await fetch(url + path.slice(1), { method: "POST", headers: { "Content-Type": type }, body });
          await answer.arrayBuffer();
          if (answer.status !== 503) return answer.status;
          await Bun.sleep(500); // a client that got 503 tries again later
        };
        // The service takes three of them at once.
        expect([path, await until(ask)]).toEqual([path, status]);
      }),
    ).finally(() => {
      sending = false;
    });
    let longest = 0;
    while (sending) {
      const before = cpuMilliseconds(service.pid);
      expect((await fetch(`${url}healthz`)).status).toBe(200);
      longest = Math.max(longest, cpuMilliseconds(service.pid) - before);
    }
    await sent;
    expect(longest).toBeLessThan(1_000);
    expect(peakMegabytes(service.pid)).toBeLessThan(500);
    expect(await stop()).toBe(0);
  });
});

/** The app behind a real socket, for requests that no client sends. */
async function listening(overrides: Partial<AppDependencies>) {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: appOver(database, overrides).fetch });
  const send = async (text: string) => {
    let answer = "";
    const data = (_: unknown, bytes: Buffer) => {
      answer += bytes;
    };
    const socket = await Bun.connect({ hostname: "127.0.0.1", port: server.port ?? 0, socket: { data } });
    socket.write(text);
    return { answer: () => answer, end: () => void socket.end() };
  };
  return { url: server.url.href, send, stop: () => server.stop(true) };
}
