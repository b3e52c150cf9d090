/** The service as a process, and its answers while its database cannot be reached. */
import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { migrate } from "../src/db/migrate.ts";
import { joinServer } from "../src/embedded/server.ts";
import { appOver } from "./support/app.ts";
import { ROOT, run, serve, start, startOnTerminal } from "./support/commands.ts";
import { connect, freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { underWay, until } from "./support/observe.ts";
import { mysqld, UNSAFE_BUT_QUICK } from "./support/server.ts";

const database = await freshDatabase();
afterAll(async () => {
  await database.close();
  await removeFolders();
});

const startService = (environment: Record<string, string> = {}) =>
  serve({ DATABASE_URL: database.url, ...environment });

describe("the service", () => {
  test("logs its URL in a line of JSON, answers there, and ends with code 0 when it is told to", async () => {
    const { service, url, stop } = await startService();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect((await fetch(`${url}readyz`)).status).toBe(200);
    const elsewhere = await fetch(`${url}jobs`, { headers: { Host: "evil.example" } });
    expect([elsewhere.status, elsewhere.headers.get("Content-Type")]).toEqual([403, "application/problem+json"]);
    stop();
    expect(await service.exited).toBe(0);
  });

  test("answers HTTP/1.0 without a Host header, as simple health checks send it", async () => {
    const { service, url, stop } = await startService();
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: Number(new URL(url).port),
      socket: { data: read },
    });
    let answer = "";
    function read(_: unknown, bytes: Buffer) {
      answer += bytes;
    }
    socket.write("GET /healthz HTTP/1.0\r\n\r\n");
    await until(() => answer.includes("\r\n\r\n"));
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    socket.end();
    stop();
    await service.exited;
  });

  test("ends when it is told to, even if nobody reads its log any more", async () => {
    const service = start(["src/main.ts"], { DATABASE_URL: database.url, PORT: "0" });
    const reader = service.stdout.getReader();
    for (let log = ""; !log.includes("Muster serves"); )
      log += new TextDecoder().decode((await reader.read()).value ?? new Uint8Array());
    await reader.cancel();
    service.kill("SIGTERM");
    expect(await service.exited).toBe(0);
  });

  test("starts in any folder", async () => {
    const { code, stdout } = await run([join(ROOT, "src/main.ts"), "--help"], {}, await folderOf({}));
    expect([code, stdout]).toEqual([0, expect.stringContaining("DATABASE_URL")]);
  });

  test("lists with --help every setting of the service that docs/operating.md has, and needs no database for it", async () => {
    const { code, stdout } = await run(["src/main.ts", "--help"]);
    const page = readFileSync(join(import.meta.dir, "../docs/operating.md"), "utf8");
    const names = [...page.matchAll(/^\| `([A-Z_]{4,})` \|.*the service/gm)].map(([, name]) => name ?? "");
    expect(names.length).toBeGreaterThan(15);
    expect([code, names.filter((name) => !stdout.includes(name) && !name.startsWith("AWS_"))]).toEqual([0, []]);
  });

  test("refuses arguments, and says so", async () => {
    const { code, stderr } = await run(["src/main.ts", "--port=80"], { DATABASE_URL: database.url });
    expect([code, stderr]).toEqual([2, "--port=80: the service takes no arguments; see --help for its settings\n"]);
  });

  test("on a terminal its log lines are short and name the request, and Ctrl-C ends it", async () => {
    const { child, screen, press } = startOnTerminal(["src/main.ts"], { DATABASE_URL: database.url, PORT: "0" });
    const line = (form: RegExp) => until(() => form.exec(Bun.stripANSI(screen()))?.[0]);
    const url = (await line(/\[\d\d:\d\d:\d\d\] INFO: Muster serves http:.*\/\r\n/)).split(" ").at(-1)?.trim();
    await fetch(`${url}jobs?limit=1`);
    await line(/\] INFO: GET \/jobs 200 in [\d.]+ ms\r\n/);
    press("\x03");
    expect(await child.exited).toBe(0);
    expect(Bun.stripANSI(screen())).toMatch(/INFO: Muster has stopped\r\n$/);
  });

  test("finishes requests that are under way before it stops", async () => {
    const { service, url, stop } = await startService();
    const holder = await database.pool.getConnection();
    await holder.query("LOCK TABLES hired_employees WRITE");
    const report = fetch(`${url}hired_department`);
    await underWay(database, /^(?!LOCK).*hired_employees/is);
    stop();
    await until(() =>
      fetch(`${url}healthz`, { keepalive: false }).then(
        () => false,
        () => true,
      ),
    ); // it takes no new requests any more
    await holder.query("UNLOCK TABLES");
    holder.release();
    expect((await report).status).toBe(200);
    expect(await service.exited).toBe(0);
  });

  test("a port in use ends it with code 1 and one line that names the variable", async () => {
    const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const { code, stderr } = await run(["src/main.ts"], { DATABASE_URL: database.url, PORT: `${taken.port}` });
    taken.stop();
    expect([code, stderr]).toEqual([
      1,
      `port ${taken.port} of 127.0.0.1 is in use: stop what uses it, or set PORT to another\n`,
    ]);
  });

  test.each([
    ["HOST", "0.0.0.0", 2, /^HOST=0\.0\.0\.0 would open Muster .* set API_TOKENS/],
    ["PORT", "http", 2, /^set PORT to a port number from 0 to 65535/],
    ["API_TOKENS", "s3cret", 2, /^API_TOKENS: entry 1 must be/],
    ["DATABASE_URL", "postgres://u:s3cret@h/d", 2, /^DATABASE_URL must look like/],
    [
      "DATABASE_URL",
      "mysql://u:s3cret@127.0.0.1:1/d",
      1,
      /^the database at 127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)/,
    ],
  ])("%s=%s ends it at once with code %d and one line", async (variable, value, expected, line) => {
    const { code, stdout, stderr } = await run(["src/main.ts"], { DATABASE_URL: database.url, [variable]: value });
    expect([code, stdout]).toEqual([expected, ""]);
    expect(stderr.trim()).toMatch(line);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).not.toContain("s3cret");
  });
});

