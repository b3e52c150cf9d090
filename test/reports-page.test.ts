/** The reports as a person looks at them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { Dictionary } from "../src/codecs/dictionary.ts";
import { requireSampleTables } from "../src/codecs/hiring-tables.ts";
import * as schema from "../src/db/schema.ts";
import { readTokens } from "../src/http/auth.ts";
import {
  type DepartmentHires,
  departmentsAboveMean,
  departmentsByHires,
  isAboveMean,
  type QuarterlyHires,
} from "../src/repositories/report-queries.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { tables } from "./support/dictionary.ts";
import { withoutChromium } from "./support/missing.ts";
import { until } from "./support/observe.ts";
import { faultsOf, type Person, personAt, settledWith } from "./support/person.ts";

const hiring = requireSampleTables(tables, "a report");
const database = await freshDatabase();
const app = appOver(database);
const guarded = appOver(database, { tokens: readTokens("reader:read-me") });
const people: Person[] = [];
afterAll(async () => {
  for (const person of people) await person.close();
  await database.close();
});

const SCRIPT = "<script>alert(1)</script>";
const FORMULA = '=HYPERLINK("http://evil.example","Click")';
/** Two departments have the same name, and two hired nobody. */
const DEPARTMENTS = ["Support", "Legal", SCRIPT, FORMULA, "Sales", "Legal", "Idle", "Empty"];
const JOBS = Array.from({ length: 30 }, (_, index) => `Job ${index + 1}`)
  .with(0, "<b>Clerk</b>")
  .with(1, "Étagère builder");

beforeAll(async () => {
  const ids = (names: string[]) => names.map((name, index) => [index + 1, name]);
  await database.pool.query("INSERT INTO departments VALUES ?", [ids(DEPARTMENTS)]);
  await database.pool.query("INSERT INTO jobs VALUES ?", [ids(JOBS)]);
  const hires: unknown[][] = [];
  const hire = (department: number, job: number, datetime: string) =>
    hires.push([hires.length + 1, "Ana", datetime, department, job]);
  for (let index = 0; index < 400; index += 1) {
    // The lower a department's id, the more hires it has.
    const department = 1 + Math.floor(((index * index) % 400) / 70);
    hire(department, 1 + ((index * 7) % 30), `2021-${String(1 + (index % 12)).padStart(2, "0")}-10 12:00:00`);
  }
  hire(5, 3, "2022-05-05 05:05:05");
  await database.pool.query("INSERT INTO hired_employees (id, name, datetime, department_id, job_id) VALUES ?", [
    hires,
  ]);
});

async function person(options: Parameters<typeof personAt>[1] = {}, over = app): Promise<Person> {
  const one = await personAt(over, options);
  people.push(one);
  return one;
}
const reportOf = async <Row>(path: string) => (await app.request(path)).json() as Promise<Row[]>;
const textOf = async (path: string, over = app) => (await over.request(path)).text();
/** The cells of the table, each row joined by `|`. */
const rowsOf = (page: Page) =>
  page
    .locator("#pairs tbody tr")
    .evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent).join("|")));
const line = ({ department, job, Q1, Q2, Q3, Q4 }: QuarterlyHires) =>
  [department, job, Q1, Q2, Q3, Q4, Q1 + Q2 + Q3 + Q4].join("|");
const sum = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0);

describe("all departments with the mean", () => {
  test.each([2020, 2021, 2022])("have the report as their part above it, in %d", async (year) => {
    const all = await departmentsByHires(database, hiring, { year, limit: 100 });
    expect(all.departments.filter((each) => isAboveMean(each, all))).toEqual(
      await departmentsAboveMean(database, hiring, year),
    );
    expect([all.count, all.departments.length]).toEqual([DEPARTMENTS.length, DEPARTMENTS.length]);
    expect(sum(all.departments.map(({ hired }) => hired))).toBe(all.hires);
    expect(all.departments.filter(({ hired }) => hired > 0)).toHaveLength(all.hiring);
  });

  test("are counted also beyond the limit", async () => {
    const all = await departmentsByHires(database, hiring, { year: 2021, limit: 2 });
    expect(all).toMatchObject({ count: 8, hiring: 6, hires: 400 });
    expect(all.departments.map(({ department }) => department)).toEqual(["Support", expect.any(String)]);
  });
});

