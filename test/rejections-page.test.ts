/** The rejections' pages, as a person uses them in a browser. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { readTokens } from "../src/http/auth.ts";
import { importSource } from "../src/ingest/import.ts";
import { listRejections } from "../src/repositories/rejection-log.ts";
import { listRuns } from "../src/repositories/run-log.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { withoutChromium } from "./support/missing.ts";
import { faultsOf, type Person, personAt, settledWith } from "./support/person.ts";

const database = await freshDatabase();
const { db, pool } = database;
const tokens = readTokens("reader:read-me,writer:write-me");
const app = appOver(database, { tokens });
const people = new Map<string, Person>();
afterAll(async () => {
  for (const person of people.values()) await person.close();
  await database.close();
  await removeFolders();
});
beforeEach(database.empty);

const without = withoutChromium;
const inBrowser = test.skipIf(without !== "");

/** The person who has signed in with this token. */
async function personWith(token: string, options: Parameters<typeof personAt>[1] = {}): Promise<Person> {
  const name = JSON.stringify([token, options]);
  const known = people.get(name);
  if (known) return known;
  const person = await personAt(app, { prefix: "/muster", acceptDownloads: true, ...options });
  people.set(name, person);
  await person.page.goto(`${person.root}page/rejections`);
  await person.signIn(token);
  return person;
}

const SCRIPT = "<script>alert(1)</script>";
const FORMULA = '=HYPERLINK("http://x","y")';
const HIRED = `1,Ana,2021-05-01T10:00:00Z,9,1
2,,2021-05-01T10:00:00Z,1,1
3,${SCRIPT},2021-05-01T10:00:00Z,9,1
4,"=HYPERLINK(""http://x"",""y"")",2021-05-01T10:00:00Z,9,1
`;

async function load(rows = HIRED) {
  const source = await folderOf({
    ...{ "departments.csv": "1,Sales\n2,Legal\n", "jobs.csv": "1,Clerk\n" },
    "hired_employees.csv": rows,
  });
  await importSource(database, { source, report: { say() {} } });
  return (await listRejections(db, { limit: 50 })).map(({ id }) => id);
}

const stored = async (): Promise<unknown> =>
  (await pool.query("SELECT id, name, department_id FROM hired_employees ORDER BY id"))[0];
const openRows = async () => (await listRejections(db, { state: "open", limit: 2_000 })).length;

async function openGroup(person: Person, cause: string) {
  await person.page.goto(`${person.root}page/rejections`);
  await person.page.getByRole("link", { name: cause, exact: true }).click();
  await settledWith(person.page.getByRole("heading", { level: 1, name: cause }));
}

/** Writes into a cell of a rejected row, leaves it, and waits until the page says what would become of the row. */
async function mend({ page }: Person, id: number | undefined, column: string, text: string, verdict: string) {
  await page.getByLabel(`${column} of rejection ${id}`, { exact: true }).fill(text);
  await page.keyboard.press("Tab");
  await page.locator(`#why-${id}`).getByText(verdict).waitFor();
}

inBrowser(
  `a writer mends a cell, sees the verdict before anything is stored, and replays the row${without}`,
  async () => {
    const [first] = await load();
    const person = await personWith("write-me");
    const { page } = person;
    await page.goto(`${person.root}page/rejections`);
    expect(await page.getByRole("row").allInnerTexts()).toEqual([
      "Cause\tTable\tRows\tDownload",
      "unknown_reference: department_id\thired_employees\t3\tSheet",
      "missing: name\thired_employees\t1\tSheet",
    ]);
    expect(await faultsOf(person)).toEqual([]);
    await openGroup(person, "unknown_reference: department_id");
    const cell = page.getByLabel(`department_id of rejection ${first}`);
    const why = page.locator(`#why-${first}`);
    expect(await cell.getAttribute("aria-invalid")).toBe("true");
    expect(await why.textContent()).toContain("departments has no id 9");

    await cell.fill("7");
    await cell.press("Tab");
    await why.getByText("departments has no id 7").waitFor();
    expect(await why.textContent()).toContain("Would be rejected again");
    await cell.fill("2");
    await cell.press("Tab");
    await why.getByText("Would be stored").waitFor();
    expect(await cell.getAttribute("aria-invalid")).toBeNull();
    expect(await stored()).toEqual([]);
    expect((await listRuns(db, { limit: 9 })).map(({ kind }) => kind)).toEqual(["import"]);
    expect(await faultsOf(person)).toEqual([]);

    await page.getByRole("button", { name: "Replay the edited and the chosen rows" }).click();
    await page.getByText("1 stored").waitFor();
    expect(await stored()).toEqual([{ id: 1, name: "Ana", department_id: 2 }]);
    expect(await openRows()).toBe(3);
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toContain("2 open rows");
    expect(await faultsOf(person)).toEqual([]);
  },
);