describe("while the database cannot be reached", async () => {
  const folder = await folderOf({});
  const up = () => joinServer(folder, { mysqld, say: () => {}, args: UNSAFE_BUT_QUICK });
  const own = await up();
  await migrate(own.url);
  const away = await connect(own.url);
  const app = appOver(away);
  /** Requests while the database does not answer: each gets its answer soon. */
  const hasty = appOver(away, { answerMsMax: { ready: 200, page: 400, report: 600 } });
  const kill = (signal: NodeJS.Signals) =>
    process.kill(JSON.parse(readFileSync(join(folder, "mysql/muster.json"), "utf8")).pid, signal);
  afterAll(async () => {
    await away.close().catch(() => {});
    await own.stop();
  });

  const paths = [
    "/",
    "/jobs",
    "/jobs/1",
    "/hired_2021_quarter",
    "/hired_department",
    "/runs",
    "/rejections",
    "/readyz",
  ];

  /** Waits until the database does not answer any more. */
  const unanswered = () => until(async () => (await hasty.request("/readyz")).status === 503);

  /** Sends requests of all kinds at once, several times as many as the pool has connections. */
  async function expectUnavailable() {
    const answers = await Promise.all([...paths, ...paths, ...paths].map((path) => hasty.request(path)));
    for (const answer of answers) {
      expect([answer.status, answer.headers.get("Content-Type"), answer.headers.get("Retry-After")]).toEqual([
        503,
        "application/problem+json",
        "5",
      ]);
      expect(await answer.text()).not.toMatch(/select|sock|from|root/i);
    }
    expect((await hasty.request("/healthz")).status).toBe(200);
  }

  test("because it is frozen, every request is answered 503 within its limit of time, and 200 when the database goes on", async () => {
    expect((await app.request("/jobs")).status).toBe(200);
    kill("SIGSTOP");
    try {
      await unanswered();
      await expectUnavailable();
    } finally {
      kill("SIGCONT");
    }
    await until(async () => (await app.request("/readyz")).status === 200);
    for (const path of paths.filter((each) => each !== "/jobs/1")) {
      expect([path, (await app.request(path)).status]).toEqual([path, 200]);
    }
  });

  test("because it was killed, every request is answered 503, and 200 when the database is up again", async () => {
    kill("SIGKILL");
    await unanswered();
    await expectUnavailable();
    const again = await up();
    expect((await app.request("/readyz")).status).toBe(200);
    await again.stop();
  });
});
