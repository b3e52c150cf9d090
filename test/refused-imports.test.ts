/** Imports into tables to which a DBA added rules: rows that the database refuses are rejected, the others go in. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import type { RowDataPacket } from "mysql2/promise";
import type { Capability } from "../src/config.ts";
import { type ImportOptions, importSource } from "../src/ingest/import.ts";
import { listRejections, type NewRejection } from "../src/repositories/rejection-log.ts";
import { findRun, type RunRecord } from "../src/repositories/run-log.ts";
import { appOver } from "./support/app.ts";
import { connect, freshDatabase } from "./support/database.ts";
import { CHECK, DBA_RULES, type DbaRule, UNIQUE, under, withoutTriggers } from "./support/dba-rules.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { until } from "./support/observe.ts";

const database = await freshDatabase();
const { pool } = database;
afterAll(async () => {
  await database.close();
  await removeFolders();
});
beforeEach(() => database.empty());

const report = { say() {} };

async function imported(files: Record<string, string>, options: Partial<ImportOptions> = {}) {
  const source = await folderOf(files);
  return importSource(database, { source, report, ...options });
}

async function select(sql: string): Promise<unknown[][]> {
  const [rows] = await pool.query<RowDataPacket[][]>({ sql, rowsAsArray: true });
  return rows as unknown[][];
}

const logged = () => listRejections(database.db, { limit: 100 });

test.each(DBA_RULES.map((rule) => [rule.name, rule] as const))(
  "a row that %s refuses is rejected with its line and the server's reason, and the others go in",
  async (_, rule) => {
    const told: NewRejection[] = [];
    await under(pool, rule, async () => {
      const files = { "jobs.csv": "2,Spy\n1,Baker\n2,Spy\n3,Clerk\n2,Judge\n", "jobs-2.csv": "4,Judge\n5,Spy\n" };
      const { run, tables } = await imported(files, { report: { ...report, rejected: (each) => told.push(each) } });
      const counts = { received: 7, inserted: 3, unchanged: 0, rejected: 4, withheld: 0 };
      expect(tables).toEqual({ jobs: counts });
      expect(await findRun(database.db, run)).toMatchObject({ status: "succeeded", counts: { jobs: counts } });
      expect(await select("SELECT id, job FROM jobs WHERE id <> 90 ORDER BY id")).toEqual([
        ...[
          [1, "Baker"],
          [3, "Clerk"],
          [4, "Judge"],
        ],
      ]);
      const refused = { reasons: [{ code: "refused_by_database", detail: expect.stringMatching(rule.reason) }] };
      expect(await logged()).toMatchObject([
        { file: "jobs.csv", position: 5, raw: "2,Judge", reasons: [{ code: "duplicate_id" }] },
        { file: "jobs-2.csv", position: 2, raw: "5,Spy", ...refused },
        { file: "jobs.csv", position: 1, raw: "2,Spy", ...refused },
        { file: "jobs.csv", position: 3, raw: "2,Spy", ...refused },
      ]);
      expect(told).toHaveLength(4);
    });
  },
);

if (withoutTriggers !== "") test.skip(`a row that a trigger refuses${withoutTriggers}`, () => {});

test("a column that Muster does not know and that has no default refuses every row, each with that reason", async () => {
  await pool.query("ALTER TABLE jobs ADD grade int NOT NULL");
  const { tables } = await imported({ "jobs.csv": "1,Baker\n2,Clerk\n" });
  expect(tables.jobs).toMatchObject({ received: 2, inserted: 0, rejected: 2 });
  expect((await logged()).map(({ reasons }) => reasons[0]?.detail)).toEqual(
    new Array(2).fill(expect.stringMatching(/Field 'grade' doesn't have a default value \(error 1364\)$/)),
  );
  await pool.query("ALTER TABLE jobs DROP grade");
});

const NARROW: DbaRule = {
  ...CHECK,
  make: [...CHECK.make, "ALTER TABLE jobs MODIFY job varchar(8) NOT NULL"],
  undo: [...CHECK.undo, "ALTER TABLE jobs MODIFY job varchar(255) NOT NULL"],
};
const SIGNALS = DBA_RULES.filter(({ name }) => name === "a trigger's SIGNAL");

test.each<[string, DbaRule, Capability[], number]>([
  ["a CHECK", CHECK, [], 25_000],
  ["a CHECK, loaded by INSERT,", CHECK, ["no-load-data"], 25_000],
  ["a CHECK and a short column", NARROW, [], 2_500],
  ...SIGNALS.map((rule): [string, DbaRule, Capability[], number] => [rule.name, rule, [], 2_500]),
])("exactly the rows that %s refuses are rejected, also if there are many", async (_, rule, capabilities, rows) => {
  const other = await connect(database.url, { capabilities });
  // Many bad rows in the first part, few in the second; every 100th is too long for a short column.
  const isSpy = Array.from({ length: rows }, (_, index) => Math.random() < (index < rows / 5 ? 0.5 : 0.003));
  const jobs = isSpy.map((spy, index) => (spy ? "Spy" : index % 100 === 50 ? `the job ${index}` : `job ${index}`));
  const refused = jobs.flatMap((job, index) =>
    job === "Spy" || (rule === NARROW && job.length > 8) ? [index + 1] : [],
  );
  const source = await folderOf({ "jobs.csv": jobs.map((job, index) => `${2 * index + 1},${job}\n`).join("") });
  await under(pool, rule, async () => {
    const { tables } = await importSource(other, { source, report });
    expect(tables.jobs).toMatchObject({ received: rows, inserted: rows - refused.length, rejected: refused.length });
  });
  expect((await select("SELECT position FROM muster_rejections ORDER BY position")).map(([line]) => line)).toEqual(
    refused,
  );
  expect(await select("SELECT COUNT(*), COUNT(DISTINCT job), SUM(job = 'Spy') FROM jobs")).toEqual([
    [rows - refused.length, rows - refused.length, "0"],
  ]);
  await other.close();
});

test("of rows with the same value of a UNIQUE key the one with the lowest id goes in, and the others are rejected with that value", async () => {
  await under(pool, UNIQUE, async () => {
    const lines = Array.from({ length: 80 }, (_, index) => `${index + 1},job ${index % 20}\n`);
    const { tables } = await imported({ "jobs.csv": lines.join("") });
    expect(tables.jobs).toMatchObject({ inserted: 20, rejected: 60 });
    expect((await select("SELECT MAX(id) FROM jobs WHERE id <> 90"))[0]).toEqual([20]);
    const [first] = await logged();
    expect(first).toMatchObject({ raw: "21,job 0", reasons: [{ detail: expect.stringContaining("'job 0'") }] });
  });
});

test("a child of a row that the database refuses is rejected too: it has no parent", async () => {
  await under(pool, CHECK, async () => {
    const hires = "1,Ana,2021-05-01T10:00:00Z,1,7\n2,Bo,2021-05-01T10:00:00Z,1,8\n";
    const files = { "departments.csv": "1,Sales\n", "jobs.csv": "7,Spy\n8,Baker\n", "hired_employees.csv": hires };
    const { tables } = await imported(files);
    expect(tables.hired_employees).toMatchObject({ received: 2, inserted: 1, rejected: 1 });
    expect((await logged()).map(({ raw, reasons }) => [raw, reasons[0]?.code])).toEqual([
      ["7,Spy", "refused_by_database"],
      ["1,Ana,2021-05-01T10:00:00Z,1,7", "unknown_reference"],
    ]);
  });
});

test("rows that the database refuses count for --max-rejects, and every row is accounted for when it ends the import", async () => {
  await pool.query("ALTER TABLE departments ADD CONSTRAINT no_spy_rings CHECK (department <> 'Spies')");
  await under(pool, CHECK, async () => {
    const files = {
      "departments.csv": "1,Sales\n2,Spies\n",
      "jobs.csv": "1,Spy\n1,Spy\n2,\n3,Baker\n4,Clerk\n4,Clerk\n",
      "hired_employees.csv": "1,Ana,2021-05-01T10:00:00Z,1,3\n",
    };
    const told: NewRejection[] = [];
    const outcome = await imported(files, {
      maxRejects: { rows: 2 },
      report: { ...report, rejected: (each) => told.push(each) },
    });
    const counts = {
      departments: { received: 2, inserted: 1, unchanged: 0, rejected: 1, withheld: 0 },
      jobs: { received: 6, inserted: 0, unchanged: 1, rejected: 3, withheld: 2 },
      hired_employees: { received: 1, inserted: 0, unchanged: 0, rejected: 0, withheld: 1 },
    };
    const error =
      "4 of 9 rows are rejected, more than the 2 allowed: jobs and hired_employees were not imported, departments was";
    expect(outcome).toMatchObject({ status: "refused", error, tables: counts });
    expect(await findRun(database.db, outcome.run)).toMatchObject({ status: "refused", error, counts });
    const code = ({ raw, reasons }: { raw?: string; reasons: { code: string }[] }) => [raw, reasons[0]?.code];
    expect((await logged()).map(code)).toEqual([
      ["2,", "missing"],
      ["2,Spies", "refused_by_database"],
      ["1,Spy", "refused_by_database"],
      ["1,Spy", "refused_by_database"],
    ]);
    expect(told).toHaveLength(4);
    expect(await select("SELECT id FROM departments")).toEqual([[1]]);
    expect(await select("SELECT id FROM jobs UNION ALL SELECT id FROM hired_employees")).toEqual([]);
    expect(await select("SHOW TABLES LIKE 'stage%'")).toEqual([]);
    expect(await imported(files, { maxRejects: { rows: 4 } })).toMatchObject({ status: "succeeded" });
  });
  await pool.query("ALTER TABLE departments DROP CONSTRAINT no_spy_rings");
});

test.each([
  ["max_rejects", "&max_rejects=1", 100, "2 of 3 rows are rejected, more than the 1 allowed: nothing was imported"],
  ["IMPORT_REJECTS_MAX", "", 1, /^more rows are rejected than the 1 that are kept \(.*\): nothing was imported$/],
])("a file sent over HTTP lists its rejections if rows that the database refuses exceed %s", async (...given) => {
  const [, query, rejectsMax, error] = given;
  const app = appOver(database, { imported: { rejectsMax } });
  await under(pool, CHECK, async () => {
    const init = { method: "POST", body: "1,Baker\n2,Spy\n3,\n", headers: { "Content-Type": "text/csv" } };
    const { headers } = await app.request(`/imports?table=jobs${query}`, init);
    const location = headers.get("Location") ?? "";
    const seen = async () => (await (await app.request(location)).json()) as RunRecord;
    await until(async () => (await seen()).finished_at !== null);
    const counts = { jobs: { received: 3, inserted: 0, unchanged: 0, rejected: 2, withheld: 1 } };
    const run = await seen();
    expect(run).toMatchObject({ status: "refused", counts, error: expect.stringMatching(error) });
    expect(await (await app.request(`/rejections?run=${run.id}`)).json()).toMatchObject([
      { position: 3, raw: "3,", state: "open" },
      { position: 2, raw: "2,Spy", state: "open", reasons: [{ code: "refused_by_database" }] },
    ]);
    expect(await select("SELECT id FROM jobs")).toEqual([]);
  });
});
