import { afterAll, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import type { RowDataPacket } from "mysql2/promise";
import { type ImportOptions, type ImportOutcome, importSource } from "../src/ingest/import.ts";
import { listRejections } from "../src/repositories/rejection-log.ts";
import { findRun, listRuns } from "../src/repositories/run-log.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { CHALLENGE, withoutChallenge } from "./support/missing.ts";
import { AT_THE_GATE, GATES, hold, underWay, until } from "./support/observe.ts";

const database = await freshDatabase();
afterAll(async () => {
  await database.close();
  await removeFolders();
});

const PARENTS = { "departments.csv": "1,Sales\n2,Legal\n", "jobs.csv": "1,Clerk\n2,Judge\n" };
const employee = (id: number | string, name = "Ana", at = "2021-05-01T10:00:00Z", department = "1", job = "2") =>
  `${id},${name},${at},${department},${job}\n`;

beforeEach(database.empty);

async function load(files: Record<string, string | Uint8Array>, options: Partial<ImportOptions> = {}) {
  const source = await folderOf(files);
  return importFrom(source, options);
}

async function importFrom(source: string, options: Partial<ImportOptions> = {}) {
  const lines: string[] = [];
  const report = { say: (line: string) => void lines.push(line) };
  const outcome = await importSource(database, { source, report, ...options });
  expectAccount(outcome);
  return { ...outcome, lines, source };
}

function expectAccount({ tables }: ImportOutcome) {
  for (const counts of Object.values(tables)) {
    expect(counts.inserted + counts.unchanged + counts.rejected + counts.withheld).toBe(counts.received);
  }
}

async function select(sql: string): Promise<unknown[][]> {
  const [rows] = await database.pool.query<RowDataPacket[][]>({ sql, rowsAsArray: true });
  return rows as unknown[][];
}

const rejected = (state?: "open" | "superseded") => listRejections(database.db, { limit: 100, state });

test("good rows are stored, and rejected rows are logged with their line, their text and every reason", async () => {
  const { run, tables } = await load({
    ...PARENTS,
    "hired_employees.csv": `${employee(1)}${employee(2, "", "2021-02-30T00:00:00Z", "9")}\n${employee(3, '"O\nNeil"')}${employee("x")}`,
  });
  expect(tables.hired_employees).toEqual({ received: 4, inserted: 2, unchanged: 0, rejected: 2, withheld: 0 });
  expect(await select("SELECT id, name, datetime, department_id, job_id FROM hired_employees ORDER BY id")).toEqual([
    [1, "Ana", "2021-05-01 10:00:00.000", 1, 2],
    [3, "O\nNeil", "2021-05-01 10:00:00.000", 1, 2],
  ]);
  const [first, second, ...others] = await rejected();
  expect(others).toEqual([]);
  expect(first).toMatchObject({
    run,
    table: "hired_employees",
    file: "hired_employees.csv",
    position: 2,
    state: "open",
  });
  expect(first?.raw).toBe("2,,2021-02-30T00:00:00Z,9,2");
  expect(first?.reasons.map(({ code, field }) => [code, field])).toEqual([
    ["missing", "name"],
    ["invalid_datetime", "datetime"],
    ["unknown_reference", "department_id"],
  ]);
  expect(second).toMatchObject({ position: 6, raw: "x,Ana,2021-05-01T10:00:00Z,1,2" });
  expect(second?.reasons).toMatchObject([{ code: "wrong_type", field: "id" }]);
});

test("the run records what was done, with the counts of the answer", async () => {
  const { run, tables, source } = await load(PARENTS);
  const record = await findRun(database.db, run);
  expect(record).toMatchObject({ id: run, kind: "import", status: "succeeded", source, counts: tables, error: null });
  expect(Date.parse(record?.finished_at ?? "")).toBeGreaterThanOrEqual(Date.parse(record?.started_at ?? ""));
});

test("importing the same files again changes nothing and counts every row as unchanged", async () => {
  const files = { ...PARENTS, "hired_employees.csv": employee(1) + employee(2) };
  await load(files);
  const { tables } = await load(files);
  expect(tables.hired_employees).toEqual({ received: 2, inserted: 0, unchanged: 2, rejected: 0, withheld: 0 });
  expect(tables.departments).toMatchObject({ inserted: 0, unchanged: 2 });
});

test("a row with a stored id and other values is rejected, also if a collation calls the values equal", async () => {
  await load({ "departments.csv": "1,Ana\n2,e\n3,a\n4,same\n" });
  const { tables } = await load({ "departments.csv": '1,ANA\n2,é\n3,"a "\n4,same\n' });
  expect(tables.departments).toMatchObject({ unchanged: 1, rejected: 3 });
  expect((await rejected()).flatMap(({ reasons }) => reasons.map(({ code }) => code))).toEqual(
    new Array(3).fill("duplicate_id"),
  );
  expect(await select("SELECT department FROM departments ORDER BY id")).toEqual([["Ana"], ["e"], ["a"], ["same"]]);
});

test("the second of two rows with one id in the files is judged against the first that was accepted", async () => {
  const { tables } = await load({
    "jobs-a.csv": "1,\n1,Clerk\n1,Clerk\n1,Judge\n",
    "jobs-b.csv": "1,Clerk\n1,Baker\n",
  });
  expect(tables.jobs).toEqual({ received: 6, inserted: 1, unchanged: 2, rejected: 3, withheld: 0 });
  expect((await rejected()).map(({ file, position, reasons }) => [file, position, reasons[0]?.code])).toEqual([
    ["jobs-a.csv", 1, "missing"],
    ["jobs-a.csv", 4, "duplicate_id"],
    ["jobs-b.csv", 2, "duplicate_id"],
  ]);
});

test("a reference to a rejected row is unknown", async () => {
  const { tables } = await load({
    ...PARENTS,
    "departments.csv": "1,Sales\n3,\n",
    "hired_employees.csv": employee(1) + employee(2, "Bo", undefined, "3"),
  });
  expect(tables.hired_employees).toMatchObject({ inserted: 1, rejected: 1 });
  expect((await rejected())[1]?.reasons).toEqual([
    { code: "unknown_reference", field: "department_id", detail: "departments has no id 3" },
  ]);
});

test("BOM, CRLF, a header in another order, quotes and spaces after the comma are read", async () => {
  const { tables } = await load({ "jobs.csv": '\uFEFF"job",id\r\n  Clerk , 1\r\n"Judge, ""Chief""",2\r\n' });
  expect(tables.jobs).toMatchObject({ received: 2, inserted: 2 });
  expect(await select("SELECT id, job FROM jobs ORDER BY id")).toEqual([
    [1, "Clerk"],
    [2, 'Judge, "Chief"'],
  ]);
});

test("a header with unknown names refuses the import before anything is changed", async () => {
  const source = await folderOf({ "departments.csv": "1,Sales\n,x\n", "jobs.csv": "number,title\n1,Clerk\n" });
  await expect(importFrom(source)).rejects.toThrow(/jobs\.csv: .*id.*job/);
  expect(await select("SELECT COUNT(*) FROM departments")).toEqual([[0]]);
  expect(await rejected()).toEqual([]);
  expect(await listRuns(database.db, { limit: 1 })).toMatchObject([{ status: "refused", counts: {} }]);
});

test("ragged rows, bad UTF-8 and an unclosed quote reject one line each", async () => {
  const bad = Buffer.concat([
    Buffer.from("1,Clerk\n2\n3,a,b\n4,"),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('\n5,"open\n6,Judge\n7,Baker\n'),
  ]);
  const { tables } = await load({ "jobs.csv": bad });
  expect(tables.jobs).toMatchObject({ received: 7, inserted: 3, rejected: 4 });
  const logged = await rejected();
  expect(logged.map(({ position, reasons }) => [position, reasons[0]?.code])).toEqual([
    [2, "wrong_field_count"],
    [3, "wrong_field_count"],
    [4, "invalid_text"],
    [5, "malformed_csv"],
  ]);
  expect(logged[2]?.raw_base64).toBe(Buffer.from([0x34, 0x2c, 0xff, 0xfe]).toString("base64"));
  expect(logged[3]?.raw).toBe('5,"open');
});

test("a row longer than 64 KiB is rejected as too long, and its first 64 KiB are kept", async () => {
  await load({ "jobs.csv": `1,${"x".repeat(100_000)}\n` });
  const [rejection] = await rejected();
  expect(rejection?.raw?.length).toBe(65_536);
  expect(rejection?.reasons).toMatchObject([{ code: "too_long", field: "job" }]);
});

test("--table reads the files of one table, or one file of any name", async () => {
  const both = await load(PARENTS, { table: "jobs" });
  expect(Object.keys(both.tables)).toEqual(["jobs"]);
  const source = await folderOf({ "old list.txt": "3,Baker\n" });
  const one = await importFrom(join(source, "old list.txt"), { table: "jobs" });
  expect(one.tables.jobs).toMatchObject({ inserted: 1 });
});

test("files are found by table, suffix and folder, and other files are named in a warning", async () => {
  const { tables, lines } = await load({ "jobs-2021.csv": "1,a\n", "jobs/x.csv": "2,b\n", "staff.csv": "3,c\n" });
  expect(tables.jobs).toMatchObject({ received: 2, inserted: 2 });
  expect(lines.join()).toContain("staff.csv");
});

test("a source without a file for a table is refused with the names that are expected", async () => {
  await expect(load({ "staff.csv": "" })).rejects.toThrow(/departments\.csv/);
  await expect(importFrom("/nowhere/at/all")).rejects.toThrow(/no file or directory/);
});

test("a dry run gives every verdict and writes nothing but its run", async () => {
  const { run, tables } = await load({ ...PARENTS, "jobs.csv": "1,Clerk\n2,\n1,Judge\n" }, { dryRun: true });
  expect(tables.jobs).toEqual({ received: 3, inserted: 0, unchanged: 0, rejected: 2, withheld: 1 });
  expect(await select("SELECT (SELECT COUNT(*) FROM jobs), (SELECT COUNT(*) FROM muster_rejections)")).toEqual([
    [0, 0],
  ]);
  expect(await findRun(database.db, run)).toMatchObject({ status: "succeeded", counts: tables });
  expect(await select("SHOW TABLES LIKE 'stage%'")).toEqual([]);
});

test("more rejected rows than allowed refuse the whole import, and the rejections are still logged", async () => {
  const files = { ...PARENTS, "jobs.csv": "1,Clerk\n2,\n3,\n" }; // 2 of 5 rows
  const { status, error, tables } = await load(files, { maxRejects: { rows: 1 } });
  expect(status).toBe("refused");
  expect(error).toContain("2 of 5");
  expect(tables.departments).toMatchObject({ inserted: 0, withheld: 2 });
  expect(await select("SELECT COUNT(*) FROM departments")).toEqual([[0]]);
  expect(await rejected()).toHaveLength(2);
  expect((await load(files, { maxRejects: { share: 0.39 } })).status).toBe("refused");
  expect((await load(files, { maxRejects: { share: 0.4 } })).status).toBe("succeeded");
});

test("a later import of the same source supersedes the earlier rejections of its own tables alone", async () => {
  const { source } = await load({ ...PARENTS, "jobs.csv": "1,\n", "departments.csv": "1,\n" });
  await importFrom(source, { table: "jobs" });
  expect((await rejected("superseded")).map(({ table }) => table)).toEqual(["jobs"]);
  expect((await rejected("open")).map(({ table }) => table).sort()).toEqual(["departments", "jobs"]);
});

test("rejections of a run that has not ended are not listed", async () => {
  const source = await folderOf({ "departments.csv": "1,\n", "jobs.csv": "1,a\n" });
  const gate = await database.pool.getConnection();
  await gate.beginTransaction();
  await gate.query("SELECT * FROM muster_gates FOR UPDATE");
  const importing = importFrom(source);
  await until(async () => ((await select("SELECT COUNT(*) FROM muster_rejections"))[0]?.[0] as number) > 0);
  const during = await rejected();
  await gate.commit();
  gate.release();
  await importing;
  expect(during).toEqual([]);
  expect(await rejected()).toHaveLength(1);
});

test("rows are judged again if others store their ids, or delete their parents, before the publish", async () => {
  const source = await folderOf({
    ...PARENTS,
    "hired_employees.csv": employee(1) + employee(2) + employee(3, "Bo", undefined, "2"),
  });
  await importFrom(source, { table: "departments" });
  await importFrom(source, { table: "jobs" });
  const other = await database.pool.getConnection();
  await other.beginTransaction();
  await other.query("SELECT * FROM muster_gates FOR UPDATE");
  const importing = importFrom(source, { table: "hired_employees" });
  await underWay(database, AT_THE_GATE); // the three rows are read by now
  await other.query(
    "INSERT INTO hired_employees VALUES (1, 'Ana', '2021-05-01 10:00:00', 1, 2), (2, 'ana', '2021-05-01 10:00:00', 1, 2)",
  );
  await other.query("DELETE FROM departments WHERE id = 2");
  await other.commit();
  other.release();
  const { tables } = await importing;
  expect(tables.hired_employees).toEqual({ received: 3, inserted: 0, unchanged: 1, rejected: 2, withheld: 0 });
  expect((await rejected()).map(({ position, raw, reasons }) => [position, raw, reasons[0]?.code])).toEqual([
    [2, "2,Ana,2021-05-01T10:00:00Z,1,2", "duplicate_id"],
    [3, "3,Bo,2021-05-01T10:00:00Z,2,2", "unknown_reference"],
  ]);
});

test("two imports of one table take turns, and the second says that it waits", async () => {
  const rows = Array.from({ length: 5_000 }, (_, index) => `${index + 1},Job ${index}\n`).join("");
  const source = await folderOf({ "jobs.csv": rows });
  const release = await hold(database.pool, GATES); // the first publishes after the second has said that it waits
  const say = (line: string) => void (/waiting for another import or restore of jobs/.test(line) && release());
  const importing = () => importSource(database, { source, report: { say } });
  const [one, two] = await Promise.all([importing(), importing()]);
  const [first, second] = one.tables.jobs?.inserted ? [one, two] : [two, one];
  expect(first.tables.jobs).toMatchObject({ inserted: 5_000 });
  expect(second.tables.jobs).toMatchObject({ inserted: 0, unchanged: 5_000 });
});

test("a stage that its run could not drop is dropped by the next command", async () => {
  const { run } = await load(PARENTS);
  await database.pool.query(`CREATE TABLE stage_${run.replaceAll("-", "")}_0 LIKE jobs`);
  await load({ "jobs.csv": "1,Clerk\n" });
  expect(await select("SHOW TABLES LIKE 'stage%'")).toEqual([]);
});

test("ids that the database assigns after an import follow the imported ones", async () => {
  await load({ "jobs.csv": "7,a\n5000,b\n9,c\n" });
  await database.pool.query("INSERT INTO jobs (job) VALUES ('d')");
  expect(await select("SELECT id FROM jobs WHERE job = 'd'")).toEqual([[5001]]);
});

test("without LOAD DATA the rows go in by INSERT, and any text arrives the same", async () => {
  const names = ["tab\t", "back\\slash \\N \\", 'quo"te', "line\nfeed", "CR\r", "😀 é", "\\0"];
  const rows = names.map((name, index) => `${index + 1},"${name.replaceAll('"', '""')}"\n`).join("");
  const source = await folderOf({ "jobs.csv": rows });
  for (const loadsData of [true, false]) {
    await database.pool.query("DELETE FROM jobs");
    const lane = { ...database, server: { ...database.server, loadsData } };
    expect(database.server.loadsData).toBe(true);
    const { tables } = await importSource(lane, { source, report: { say() {} } });
    expect(tables.jobs).toMatchObject({ inserted: names.length });
    expect((await select("SELECT job FROM jobs ORDER BY id")).flat()).toEqual(names);
  }
});

test.skipIf(withoutChallenge !== "")(
  `the original system's files give 1929 employees and 70 rejections, and a second import leaves them unchanged${withoutChallenge}`,
  async () => {
    const { tables } = await importFrom(CHALLENGE);
    expect(tables.departments).toMatchObject({ received: 12, inserted: 12 });
    expect(tables.jobs).toMatchObject({ received: 183, inserted: 183 });
    expect(tables.hired_employees).toEqual({ received: 1999, inserted: 1929, unchanged: 0, rejected: 70, withheld: 0 });
    const codes = (await rejected()).flatMap(({ reasons }) => reasons.map(({ code, field }) => `${code} ${field}`));
    const count = (reason: string) => codes.filter((each) => each === reason).length;
    expect(["department_id", "name", "job_id", "datetime"].map((field) => count(`missing ${field}`))).toEqual([
      21, 19, 16, 14,
    ]);
    const again = await importFrom(CHALLENGE);
    expect(again.tables.hired_employees).toEqual({
      received: 1999,
      inserted: 0,
      unchanged: 1929,
      rejected: 70,
      withheld: 0,
    });
  },
);

test("if another program makes a row wrong before the publish, its twin in the file is rejected too", async () => {
  await load(PARENTS);
  await database.pool.query("INSERT INTO hired_employees VALUES (1, 'Zoe', '2021-01-01', 1, 1)");
  const gate = await database.pool.getConnection();
  await gate.beginTransaction();
  await gate.query("SELECT 1 FROM muster_gates WHERE `table` = 'hired_employees' FOR UPDATE");
  const publishing = Promise.withResolvers<void>();
  const progress = ({ phase }: { phase: string }) => {
    if (phase.startsWith("publishing")) publishing.resolve();
  };
  const files = { "hired_employees.csv": employee(5) + employee(6) + employee(5) };
  const importing = load(files, { report: { say() {}, progress } });
  await publishing.promise;
  await database.pool.query("INSERT INTO hired_employees VALUES (5, 'Eve', '2021-01-01', 1, 1)");
  await gate.rollback();
  gate.release();
  const { run, tables } = await importing;
  expect(tables).toEqual({
    hired_employees: { received: 3, inserted: 1, unchanged: 0, rejected: 2, withheld: 0 },
  });
  const logged = await listRejections(database.db, { limit: 9, run });
  expect(logged.map(({ position, reasons }) => [position, reasons[0]?.code])).toEqual([
    [1, "duplicate_id"],
    [3, "duplicate_id"],
  ]);
});

test("an import that is interrupted after its last publish has succeeded, and says so", async () => {
  await load(PARENTS);
  const stop = new AbortController();
  let looking = true;
  const look = async () => {
    while (looking) {
      const [rows] = await database.pool.query("SELECT status, swap FROM muster_runs ORDER BY id DESC LIMIT 1");
      const [{ status, swap } = { status: "", swap: null }] = rows as { status: string; swap: unknown }[];
      if (status === "succeeded" && swap !== null) return stop.abort();
    }
  };
  const looked = look();
  const files = { "hired_employees.csv": employee(1) };
  const { status } = await load(files, { report: { say() {}, signal: stop.signal } });
  looking = false;
  await looked;
  expect([status, (await listRuns(database.db, { limit: 1 }))[0]?.status]).toEqual(["succeeded", "succeeded"]);
});
