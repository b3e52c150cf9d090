/** Whole tables, rejections, runs and reports as lines, over a real socket. */
import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { Hono } from "hono";
import pino, { type Logger } from "pino";
import { parseCsv } from "../src/codecs/csv-parser.ts";
import { rejections, runs } from "../src/db/ledger.ts";
import { migrate } from "../src/db/migrate.ts";
import { joinServer } from "../src/embedded/server.ts";
import type { MusterDatabase } from "../src/repositories/muster-database.ts";
import type { RejectionRecord } from "../src/repositories/rejection-log.ts";
import { appOver } from "./support/app.ts";
import { connect, freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { until } from "./support/observe.ts";
import { mysqld, UNSAFE_BUT_QUICK } from "./support/server.ts";

const lines: string[] = [];
const log = pino({ level: "error" }, { write: (line: string) => void lines.push(line) });

/** The service over a database, on a port of its own. */
function serve(database: MusterDatabase, page?: number) {
  const app = appOver(database, { log, ...(page && { answerMsMax: { page } }) });
  const logging = new Hono<{ Variables: { log: Logger } }>().use((c, next) => {
    c.set("log", log);
    return next();
  });
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: logging.route("/", app).fetch });
  afterAll(() => server.stop(true));
  const get = (path: string, form: keyof typeof TYPES | "json", init: RequestInit = {}) =>
    fetch(new URL(path, server.url), {
      ...init,
      headers: { Accept: form === "json" ? "application/json" : TYPES[form] },
    });
  return { port: server.port ?? 0, get };
}

const TYPES = { csv: "text/csv", ndjson: "application/x-ndjson" };

const database = await freshDatabase();
const service = serve(database);
const { get } = service;
afterAll(async () => {
  await database.close();
  await removeFolders();
});

/** The queries of streams: each takes a connection of the pool and gives it back. */
const queries = { begun: 0, ended: 0 };
database.pool.on("acquire", () => queries.begun++);
database.pool.on("release", () => queries.ended++);

/** The first page of a stream has 1,000 rows, and the others half a million characters or 10,000 rows. */
const ROWS = 20_500;

/** The numbers from 1 to `count`, at most 90,000, as `n`: for INSERT ... SELECT. */
const numbers = (count: number) =>
  `(WITH RECURSIVE s (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < 299)
    SELECT 1 + a.n + 300 * b.n AS n FROM s a JOIN s b) numbers WHERE n <= ${count} ORDER BY n`;

await database.pool.query("INSERT INTO departments VALUES (1, 'Legal'), (2, 'Sales')");
await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk')");
await database.pool.query(
  `INSERT INTO hired_employees SELECT 3 * n, ELT(1 + n MOD 5, 'Ana', 'O"Neil, the 1st', ' two\r\nlines', '北京 😀', CONCAT('N ', n)),
   DATE_ADD(DATE_ADD('2021-01-01', INTERVAL n MINUTE), INTERVAL (n MOD 2) * 5000 MICROSECOND), 1 + (n MOD 4 = 1), 1 FROM ${numbers(ROWS)}`,
);

type Employee = { id: number; name: string; datetime: string; department_id: number; job_id: number };
const objects = async <T = Employee>(answer: Response | Promise<Response>): Promise<T[]> =>
  (await (await answer).text()).split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));

