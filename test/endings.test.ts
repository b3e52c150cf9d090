/** How commands end: what they say, their exit codes, and the object that `--json` ends standard output with. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { writeSample } from "../src/ingest/sample.ts";
import { listRuns } from "../src/repositories/run-log.ts";
import { run, start } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { AT_THE_GATE, GATES, gateOf, hold, holdReads, select, underWay, until } from "./support/observe.ts";

const database = await freshDatabase();
const store = await folderOf({});
const environment = { DATABASE_URL: database.url, BACKUP_STORE: store };
afterAll(async () => {
  await database.close();
  await removeFolders();
});
beforeEach(database.empty);

const lastLine = (text: string) => text.trim().split("\n").at(-1) ?? "";
const ended = async (child: ReturnType<typeof start>) => {
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, object: JSON.parse(lastLine(stdout)), line: lastLine(stderr) };
};
const newestRun = async () => (await listRuns(database.db, { limit: 1 }))[0];

describe("--json ends standard output with one object", () => {
  test.each([
    [["import.ts", "/nowhere"], 2, "refused", {}, "/nowhere"],
    [["replay.ts", "/nowhere.csv"], 2, "refused", {}, "there is no file /nowhere.csv"],
    [["restore.ts", "jobs"], 2, "refused", {}, "backup"],
    [["backup.ts", "--verify", "nothing"], 2, "refused", {}, "nothing"],
    [["import.ts", "."], 1, "failed", { DATABASE_URL: "mysql://u:s3cret@127.0.0.1:1/x" }, "127.0.0.1"],
    [["backup.ts", "jobs"], 2, "refused", { PORT: "http" }, "set PORT to"],
    [["backup.ts", "jobs"], 1, "failed", { BACKUP_STORE: "/proc/nothing" }, ""],
  ] as const)("after %j, refused or failed: code %d, %s", async (args, code, status, variables, part) => {
    const child = start([`scripts/${args[0]}`, ...args.slice(1), "--json"], { ...environment, ...variables });
    const end = await ended(child);
    expect(end).toMatchObject({ code, object: { status, error: end.line } });
    expect(end.line).toContain(part);
  });

  test("with the run, its counts and the reason, if an import is refused for its rows or its file", async () => {
    const rows = await folderOf({ "jobs.csv": "1,Clerk\n2,\n" });
    const refused = await ended(start(["scripts/import.ts", rows, "--max-rejects", "0", "--json"], environment));
    expect(refused).toMatchObject({
      code: 2,
      object: {
        ...{ run: (await newestRun())?.id, status: "refused", error: refused.line },
        tables: { jobs: { received: 2, withheld: 1, rejected: 1 } },
        reasons: [{ table: "jobs", code: "missing", field: "job", rows: 1 }],
      },
    });
    const file = await folderOf({ "jobs.csv": "id,title\n1,Clerk\n" });
    const header = await ended(start(["scripts/import.ts", file, "--json"], environment));
    const error = expect.stringContaining("jobs.csv");
    expect(header).toMatchObject({ code: 2, object: { run: (await newestRun())?.id, status: "refused", error } });
  });

  test("with the run, if an import is interrupted, and says that nothing was changed", async () => {
    const source = await folderOf({});
    await writeSample(source, { rows: 20_000, seed: 3, badShare: 0.01 });
    const release = await hold(database.pool, GATES); // so it cannot publish, whenever it is interrupted
    const importing = start(["scripts/import.ts", source, "--json"], environment);
    await until(async () => (await newestRun())?.status === "running");
    importing.kill("SIGINT");
    const error = "interrupted: nothing was changed; run the same command again";
    const end = await ended(importing);
    await release();
    expect(end).toEqual({
      ...{ code: 130, line: error },
      object: { run: (await newestRun())?.id, tables: {}, status: "interrupted", error },
    });
  });
});

test("an import interrupted between two tables says which were imported whole", async () => {
  const source = await folderOf({ "departments.csv": "1,Legal\n", "jobs.csv": "1,Clerk\n" });
  const release = await hold(database.pool, gateOf("jobs"));
  const importing = start(["scripts/import.ts", source, "--json"], environment);
  await until(async () => (await select(database.pool, "SELECT * FROM departments")).length > 0);
  await underWay(database, AT_THE_GATE); // it waits at the gate of jobs, so it has noted that departments is imported
  importing.kill("SIGINT");
  const { code, object, line } = await ended(importing);
  await release();
  expect([code, line]).toEqual([
    130,
    "interrupted: departments imported whole, the other tables are as they were; run the same command again",
  ]);
  expect(object.tables).toMatchObject({ departments: { inserted: 1 } });
});

test("an interrupted backup says that none was made", async () => {
  await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk')");
  const release = await holdReads(database, "jobs");
  const backing = start(["scripts/backup.ts", "jobs", "--json"], environment);
  await until(async () => (await newestRun())?.kind === "backup");
  backing.kill("SIGINT");
  const { code, line } = await ended(backing);
  await release();
  expect([code, line]).toEqual([130, "interrupted: no backup was made; run the same command again"]);
});

test("a dry run's last line says that nothing was written, and its run says that it was dry", async () => {
  const source = await folderOf({ "jobs.csv": "1,Clerk\n" });
  const { stdout } = await run(["scripts/import.ts", source, "--dry-run"], environment);
  expect(lastLine(stdout)).toMatch(/^run \S+ succeeded in .*; it was a dry run: nothing was written$/);
  expect(await newestRun()).toMatchObject({ dry_run: true, status: "succeeded" });
});

test("rejected rows are summed by reason, and the last line names a table whose rows were all rejected", async () => {
  const jobs = Array.from({ length: 9 }, (_, index) => `${index + 1},`).join("\n");
  const source = await folderOf({ "jobs.csv": jobs, "departments.csv": "1,Legal\nx,\n" });
  const { stdout, stderr } = await run(["scripts/import.ts", source], environment);
  expect(stdout).toMatch(/\ntable +rejected for +rows\njobs +missing \(job\) +9\ndepartments /);
  for (const reason of ["wrong_type \\(id\\)", "missing \\(department\\)"])
    expect(stdout).toMatch(new RegExp(`\\ndepartments +${reason} +1\\n`));
  expect(stdout).toMatch(
    /\nrejected rows are kept until they are dealt with \(GET .rejections\?run=\S+\): correct the files /,
  );
  expect(lastLine(stdout)).toMatch(/^run \S+ succeeded in .*, but every row of jobs was rejected$/);
  expect(stderr.match(/ rejected: /g)).toHaveLength(5);
});

test("backup --list lists backups with their proofs, even while the database cannot be reached", async () => {
  await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk')");
  const made: string[] = [];
  for (let count = 0; count < 2; count++)
    made.push(lastLine((await run(["scripts/backup.ts", "jobs"], environment)).stdout));
  await run(["scripts/backup.ts", "--verify", made[0] ?? ""], environment);
  const away = { ...environment, DATABASE_URL: "mysql://u:p@127.0.0.1:1/x" };
  const { code, stdout } = await run(["scripts/backup.ts", "--list"], away);
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => line.split(/ {2,}/));
  expect([code, lines[0]]).toEqual([0, ["backup", "made", "proven", "tables and rows"]]);
  const instant = expect.stringMatching(/^\d{4}-\S+Z$/);
  expect(lines.slice(1)).toEqual([
    [made[1], instant, "never", "jobs 1"],
    [made[0], instant, instant, "jobs 1"],
  ]);
  const { object } = await ended(start(["scripts/backup.ts", "--list", "--json"], away));
  expect(object).toMatchObject({ status: "succeeded", backups: [{ id: made[1] }, { id: made[0], proof: {} }] });
});
