/** Restores and backups beside another program's SQL, Ctrl-C and many requests at once. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdir, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import type { RowDataPacket } from "mysql2/promise";
import { backup } from "../src/backups/backup.ts";
import { restore } from "../src/backups/restore.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import type { TableName } from "../src/codecs/tables.ts";
import { connectOnce } from "../src/db/database.ts";
import { driverError } from "../src/db/driver-errors.ts";
import { appOver, posted } from "./support/app.ts";
import { run, start } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { tableOf, tables } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { AT_THE_GATE, gone, underWay } from "./support/observe.ts";

const database = await freshDatabase();
const folder = await folderOf({});
const store = new DirectoryStore(folder);
const report = { say() {} };
const environment = { DATABASE_URL: database.url, BACKUP_STORE: folder };
afterAll(async () => {
  await database.close();
  await removeFolders();
});

const PARENTS = 100;
const ROWS = 8_000;
const ids = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const ana = (id: number, parent = (id % PARENTS) + 1) => [id, `Ana ${id}`, "2021-05-01 10:00:00", parent, parent];

beforeAll(async () => {
  const names = ids(PARENTS).map((id) => [id, `name ${id}`]);
  await database.pool.query("INSERT INTO departments VALUES ?", [names]);
  await database.pool.query("INSERT INTO jobs VALUES ?", [names]);
  await database.pool.query("INSERT INTO hired_employees VALUES ?", [ids(ROWS).map((id) => ana(id))]);
  await backup(database, store, { tables, codec: "deflate", report });
});

const bring = (...names: TableName[]) =>
  restore(database, store, { tables: names.map(tableOf), backup: "latest", report });

const orphans = async (): Promise<number> =>
  (
    await database.pool.query<RowDataPacket[]>(
      "SELECT COUNT(*) AS n FROM hired_employees h LEFT JOIN departments d ON d.id = h.department_id WHERE d.id IS NULL",
    )
  )[0][0]?.n;

/** Runs `work` while another program changes, adds and deletes rows as fast as it can. */
async function beside(work: () => Promise<void>): Promise<void> {
  const connection = await connectOnce(database.url);
  await connection.changeUser({ database: database.name });
  let working = true;
  const program = (async () => {
    for (let id = ROWS; working; id++) {
      const known = 1 + Math.floor(Math.random() * ROWS);
      for (const [statement, value] of [
        ["INSERT INTO departments VALUES (?, 'new')", id],
        ["INSERT INTO hired_employees VALUES (?)", ana(id + ROWS, id)],
        ["UPDATE hired_employees SET name = 'changed' WHERE id = ?", known],
        ["UPDATE hired_employees SET name = CONCAT('Ana ', id) WHERE id = ?", known],
        ["DELETE FROM hired_employees WHERE id = ?", known],
        ["INSERT INTO hired_employees VALUES (?)", ana(known)],
        ["DELETE FROM hired_employees WHERE id > ? LIMIT 2", ROWS],
      ] as const) {
        // It may meet locks of the restore: its own failures do not matter.
        await connection.query(statement, [value]).catch((error) => expect(driverError(error)).toBeDefined());
      }
    }
  })();
  await work().finally(() => {
    working = false;
  });
  await program;
  await connection.end();
}

const ROUNDS = 6;

test("another program's writes do not make a restore fail, by swap or in a transaction: each is undone or stays", async () => {
  await beside(async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const names: TableName[] = round % 2 === 0 ? ["hired_employees"] : ["departments", "jobs", "hired_employees"];
      expect((await bring(...names)).tables.hired_employees?.received).toBe(ROWS);
    }
  });
  expect(await orphans()).toBe(0);
  await bring("departments", "jobs", "hired_employees");
  const [rows] = await database.pool.query<RowDataPacket[]>("SELECT COUNT(*) AS n FROM hired_employees");
  expect(rows[0]?.n).toBe(ROWS);
});