describe("a table", () => {
  test("as NDJSON has the rows of all its JSON pages", async () => {
    const pages: Employee[] = [];
    for (let next: string | undefined = "/hired_employees"; next; ) {
      const page: Response = await get(next, "json");
      pages.push(...((await page.json()) as Employee[]));
      next = /^<([^>]+)>/.exec(page.headers.get("Link") ?? "")?.[1];
    }
    const answer = await get("/hired_employees", "ndjson");
    expect(answer.headers.get("Content-Type")).toBe("application/x-ndjson");
    expect(answer.headers.get("Link")).toBeNull();
    const rows = await objects(answer);
    expect(rows).toHaveLength(ROWS);
    expect(rows).toEqual(pages);
  });

  test("as CSV has one header and the same rows, over four pages", async () => {
    const rows = await objects(get("/hired_employees", "ndjson"));
    const { begun } = queries;
    const answer = await get("/hired_employees", "csv");
    expect(answer.headers.get("Content-Type")).toBe("text/csv; charset=utf-8; header=present");
    const [header, ...records] = parse(await answer.text()) as string[][];
    expect(queries.begun - begun).toBe(4);
    expect(header).toEqual(["id", "name", "datetime", "department_id", "job_id"]);
    expect(records).toEqual(rows.map((row) => Object.values(row).map(String)));
  });

  test("is filtered like its pages", async () => {
    const rows = await objects(
      get(`/hired_employees?department_id=2&name=${encodeURIComponent('O"Neil, the 1st')}`, "ndjson"),
    );
    expect(rows).toHaveLength(ROWS / 20);
    expect(rows.every((row) => row.name === 'O"Neil, the 1st' && row.department_id === 2)).toBe(true);
    expect((await get("/hired_employees?salary=1", "csv")).status).toBe(400);
  });

  test("ends at ?limit=, however large, and begins after ?cursor=; a JSON page has 1000 rows at most", async () => {
    const ids = async (query: string) =>
      (await objects(get(`/hired_employees?${query}`, "ndjson"))).map(({ id }) => id);
    expect(await ids("limit=2")).toEqual([3, 6]);
    expect(await ids("limit=2&cursor=60000")).toEqual([60_003, 60_006]);
    const { begun } = queries;
    expect((await ids("limit=10000")).at(-1)).toBe(30_000);
    expect(queries.begun - begun).toBe(2);
    const many = await ids("limit=10001&cursor=3");
    expect([many.length, many[0], many.at(-1)]).toEqual([10_001, 6, 30_006]);
    expect(await ids(`cursor=${3 * ROWS - 3}&limit=99999`)).toEqual([3 * ROWS]);
    const refused = await get("/hired_employees?limit=10001", "json");
    expect([refused.status, await refused.json()]).toMatchObject([400, { errors: [{ pointer: "/limit" }] }]);
    expect((await get("/hired_employees?limit=0", "csv")).status).toBe(400);
  });

  test("without rows is a header in CSV and nothing in NDJSON", async () => {
    expect(await (await get("/hired_employees?name=Nobody", "csv")).text()).toBe(
      "id,name,datetime,department_id,job_id\r\n",
    );
    expect(await (await get("/hired_employees?name=Nobody", "ndjson")).text()).toBe("");
  });

  test("is not read for HEAD", async () => {
    const { begun } = queries;
    for (const path of ["/hired_employees", "/rejections", "/runs", "/hired_department"]) {
      const answer = await get(path, "csv", { method: "HEAD" });
      expect([answer.status, answer.headers.get("Content-Type"), await answer.text()]).toEqual([
        200,
        "text/csv; charset=utf-8; header=present",
        "",
      ]);
    }
    expect(queries.begun).toBe(begun);
  });
});

describe("a report", () => {
  test.each(["/hired_2021_quarter", "/hired_department"])("%s has the same rows in its three forms", async (path) => {
    const rows = (await (await get(path, "json")).json()) as object[];
    expect(rows.length).toBeGreaterThan(0);
    expect(await objects<object>(get(path, "ndjson"))).toEqual(rows);
    const [header, ...records] = parse(await (await get(path, "csv", { method: "POST" })).text()) as string[][];
    expect(header).toEqual(Object.keys(rows[0] ?? {}));
    expect(records).toEqual(rows.map((row) => Object.values(row).map(String)));
  });
});

