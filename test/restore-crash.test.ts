/** Restores and backups that are killed: a restore leaves the old rows or the new, a backup is whole or none at all. */
import { afterAll, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import type { RowDataPacket } from "mysql2/promise";
import type { DebugPoint } from "../src/debug-points.ts";
import { run, start, startStoppedAt } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { withoutSwap } from "./support/missing.ts";
import { AT_THE_GATE, GATES, hold, seen } from "./support/observe.ts";

const database = await freshDatabase();
const store = await folderOf({});
const environment = { DATABASE_URL: database.url, BACKUP_STORE: store };
afterAll(async () => {
  await database.close();
  await removeFolders();
});

const ROWS = 3_000;

/** A moment at which a command is killed: a point in its own code, or a statement that another program holds up. */
type Moment = DebugPoint | { statement: RegExp; held: string };

const WAITING: Moment = { statement: AT_THE_GATE, held: GATES };
const WRITING: Moment = {
  statement: /^(INSERT|UPDATE|DELETE).*`jobs`/,
  held: "SELECT * FROM jobs WHERE id = 1 FOR UPDATE",
};
const RENAMING: Moment = { statement: /^RENAME TABLE/, held: "SELECT * FROM hired_employees" };

const CASES: [table: string, way: string, column: string, moments: Moment[]][] = [
  ["jobs", "a transaction", "job", ["rows staged", WAITING, WRITING, "rows replaced", "run ended"]],
  [
    ...(["hired_employees", "a swap", "name"] as const),
    ["rows staged", WAITING, "swap noted", RENAMING, "renamed", "old table dropped", "swap recorded", "run ended"],
  ],
];

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

async function killed(args: string[], moment: Moment): Promise<void> {
  if (typeof moment === "string") {
    const { command } = await startStoppedAt(moment, args, environment);
    command.kill("SIGKILL");
    await command.exited;
    return;
  }
  const release = await hold(database.pool, moment.held);
  const command = start(args, environment);
  await seen(database, moment.statement, command);
  command.kill("SIGKILL");
  await command.exited;
  expect([moment.statement, command.signalCode]).toEqual([moment.statement, "SIGKILL"]);
  await release();
}

if (withoutSwap !== "") test.skip(`a restore killed while it swaps a table${withoutSwap}`, () => {});

test.each(CASES.filter(([, way]) => withoutSwap === "" || way !== "a swap"))(
  "a restore of %s by %s, killed at each of its steps, leaves the old rows or the new, and the next one completes",
  async (table, _, column, moments) => {
    const states = new Set<string>();
    await run(["scripts/restore.ts", table], environment);
    for (const moment of moments) {
      if (table === "jobs") await database.pool.query("DELETE FROM hired_employees");
      await database.pool.query(`DELETE FROM ${table} WHERE id % 2 = 0`);
      await database.pool.query(`UPDATE ${table} SET ${column} = 'new'`);
      await killed(["scripts/restore.ts", table], moment);
      // The server may still work on the dead client's statement: only whole states are ever visible.
      states.add(await state(table, column));
      const next = await run(["scripts/restore.ts", table, "--json"], environment);
      expect(next.code).toBe(0);
      expect(JSON.parse(next.stdout).tables[table].received).toBe(ROWS);
      expect([await state(table, column), await leftovers()]).toEqual([`${ROWS} 0`, 0]);
    }
    const old = `${ROWS / 2} ${ROWS / 2}`;
    expect([...states].filter((each) => each !== old && each !== `${ROWS} 0`)).toEqual([]);
  },
);

test("a backup killed before its manifest is written is no backup, and one killed afterwards is whole", async () => {
  const backups = async () => (await readdir(store)).filter((name) => !name.startsWith("."));
  const before = await backups();
  for (const moment of [WAITING, "files written"] as const) await killed(["scripts/backup.ts", "jobs"], moment);
  expect(await backups()).toEqual(before);

  await killed(["scripts/backup.ts", "jobs"], "backup complete");
  const [added, ...others] = (await backups()).filter((name) => !before.includes(name));
  expect(others).toEqual([]);
  expect((await readdir(`${store}/${added}`)).sort()).toEqual(["jobs.avro", "manifest.json"]);
  const proof = await run(["scripts/backup.ts", "--verify", `${added}`], environment);
  expect(proof.code).toBe(0);

  const { code, stdout } = await run(["scripts/backup.ts", "jobs", "--json"], environment);
  expect([code, JSON.parse(stdout).tables.jobs.received]).toEqual([0, ROWS]);
  expect((await backups()).length).toBe(before.length + 2);
});
