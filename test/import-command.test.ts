import { afterAll, beforeEach, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import type { RowDataPacket } from "mysql2/promise";
import { writeSample } from "../src/ingest/sample.ts";
import { listRuns } from "../src/repositories/run-log.ts";
import { run, start, startOnTerminal } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { GATES, hold, until } from "./support/observe.ts";
import { ownServer } from "./support/own-server.ts";

const database = await freshDatabase();
const environment = { DATABASE_URL: database.url };
afterAll(async () => {
  await database.close();
  await removeFolders();
});

beforeEach(database.empty);

const importCommand = (...args: string[]) => run(["scripts/import.ts", ...args], environment);

async function count(table: string): Promise<number> {
  const [rows] = await database.pool.query<RowDataPacket[]>(`SELECT COUNT(*) AS n FROM ${table}`);
  return rows[0]?.n;
}

const stages = async () => (await database.pool.query<RowDataPacket[]>("SHOW TABLES LIKE 'stage%'"))[0].length;

test("--json ends standard output with one object, and rejected rows are no failure", async () => {
  const source = await folderOf({ "jobs.csv": "1,Clerk\n2,\n" });
  const { code, stdout } = await importCommand(source, "--json");
  const last = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  expect(code).toBe(0);
  expect(last).toMatchObject({
    status: "succeeded",
    tables: { jobs: { received: 2, inserted: 1, unchanged: 0, rejected: 1, withheld: 0 } },
  });
  expect(last.run).toBe((await listRuns(database.db, { limit: 1 }))[0]?.id);
  expect(last.seconds).toBeGreaterThan(0);
});

test("--json has the bytes of the files as stored, and rows and megabytes a second that fit its seconds", async () => {
  const jobs = gzipSync("1,Clerk\n2,\n".repeat(20_000));
  const source = await folderOf({ "jobs.csv.gz": jobs, "departments.csv": "1,Legal\n", "staff.csv": "1\n" });
  const { stdout } = await importCommand(source, "--json", "--dry-run");
  const { bytes, seconds, rows_per_s, mb_per_s } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  expect(bytes).toBe(jobs.length + "1,Legal\n".length);
  expect(rows_per_s).toBe(Math.round(40_001 / seconds));
  expect(mb_per_s).toBe(Number((bytes / seconds / 1e6).toFixed(2)));
});

test("backup, restore and replay have the same figures in --json", async () => {
  await importCommand(await folderOf({ "jobs.csv": "1,Clerk\n2,\n" }));
  const store = { ...environment, BACKUP_STORE: await folderOf({}) };
  for (const args of [["backup.ts", "jobs"], ["restore.ts", "jobs"], ["replay.ts"]]) {
    const { stdout } = await run([`scripts/${args[0]}`, ...args.slice(1), "--json"], store);
    const { seconds, rows_per_s, bytes, mb_per_s, tables } = JSON.parse(stdout);
    expect([args, rows_per_s]).toEqual([args, Math.round(tables.jobs.received / seconds)]);
    if (args[0] === "backup.ts") expect([bytes > 0, typeof mb_per_s]).toEqual([true, "number"]);
  }
});

test("without a terminal each phase is a line, the reading ends at 100 %, and the last line has the speed", async () => {
  const source = await folderOf({ "departments.csv": "1,Legal\n2,Sales\n" });
  const { stdout, stderr } = await importCommand(source);
  expect(stderr).toMatch(
    /^(departments: reading, .*\n)*departments: reading, 100 %, 2 rows.*\n(departments: publishing: inserting 2 rows\n)+$/,
  );
  expect(stdout).toMatch(/\nrun \S+ succeeded in [\d.]+ s, \d+ rows\/s, [\d.]+ MB\/s\n$/);
});

test.each([
  [["/nowhere"], /no file or directory/],
  [["http://h/jobs.csv"], /no file or directory/],
  [["s3://Jobs/"], /s3:\/\/BUCKET\/PREFIX/],
  [[], /SOURCE/],
])("an unusable source, %p, ends with code 2 and one line that says what to do", async (args, line) => {
  const { code, stdout, stderr } = await importCommand(...args);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(line);
  expect(stderr.trim().split("\n")).toHaveLength(1);
});

test("more rejected rows than --max-rejects end it with code 2", async () => {
  const source = await folderOf({ "departments.csv": "1,\n" });
  const { code, stderr } = await importCommand(source, "--max-rejects", "0");
  expect(code).toBe(2);
  expect(stderr).toContain("1 of 1 rows are rejected");
});

test("a database that cannot be reached ends it with code 1 and one line, without the password", async () => {
  const { code, stderr } = await run(["scripts/import.ts", "."], { DATABASE_URL: "mysql://u:topsecret@127.0.0.1:1/x" });
  expect(code).toBe(1);
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(stderr).not.toContain("topsecret");
});

test("Ctrl-C while rows are staged ends it with code 130, and nothing is published or left behind", async () => {
  const source = await folderOf({});
  await writeSample(source, { rows: 50_000, seed: 3, badShare: 0.01 });
  const release = await hold(database.pool, GATES); // so it cannot publish, whenever it is interrupted
  const importing = start(["scripts/import.ts", source], environment);
  await until(async () => (await stages()) === 3);
  importing.kill("SIGINT");
  expect(await importing.exited).toBe(130);
  await release();
  expect([await count("hired_employees"), await count("departments"), await stages()]).toEqual([0, 0, 0]);
  const [last] = await listRuns(database.db, { limit: 1 });
  expect(last).toMatchObject({ status: "failed", error: expect.stringContaining("interrupted") });
});

test("on a terminal a bar shows table, phase, share, speed and time left, and disappears at the end", async () => {
  const source = await folderOf({});
  await writeSample(source, { rows: 150_000, seed: 3, badShare: 0.01 });
  const importing = startOnTerminal(["scripts/import.ts", source], environment);
  expect(await importing.child.exited).toBe(0);
  const screen = importing.screen();
  expect(screen).toMatch(/hired_employees: reading \[■+ *\] \d+ %, \d+ rows, \d+ rows\/s, [\d.]+ MB\/s, ETA \d+ s/);
  expect(screen).toContain("hired_employees: publishing: ");
  const shown = lastOf(screen);
  expect(shown).toContainEqual(expect.stringMatching(/^hired_employees.csv:\d+ rejected: /));
  expect(shown).toContainEqual(expect.stringMatching(/^run \S+ succeeded in .* s, \d+ rows\/s, [\d.]+ MB\/s$/));
  expect(shown.filter((line) => /: (reading|publishing)/.test(line ?? ""))).toEqual([]);
});

/** The lines that stay on the screen: a line has what was written after it was last erased. */
const lastOf = (screen: string) => screen.split("\r\n").map((line) => line.split("\x1b[2K").at(-1));

test("without --json it prints the first rejected rows with file, line and reason, and ends with a table of counts", async () => {
  const source = await folderOf({ "jobs.csv": "1,Clerk\n2,\n" });
  const { stdout, stderr } = await importCommand(source);
  expect(stdout).toMatch(/table +received +inserted +unchanged +rejected +withheld\njobs +2 +1 +0 +1 +0/);
  expect(stderr).toContain("jobs.csv:2 rejected: missing (job)");
});

test("with MUSTER_CAPABILITIES=no-load-data it loads by INSERT, with the same rows and counts", async () => {
  // Nobody else may load into this server, whose statements are counted.
  const own = await ownServer();
  const database = await own.open();
  const loads = async () => {
    const [rows] = await own.root.query<RowDataPacket[]>("SHOW GLOBAL STATUS LIKE 'Com_load'");
    return Number(rows[0]?.Value);
  };
  const source = await folderOf({});
  const bad = await writeSample(source, { rows: 3000, badShare: 0.05, seed: 3 });
  const outcomes: { tables: unknown; rows: unknown; loads: number }[] = [];
  for (const words of ["", "no-load-data", "no-load-data,no-swap"]) {
    await own.root.query(`DELETE FROM ${own.name()}.hired_employees`);
    for (const table of ["departments", "jobs"]) await own.root.query(`DELETE FROM ${own.name()}.${table}`);
    const before = await loads();
    const { code, stdout, stderr } = await run(["scripts/import.ts", source, "--json"], {
      DATABASE_URL: own.url(),
      MUSTER_CAPABILITIES: words,
      LOG_LEVEL: "debug",
    });
    expect([code, stderr.includes("loaded by LOAD DATA")]).toEqual([0, words === ""]);
    expect(stderr.includes("loaded by multi-row INSERT")).toBe(words !== "");
    const [rows] = await database.pool.query("SELECT * FROM hired_employees ORDER BY id");
    outcomes.push({ tables: JSON.parse(stdout).tables, rows, loads: (await loads()) - before });
  }
  const [loaded, ...inserted] = outcomes;
  expect(loaded?.loads).toBeGreaterThan(0);
  expect(loaded?.rows).toHaveLength(3000 - bad);
  for (const each of inserted) expect(each).toEqual({ ...loaded, loads: 0 } as typeof each);
  await database.close();
  await own.stop();
});
