import { afterAll, expect, test } from "bun:test";
import { drizzle } from "drizzle-orm/mysql2";
import type { RowDataPacket } from "mysql2/promise";
import { requireSampleTables } from "../src/codecs/hiring-tables.ts";
import { vendorOf } from "../src/db/facts.ts";
import {
  departmentsAboveMean,
  departmentsByHires,
  hiresByPair,
  quarterlyHires,
} from "../src/repositories/report-queries.ts";
import { appOver } from "./support/app.ts";
import { run } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { tables } from "./support/dictionary.ts";

const hiring = requireSampleTables(tables, "a report");
const database = await freshDatabase();
const onTidb = vendorOf(database.server.version) === "TiDB";
const app = appOver(database);
afterAll(database.close);

await database.pool.query(
  "INSERT INTO departments VALUES (1,'sales'), (2,'Legal'), (3,'Sales'), (4,'Legal'), (5,'Idle'), (6,'Art, \"Fine\"')",
);
await database.pool.query("INSERT INTO jobs VALUES (1,'clerk'), (2,'Analyst'), (3,'analyst')");
const hires = [
  // Hires of 2021, at both ends of the year and of its quarters.
  [1, 1, "2021-01-01 00:00:00"],
  [1, 1, "2021-12-31 23:59:59"],
  [1, 2, "2021-03-31 23:59:59.999"],
  [1, 2, "2021-04-01 00:00:00"],
  [2, 1, "2021-07-01 00:00:00"],
  [2, 1, "2021-09-30 23:59:59.999"],
  [3, 3, "2021-10-01 00:00:00"],
  [4, 1, "2021-06-30 23:59:59.999"],
  [6, 3, "2021-02-02 12:00:00"],
  [6, 3, "2021-02-02 12:00:00"],
  // Hires of the years before and after.
  [1, 1, "2020-12-31 23:59:59"],
  [1, 1, "2022-01-01 00:00:00"],
  [4, 2, "2022-05-05 05:05:05"],
  [4, 2, "2022-05-05 05:05:05"],
  [4, 2, "2022-12-31 23:59:59.999"],
  // One hire in each department, and the last possible instant.
  ...[1, 2, 3, 4, 5, 6].map((department) => [department, 1, "2019-06-06 00:00:00"]),
  [5, 1, "9999-12-31 23:59:59.999"],
].map(([department, job, datetime], index) => [index + 1, "Ana", datetime, department, job]);
await database.pool.query("INSERT INTO hired_employees (id, name, datetime, department_id, job_id) VALUES ?", [hires]);

const quarters2021 = [
  { department: 'Art, "Fine"', job: "analyst", Q1: 2, Q2: 0, Q3: 0, Q4: 0 },
  { department: "Legal", job: "clerk", Q1: 0, Q2: 0, Q3: 2, Q4: 0 },
  { department: "Legal", job: "clerk", Q1: 0, Q2: 1, Q3: 0, Q4: 0 },
  { department: "sales", job: "Analyst", Q1: 1, Q2: 1, Q3: 0, Q4: 0 },
  { department: "Sales", job: "analyst", Q1: 0, Q2: 0, Q3: 0, Q4: 1 },
  { department: "sales", job: "clerk", Q1: 1, Q2: 0, Q3: 0, Q4: 1 },
];
/** Ten hires in six departments: a mean of 1.67. Without the idle department it would be 2, over all years 2.5. */
const aboveMean2021 = [
  { id: 1, department: "sales", hired: 4 },
  { id: 2, department: "Legal", hired: 2 },
  { id: 6, department: 'Art, "Fine"', hired: 2 },
];

async function ask(path: string, init?: RequestInit): Promise<unknown> {
  const answer = await app.request(path, init);
  expect(answer.status).toBe(200);
  return answer.json();
}

test("hires of 2021 are counted per department and job, by quarter, in alphabetical order whatever the case; equal names stay apart", async () => {
  expect(await ask("/hired_2021_quarter")).toEqual(quarters2021);
});

test("departments that hired more than the mean are listed, with departments without hires counted in the mean", async () => {
  expect(await ask("/hired_department")).toEqual(aboveMean2021);
});

test("both reports answer POST as they do GET", async () => {
  const post = { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } };
  expect(await ask("/hired_2021_quarter", post)).toEqual(quarters2021);
  expect(await ask("/hired_department?year=2021", post)).toEqual(aboveMean2021);
});

test("?year= chooses another year, for the hires and for their mean", async () => {
  expect(await ask("/hired_2021_quarter?year=2022")).toEqual([
    { department: "Legal", job: "Analyst", Q1: 0, Q2: 2, Q3: 0, Q4: 1 },
    { department: "sales", job: "clerk", Q1: 1, Q2: 0, Q3: 0, Q4: 0 },
  ]);
  expect(await ask("/hired_department?year=2022")).toEqual([
    { id: 4, department: "Legal", hired: 3 },
    { id: 1, department: "sales", hired: 1 },
  ]);
  expect(await ask("/hired_department?year=2020")).toEqual([{ id: 1, department: "sales", hired: 1 }]);
});

test("a department with exactly the mean is not above it", async () => {
  expect(await ask("/hired_department?year=2019")).toEqual([]);
});

