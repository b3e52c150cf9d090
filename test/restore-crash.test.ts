import { afterAll, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import type { RowDataPacket } from "mysql2/promise";
import { run, start } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { GATES, hold, seen } from "./support/observe.ts";

const database = await freshDatabase();
const store = await folderOf({});
const environment = { DATABASE_URL: database.url, BACKUP_STORE: store };
afterAll(async () => {
  await database.close();
  await removeFolders();
});

const ROWS = 10_000;

interface Moment {
  /** A statement by which the moment is known. */
  statement: RegExp;
  /** What another program does in a transaction that is open until the command has been killed: so it is hit for sure. */
  held?: string;
}
const STAGING: Moment = { statement: /^(LOAD DATA|INSERT INTO `stage_)/ };
const AT_THE_GATE: Moment = { statement: /FROM muster_gates WHERE/, held: GATES };

/** By a transaction, and by a swap. */
const CASES: [table: string, column: string, moments: Moment[]][] = [
  [
    "jobs",
    "job",
    [
      ...[STAGING, AT_THE_GATE, { statement: /^DROP TABLE/ }],
      { statement: /^(INSERT|UPDATE|DELETE).*`jobs`/, held: "SELECT * FROM jobs WHERE id = 1 FOR UPDATE" },
    ],
  ],
  [
    "hired_employees",
    "name",
    [
      ...[STAGING, AT_THE_GATE, { statement: /^DROP TABLE `replaced_/ }],
      { statement: /^RENAME TABLE/, held: "SELECT * FROM hired_employees" },
    ],
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

/** Starts a command and kills it at a moment, or when it has ended: a statement that takes no time may not be seen. */
async function killed(args: string[], { statement, held }: Moment): Promise<void> {
  const release = held === undefined ? async () => {} : await hold(database.pool, held);
  const command = start(args, environment);
  await seen(database, statement, command);
  command.kill("SIGKILL");
  await command.exited;
  if (held !== undefined) expect([statement, command.signalCode]).toEqual([statement, "SIGKILL"]);
  await release();
}

test.each(CASES)(
  "a restore of %s killed at each of its steps leaves the old rows or the new, and the next one completes",
  async (table, column, moments) => {
    const states = new Set<string>();
    await run(["scripts/restore.ts", table], environment);
    for (const moment of moments) {
      if (table === "jobs") await database.pool.query("DELETE FROM hired_employees");
      await database.pool.query(`DELETE FROM ${table} WHERE id % 2 = 0`);
      await database.pool.query(`UPDATE ${table} SET ${column} = 'new'`);
      await killed(["scripts/restore.ts", table], moment);
      // The server may still be at what the dead client asked of it: only whole states are ever seen.
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

test("a backup killed on its way is no backup, and the next one is whole", async () => {
  const before = (await readdir(store)).filter((name) => !name.startsWith("."));
  for (const moment of [AT_THE_GATE, { statement: /^SELECT .* FROM `jobs`/ }, { statement: /^update `muster_runs`/ }])
    await killed(["scripts/backup.ts", "jobs"], moment);
  for (const name of (await readdir(store)).filter((each) => !each.startsWith("."))) {
    expect((await readdir(`${store}/${name}`)).sort()).toEqual([expect.stringMatching(/[.]avro$/), "manifest.json"]);
  }
  const { code, stdout } = await run(["scripts/backup.ts", "jobs", "--json"], environment);
  expect([code, JSON.parse(stdout).tables.jobs.received]).toEqual([0, ROWS]);
  expect((await readdir(store)).filter((name) => !name.startsWith(".")).length).toBeGreaterThan(before.length);
});