describe("the view of the reports", () => {
  test("shows names as text, and tells departments of one name apart", async () => {
    const text = await textOf("/page/reports");
    expect(text).not.toContain(SCRIPT);
    expect(text).not.toContain("<b>Clerk");
    for (const part of ["&lt;script&gt;alert(1)", "=HYPERLINK(", "Legal (id 2)", "Legal (id 6)"])
      expect(text).toContain(part);
  });

  test("says so if nobody was hired in a year, or in a department", async () => {
    expect(await textOf("/page/reports?year=2020")).toContain("No hires in 2020");
    expect(await textOf("/page/reports?department=7")).toContain("No hires in 2021 in Idle");
    expect(await textOf("/page/reports?filter=nothing+like+it")).toContain("No row fits the filter");
    expect((await app.request("/page/reports?year=1000&department=-5")).status).toBe(200);
    expect((await app.request("/page/reports?year=9999")).status).toBe(200);
  });

  test.each(["year=21", "sort=name", "order=up", "department=x", `filter=${"x".repeat(101)}`, "page=2"])(
    "refuses ?%s and says what is wrong",
    async (query) => {
      const answer = await app.request(`/page/reports?${query}`);
      expect([answer.status, await answer.json()]).toEqual([
        400,
        expect.objectContaining({ errors: [expect.objectContaining({ pointer: `/${query.split("=")[0]}` })] }),
      ]);
    },
  );

  test("shows one report if the other takes too long, and is 503 if both do", async () => {
    const holder = await database.pool.getConnection();
    await holder.query("LOCK TABLES jobs WRITE");
    // The limit is the time that this machine takes for the report that does not wait.
    let report = 100;
    await until(async () => {
      report *= 2;
      const answer = await appOver(database, { answerMsMax: { report } }).request("/page/reports");
      const text = await answer.text();
      return answer.status === 200 && text.includes("Not available now") && text.includes("Mean 50");
    });
    await holder.query("LOCK TABLES hired_employees WRITE");
    const answer = await appOver(database, { answerMsMax: { report } }).request("/page/reports");
    expect([answer.status, await answer.text()]).toEqual([
      503,
      expect.stringContaining("The reports are not available now"),
    ]);
    await holder.query("UNLOCK TABLES");
    holder.release();
  });

  test("says how many rows and departments it shows if there are more than 2,000 and 40", async () => {
    const other = await freshDatabase();
    const many = Array.from({ length: 2_100 }, (_, index) => [index + 1, `Job ${index + 1}`]);
    await other.pool.query("INSERT INTO departments VALUES (1, 'Support')");
    const idle = Array.from({ length: 60 }, (_, index) => [index + 2, `Idle ${index}`]);
    await other.pool.query("INSERT INTO departments VALUES ?", [idle]);
    await other.pool.query("INSERT INTO jobs VALUES ?", [many]);
    await other.pool.query("INSERT INTO hired_employees SELECT id, 'Ana', '2021-05-05', 1, id FROM jobs");
    const text = await textOf("/page/reports", appOver(other));
    expect(text).toContain("The first 2,000 of 2,100 rows are shown");
    expect(text).toContain("Total of 2,100 rows");
    expect(text).toContain("And 21 more without a hire.");
    expect(text.match(/<th scope="row">Support/g)).toHaveLength(2_000);
    await other.close();
  });

  test("is not offered if there are no tables of hires, and says why", async () => {
    const bare = appOver({ ...database, dictionary: new Dictionary({ jobs: schema.jobs }) });
    expect(await textOf("/", bare)).not.toContain('href="page/reports"');
    const answer = await bare.request("/page/reports");
    expect([answer.status, await answer.json()]).toEqual([
      404,
      expect.objectContaining({
        detail: expect.stringContaining("there are no reports: src/db/schema.ts has no tables"),
      }),
    ]);
  });
});

