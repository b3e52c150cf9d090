/** A server with small packets and few connections. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { int, mediumtext, mysqlTable } from "drizzle-orm/mysql-core";
import type { RowDataPacket } from "mysql2/promise";
import { backup } from "../src/backups/backup.ts";
import { restore } from "../src/backups/restore.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import type { ReadRow } from "../src/codecs/tables.ts";
import { connectOnce } from "../src/db/database.ts";
import { lineOf } from "../src/db/driver-errors.ts";
import { rejections } from "../src/db/ledger.ts";
import { importSource } from "../src/ingest/import.ts";
import { judgeAndStore } from "../src/ingest/store-rows.ts";
import type { MusterDatabase } from "../src/repositories/muster-database.ts";
import { listRuns } from "../src/repositories/run-log.ts";
import { appOver, posted } from "./support/app.ts";
import { tables } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { until } from "./support/observe.ts";
import { ownServer } from "./support/own-server.ts";
import { only } from "./support/things.ts";

const own = await ownServer();
const { root, open } = own;
const PACKET = 1024 * 1024;

beforeEach(async () => {
  await root.query("SET GLOBAL max_allowed_packet = 16777216");
  await root.query("ALTER USER plain@'%' WITH MAX_USER_CONNECTIONS 0");
});

afterAll(async () => {
  await own.stop();
  await removeFolders();
});

const report = { say() {} };

test("with packets of 1 MiB a thousand long rejected rows are logged, of a request and of a file", async () => {
  await root.query(`SET GLOBAL max_allowed_packet = ${PACKET}`);
  const database = await open({ capabilities: ["no-load-data"] });
  const rows = Array.from({ length: 1000 }, (_, index) => ({ id: index + 1, job: "'".repeat(2500 + index) }));
  const { status } = await appOver(database).request("/jobs", posted(rows));
  expect([status, await database.db.$count(rejections)]).toEqual([422, 1000]);
  const file = rows.map(({ id, job }) => `${id},${job.repeat(20)}\n`).join("");
  const outcome = await importSource(database, { source: await folderOf({ "jobs.csv": file }), report });
  expect(outcome.tables.jobs).toMatchObject({ received: 1000, rejected: 1000 });
  await database.close();
});

test("a row that is larger than a packet is rejected with the server's limit, and the others are stored", async () => {
  await root.query(`SET GLOBAL max_allowed_packet = ${PACKET}`);
  const database = await open();
  const notes = only({
    notes: mysqlTable("notes", { id: int("id").autoincrement().primaryKey(), note: mediumtext("note").notNull() }),
  });
  await database.pool.query("CREATE TABLE notes (id INT PRIMARY KEY, note MEDIUMTEXT NOT NULL)");
  const lengths = [10, 350_000, PACKET - 100, 3 * PACKET, PACKET / 2 + 10, 900_000, 20];
  const rows: ReadRow[] = lengths.map((length, index) => ({
    values: [index + 1, "'".repeat(length)],
    reasons: [],
  }));
  const known = { stored: async () => [], missing: async () => new Set<number>() };
  const connection = await database.pool.getConnection();
  const judged = await judgeAndStore({ server: database.server, connection, table: notes, known }, rows);
  const [stored] = await connection.query<RowDataPacket[]>("SELECT id, LENGTH(note) AS length FROM notes ORDER BY id");
  expect(stored.map(({ id, length }) => [id, length])).toEqual([
    [1, 10],
    [2, lengths[1]],
    [7, 20],
  ]);
  const refused = judged.flatMap(({ verdict }) => (verdict.is === "rejected" ? [verdict.reasons] : []));
  expect(refused).toHaveLength(4);
  for (const reasons of refused) {
    expect(reasons[0]?.detail).toMatch(
      /^the database refuses the row: A row of \d+ bytes is longer than max_allowed_packet, which is 1048576/,
    );
  }
  await database.close();
});

/** The statuses of 40 reads at once. */
async function readMany(database: MusterDatabase): Promise<number[]> {
  const app = appOver(database);
  const answers = await Promise.all(Array.from({ length: 40 }, () => app.request("/jobs")));
  return [...new Set(answers.map(({ status }) => status))];
}

/** How many connections the plain user has to its newest database. */
async function connections(): Promise<number> {
  const [processes] = await root.query<RowDataPacket[]>("SHOW PROCESSLIST");
  return processes.filter(({ db }) => db === own.name()).length;
}

test("DATABASE_CONNECTIONS limits the connections of a process, and further requests wait for one", async () => {
  const database = await open({ connections: 5 });
  expect([await readMany(database), await connections()]).toEqual([[200], 5]);
  await database.close();
});

test("with 5 connections, imports, a backup, a restore and readers at once are all served", async () => {
  const database = await open({ connections: 5 });
  const store = new DirectoryStore(await folderOf({}));
  await backup(database, store, { tables, codec: "deflate", report });
  const files = (name: string) => ({
    [name]: Array.from({ length: 9_000 }, (_, id) => `${id + 1},Name ${id}\n`).join(""),
  });
  const [jobs, departments] = [await folderOf(files("jobs.csv")), await folderOf(files("departments.csv"))];
  const hires = tables.filter(({ name }) => name === "hired_employees");
  await Promise.all([
    importSource(database, { source: jobs, report }),
    importSource(database, { source: departments, report }),
    backup(database, store, { tables, codec: "deflate", report }),
    restore(database, store, { tables: hires, backup: "latest", report }),
    readMany(database).then((statuses) => expect(statuses).toEqual([200])),
  ]);
  expect((await listRuns(database.db, { limit: 9 })).map(({ status }) => status)).toEqual(
    new Array(5).fill("succeeded"),
  );
  await database.close();
});

test("if the server allows its user 5 connections, all requests are answered, and an import succeeds", async () => {
  const database = await open();
  database.renewConnections(); // so its idle connections are closed
  await root.query("ALTER USER plain@'%' WITH MAX_USER_CONNECTIONS 5");
  expect(await readMany(database)).toEqual([200]);
  const rows = Array.from({ length: 30_000 }, (_, index) => `${index + 1},Job ${index}\n`).join("");
  const outcome = await importSource(database, { source: await folderOf({ "jobs.csv": rows }), report });
  expect(outcome.tables.jobs).toMatchObject({ inserted: 30_000 });
  await database.close();
});

test("if the server allows no connection, requests are answered 503 with the setting to raise", async () => {
  const database = await open();
  database.renewConnections();
  await until(async () => (await connections()) === 0);
  await root.query("ALTER USER plain@'%' WITH MAX_USER_CONNECTIONS 1");
  const other = await connectOnce(own.url());
  const answer = await appOver(database).request("/jobs");
  expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining("or raise its max_connections")]);
  await expect(connectOnce(own.url()).catch(lineOf)).resolves.toMatch(
    /^the database at .* has no connection left for Muster/,
  );
  await other.end();
  await database.close();
});