describe("the account", async () => {
  const at = "2026-11-22 10:00:00.500";
  const ids = Array.from({ length: 3 }, (_, index) => `019e96d6-0000-7000-8000-00000000000${index}`);
  const [ended = "", running = ""] = ids;
  const run = { kind: "import", source: "a, b.csv", owner: "host:1", started_at: at } as const;
  const counts = { jobs: { received: 1, inserted: 0, unchanged: 0, rejected: 1, withheld: 0 } };
  await database.db.insert(runs).values([
    { ...run, id: ended, status: "succeeded", counts, finished_at: at },
    { ...run, id: running, status: "running", counts: {} },
  ]);
  const reasons = [{ code: "missing", field: "job", detail: 'the "job", is missing' }] as const;
  const rejection = { run: ended, table: "jobs", position: 7, state: "open", created_at: at } as const;
  const raws = [
    "7,",
    '8," the ""best"" \r\nclerk "',
    "\uFEFF9,\0,",
    " 10,\t",
    '{"job": null}',
    "\r",
    "=1+1",
    "x".repeat(65_536),
  ];
  await database.db.insert(rejections).values([
    ...raws.map((raw) => ({ ...rejection, raw: Buffer.from(raw), reasons: [...reasons] })),
    { ...rejection, raw: Buffer.from([55, 44, 0xff]), reasons: [...reasons] },
    {
      ...rejection,
      raw: Buffer.from("7"),
      file: "a.csv",
      columns: ["job", "id"],
      recipe: { delimiter: ";", null: ['a"b'] },
      replaces: 1,
      reasons: [...reasons, ...reasons],
    },
    { ...rejection, raw: Buffer.from("7"), run: running, reasons: [...reasons] },
    { ...rejection, raw: Buffer.from("7"), state: "discarded", reasons: [...reasons] },
  ]);
  await database.pool.query(
    `INSERT INTO muster_rejections (run, \`table\`, position, raw, reasons, state, created_at)
     SELECT '${ended}', 'departments', n, n, '[]', 'superseded', '${at}' FROM ${numbers(600)}`,
  );

  /** Rejections from CSV, read by the parser that a replay reads it with. */
  async function fromCsv(answer: Response): Promise<Partial<RejectionRecord>[]> {
    const body = answer.body as AsyncIterable<Uint8Array> | null;
    const records = body ? (await Array.fromAsync(parseCsv(body))).flat() : [];
    const [header = [], ...cells] = records.map((record) => record.cells);
    return cells.map((row) => {
      const cell = Object.fromEntries(header.map((name, index) => [name, row[index] ?? ""]));
      const { id, position, columns, recipe, reasons, replaces, raw, raw_base64, file, ...others } = cell;
      return {
        ...(others as Partial<RejectionRecord>),
        ...{ id: Number(id), position: Number(position), reasons: JSON.parse(reasons ?? "") },
        ...(raw_base64 ? { raw_base64 } : { raw: raw ?? "" }),
        ...(file && { file }),
        ...(columns && { columns: columns.split(",") }),
        ...(recipe && { recipe: JSON.parse(recipe) }),
        ...(replaces && { replaces: Number(replaces) }),
      };
    });
  }

  test("rejections are the same in CSV, NDJSON and JSON, whatever their raw input is", async () => {
    const listed = (await (await get("/rejections", "json")).json()) as RejectionRecord[];
    expect(listed).toHaveLength(611);
    expect(listed.slice(0, 8).map(({ raw }) => raw)).toEqual(raws);
    expect(await objects<RejectionRecord>(get("/rejections", "ndjson"))).toEqual(listed);
    const csv = await get("/rejections", "csv");
    expect(await fromCsv(csv)).toEqual(listed);
    const head = await (await get("/rejections?limit=1", "csv")).text();
    expect(head.split("\r\n")[0]).toBe(
      "id,run,table,file,position,raw,raw_base64,columns,recipe,reasons,state,replaces,created_at",
    );
  });

  test("rejections are exported by state, table and limit", async () => {
    expect(await fromCsv(await get("/rejections?state=open", "csv"))).toHaveLength(10);
    expect(await fromCsv(await get("/rejections?table=departments&limit=501", "csv"))).toHaveLength(501);
    expect(await objects(get(`/rejections?run=${running}`, "ndjson"))).toEqual([]);
  });

  test("runs come as CSV and as NDJSON, newest first", async () => {
    const listed = (await (await get("/runs", "json")).json()) as object[];
    expect(await objects<object>(get("/runs", "ndjson"))).toEqual(listed);
    const records = parse(await (await get("/runs", "csv")).text()) as string[][];
    const instant = "2026-11-22T10:00:00.500Z";
    expect(records).toEqual([
      ["id", "kind", "source", "status", "dry_run", "counts", "error", "started_at", "finished_at"],
      [running, "import", "a, b.csv", "running", "false", "{}", "", instant, ""],
      [ended, "import", "a, b.csv", "succeeded", "false", JSON.stringify(counts), "", instant, instant],
    ]);
    expect(await objects(get(`/runs?cursor=${running}`, "ndjson"))).toHaveLength(1);
  });
});