test("a child that another program adds to a parent that the restore deletes makes a conflict, never an orphan", async () => {
  await beside(async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const outcome = bring("departments").then(
        () => "restored",
        (error) => error.code,
      );
      expect(["restored", "conflict"]).toContain(await outcome);
    }
  });
  expect(await orphans()).toBe(0);
});

test.each([
  ["restore", ["scripts/restore.ts", "hired_employees"]],
  ["restore", ["scripts/restore.ts", "departments", "hired_employees"]],
  ["backup", ["scripts/backup.ts", "jobs"]],
])("a %s that waits for a gate ends soon after Ctrl-C, and leaves nothing", async (kind, args) => {
  const gate = await database.pool.getConnection();
  await gate.beginTransaction();
  await gate.query("SELECT * FROM muster_gates FOR UPDATE");
  await gone(database, AT_THE_GATE); // the statement of the command before, which the server may still be ending
  const command = start(args, environment);
  await underWay(database, AT_THE_GATE);
  command.kill("SIGINT");
  expect(await command.exited).toBe(130); // while the gate is still held
  await gate.rollback();
  gate.release();
  const [last] = await database.pool.query<RowDataPacket[]>(
    "SELECT kind, status FROM muster_runs ORDER BY id DESC LIMIT 1",
  );
  expect([last[0]?.kind, last[0]?.status]).toEqual([kind, "failed"]);
  expect((await database.pool.query<RowDataPacket[]>("SHOW TABLES LIKE 'stage%'"))[0]).toEqual([]);
  expect((await readdir(folder)).filter((name) => name.startsWith("."))).toEqual([]);
});

test("twenty backups and restores at once leave connections for readers", async () => {
  const app = appOver(database, { store });
  const ask = async (path: string) => (await app.request(path, posted({ table: ["jobs"] }))).status;
  const statuses = Promise.all(ids(20).map((id) => ask(id % 2 ? "/backup" : "/restore")));
  expect((await app.request("/jobs/1")).status).toBe(200);
  expect(new Set(await statuses)).toEqual(new Set([200, 201]));
});

test("rows against the rules are backed up as they are, and a restore refuses them with table and record", async () => {
  const connection = await database.pool.getConnection();
  await connection.query("SET SESSION sql_mode = ''");
  await connection.query("INSERT INTO jobs VALUES (-7, 'Nobody')");
  await connection.query(
    "INSERT INTO hired_employees VALUES (20000, 'Bo', '0050-02-03', 1, 1), (20001, 'Bo', '0000-00-00', 1, 1)",
  );
  connection.destroy();
  const { code, stdout } = await run(["scripts/backup.ts", "--json"], environment);
  const { jobs, hired_employees } = JSON.parse(stdout).tables;
  expect([code, jobs.received, hired_employees.received]).toEqual([0, PARENTS + 1, ROWS + 2]);
  await expect(bring("jobs")).rejects.toMatchObject({
    code: "refused",
    message: expect.stringMatching(/record 1 .* id/),
  });
  await expect(bring("hired_employees")).rejects.toMatchObject({
    code: "refused",
    message: expect.stringMatching(/record 8001 of hired_employees breaks a rule: datetime .*0050-02-03/),
  });
  await database.pool.query("DELETE FROM jobs WHERE id < 0");
  await database.pool.query(`DELETE FROM hired_employees WHERE id > ${ROWS}`);
});

test("the download of a file that was cut off ends with an error", async () => {
  await database.pool.query("UPDATE hired_employees SET name = REPEAT('x', 80)");
  const { manifest } = await backup(database, store, { tables, codec: "null", report });
  const file = join(folder, manifest.id, "hired_employees.avro");
  await truncate(file, (await stat(file)).size - 1);
  const response = await appOver(database, { store }).request(`/backups/${manifest.id}/hired_employees.avro`);
  expect(response.status).toBe(200);
  const outcome = response.arrayBuffer().then(
    () => "whole",
    () => "cut off",
  );
  expect(await outcome).toBe("cut off");
});
