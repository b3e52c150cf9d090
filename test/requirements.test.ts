/** Servers that lack something: Muster says so at its start, in one line with the statement that mends it, and serves reads. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type AddressInfo, connect as connectSocket, createServer } from "node:net";
import { join } from "node:path";
import { type Connection, createConnection } from "mysql2/promise";
import type { Facts } from "../src/db/facts.ts";
import { migrate } from "../src/db/migrate.ts";
import { lacksFor } from "../src/db/requirements.ts";
import { sessionError } from "../src/db/session-variables.ts";
import { type EmbeddedServer, joinServer } from "../src/embedded/server.ts";
import { appOver, posted } from "./support/app.ts";
import { run, serve } from "./support/commands.ts";
import { connect } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { until } from "./support/observe.ts";
import { mysqld, program, UNSAFE_BUT_QUICK } from "./support/server.ts";

const isMariaDB = program.kind === "MariaDB";
const folder = await folderOf({ "files/jobs.csv": "1,Clerk\n" });
const files = join(folder, "files");
let own: EmbeddedServer;
let root: Connection;
let socket = "";

/** Starts the server, or restarts it, with these settings. */
async function start(...args: string[]): Promise<void> {
  await root?.end();
  await own?.stop();
  own = await joinServer(join(folder, "server"), { mysqld, say: () => {}, args: [...UNSAFE_BUT_QUICK, ...args] });
  socket = new URL(own.url).searchParams.get("socket") ?? "";
  root = await createConnection({ socketPath: socket, user: "root", multipleStatements: true });
}

const addressOf = (database: string) => `mysql://plain@localhost/${database}?socket=${encodeURIComponent(socket)}`;
/** The database that was migrated while nothing was wrong. */
const url = () => addressOf("plain");
const importing = (DATABASE_URL = url(), ...options: string[]) =>
  run(["scripts/import.ts", files, ...options], { DATABASE_URL });

/** Runs the statement that a line advises, as an administrator. */
async function mend(line: string): Promise<void> {
  await root.query(/run: (.*)/.exec(line)?.[1] ?? "the line has no statement");
}

beforeAll(async () => {
  await start("--log-bin=log", "--server-id=7", "--binlog-format=ROW");
  // The server would let root write in any case.
  await root.query(
    "CREATE USER plain@localhost; GRANT ALL ON plain.* TO plain@localhost; GRANT ALL ON `plain\\_new`.* TO plain@localhost",
  );
  await root.query("CREATE DATABASE plain CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci");
  await migrate(url());
});

afterAll(async () => {
  await root?.end();
  await own?.stop();
  await removeFolders();
});

describe("a command that writes is refused in one line, and works after the statement in that line:", () => {
  test.each([
    [
      "SET GLOBAL binlog_format = 'STATEMENT'",
      /^binlog_format is STATEMENT: .*; run: SET GLOBAL binlog_format = 'ROW'$/,
    ],
    [
      "SET GLOBAL max_allowed_packet = 65536",
      /^max_allowed_packet is 65536, .*; run: SET GLOBAL max_allowed_packet = 16777216$/,
    ],
    ["SET GLOBAL read_only = ON", /^the server takes no writes: read_only is ON; .* run: SET GLOBAL read_only = OFF$/],
    isMariaDB
      ? ["SET GLOBAL enforce_storage_engine = 'Aria'", /^enforce_storage_engine is Aria: .*; run: SET GLOBAL enforce_/]
      : [
          "SET GLOBAL super_read_only = ON",
          /^the server takes no writes: super_read_only is ON; .* run: SET GLOBAL super_/,
        ],
    ...(isMariaDB
      ? []
      : [["ALTER DATABASE plain READ ONLY = 1", /^the database is read-only; run: ALTER DATABASE `plain`/] as const]),
    [
      "ALTER TABLE plain.muster_gates ENGINE = MyISAM",
      /^tables that are not InnoDB cannot .*: muster_gates \(MyISAM\); run: ALTER TABLE `plain`.`muster_gates` ENGINE = InnoDB$/,
    ],
  ] as [string, RegExp][])("%s", async (statement, line) => {
    await root.query(statement);
    const { code, stdout, stderr } = await importing(url(), "--json");
    const lines = stderr.trim().split("\n");
    await mend(stderr);
    expect([code, lines, JSON.parse(stdout)]).toEqual([
      2,
      [expect.stringMatching(line)],
      { status: "refused", error: lines[0] },
    ]);
    expect(await importing()).toMatchObject({ code: 0 });
  });

  test("a new database on a server whose row format has too short indexes", async () => {
    await root.query("SET GLOBAL innodb_default_row_format = 'compact'");
    const { code, stderr } = await importing(addressOf("plain_new"));
    await mend(stderr);
    const line =
      /^the database lacks Muster's migrations 0000_start, .*, and they cannot be applied: innodb_default_row_format is compact: .*\n$/;
    expect([code, stderr]).toEqual([2, expect.stringMatching(line)]);
    expect(await importing(addressOf("plain_new"))).toMatchObject({ code: 0 });
  });
});