inBrowser(`names that look like HTML or a formula stay text, and stay as they came${without}`, async () => {
  const [, , script, formula] = await load();
  const person = await personWith("write-me");
  const { page } = person;
  await openGroup(person, "unknown_reference: department_id");
  expect(await page.getByLabel(`name of rejection ${script}`).inputValue()).toBe(SCRIPT);
  for (const id of [script, formula]) await mend(person, id, "department_id", "1", "Would be stored");
  await page.getByRole("button", { name: "Replay the edited and the chosen rows" }).click();
  await page.getByText("2 stored").waitFor();
  expect(await stored()).toMatchObject([{ name: SCRIPT }, { name: FORMULA }]);
  expect(await faultsOf(person)).toEqual([]);
});

inBrowser(
  `a rule is previewed and then mends 21 rows, except those that another reason still holds back${without}`,
  async () => {
    const rows = Array.from({ length: 21 }, (_, id) => `${id + 1},Name ${id + 1},2021-05-01T10:00:00Z,,1\n`).join("");
    await load(`${rows}30,,2021-05-01T10:00:00Z,,1\n`);
    const person = await personWith("write-me");
    const { page } = person;
    await openGroup(person, "missing: department_id");
    expect(await page.getByLabel("Set", { exact: true }).inputValue()).toBe("department_id");
    await page.getByLabel("to (blank for no value)").fill("2");
    await page.getByRole("button", { name: "Preview for all 21 rows" }).first().click();
    await page.getByRole("heading", { name: "Preview: set department_id to 2" }).waitFor();
    expect(await page.locator("#main").textContent()).toContain(
      "21 would be stored, 0 would be unchanged, 0 would be rejected",
    );
    expect(await stored()).toEqual([]);
    expect(await faultsOf(person)).toEqual([]);
    await page.getByRole("button", { name: "Change and replay these 21 rows" }).click();
    await page.getByText("21 stored").waitFor();
    expect(await stored()).toHaveLength(21);
    expect(await openRows()).toBe(1);
    expect(await faultsOf(person)).toEqual([]);
  },
);

inBrowser(
  `a rule reads dates in another form in the chosen rows; a row of neither form stays open${without}`,
  async () => {
    const [first, second] = await load("1,Ana,31/12/2021,1,1\n2,Bo,yesterday,1,1\n3,Cy,01/02/2021,1,1\n");
    const person = await personWith("write-me");
    const { page } = person;
    await openGroup(person, "invalid_datetime: datetime");
    const preview = page.getByRole("button", { name: "Preview for the chosen rows" }).last();
    await page.getByLabel("as dates like").fill("d/M/yyyy");
    await preview.click();
    await page.getByText("no rejection is chosen").waitFor();
    await page.getByLabel(`Choose rejection ${first}`).check();
    await page.getByLabel(`Choose rejection ${second}`).check();
    await preview.click();
    await page.getByText("would have no time zone").first().waitFor();
    await page.goBack();
    await page.getByLabel("as dates like").fill("d/M/yyyy");
    await page.getByLabel("in the time zone").fill("America/Bogota");
    for (const id of [first, second]) await page.getByLabel(`Choose rejection ${id}`).check();
    await preview.click();
    await page.getByText("1 would be stored").waitFor();
    expect(await page.locator("#main").textContent()).toContain(
      'Stays open: its datetime "yesterday" is not in the form d/M/yyyy',
    );
    person.complaints(); // the browser reports the answer 400
    expect(await faultsOf(person)).toEqual([]);
    await page.getByRole("button", { name: "Change and replay this row" }).click();
    await page.getByText("1 stored").waitFor();
    const [dates]: unknown[] = await pool.query("SELECT id, datetime FROM hired_employees");
    expect(dates).toEqual([{ id: 1, datetime: "2021-12-31 05:00:00.000" }]);
    expect(await openRows()).toBe(2);
  },
);

