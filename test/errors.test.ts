/** Real errors of disks, networks, clients and the database: the message says what has failed. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import type { RowDataPacket } from "mysql2/promise";
import pino from "pino";
import { backup } from "../src/backups/backup.ts";
import { restore } from "../src/backups/restore.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { connectOnce } from "../src/db/database.ts";
import { lineOf } from "../src/db/driver-errors.ts";
import { jobs } from "../src/db/schema.ts";
import { findRun, listRuns } from "../src/repositories/run-log.ts";
import { appOver, posted } from "./support/app.ts";
import { run } from "./support/commands.ts";
import { tables } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { missing } from "./support/missing.ts";
import { until } from "./support/observe.ts";
import { ownServer } from "./support/own-server.ts";

// All tables lie in one file that may not grow, so its disk is soon full.
const own = await ownServer(["--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:20M"]);
const { root } = own;
const database = await own.open();
const lines: { msg: string; level: number }[] = [];
const log = pino({ level: "trace" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
const app = appOver(database, { log });
const report = { say() {} };
const ALL = { table: tables.map(({ name }) => name) };
const mounted: string[] = [];

afterAll(async () => {
  await database.close();
  await own.stop();
  for (const folder of mounted) Bun.spawnSync(["umount", folder]);
  await removeFolders();
});

beforeEach(async () => {
  lines.splice(0);
  for (const table of ["hired_employees", "jobs", "departments"]) await database.pool.query(`DELETE FROM ${table}`);
  await database.pool.query("INSERT INTO departments VALUES (1, 'Sales')");
});

async function answer(path: string, init?: RequestInit, over = app) {
  const response = await over.request(path, init);
  return { status: response.status, detail: ((await response.json()) as { detail?: string }).detail };
}

/** The log has no path, and no line of it is an error inside Muster. */
function expectQuiet(path: string): void {
  const written = JSON.stringify(lines);
  expect(written).not.toContain(path);
  expect(lines.filter(({ level }) => level > 40)).toEqual([]);
}

describe("a disk", async () => {
  /** A folder on a disk of its own with this size; undefined if this user may not mount one. */
  async function disk(bytes: number): Promise<string | undefined> {
    const folder = await folderOf({});
    const { exitCode } = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder]);
    if (exitCode === 0) mounted.push(folder);
    return exitCode === 0 ? folder : undefined;
  }

  const [small, fixed] = [await disk(65_536), await disk(1 << 20)];
  const withoutMount = missing("the right to mount a tmpfs", small !== undefined && fixed !== undefined);

  test.skipIf(withoutMount !== "")(
    `that is full under BACKUP_STORE is named, and no half backup stays${withoutMount}`,
    async () => {
      const folder = small ?? "";
      const names = Array.from({ length: 5_000 }, (_, index) => [index + 1, crypto.randomUUID().repeat(4)]);
      await database.pool.query("INSERT INTO jobs VALUES ?", [names]);
      const store = new DirectoryStore(folder);
      const full = "BACKUP_STORE cannot be used: its disk is full (ENOSPC): free some space there";
      expect(await answer("/backup", posted(ALL), appOver(database, { store, log }))).toEqual({
        status: 503,
        detail: full,
      });
      expectQuiet(folder);
      expect((await listRuns(database.db, { limit: 1 }))[0]).toMatchObject({ status: "failed", error: full });
      const command = await run(["scripts/backup.ts", "--codec", "null"], {
        DATABASE_URL: own.url(),
        BACKUP_STORE: folder,
      });
      expect(command.code).toBe(1);
      expect(command.stderr.trim().split("\n").at(-1)).toBe(full.replace("BACKUP_STORE", `BACKUP_STORE (${folder})`));
      expect(Array.from(new Bun.Glob("**").scanSync({ cwd: folder, dot: true }))).toEqual([]);
    },
  );

  test.skipIf(withoutMount !== "")(
    `that is full under TMPDIR refuses an upload, which may be sent again${withoutMount}`,
    async () => {
      process.env.TMPDIR = small;
      try {
        const body = Array.from({ length: 9_000 }, (_, index) => `${index + 1},Clerk ${index}\n`).join("");
        const upload = { method: "POST", headers: { "Content-Type": "text/csv" }, body };
        const detail = "TMPDIR cannot be used: its disk is full (ENOSPC): free some space there";
        expect(await answer("/imports?table=jobs", upload)).toEqual({ status: 503, detail });
        expectQuiet(small ?? "");
      } finally {
        delete process.env.TMPDIR;
      }
    },
  );

  test.skipIf(withoutMount !== "")(
    `that is read-only is named by a backup and by --verify${withoutMount}`,
    async () => {
      const folder = fixed ?? "";
      const store = new DirectoryStore(folder);
      const made = await backup(database, store, { tables, codec: "null", report });
      Bun.spawnSync(["mount", "-o", "remount,ro", folder]);
      const over = appOver(database, { store, log });
      for (const [path, body] of [
        ["/backup", ALL],
        [`/backups/${made.manifest.id}/verify`, {}],
      ] as const) {
        const detail = expect.stringContaining("its file system is read-only (EROFS): make it writable");
        expect(await answer(path, posted(body), over)).toEqual({ status: 503, detail });
        expect((await listRuns(database.db, { limit: 1 }))[0]?.status).toBe("failed");
      }
      expectQuiet(folder);
      const list = await over.request("/backups");
      expect(await list.json()).toMatchObject([{ id: made.manifest.id }]);
    },
  );

  test("with a file in the place of BACKUP_STORE's folder is named", async () => {
    const folder = await folderOf({ store: "a file" });
    const store = new DirectoryStore(join(folder, "store"));
    const detail = expect.stringMatching(/^BACKUP_STORE cannot be used: /);
    const over = appOver(database, { store, log });
    expect(await answer("/backup", posted(ALL), over)).toEqual({ status: 503, detail });
    expect(await answer("/backups", undefined, over)).toEqual({ status: 503, detail });
    expectQuiet(folder);
  });
});

