import { afterAll, expect, test } from "bun:test";
import type { RowDataPacket } from "mysql2/promise";
import { backup } from "../src/backups/backup.ts";
import { restore } from "../src/backups/restore.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import type { BatchAnswer } from "../src/http/batch-answer.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { tableOf, tables } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { until } from "./support/observe.ts";

const database = await freshDatabase();
const app = appOver(database);
const store = new DirectoryStore(await folderOf({}));
const report = { say() {} };
afterAll(async () => {
  await database.close();
  await removeFolders();
});

const ROWS = 5_000;
const ROUNDS = 6;

async function fill(table: string, value: string): Promise<void> {
  await database.pool.query(`DELETE FROM ${table}`);
  const rows = Array.from({ length: ROWS }, (_, index) => [index + 1, value]);
  await database.pool.query(`INSERT INTO ${table} VALUES ?`, [rows]);
}

const bring = (id: string) =>
  restore(database, store, { tables: [tableOf("jobs"), tableOf("departments")], backup: id, report });

test("readers during restores see the old rows or the new ones, of both tables, and never fewer", async () => {
  const ids: string[] = [];
  for (const value of ["old", "new"]) {
    await fill("jobs", value);
    await fill("departments", value);
    ids.push((await backup(database, store, { tables, codec: "deflate", report })).manifest.id);
  }
  let restoring = true;
  const seen = new Set<string>();
  const reader = async () => {
    while (restoring) {
      const [rows] = await database.pool.query<RowDataPacket[]>(
        `SELECT CONCAT_WS(' ', (SELECT COUNT(*) FROM jobs WHERE job = 'old'), (SELECT COUNT(*) FROM jobs),
         (SELECT COUNT(*) FROM departments WHERE department = 'old'), (SELECT COUNT(*) FROM departments)) AS state`,
      );
      seen.add(rows[0]?.state);
    }
  };
  const readers = [reader(), reader()];
  for (let round = 0; round < ROUNDS; round++) await bring(ids[round % 2] ?? "");
  restoring = false;
  await Promise.all(readers);
  expect([...seen].sort()).toEqual([`0 ${ROWS} 0 ${ROWS}`, `${ROWS} ${ROWS} ${ROWS} ${ROWS}`]);
});

test("rows confirmed after a restore are there at the end, and no others are", async () => {
  await fill("jobs", "kept");
  const {
    manifest: { id },
  } = await backup(database, store, {
    tables: [tableOf("jobs"), tableOf("departments")],
    codec: "deflate",
    report,
  });
  let writing = true;
  /** The ids that writers had confirmed, each with the number of restores that had ended when it was sent. */
  const told: { id: number; after: number }[] = [];
  let ended = 0;
  const writer = async (name: string) => {
    while (writing) {
      const after = ended;
      const body = JSON.stringify({ jobs: [{ job: name }, { job: name }] });
      const response = await app.request("/insert", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body,
      });
      expect(response.status).toBe(201);
      const answer = (await response.json()) as BatchAnswer;
      for (const row of answer.rows) told.push({ id: row.id ?? 0, after });
    }
  };
  const writers = [writer("a"), writer("b")];
  while (ended < ROUNDS) {
    await bring(id);
    ended++;
    await until(() => told.some(({ after }) => after === ended));
  }
  writing = false;
  await Promise.all(writers);
  const [rows] = await database.pool.query<RowDataPacket[]>("SELECT id FROM jobs");
  const present = new Set(rows.map((row) => row.id as number));
  const last = told.filter(({ after }) => after === ROUNDS);
  for (const { id } of last) expect(present.has(id)).toBe(true);
  for (let id = 1; id <= ROWS; id++) expect(present.has(id)).toBe(true);
  const known = new Set(told.map(({ id }) => id));
  for (const id of present) expect(id <= ROWS || known.has(id)).toBe(true);
});

test("a restore by swap beside writers keeps every confirmed row, or counts it as deleted", async () => {
  await database.pool.query("INSERT IGNORE INTO departments VALUES (1, 'Sales')");
  await database.pool.query("INSERT IGNORE INTO jobs VALUES (1, 'Clerk')");
  const employees = Array.from({ length: ROWS }, (_, index) => [index + 1, "Ana", "2021-05-01 10:00:00", 1, 1]);
  await database.pool.query("INSERT INTO hired_employees VALUES ?", [employees]);
  const table = [tableOf("hired_employees")];
  const { manifest } = await backup(database, store, { tables: table, codec: "deflate", report });
  await database.pool.query("DELETE FROM hired_employees WHERE id % 2 = 0");
  await database.pool.query("UPDATE hired_employees SET name = 'ANA' WHERE id % 10 = 1");
  let writing = true;
  let told = 0;
  const row = { name: "Bo", datetime: "2021-05-01T10:00:00Z", department_id: 1, job_id: 1 };
  const writer = async () => {
    while (writing) {
      const body = JSON.stringify([row, row]);
      const headers = { "Content-Type": "application/json" };
      const response = await app.request("/hired_employees", { method: "POST", headers, body });
      expect(response.status).toBe(201);
      told += 2;
    }
  };
  const writers = [writer(), writer()];
  const counts = [];
  for (let round = 0; round < ROUNDS; round++) {
    const outcome = await restore(database, store, { tables: table, backup: manifest.id, report });
    counts.push(outcome.tables.hired_employees);
    const before = told;
    await until(() => told > before);
  }
  writing = false;
  await Promise.all(writers);
  expect(counts[0]).toMatchObject({
    received: ROWS,
    inserted: ROWS / 2,
    updated: ROWS / 10,
    unchanged: (ROWS * 2) / 5,
  });
  expect(counts.slice(1).every((each) => each?.unchanged === ROWS)).toBe(true);
  const deleted = counts.reduce((sum, each) => sum + (each?.deleted ?? 0), 0);
  const [rows] = await database.pool.query<RowDataPacket[]>(
    "SELECT COUNT(*) AS n, SUM(name = 'Ana') AS old FROM hired_employees",
  );
  expect([rows[0]?.n + deleted, Number(rows[0]?.old)]).toEqual([ROWS + told, ROWS]);
  expect(deleted).toBeGreaterThan(0);
  expect(
    (
      await database.pool.query<RowDataPacket[]>(
        `SHOW TABLES WHERE Tables_in_${database.name} REGEXP '^(stage|replaced)'`,
      )
    )[0],
  ).toEqual([]);
});
