/** The two reports, for a year in which nobody else hired. */
import { beforeAll, expect, test } from "bun:test";
import { ask, get, insert, newName, useService } from "./service.ts";

useService();

const [north, south, idle] = [newName("A north"), newName("B south"), newName("C idle")];
const [baker, judge] = [newName("Baker"), newName("Judge")];
let year = 0;
let ids: number[] = [];

beforeAll(async () => {
  do year = 1001 + Math.floor(Math.random() * 899);
  while ((await get<object[]>(`hired_2021_quarter?year=${year}`)).length > 0);
  ids = await insert(
    "departments",
    [north, south, idle].map((department) => ({ department })),
  );
  const jobs = await insert(
    "jobs",
    [baker, judge].map((job) => ({ job })),
  );
  const hire = (day: string, department: number, job: number) => ({
    ...{ name: newName("Ana"), datetime: day, department_id: ids[department], job_id: jobs[job] },
  });
  await insert("hired_employees", [
    hire(`${year}-01-01T00:00:00Z`, 0, 0),
    hire(`${year}-03-31T23:59:59.999Z`, 0, 0),
    hire(`${year}-12-31T23:59:59.999Z`, 0, 1),
    hire(`${year}-07-01T00:00:00+00:00`, 1, 0),
    // By UTC these are of the years before and after.
    hire(`${year}-01-01T00:30:00+01:00`, 1, 0),
    hire(`${year}-12-31T23:30:00-01:00`, 1, 0),
  ]);
});

test("hires are counted per department and job, by quarter in UTC, in alphabetical order", async () => {
  expect(await get(`hired_2021_quarter?year=${year}`)).toEqual([
    { department: north, job: baker, Q1: 2, Q2: 0, Q3: 0, Q4: 0 },
    { department: north, job: judge, Q1: 0, Q2: 0, Q3: 0, Q4: 1 },
    { department: south, job: baker, Q1: 0, Q2: 0, Q3: 1, Q4: 0 },
  ]);
});

test("the report comes as CSV as well", async () => {
  const response = await ask(`hired_2021_quarter?year=${year}`, { headers: { Accept: "text/csv" } });
  const [header, first] = (await response.text()).split("\r\n");
  expect([header, first]).toEqual(["department,job,Q1,Q2,Q3,Q4", `${north},${baker},2,0,0,0`]);
});

test("departments that hired more than the mean are named with their hires, those without hires counting as zero", async () => {
  const departments = await countOf("departments");
  const hired = [
    { id: ids[0], department: north, hired: 3 },
    { id: ids[1], department: south, hired: 1 },
  ];
  const above = hired.filter((each) => each.hired > 4 / departments);
  expect(above).not.toEqual([]);
  expect(await get(`hired_department?year=${year}`)).toEqual(above);
});

/** How many rows a table has. */
async function countOf(table: string): Promise<number> {
  const text = await (await ask(table, { headers: { Accept: "application/x-ndjson" } })).text();
  return text.trim().split("\n").length;
}