/** A client that reads the beginning of an answer, and the rest when it is told to. */
async function stalledReader(port: number, path: string) {
  const socket = connectSocket(port, "127.0.0.1");
  const seen = { bytes: 0, head: "", tail: "" };
  let began: () => void;
  const beginning = new Promise<void>((resolve) => {
    began = resolve;
  });
  socket.on("data", (data: Buffer) => {
    if (seen.bytes === 0) {
      seen.head = data.toString("latin1");
      socket.pause();
      began();
    }
    seen.bytes += data.length;
    seen.tail = (seen.tail + data.toString("latin1")).slice(-100);
  });
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  socket.on("error", () => {}); // a cut connection is seen by its close event
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/csv\r\nConnection: close\r\n\r\n`);
  await beginning;
  const rest = async () => {
    socket.resume();
    await closed;
    return { ...seen, request: /^X-Request-Id: (.+)\r$/im.exec(seen.head)?.[1] };
  };
  return { status: Number(seen.head.split(" ")[1]), rest, leave: () => socket.destroy() };
}

/** Wide rows, so that a few pages are more than sockets buffer. */
const WIDE_ROWS = 45_000;
const fillJobs = (to: MusterDatabase) =>
  to.pool.query(`INSERT INTO jobs SELECT n + 1, REPEAT('x', 255) FROM ${numbers(WIDE_ROWS)}`);
/** The end of a complete chunked body (RFC 9112, section 7.1). */
const LAST_CHUNK = "\r\n0\r\n\r\n";

describe("a client", async () => {
  await fillJobs(database);
  /** Long rows come in small pages, so that many streams at once do not fill the memory. */
  const PAGES = 24;

  /** Waits as long as another client takes for the whole answer, in which this one could have been sent all of it too. */
  const anotherReadsAll = async () => expect((await (await get("/jobs", "csv")).text()).length).toBeGreaterThan(0);

  test("that stops reading stops the queries, and gets the rest when it goes on", async () => {
    const { begun } = queries;
    const { rest } = await stalledReader(service.port, "/jobs");
    await anotherReadsAll();
    await anotherReadsAll();
    expect(queries.begun - begun).toBeLessThan(3 * PAGES - 1);
    expect(queries.ended).toBe(queries.begun);
    const { bytes, tail } = await rest();
    expect(tail).toEndWith(LAST_CHUNK);
    expect(bytes).toBeGreaterThan(WIDE_ROWS * 260);
    expect(queries.begun - begun).toBe(3 * PAGES);
  });

  test("that goes away ends the reading, and the connections are back in the pool", async () => {
    const { begun } = queries;
    const readers = await Promise.all(Array.from({ length: 12 }, () => stalledReader(service.port, "/jobs")));
    expect((await get("/jobs/1", "json")).status).toBe(200);
    for (const { leave } of readers) leave();
    await anotherReadsAll();
    await until(() => queries.ended === queries.begun);
    expect(queries.begun - begun).toBeLessThan(12 * (PAGES - 1) + 1 + PAGES);
    expect(lines).toEqual([]);
  });
});

describe("a database that goes away half-way", async () => {
  const folder = await folderOf({});
  const own = await joinServer(folder, { mysqld, say: () => {}, args: UNSAFE_BUT_QUICK });
  await migrate(own.url);
  const away = await connect(own.url);
  await fillJobs(away);
  const { get } = serve(away);

  /** An answer that has begun, and a service whose queries are bounded as tightly as this machine allows. */
  async function begun() {
    for (let page = 200; ; page *= 2) {
      const bounded = serve(away, page);
      const reader = await stalledReader(bounded.port, "/jobs");
      if (reader.status === 200) return { reader, bounded };
      reader.leave();
      lines.length = 0;
    }
  }
  const kill = (signal: NodeJS.Signals) =>
    process.kill(JSON.parse(readFileSync(join(folder, "mysql/muster.json"), "utf8")).pid, signal);
  afterAll(async () => {
    await away.close().catch(() => {});
    await own.stop();
  });

  test.each(["SIGSTOP", "SIGKILL"] as const)(
    "by %s ends the answer so that every client sees it is cut off, and the log says so",
    async (signal) => {
      const whole = await (await get("/jobs", "csv")).text();
      expect(whole.split("\r\n")).toHaveLength(WIDE_ROWS + 2);
      lines.length = 0;
      const { reader, bounded } = await begun();
      kill(signal);
      try {
        const { head, bytes, tail, request } = await reader.rest();
        expect(head).toStartWith("HTTP/1.1 200 OK\r\n");
        expect(bytes).toBeLessThan(WIDE_ROWS * 255);
        expect(tail).not.toEndWith(LAST_CHUNK);
        expect(lines.map((line) => JSON.parse(line))).toMatchObject([
          { request, msg: "the answer broke off: the connection is cut" },
        ]);
        expect(request).toBeString();
        expect(lines.join()).not.toMatch(/select|from/i);

        const refused = await bounded.get("/jobs", "csv");
        expect([refused.status, refused.headers.get("Content-Type")]).toEqual([503, "application/problem+json"]);
      } finally {
        if (signal === "SIGSTOP") kill("SIGCONT");
      }
    },
  );
});
