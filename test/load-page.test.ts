/** The view "Load a file", as a person uses it in a browser. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { readTokens } from "../src/http/auth.ts";
import { listRuns, type RunRecord } from "../src/repositories/run-log.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { withoutChromium } from "./support/missing.ts";
import { until } from "./support/observe.ts";
import { faultsOf, type Person, personAt } from "./support/person.ts";

const database = await freshDatabase();
const app = appOver(database, { tokens: readTokens("reader:read-me,writer:write-me") });
const open: Person[] = [];
afterAll(async () => {
  for (const person of open) await person.close();
  await database.close();
  await removeFolders();
});

beforeEach(async () => {
  await database.empty();
  await database.pool.query("INSERT INTO departments VALUES (1, 'Sales'), (2, 'Legal')");
  await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk'), (2, 'Cook')");
});

/** A person who has signed in, and opened the view. */
async function personWith(token: string): Promise<Person> {
  const person = await personAt(app, { prefix: "/muster" });
  open.push(person);
  await person.page.goto(`${person.root}page/load`);
  await person.signIn(token);
  return person;
}

/** Does something after which the page asks the service again what the file is. */
async function inspected({ page }: Person, act: () => Promise<unknown>) {
  const answer = page.waitForResponse((response) => response.url().endsWith("/page/load/inspection"));
  await act();
  await (await answer).finished();
  await page.locator("#load:not([aria-busy])").waitFor();
}

const choose = (person: Person, path: string) =>
  inspected(person, () => person.page.getByLabel("Choose a file").setInputFiles(path));
const summary = ({ page }: Person) => page.locator("#summary").textContent();

/** Waits until the run whose page is shown has ended. */
async function endOfRun({ page }: Person): Promise<RunRecord> {
  await page.waitForURL(/\/muster\/page\/runs\/[0-9a-f-]{36}$/);
  return lastRun(page.url().split("/").at(-1));
}

const lastRun = (id?: string): Promise<RunRecord> =>
  until(async () => {
    const [run] = await listRuns(database.db, { limit: 1 });
    return run && (id === undefined || run.id === id) && run.finished_at !== null && run;
  });

const rowsOf = async (table: string): Promise<unknown> =>
  (await database.pool.query({ sql: `SELECT * FROM ${table} ORDER BY id`, rowsAsArray: true }))[0];

describe.skipIf(withoutChromium !== "")(`loading a file${withoutChromium}`, () => {
  test("a clean file is shown as it would be stored, and imported", async () => {
    const folder = await folderOf({ "jobs.csv": "id,job\n3,Baker\n4,Judge\n" });
    const person = await personWith("write-me");
    const { page } = person;
    expect(await faultsOf(person)).toEqual([]);
    await choose(person, join(folder, "jobs.csv"));
    expect(await summary(person)).toBe("2 rows were looked at for jobs: 0 would be rejected.");
    expect(await page.getByRole("status").first().textContent()).toBe(await summary(person));
    expect(await page.getByRole("row", { name: "2 new 3 Baker" }).count()).toBe(1);
    expect(await faultsOf(person)).toEqual([]);
    await page.getByRole("button", { name: "Import", exact: true }).click();
    expect((await endOfRun(person)).counts).toMatchObject({ jobs: { received: 2, inserted: 2 } });
    expect(await rowsOf("jobs")).toEqual([
      [1, "Clerk"],
      [2, "Cook"],
      [3, "Baker"],
      [4, "Judge"],
    ]);
  });
});