test("an old MySQL or MariaDB is refused, and a new one is not", () => {
  const facts = { innodb: "YES", otherEngines: [], isReadOnlyDatabase: false, grants: undefined };
  const lacks = (version: string) =>
    lacksFor({ ...facts, database: "", variables: new Map([["version", version]]) } satisfies Facts, "read");
  for (const version of ["5.7.44-log", "10.5.27-MariaDB", "5.5.68-MariaDB"])
    expect(lacks(version)).toEqual([{ wrong: expect.stringContaining(version), mend: expect.any(String) }]);
  for (const version of [
    "8.0.11-TiDB-v8.5.5",
    "8.0.mysql_aurora.3.08.0",
    "8.4.3",
    "9.7.4",
    "10.6.1-MariaDB",
    "11.8.2-MariaDB-log",
    "12.0.2-MariaDB",
  ])
    expect(lacks(version)).toEqual([]);
});

test("a TiDB that ignores foreign keys is refused for writes, and read", () => {
  const facts = { innodb: "YES", otherEngines: [], isReadOnlyDatabase: false, grants: undefined, database: "" };
  const lacks = (setting: string, use: "read" | "insert" | "import") =>
    lacksFor({ ...facts, variables: new Map([["tidb_enable_foreign_key", setting]]) } satisfies Facts, use);
  const lack = { wrong: expect.stringContaining("tidb_enable_foreign_key is OFF"), mend: expect.any(String) };
  expect([lacks("OFF", "insert"), lacks("OFF", "import")]).toEqual([[lack], [lack]]);
  expect([lacks("OFF", "read"), lacks("ON", "insert")]).toEqual([[], []]);
});

test("a server that lacks a variable of the session is too old, and one that forbids it is not", () => {
  const refused = (code: string) =>
    sessionError(Object.assign(new Error("x"), { code, sqlState: "HY000", sqlMessage: "about tidb_txn_mode" }));
  expect(refused("ER_UNKNOWN_SYSTEM_VARIABLE")).toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("(about tidb_txn_mode): use MySQL 8.0, MariaDB 10.6, TiDB 8.3, or a later one"),
  });
  expect(refused("ER_SPECIFIC_ACCESS_DENIED_ERROR")).toMatchObject({
    message: expect.stringContaining("let its user set this variable"),
  });
});