describe("the database", () => {
  test("without a server at its address cannot be reached, and the log names the address", async () => {
    const away = (url: string) =>
      connectOnce(url).then(
        () => "",
        (error) => [error, lineOf(error)] as const,
      );
    expect(await away("mysql://u:p@127.0.0.1:1/d")).toContain(
      "the database at 127.0.0.1:1 cannot be reached (ECONNREFUSED): check that it runs, its address and the network",
    );
    expect(await away("mysql://u:p@nosuch.invalid/d")).toContainEqual(
      expect.stringMatching(/^the database at nosuch\.invalid:3306 cannot be reached \((ENOTFOUND|EAI_AGAIN)\)/),
    );
    expect(await away(`mysql://u:p@localhost/d?socket=${own.folder}/none.sock`)).toContain(
      `the database at ${own.folder}/none.sock cannot be reached (ENOENT): check that it runs, its address and the network`,
    );
  });

  test("that refuses the password gives one line, without the password", async () => {
    const { code, stderr } = await run(["scripts/backup.ts"], { DATABASE_URL: own.url().replace("pass", "s3cret") });
    expect([code, stderr.trim()]).toEqual([
      2,
      expect.stringMatching(/^the database at .* refuses the user or password/),
    ]);
    expect(stderr).not.toContain("s3cret");
  });

  test("whose user lacks a right gives 503 with the right, the table and the GRANT", async () => {
    await root.query("CREATE USER few@'%' IDENTIFIED BY 'pass'");
    await root.query("GRANT SELECT ON `plain%`.* TO few@'%'");
    const few = await connectOnce(own.url().replace("plain:", "few:"));
    await few.query(`USE ${own.name()}`);
    const line = lineOf(await few.query("INSERT INTO jobs VALUES (1, 'x')").catch((error) => error));
    expect(line).toContain(
      "does not let Muster's user INSERT in jobs: as an administrator GRANT INSERT on it to that user",
    );
    await few.end();
  });

  test("that ends a request's connection gives 503, and nothing of the request is stored", async () => {
    const gate = await database.pool.getConnection();
    await gate.beginTransaction();
    await gate.query("SELECT * FROM muster_gates WHERE `table` = 'jobs' FOR UPDATE");
    passed.add(gate.threadId);
    for (const how of ["KILL", "KILL QUERY"]) {
      const answered = answer("/insert", posted({ jobs: [{ id: 7, job: "Clerk" }] }));
      await killed(how);
      const { status, detail } = await answered;
      expect([how, status, detail]).toEqual([
        how,
        503,
        expect.stringMatching(/^the database (cannot be reached|ended the)/),
      ]);
    }
    await gate.rollback();
    gate.release();
    expect((await answer("/jobs/7")).status).toBe(404);
    expectQuiet("FROM muster_gates");
  });

  test("that ends a restore's connection does not look like an error inside Muster", async () => {
    const store = new DirectoryStore(await folderOf({}));
    await backup(database, store, { tables, codec: "null", report });
    const gate = await database.pool.getConnection();
    await gate.beginTransaction();
    await gate.query("SELECT * FROM muster_gates WHERE `table` = 'jobs' FOR UPDATE");
    passed.add(gate.threadId);
    for (const how of ["KILL", "KILL QUERY"]) {
      const restoring = restore(database, store, { tables, backup: "latest", report }).catch((error) => error);
      await killed(how);
      expect(lineOf(await restoring)).toMatch(/^the database (cannot be reached|ended the statement)/);
      const [last] = await listRuns(database.db, { limit: 1 });
      expect((await findRun(database.db, last?.id ?? ""))?.error).toMatch(
        /^the database (cannot be reached|ended the statement)/,
      );
    }
    await gate.rollback();
    gate.release();
  });
});