test("a year without hires is an empty list, and the year 9999 has its last instant", async () => {
  expect(await ask("/hired_2021_quarter?year=1999")).toEqual([]);
  expect(await ask("/hired_department?year=1999")).toEqual([]);
  expect(await ask("/hired_department?year=9999")).toEqual([{ id: 5, department: "Idle", hired: 1 }]);
});

test("the reports come as CSV with a header if Accept asks for it", async () => {
  const headers = { Accept: "text/csv" };
  const quarters = await app.request("/hired_2021_quarter?year=2022", { headers });
  expect(quarters.headers.get("Content-Type")).toStartWith("text/csv");
  expect(await quarters.text()).toBe("department,job,Q1,Q2,Q3,Q4\r\nLegal,Analyst,0,2,0,1\r\nsales,clerk,1,0,0,0\r\n");
  const above = await app.request("/hired_department", { method: "POST", headers });
  expect(await above.text()).toBe('id,department,hired\r\n1,sales,4\r\n2,Legal,2\r\n6,"Art, ""Fine""",2\r\n');
});

test.each(["0", "99", "0999", "20211", "2021.5", "abc", "", "2021&year=2022"])("?year=%s is refused", async (year) => {
  for (const path of ["/hired_2021_quarter", "/hired_department"]) {
    const answer = await app.request(`${path}?year=${year}`);
    expect([answer.status, await answer.json()]).toEqual([
      400,
      expect.objectContaining({ errors: [expect.objectContaining({ pointer: "/year" })] }),
    ]);
  }
});

test.each(["America/Sao_Paulo", "Asia/Tokyo"])(
  "the time zone %s, of the process or of the server, moves no hire",
  async (zone) => {
    const script = `
    const { connect } = await import("./src/db/database.ts");
    const { departmentsAboveMean, quarterlyHires } = await import("./src/repositories/report-queries.ts");
    const { listRows } = await import("./src/repositories/rows.ts");
    const { dictionary } = await import("./src/schema-check.ts");
    const { hiringTables } = await import("./src/codecs/hiring-tables.ts");
    const hiring = hiringTables(dictionary.tables);
    const database = await connect(process.env.DATABASE_URL);
    const [[server]] = await database.pool.query("SELECT @@global.time_zone AS zone");
    const rows = await listRows(database, dictionary.of("hired_employees"), { limit: 2 });
    console.log(JSON.stringify({
      hour: new Date(0).getHours(), server: server.zone, datetimes: rows.map((row) => row[2]),
      quarters: await quarterlyHires(database, hiring, 2021), above: await departmentsAboveMean(database, hiring, 2021),
    }));
    await database.close();`;
    const [[before]] = await database.pool.query<RowDataPacket[]>("SELECT @@global.time_zone AS zone");
    await database.pool.query("SET GLOBAL time_zone = '-11:00'");
    try {
      const { stdout, stderr } = await run(["-e", script], { DATABASE_URL: database.url, TZ: zone });
      expect(stderr).toBe("");
      const { hour, ...answer } = JSON.parse(stdout);
      expect(hour).not.toBe(0);
      expect(answer).toEqual({
        server: "-11:00",
        datetimes: ["2021-01-01 00:00:00.000", "2021-12-31 23:59:59.000"],
        quarters: quarters2021,
        above: aboveMean2021,
      });
    } finally {
      await database.pool.query("SET GLOBAL time_zone = ?", [before?.zone]);
    }
  },
);

test("both reports, and what the page shows of them, read one index and no row of hired_employees", async () => {
  const statements: [string, unknown[]][] = [];
  const logger = { logQuery: (query: string, parameters: unknown[]) => statements.push([query, parameters]) };
  const watched = { ...database, db: drizzle(database.pool, { logger }) };
  await quarterlyHires(watched, hiring, 2021);
  await departmentsAboveMean(watched, hiring, 2021);
  await hiresByPair(watched, hiring, 2021);
  await departmentsByHires(watched, hiring, { year: 2021, limit: 10 });
  expect(statements).toHaveLength(4);
  for (const [query, parameters] of statements) {
    const reads = await readsOfHires(query, parameters);
    expect(reads.length).toBeGreaterThan(0);
    for (const read of reads) expect(read).toEqual({ index: "hired_employees_report", readsRows: false });
  }
});

/** The steps of the plan that read hired_employees, by the index that they use. */
async function readsOfHires(query: string, parameters: unknown[]) {
  const [plan] = await database.pool.query<RowDataPacket[]>(
    `EXPLAIN FORMAT=${onTidb ? "brief" : "TRADITIONAL"} ${query}`,
    parameters,
  );
  if (!onTidb)
    return plan
      .filter((step) => step.table === "hired_employees")
      .map(({ key, Extra }) => ({ index: key, readsRows: !/Using index/.test(Extra) }));
  // Each step of TiDB's plan that reads a table or an index names it: "table:hired_employees, index:NAME(COLUMNS)".
  return plan
    .map((step) => /^table:hired_employees(?:, index:(\w+))?/.exec(step["access object"]))
    .flatMap((found) => (found ? [{ index: found[1], readsRows: found[1] === undefined }] : []));
}
