/** The awkward files of test/cases.test.ts that are refused without a recipe, read by one. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import type { RowDataPacket } from "mysql2";
import { importSource } from "../src/ingest/import.ts";
import type { FileRecipe } from "../src/read/recipes/recipe.ts";
import { freshDatabase } from "./support/database.ts";
import { CASES, withoutCases } from "./support/missing.ts";

const database = await freshDatabase();
afterAll(() => database.close());
beforeEach(database.empty);

const HIRES = { match: "hired_employees.csv" };
const POSITIONS = { skip: 1, columns: ["id", "name", "datetime", "job_id", "department_id"] };
const UMA = "1 Uma 2021-03-01 08:00:00.000 1 2";
const OLAF = "2 Olaf 2021-04-01 08:00:00.000 2 3";
const JOBS = ["1 Baker", "2 Judge"];
const MORE_JOBS = [...JOBS, "3 Tailor"];

type Rows = { jobs?: string[]; hired_employees?: string[] };

test.skipIf(withoutCases !== "").each<[string, FileRecipe, Rows]>([
  ["01-header-trailing-comma-other-order/in", { ...HIRES, ...POSITIONS }, { hired_employees: [UMA, OLAF] }],
  ["01-header-trailing-comma-other-order/empty-name", { ...HIRES, ...POSITIONS }, { hired_employees: [UMA] }],
  ["01-header-trailing-comma-other-order/both", { trailingColumn: true }, { jobs: JOBS }],
  ["01-header-trailing-comma-other-order/rows", { trailingColumn: true }, { jobs: JOBS }],
  ["02-title-row-above-header/in", { ...HIRES, skip: 1 }, { hired_employees: [UMA, OLAF] }],
  ["02-title-row-above-header/year-above", { ...HIRES, skip: 1 }, { hired_employees: [UMA, OLAF] }],
  ["02-title-row-above-header/broken-quote-header", { ...HIRES, ...POSITIONS }, { hired_employees: [UMA, OLAF] }],
  ["08-excel-sep-line/in", { dialect: "excel" }, { jobs: JOBS }],
  ["08-excel-sep-line/semi", { dialect: "excel" }, { jobs: JOBS }],
  ["08-excel-sep-line/other-order", { ...HIRES, dialect: "excel" }, { hired_employees: [UMA] }],
  ["09-semicolon-delimiter/in", { delimiter: ";" }, { jobs: JOBS }],
  ["09-semicolon-delimiter/noheader", { delimiter: ";" }, { jobs: JOBS }],
  [
    "09-semicolon-delimiter/comma-in-text",
    { delimiter: ";" },
    { jobs: ["1 Baker, night shift", "2 Judge", "3 Tailor, ladies"] },
  ],
  [
    "15-header-case-and-spaces/names",
    {
      ...HIRES,
      columns: {
        ...{ Employee_ID: "id", "full name": "name", "hire date": "datetime" },
        ...{ dept: "department_id", job: "job_id" },
      },
    },
    { jobs: MORE_JOBS, hired_employees: [UMA] },
  ],
  ["16-extra-column/in", { ignore: ["updated_at"] }, { jobs: JOBS }],
  ["16-extra-column/in", { ignoreOtherColumns: true }, { jobs: JOBS }],
  ["16-extra-column/ndjson", { ignore: ["updated_at"] }, { jobs: ["1 Baker"] }],
])(`%s is read by %j${withoutCases}`, async (name, recipe, expected) => {
  const done = await importSource(database, {
    ...{ source: join(CASES, name), recipe: { files: [recipe] } },
    report: { say: () => {} },
  });
  expect(done.status).toBe("succeeded");
  for (const [table, rows] of Object.entries(expected)) {
    const [stored] = await database.pool.query<RowDataPacket[]>(`SELECT * FROM ${table} ORDER BY id`);
    expect(stored.map((row) => Object.values(row).join(" "))).toEqual(rows);
  }
});