inBrowser(`chosen rows are discarded after a question, and the others of the group too${without}`, async () => {
  const [first] = await load();
  const person = await personWith("write-me");
  const { page } = person;
  await openGroup(person, "unknown_reference: department_id");
  await page.getByLabel(`Choose rejection ${first}`).check();
  await page.getByRole("button", { name: "Discard the chosen rows" }).click();
  expect(await faultsOf(person)).toEqual([]);
  expect(await openRows()).toBe(4);
  await page.getByRole("button", { name: "Discard 1 row" }).click();
  await page.getByText("Discarded 1 row.").waitFor();
  expect(await openRows()).toBe(3);
  await page.getByRole("link", { name: "Discard all" }).click();
  await page.getByRole("button", { name: "Discard 2 rows" }).click();
  await page.getByText("No row is open for this cause").waitFor();
  expect(await openRows()).toBe(1);
  expect(await faultsOf(person)).toEqual([]);
});

inBrowser(
  `a reader sees the rows and their reasons without anything to change them, and gets a sheet${without}`,
  async () => {
    const [first] = await load();
    const person = await personWith("read-me");
    const { page } = person;
    await openGroup(person, "unknown_reference: department_id");
    expect(await page.locator("main").getByRole("button").count()).toBe(0);
    expect(await page.getByRole("row").nth(1).textContent()).toContain("departments has no id 9");
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "All of them as a sheet" }).click(),
    ]);
    const sheet = await Bun.file(await download.path()).text();
    expect(sheet.trim().split("\r\n")).toHaveLength(4);
    expect(sheet).toContain("'=HYPERLINK");
    await page.getByRole("link", { name: String(first) }).click();
    expect(await page.locator("pre").first().textContent()).toContain("1,Ana,2021-05-01T10:00:00Z,9,1");
    expect(await faultsOf(person)).toEqual([]);
    const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
    const body = new URLSearchParams({ table: "hired_employees", cause: "missing:name", scope: "group", sure: "yes" });
    for (const path of ["replay", "discard", "verdict"]) {
      const headers = { Cookie: cookie, "Sec-Fetch-Site": "same-origin", Host: "127.0.0.1" };
      const answer = await app.request(`/page/rejections/${path}`, { method: "POST", body, headers });
      expect([path, answer.status]).toEqual([path, 403]);
    }
  },
);

inBrowser(`a row rejected again is found with what it was before, and mended on its own page${without}`, async () => {
  const [, missing] = await load();
  const person = await personWith("write-me");
  const { page } = person;
  await page.goto(`${person.root}page/rejections/${missing}`);
  await mend(person, missing, "department_id", "8", "Would be rejected again");
  await page.getByRole("button", { name: "Replay" }).click();
  await page.getByText("1 rejected again").waitFor();
  await page.getByRole("link", { name: "Rejected again" }).click();
  await page.getByRole("link", { name: "missing: name and unknown_reference: department_id" }).click();
  const again = (await listRejections(db, { state: "open", limit: 9 })).at(-1)?.id;
  await page.getByRole("link", { name: String(again), exact: true }).click();
  await page.getByRole("heading", { name: "What it was before it was replayed" }).waitFor();
  await settledWith(page.getByRole("link", { name: `Rejection ${missing}` }));
  await mend(person, again, "name", "Bo", "Would be rejected again");
  await mend(person, again, "department_id", "2", "Would be stored");
  expect(await faultsOf(person)).toEqual([]);
  await page.getByRole("button", { name: "Replay" }).click();
  await page.getByText("1 stored").waitFor();
  expect(await stored()).toEqual([{ id: 2, name: "Bo", department_id: 2 }]);
});

inBrowser(`without JavaScript rows are read, mended, replayed and discarded by plain forms${without}`, async () => {
  const [first] = await load();
  const person = await personWith("write-me", { javaScriptEnabled: false });
  const { page } = person;
  await openGroup(person, "unknown_reference: department_id");
  await page.getByLabel(`department_id of rejection ${first}`).fill("2");
  await page.getByRole("button", { name: "Replay the edited and the chosen rows" }).click();
  await page.getByText("1 stored").waitFor();
  await page.getByLabel("to (blank for no value)").fill("1");
  await page.getByRole("button", { name: "Preview for all 2 rows" }).first().click();
  await page.getByRole("button", { name: "Change and replay these 2 rows" }).click();
  await page.getByText("2 stored").waitFor();
  expect(await stored()).toMatchObject([{ department_id: 2 }, { department_id: 1 }, { department_id: 1 }]);
  await openGroup(person, "missing: name");
  expect(
    await person.page
      .getByLabel(/^name of rejection/)
      .first()
      .getAttribute("size"),
  ).toBe("20");
  await page.getByRole("link", { name: "Discard all" }).click();
  await page.getByRole("button", { name: "Discard 1 row" }).click();
  await page.getByText("Discarded 1 row.").waitFor();
  expect(await openRows()).toBe(0);
  expect(person.complaints()).toEqual([]);
});