describe("on a server that takes no writes", () => {
  afterEach(() =>
    root.query(`SET GLOBAL read_only = OFF, ${isMariaDB ? "" : "super_read_only = OFF,"} binlog_format = 'ROW'`),
  );
  const readOnly = isMariaDB ? "read_only" : "super_read_only";

  test("the service starts, serves reads, answers writes with 503 and the reason, and takes writes as soon as the server does", async () => {
    await root.query(`SET GLOBAL ${readOnly} = ON`);
    const { url: at, log, stop } = await serve({ DATABASE_URL: url() });
    expect(log()).toContain(
      `insert, backup, import, restore refused: the server takes no writes: ${readOnly} is ON; name another server`,
    );
    for (const path of [
      "",
      "jobs",
      "jobs/1",
      "hired_2021_quarter",
      "hired_department",
      "runs",
      "rejections",
      "backups",
      "metrics",
      "healthz",
    ])
      expect([path, (await fetch(at + path)).status]).toEqual([path, 200]);
    const ready = await fetch(`${at}readyz`);
    const reason = `the server takes no writes: ${readOnly} is ON`;
    expect([ready.status, await ready.json()]).toEqual([
      200,
      { status: "ready", refused: { insert: reason, backup: reason, import: reason, restore: reason } },
    ]);
    const csv = { method: "POST", headers: { "Content-Type": "text/csv" }, body: "5,Judge\n" };
    const writes: [string, RequestInit][] = [
      ["jobs", posted({ id: 5, job: "Judge" })],
      ["insert", posted({ jobs: [] })],
      ["imports?table=jobs", csv],
      ["rejections/replay", posted({ run: crypto.randomUUID() })],
      ["rejections/discard", posted({ ids: [1] })],
      ["backup", posted({ table: ["jobs"] })],
      ["restore", posted({ table: ["jobs"] })],
      [`runs/${crypto.randomUUID()}`, { method: "DELETE" }],
    ];
    for (const [path, request] of writes) {
      const answer = await fetch(at + path, request);
      expect([path, answer.status, answer.headers.get("Retry-After"), await answer.json()]).toMatchObject([
        path,
        503,
        "5",
        { code: "unavailable", detail: reason },
      ]);
    }
    await root.query("SET GLOBAL read_only = OFF");
    await until(async () => (await fetch(`${at}jobs`, posted({ id: 5, job: "Judge" }))).status !== 503);
    expect((await fetch(`${at}jobs/5`)).status).toBe(200);
    expect(await (await fetch(`${at}readyz`)).json()).toEqual({ status: "ready" });
    await root.query(`SET GLOBAL ${readOnly} = ON`);
    const demoted = await fetch(`${at}jobs`, posted({ id: 6, job: "Baker" }));
    expect([demoted.status, await demoted.json()]).toMatchObject([503, { detail: reason }]);
    expect(await stop()).toBe(0);
    expect(
      log().match(/insert, backup, import, restore refused|the database takes all that Muster writes again/g),
    ).toHaveLength(3);
  });

  test("clients are told the setting that forbids writes, without the statement that mends it", async () => {
    await root.query("SET GLOBAL binlog_format = 'STATEMENT'");
    const database = await connect(url());
    const app = appOver(database);
    const answer = await app.request("/jobs", posted({ id: 7, job: "Cook" }));
    const problem = (await answer.json()) as { detail: string };
    expect([answer.status, problem.detail]).toEqual([
      503,
      expect.stringMatching(/^binlog_format is STATEMENT: [^;]*$/),
    ]);
    expect((await app.request("/jobs")).status).toBe(200);
    await mend(`${database.readiness.lines()}`);
    await until(async () => (await app.request("/jobs", posted({ id: 7, job: "Cook" }))).status !== 503);
    expect((await app.request("/jobs/7")).status).toBe(200);

    // An open connection keeps the old setting; the next one finds the new one.
    const open = await database.pool.getConnection();
    await root.query("SET GLOBAL binlog_format = 'STATEMENT'");
    const later = await app.request("/jobs", posted({ id: 9, job: "Nurse" }));
    expect([later.status, await later.json()]).toMatchObject([
      503,
      { detail: expect.stringContaining("binlog_format") },
    ]);
    open.release();
    await database.close();
  });

  test("one of several read-only hosts serves the reads", async () => {
    const ways = [0, 1].map(() =>
      createServer((client) =>
        client
          .pipe(connectSocket(socket))
          .pipe(client)
          .on("error", () => client.destroy()),
      ),
    );
    for (const way of ways) await new Promise<void>((done) => way.listen(0, "127.0.0.1", done));
    const hosts = ways.map((way) => `127.0.0.1:${(way.address() as AddressInfo).port}`);
    await root.query(`SET GLOBAL ${readOnly} = ON`);
    const database = await connect(`mysql://root@${hosts}/plain`);
    const app = appOver(database);
    // The server would let root write: it is Muster that refuses.
    const [read, write] = [await app.request("/jobs"), await app.request("/jobs", posted({ id: 8, job: "Smith" }))];
    expect([read.status, write.status]).toEqual([200, 503]);
    await database.close();
    for (const way of ways) way.close();
  });

  test("a database that does not exist or lacks migrations is named", async () => {
    await root.query(
      "CREATE DATABASE IF NOT EXISTS plain_new2 CHARACTER SET utf8mb4; GRANT ALL ON `plain\\_new2`.* TO plain@localhost; GRANT ALL ON plain_none.* TO plain@localhost",
    );
    await root.query("SET GLOBAL read_only = ON");
    const none = await run(["src/main.ts"], { DATABASE_URL: addressOf("plain_none"), PORT: "0" });
    const lacking = await run(["src/main.ts"], { DATABASE_URL: addressOf("plain_new2"), PORT: "0" });
    expect([none.code, none.stderr]).toEqual([
      2,
      expect.stringMatching(/^database "plain_none" does not exist, and the server takes no writes; .*\n$/),
    ]);
    expect([lacking.code, lacking.stderr]).toEqual([
      2,
      expect.stringMatching(
        /^the database lacks Muster's migrations .* cannot be applied: the server takes no writes: read_only is ON; .*\n$/,
      ),
    ]);
  });
});

test("if the server takes HR and hr for one database, so does Muster", async () => {
  const folded = await joinServer(join(folder, "folded"), {
    mysqld,
    say: () => {},
    args: [...UNSAFE_BUT_QUICK, "--lower-case-table-names=1"],
  });
  const urls = ["HR", "hr"].map((name) => folded.url.replace("/muster?", `/${name}?`));
  // Both migrate at once, with one lock.
  await Promise.all(urls.map((each) => migrate(each)));
  const databases = await Promise.all(urls.map((each) => connect(each)));
  expect(databases.map(({ name }) => name)).toEqual(["hr", "hr"]);
  await Promise.all(databases.map((each) => each.close()));
  await folded.stop();
});

test("a setting that only a restart can change is reported as such, and a default engine of MyISAM has no effect", async () => {
  await start("--innodb-rollback-on-timeout", "--default-storage-engine=MyISAM");
  const { code, stderr } = await importing();
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(
      /^innodb_rollback_on_timeout is ON: .* set it to OFF in the server's configuration, and restart the server\n$/,
    ),
  ]);
  await root.query(
    "CREATE DATABASE plain_engine CHARACTER SET utf8mb4; GRANT ALL ON plain_engine.* TO plain@localhost",
  );
  const { stderr: pending } = await importing(addressOf("plain_engine"));
  expect(pending).toContain("innodb_rollback_on_timeout is ON");
  await start("--default-storage-engine=MyISAM");
  expect(await importing(addressOf("plain_engine"))).toMatchObject({ code: 0 });
  const [tables] = await root.query(
    "SELECT DISTINCT engine AS engine FROM information_schema.tables WHERE table_schema = 'plain_engine'",
  );
  expect<unknown>(tables).toEqual([{ engine: "InnoDB" }]);
});