test.skipIf(withoutChromium !== "")(
  `a person sees the API's numbers, chooses a department, sorts, filters and changes the year in place${withoutChromium}`,
  async () => {
    const one = await person();
    const { page, root } = one;
    const pairs = await reportOf<QuarterlyHires>("/hired_2021_quarter");
    await page.goto(`${root}page/reports`);
    await page.evaluate("window.stays = true");
    expect(await rowsOf(page)).toEqual(pairs.map(line));
    expect(await page.locator("#pairs tfoot").textContent()).toContain("400");
    const above = await reportOf<DepartmentHires>("/hired_department");
    expect(await page.locator("#mean .above .number").allTextContents()).toEqual(
      above.map(({ hired }) => String(hired)),
    );
    expect(await page.locator("#mean .bar").count()).toBe(DEPARTMENTS.length);
    // A segment has a name of its own, and its number.
    const q1 = sum(pairs.filter(({ department }) => department === "Support").map(({ Q1 }) => Q1));
    expect(await page.getByRole("link", { name: `Support, Q1: ${q1} hires` }).count()).toBe(1);
    expect(await faultsOf(one)).toEqual([]);

    const legend = page.getByRole("list", { name: "Departments" });
    await legend.getByRole("link", { name: "Support" }).click();
    await page.getByRole("heading", { name: "Hires per quarter of 2021: Support" }).waitFor();
    const own = pairs.filter(({ department }) => department === "Support");
    expect(await rowsOf(page)).toEqual(own.map(line));
    const jobs = page.getByRole("list", { name: "Jobs" }).getByRole("listitem");
    expect(await jobs.count()).toBe(12);
    expect(await jobs.last().textContent()).toContain("other jobs");
    expect(await faultsOf(one)).toEqual([]);

    await page.getByRole("link", { name: "Total", exact: true }).click();
    await settledWith(page.locator("th[aria-sort=descending]", { hasText: "Total" }));
    const totals = (await rowsOf(page)).map((row) => Number(row.split("|").at(-1)));
    expect(totals).toEqual(totals.toSorted((a, b) => b - a));
    expect(await page.evaluate("document.activeElement.id")).toBe("by-total");

    await page.getByLabel("Department", { exact: true }).selectOption({ label: SCRIPT });
    await settledWith(page.getByRole("heading", { name: SCRIPT }));
    expect(page.url()).toContain("sort=total&order=desc&department=3");
    await page.getByRole("link", { name: "All departments" }).click();
    await settledWith(page.getByRole("heading", { name: "Hires per quarter of 2021", exact: true }));

    await page.getByLabel("Filter").fill("ETA");
    await page.waitForURL(/filter=ETA(&|$)/);
    await page.keyboard.insertText("GERE"); // where the answer has left the focus and the cursor
    await page.waitForURL(/filter=ETAGERE(&|$)/);
    await settledWith(page.getByText(`${pairs.filter(({ job }) => job === JOBS[1]).length} of ${pairs.length} rows`));
    expect(new Set((await rowsOf(page)).map((row) => row.split("|")[1]))).toEqual(new Set(["Étagère builder"]));
    expect(await page.evaluate("document.activeElement.id")).toBe("filter");
    expect(await page.getByLabel("Filter").inputValue()).toBe("ETAGERE");
    expect(page.url()).toContain("filter=ETAGERE");

    // What was chosen before goes along to the next year.
    await page.getByRole("link", { name: "2022 →" }).click();
    await settledWith(page.getByRole("heading", { name: "Hires of 2022" }));
    expect(await page.getByLabel("Filter").inputValue()).toBe("ETAGERE");
    await page.getByLabel("Filter").fill("");
    await settledWith(page.getByText("1 row", { exact: true }));
    expect(await rowsOf(page)).toEqual((await reportOf<QuarterlyHires>("/hired_2021_quarter?year=2022")).map(line));
    await page.getByLabel("Year", { exact: true }).fill("2020");
    await page.getByLabel("Year", { exact: true }).press("Enter");
    await page.getByRole("heading", { name: "Hires of 2020" }).waitFor();
    expect(await page.getByRole("heading", { name: "No hires in 2020" }).count()).toBe(1);
    expect(await faultsOf(one)).toEqual([]);
    expect(await page.evaluate("window.stays")).toBe(true);
    await page.goBack();
    await page.getByRole("heading", { name: "Hires of 2022" }).waitFor();
    expect(await faultsOf(one)).toEqual([]);
  },
);