/** Connections whose last statement is over and still listed: the one at the gate, and those killed before. */
const passed = new Set<number>();

/** Kills the connection that waits for the gate of jobs, or its statement. */
async function killed(how: string): Promise<void> {
  await until(async () => {
    const [processes] = await root.query<RowDataPacket[]>("SHOW FULL PROCESSLIST");
    const waits = ({ Id, User, Info }: RowDataPacket) =>
      User === "plain" && /FROM muster_gates .*'jobs'/.test(Info ?? "") && !passed.has(Id);
    const found = processes.find(waits);
    if (!found) return false;
    await root.query(`${how} ${found.Id}`);
    if (how === "KILL") passed.add(found.Id);
    return true;
  });
}

test.each([
  ["with a length", "Content-Length: 100000", "{"],
  ["in chunks", "Transfer-Encoding: chunked", "1\r\n{\r\n"],
])(
  "a client that leaves in the middle of a body %s does not look like an error inside Muster",
  async (_, header, part) => {
    const server = Bun.serve({ port: 0, fetch: app.fetch });
    for (const path of ["/insert", "/jobs", "/imports?table=jobs", "/rejections/replay"]) {
      lines.splice(0);
      const client = connectSocket(server.port ?? 0, "127.0.0.1");
      const type = path.startsWith("/imports") ? "application/x-ndjson" : "application/json";
      client.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\n${header}\r\n\r\n${part}`);
      // When a later request is answered, the service has begun to read this one.
      await until(() => server.pendingRequests > 0);
      client.destroy();
      await until(() => lines.some(({ msg }) => msg === "request"));
      expect([path, lines.filter(({ level }) => level > 40)]).toEqual([path, []]);
    }
    await server.stop(true);
  },
);

// This is the last test: nothing can be deleted afterwards.
test("a database whose disk is full gives 503, and the rows that were there stay", async () => {
  await database.pool.query("CREATE TABLE filler (text LONGBLOB)");
  const fill = () => database.pool.query("INSERT INTO filler VALUES (REPEAT('x', 200000))");
  for (;;)
    if (
      await fill().then(
        () => false,
        () => true,
      )
    )
      break;
  let id = 0;
  const next = () => ({ jobs: Array.from({ length: 1000 }, () => ({ id: ++id, job: "x".repeat(255) })) });
  const last = await until(async () => {
    const given = await answer("/insert", posted(next()));
    return given.status !== 201 && given;
  });
  const detail = expect.stringMatching(/^the disk of the database is full \((ER_\w+|\d+)\): free some space there$/);
  expect(last).toEqual({ status: 503, detail });
  expect(await database.db.$count(jobs)).toBe(id - 1000);
  // A small file might still find room.
  const rows = Array.from({ length: 20_000 }, (_, index) => `${id + index},${"x".repeat(255)}\n`);
  const imported = await run(["scripts/import.ts", await folderOf({ "jobs.csv": rows.join("") })], {
    DATABASE_URL: own.url(),
  });
  expect([imported.code, imported.stderr]).toEqual([1, expect.stringMatching(/the disk of the database is full/)]);
});
