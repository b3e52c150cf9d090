import { afterAll, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import type { RowDataPacket } from "mysql2/promise";
import { run, start } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const database = await freshDatabase();
const store = await folderOf({});
const environment = { DATABASE_URL: database.url, BACKUP_STORE: store };
afterAll(async () => {
  await database.close();
  await removeFolders();
});

const ROWS = 30_000;
const ROUNDS = 4;

/** By a transaction, and by a swap. */
const CASES = [
  ["jobs", "job"],
  ["hired_employees", "name"],
] as const;

async function state(table: string, column: string): Promise<string> {
  const [rows] = await database.pool.query<RowDataPacket[]>(
    `SELECT CONCAT(COUNT(*), ' ', COALESCE(SUM(${column} = 'new'), 0)) AS state FROM ${table}`,
  );
  return rows[0]?.state;
}

const leftovers = async () =>
  (
    await database.pool.query<RowDataPacket[]>(
      `SHOW TABLES WHERE Tables_in_${database.name} REGEXP '^(stage|replaced)'`,
    )
  )[0].length;

const rows = Array.from({ length: ROWS }, (_, index) => [index + 1, "old", "2021-05-01", 1, 1]);
await database.pool.query("INSERT INTO departments VALUES (1, 'Sales')");
await database.pool.query("INSERT INTO jobs VALUES ?", [rows.map((row) => row.slice(0, 2))]);
await database.pool.query("INSERT INTO hired_employees VALUES ?", [rows]);
for (const [table] of CASES) await run(["scripts/backup.ts", table], environment);

/** Starts a command, kills it some time after it began, and answers whether it was still at work. */
async function killed(args: string[], afterMs: number): Promise<void> {
  const command = start(args, environment);
  await Bun.sleep(afterMs);
  command.kill("SIGKILL");
  await command.exited;
}

test.each(CASES)(
  `a restore of %s killed at ${ROUNDS} moments leaves the old rows or the new, and the next one completes`,
  async (table, column) => {
    const seen = new Set<string>();
    await run(["scripts/restore.ts", table], environment);
    for (let round = 0; round < ROUNDS; round++) {
      if (table === "jobs") await database.pool.query("DELETE FROM hired_employees");
      await database.pool.query(`DELETE FROM ${table} WHERE id % 2 = 0`);
      await database.pool.query(`UPDATE ${table} SET ${column} = 'new'`);
      await killed(["scripts/restore.ts", table], 120 + Math.random() * 900);
      // The server may still be at what the dead client asked of it: only whole states are ever seen.
      seen.add(await state(table, column));
      const next = await run(["scripts/restore.ts", table, "--json"], environment);
      expect(next.code).toBe(0);
      expect(JSON.parse(next.stdout).tables[table].received).toBe(ROWS);
      expect([await state(table, column), await leftovers()]).toEqual([`${ROWS} 0`, 0]);
    }
    const old = `${ROWS / 2} ${ROWS / 2}`;
    expect([...seen].filter((each) => each !== old && each !== `${ROWS} 0`)).toEqual([]);
  },
);

test("a backup killed on its way is no backup, and the next one is whole", async () => {
  const before = (await readdir(store)).filter((name) => !name.startsWith("."));
  for (let round = 0; round < 3; round++) await killed(["scripts/backup.ts", "jobs"], 150 + Math.random() * 200);
  for (const name of (await readdir(store)).filter((each) => !each.startsWith("."))) {
    expect((await readdir(`${store}/${name}`)).sort()).toEqual([expect.stringMatching(/[.]avro$/), "manifest.json"]);
  }
  const { code, stdout } = await run(["scripts/backup.ts", "jobs", "--json"], environment);
  expect([code, JSON.parse(stdout).tables.jobs.received]).toEqual([0, ROWS]);
  expect((await readdir(store)).filter((name) => !name.startsWith(".")).length).toBeGreaterThan(before.length);
});