test.skipIf(withoutChromium !== "")(
  `what is wrong is said in place until the person does something else, and links out of the reports lead out${withoutChromium}`,
  async () => {
    const one = await person();
    const { page, root } = one;
    await page.goto(`${root}page/reports`);
    await page.evaluate("document.getElementById('filter').removeAttribute('maxlength')");
    await page.getByLabel("Filter").fill("x".repeat(101));
    await page.getByText("filter must have at most 100 characters").waitFor();
    expect(one.complaints()).not.toEqual([]);
    await page.getByLabel("Filter").fill("Job 7");
    await page.getByText(/^\d+ of \d+ rows$/).waitFor();
    expect(await page.locator("#problem").textContent()).toBe("");
    await page.goto(`${root}page/reports?year=2020`);
    await page.getByRole("link", { name: "see what was imported" }).click();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    expect(await faultsOf(one)).toEqual([]);
  },
);

test.skipIf(withoutChromium !== "")(
  `with a session, a person downloads both reports as CSV, under a path that a proxy adds${withoutChromium}`,
  async () => {
    const one = await person({ prefix: "/muster" }, guarded);
    const { page, root } = one;
    await page.goto(`${root}page/reports?year=2021`);
    await one.signIn("read-me");
    for (const [name, path] of [
      ["The whole report as CSV", "hired_2021_quarter"],
      ["Departments above the mean as CSV", "hired_department"],
    ] as const) {
      const coming = page.waitForEvent("download");
      await page.getByRole("link", { name }).click();
      const download = await coming;
      expect(download.suggestedFilename()).toBe(`${path}.csv`);
      const sheet = await textOf(`/${path}?year=2021&spreadsheet=true`);
      expect(await Bun.file(await download.path()).text()).toBe(sheet);
      if (path === "hired_2021_quarter") expect(sheet).toContain("'=HYPERLINK(");
    }
    await page.getByRole("link", { name: "The whole report as JSON" }).click();
    await page.getByText('"department"').waitFor();
    expect(await faultsOf(one)).toEqual([]);
  },
);

test.skipIf(withoutChromium !== "")(`all of it works without JavaScript${withoutChromium}`, async () => {
  const one = await person({ javaScriptEnabled: false });
  const { page, root } = one;
  await page.goto(`${root}page/reports`);
  const pairs = await reportOf<QuarterlyHires>("/hired_2021_quarter");
  const segment = page.getByRole("link", { name: /^Sales, Q2: / });
  await segment.focus();
  await segment.press("Enter");
  await page.getByRole("heading", { name: "Hires per quarter of 2021: Sales" }).waitFor();
  await page.getByRole("link", { name: "Job", exact: true }).click();
  await settledWith(page.locator("th[aria-sort=ascending]", { hasText: "Job" }));
  expect((await rowsOf(page)).length).toBe(pairs.filter(({ department }) => department === "Sales").length);
  await page.getByLabel("Department", { exact: true }).selectOption("All departments");
  await page.locator("#quarters").getByRole("button", { name: "Show" }).click();
  await page.getByLabel("Filter").fill("clerk");
  await page.getByLabel("Filter").press("Enter");
  await page.getByText(`${pairs.filter(({ job }) => job.includes("Clerk")).length} of ${pairs.length} rows`).waitFor();
  await page.getByRole("link", { name: "← 2020" }).click();
  await page.getByRole("heading", { name: "Hires of 2020" }).waitFor();
  expect(page.url()).toBe(`${root}page/reports?year=2020&sort=job&order=asc&filter=clerk`);
});