inBrowser(`cells with line ends, quotes and blanks are not changed by being shown${without}`, async () => {
  const name = ' "two"\r\nlines ';
  const [first] = await load(`1,"${name.replaceAll('"', '""')}",2021-05-01T10:00:00Z,9,1\n`);
  const person = await personWith("write-me");
  const { page } = person;
  await openGroup(person, "unknown_reference: department_id");
  await page.getByLabel(`department_id of rejection ${first}`).fill("1");
  await page.getByRole("button", { name: "Replay the edited and the chosen rows" }).click();
  await page.getByText("1 stored").waitFor();
  expect(await stored()).toMatchObject([{ name }]);
});

inBrowser(`a row that cannot be split is mended by filling in its cells${without}`, async () => {
  const [first] = await load("5,Ana,2021-05-01T10:00:00Z,1\n");
  const person = await personWith("write-me");
  const { page } = person;
  await openGroup(person, "wrong_field_count");
  expect(await page.locator(`#why-${first}`).textContent()).toContain("5,Ana,2021-05-01T10:00:00Z,1");
  const cells = { id: "5", name: "Ana", datetime: "2021-05-01T10:00:00Z", department_id: "1", job_id: "1" };
  for (const [name, text] of Object.entries(cells)) {
    await page.getByLabel(`${name} of rejection ${first}`, { exact: true }).fill(text);
    await page.keyboard.press("Tab");
  }
  await page.locator(`#why-${first}`).getByText("Would be stored").waitFor();
  await page.getByRole("button", { name: "Replay the edited and the chosen rows" }).click();
  await page.getByText("1 stored").waitFor();
  expect(await stored()).toEqual([{ id: 5, name: "Ana", department_id: 1 }]);
});

inBrowser(
  `a row that somebody else has dealt with meanwhile is not replayed, and the page says so${without}`,
  async () => {
    const [first, , third] = await load();
    const person = await personWith("write-me");
    const { page } = person;
    await openGroup(person, "unknown_reference: department_id");
    await pool.query("UPDATE muster_rejections SET state = 'discarded' WHERE id = ?", [first]);
    for (const id of [third, first]) await page.getByLabel(`department_id of rejection ${id}`).fill("1");
    await page.keyboard.press("Tab");
    await page.getByText(`not open any more: ${first} (discarded)`).waitFor();
    await page.getByRole("button", { name: "Replay the edited and the chosen rows" }).click();
    await page.getByText("1 stored").waitFor();
    expect(await page.locator("#outcome").textContent()).toContain("1 could not be changed in this way, or");
    expect(await stored()).toMatchObject([{ id: 3, department_id: 1 }]);
    person.complaints(); // the answers 409 to the edits of the closed row
  },
);

inBrowser(
  `100,000 open rejections are grouped, opened and replayed in steps that go on by themselves${without}`,
  async () => {
    await load();
    await pool.query("DELETE FROM muster_rejections WHERE reasons LIKE '%missing%'");
    await pool.query(`INSERT INTO muster_rejections (run, \`table\`, file, position, raw, columns, reasons, state, created_at)
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
    SELECT r.run, r.\`table\`, r.file, 10 + a.i * 1000 + b.i, CONCAT(10 + a.i * 1000 + b.i, ',Ana,2021-05-01T10:00:00Z,9,1'),
      r.columns, IF(a.i < 2, '[{"code":"missing","field":"job_id","detail":"x"}]', r.reasons), 'open', r.created_at
    FROM muster_rejections r, n a, n b WHERE r.position = 1 AND a.i < 100 ORDER BY a.i, b.i`);
    const person = await personWith("write-me");
    const { page } = person;
    const began = performance.now();
    await page.goto(`${person.root}page/rejections`);
    await page.getByText("100,003 open.").waitFor();
    const grouped = performance.now();
    await page.getByRole("link", { name: "missing: job_id" }).click();
    await page.getByText("2,000 open rows").waitFor();
    const opened = performance.now();
    console.log(`groups ${Math.round(grouped - began)} ms, a group's rows ${Math.round(opened - grouped)} ms`);
    await page.getByLabel("to (blank for no value)").fill("2");
    await page.getByLabel("Set", { exact: true }).selectOption("department_id");
    await page.getByRole("button", { name: "Preview for all 2,000 rows" }).first().click();
    await page.getByText("The first 1,000 rows; 1,000 more come after them").waitFor();
    await page.getByRole("button", { name: "Change and replay these 2,000 rows" }).click();
    await page.getByText("2,000 stored").waitFor();
    expect(await faultsOf(person)).toEqual([]);
  },
  600_000,
);
