/** The view "Load a file", as a person uses it in a browser. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { readTokens } from "../src/http/auth.ts";
import { listRuns, type RunRecord } from "../src/repositories/run-log.ts";
import { appOver } from "./support/app.ts";
import { containerOf, long, record, sized } from "./support/avro.ts";
import { freshDatabase } from "./support/database.ts";
import { removeFolders } from "./support/files.ts";
import { withoutChromium } from "./support/missing.ts";
import { until } from "./support/observe.ts";
import { JOBS_PARQUET } from "./support/parquet.ts";
import { faultsOf, type Person, personAt } from "./support/person.ts";
import { workbook } from "./support/workbook.ts";
import { zipOf } from "./support/zip.ts";

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

/** Does something after which the page asks the service again what the file is. The answer may remove a box that was clicked. */
async function inspected({ page }: Person, act: () => Promise<unknown>) {
  const answer = page.waitForResponse((response) => response.url().endsWith("/page/load/inspection"));
  await act();
  await (await answer).finished();
  await page.locator("#load:not([aria-busy])").waitFor();
}

/** Chooses a file with this name and content. */
const choose = (person: Person, name: string, content: string | Uint8Array) =>
  inspected(person, () =>
    person.page.getByLabel("Choose a file").setInputFiles({ name, mimeType: "", buffer: Buffer.from(content) }),
  );
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

const press = ({ page }: Person, name: string) => page.getByRole("button", { name, exact: true }).click();
const isOffered = ({ page }: Person) => page.getByRole("button", { name: "Import", exact: true }).isEnabled();
const problem = ({ page }: Person) => page.locator("#problem").textContent();

const AVRO = await containerOf(record({ id: "long", job: "string" }), "null", {
  count: 2,
  data: Buffer.concat([long(3), sized("Baker"), long(4), sized("Judge")]),
});
const JOBS = "id,job\n3,Baker\n4,Judge\n";
const ALL_JOBS = [
  [1, "Clerk"],
  [2, "Cook"],
  [3, "Baker"],
  [4, "Judge"],
];

describe.skipIf(withoutChromium !== "")(`a person${withoutChromium}`, () => {
  test("sees a clean file as it would be stored, and imports it", async () => {
    const person = await personWith("write-me");
    const { page } = person;
    expect(await faultsOf(person)).toEqual([]);
    await choose(person, "jobs.csv", JOBS);
    expect(await summary(person)).toBe("2 rows were looked at for jobs: 0 would be rejected.");
    expect(await page.locator("#load-status").textContent()).toBe(await summary(person));
    expect(await page.getByRole("row", { name: "2 new 3 Baker" }).count()).toBe(1);
    expect(await faultsOf(person)).toEqual([]);
    expect(await listRuns(database.db, { limit: 1 })).toEqual([]);
    await press(person, "Import");
    expect(await endOfRun(person)).toMatchObject({ source: "upload:jobs.csv", counts: { jobs: { inserted: 2 } } });
    expect(await rowsOf("jobs")).toEqual(ALL_JOBS);
  });

  test("decides what is doubtful about a file of another country, and can import it only then", async () => {
    const person = await personWith("write-me");
    const { page } = person;
    const text =
      "Id;Empleado;Fecha;Depto;Cargo;Obs\r\n1;Jos\u00e9;03/04/2021 10:00;1;1;x\r\n2;Ana;05/06/2021 11:00;2;2;y\r\n";
    await choose(person, "personal.csv", Buffer.from(text, "latin1"));
    expect(await summary(person)).toBe("Its table is not known: choose it. 2 points are for you to decide.");
    await inspected(person, () => page.getByLabel("Table").selectOption("hired_employees"));
    expect([await summary(person), await isOffered(person)]).toEqual([
      "It cannot be read like this. 9 points are for you to decide.",
      false,
    ]);
    expect(await faultsOf(person)).toEqual([]);
    await inspected(person, () => page.getByLabel("Encoding: windows-1252").click());
    await inspected(person, () => page.getByLabel("Empleado").first().selectOption("name"));
    await inspected(person, () => page.getByLabel("All as found: ").click());
    await inspected(person, () => page.getByLabel("Dates: dd/MM/yyyy HH:mm").click());
    expect([await summary(person), await isOffered(person)]).toEqual([
      "2 rows were looked at for hired_employees: 2 would be rejected. 1 point is for you to decide.",
      false,
    ]);
    await page.getByLabel("Zone of the dates").fill("America/Bogota");
    await inspected(person, () => page.keyboard.press("Enter"));
    expect(await page.evaluate<string>("document.activeElement.id")).toBe("chosen");
    expect([await summary(person), await isOffered(person)]).toEqual([
      "2 rows were looked at for hired_employees: 0 would be rejected.",
      true,
    ]);
    expect(await page.getByRole("row", { name: "2 new 1 José 2021-04-03T15:00:00Z 1 1" }).count()).toBe(1);
    await press(person, "Import");
    expect(await endOfRun(person)).toMatchObject({ counts: { hired_employees: { inserted: 2, rejected: 0 } } });
    expect(await rowsOf("hired_employees")).toMatchObject([
      [1, "José", expect.anything(), 1, 1],
      [2, "Ana", expect.anything(), 2, 2],
    ]);
  });

  test("imports the rows that fit if nobody knows the zone of the other dates", async () => {
    const person = await personWith("write-me");
    const { page } = person;
    await choose(person, "hired_employees.csv", "1,Ana,2021-04-03T15:00:00Z,1,1\n2,Bea,12/31/2021,1,1\n");
    expect([await summary(person), await isOffered(person)]).toEqual([
      "2 rows were looked at for hired_employees: 1 would be rejected. 1 point is for you to decide.",
      false,
    ]);
    await inspected(person, () => page.getByLabel("Read it as it is: rows that do not fit are rejected").click());
    expect([await summary(person), await isOffered(person)]).toEqual([
      "2 rows were looked at for hired_employees: 1 would be rejected.",
      true,
    ]);
    await press(person, "Import");
    expect(await endOfRun(person)).toMatchObject({ counts: { hired_employees: { inserted: 1, rejected: 1 } } });
    await page.getByRole("region", { name: "Account" }).getByRole("link", { name: "Load a file" }).click();
    await page.getByRole("heading", { name: "Load a file" }).waitFor();
  });

  test("leaves the zone, and sees the dates as they came, whatever form was chosen for them", async () => {
    const person = await personWith("write-me");
    const { page } = person;
    await choose(person, "hired_employees.csv", "1,Ana,03/04/2021,1,1\n2,Bea,05/06/2021,1,1\n");
    await inspected(person, () => page.getByLabel("Dates: dd/MM/yyyy").click());
    await inspected(person, () =>
      page
        .getByRole("group", { name: "zone" })
        .getByLabel("Read it as it is: rows that do not fit are rejected")
        .click(),
    );
    expect([await summary(person), await isOffered(person)]).toEqual([
      "2 rows were looked at for hired_employees: 2 would be rejected.",
      true,
    ]);
    await inspected(person, async () => {
      await page.getByLabel("Zone of the dates").fill("America/Bogota");
      await page.keyboard.press("Enter");
    });
    expect(await summary(person)).toBe("2 rows were looked at for hired_employees: 0 would be rejected.");
  });

  test("changes how a file is read, and is told what is wrong with a field", async () => {
    const person = await personWith("write-me");
    const { page } = person;
    await choose(person, "jobs.csv", "Report\n3~Baker\n4~Judge\n");
    expect(await isOffered(person)).toBe(false);
    await page.locator("summary").click();
    await page.getByLabel("Lines to skip", { exact: true }).fill("one");
    await inspected(person, () => page.keyboard.press("Tab"));
    expect(await problem(person)).toContain("skip");
    expect(person.complaints()).toEqual([expect.stringContaining("400")]);
    await page.getByLabel("Lines to skip", { exact: true }).fill("1");
    await inspected(person, () => page.keyboard.press("Tab"));
    expect([await problem(person), await page.getByLabel("Header").isVisible()]).toEqual(["", true]);
    await page.getByLabel("Delimiter", { exact: true }).fill("~");
    await inspected(person, () => page.keyboard.press("Tab"));
    expect(await summary(person)).toBe("2 rows were looked at for jobs: 0 would be rejected.");
    expect(await faultsOf(person)).toEqual([]);
    await press(person, "Import");
    await endOfRun(person);
    expect(await rowsOf("jobs")).toEqual(ALL_JOBS);
  });

  test("tries a file by a dry run, sees its account in place, and then imports it for real", async () => {
    const person = await personWith("write-me");
    const { page } = person;
    await choose(person, "jobs.csv", `${JOBS}5,\n`);
    await page.getByLabel("Most rows that may be rejected").fill("1");
    await press(person, "Dry run");
    const tried = await lastRun();
    expect(tried).toMatchObject({ dry_run: true, counts: { jobs: { withheld: 2, rejected: 1 } } });
    await page.locator("#tried-run").getByText("dry run").first().waitFor();
    expect([page.url(), await rowsOf("jobs")]).toEqual([`${person.root}page/load`, ALL_JOBS.slice(0, 2)]);
    await press(person, "Dry run");
    await until(async () => (await listRuns(database.db, { limit: 5 })).length === 2);
    await lastRun();
    await page.locator("#tried-run").getByRole("columnheader", { name: "Withheld" }).waitFor();
    expect(await faultsOf(person)).toEqual([]);
    await press(person, "Import for real");
    expect(await endOfRun(person)).toMatchObject({ dry_run: false, counts: { jobs: { inserted: 2, rejected: 1 } } });
    expect(await rowsOf("jobs")).toEqual(ALL_JOBS);
    await page.locator(`a[href^="page/rejections?run="]`).first().waitFor();
  });

  test("is told in place why a file cannot be read, and imports all rows or none", async () => {
    const person = await personWith("write-me");
    const { page } = person;
    await choose(person, "jobs.csv", "id,code,place\n3,Baker,here\n");
    expect(await page.locator("#inspection p.bad").first().textContent()).toContain(
      "the header on line 1 does not fit",
    );
    expect(await isOffered(person)).toBe(false);
    await choose(person, "jobs.csv", gzipSync(JOBS));
    expect(await page.locator("#inspection p.bad").textContent()).toContain("end its name in .gz");
    await choose(person, "jobs.csv", "");
    expect(await problem(person)).toContain("the file is empty");
    await choose(person, "jobs.csv", `${JOBS}5,\n`);
    await page.getByLabel("All rows or none").check();
    await press(person, "Import");
    expect(await endOfRun(person)).toMatchObject({ status: "refused", counts: { jobs: { rejected: 1, withheld: 2 } } });
  });

  const cells =
    '<row r="2"><c><v>3</v></c><c t="str"><v>Baker</v></c></row><row r="3"><c><v>4</v></c><c t="str"><v>Judge</v></c></row>';
  const ndjson = '{"id":3,"job":"Baker"}\n{"id":4,"job":"Judge"}\n';
  test.each<[string, string | Uint8Array]>([
    ["jobs.csv.gz", gzipSync(JOBS)],
    ["jobs.csv.zst", zstdCompressSync(JOBS)],
    ["jobs.zip", zipOf({ name: "rows.csv", content: JOBS })],
    ["jobs.csv.zip", zipOf({ name: "rows", content: JOBS })],
    ["jobs.tsv", JOBS.replaceAll(",", "\t")],
    ["jobs.txt", JOBS],
    ["jobs-of-2021.dat", JOBS],
    ["jobs.ndjson", ndjson],
    ["jobs.json", `[${ndjson.trim().replace("\n", ",")}]`],
    ["jobs.avro", AVRO],
    ["jobs.xlsx", workbook({ rows: cells })],
  ])("loads %s", async (name, content) => {
    const person = await personWith("write-me");
    await choose(person, name, content);
    if ((await summary(person))?.includes("not known"))
      await inspected(person, () => person.page.getByLabel("Table").selectOption("jobs"));
    expect(await summary(person)).toBe("2 rows were looked at for jobs: 0 would be rejected.");
    await press(person, "Import");
    await endOfRun(person);
    expect(await rowsOf("jobs")).toEqual(ALL_JOBS);
  });

  test("loads a Parquet file, and chooses the sheet of a workbook", async () => {
    const person = await personWith("write-me");
    await database.empty();
    await choose(person, "jobs.parquet", JOBS_PARQUET);
    await press(person, "Import");
    await endOfRun(person);
    expect(await rowsOf("jobs")).toEqual([
      [1, "Baker"],
      [2, "Judge"],
    ]);
    await person.page.goto(`${person.root}page/load`);
    const sheets = '<sheet name="A" sheetId="1" r:id="r1"/><sheet name="B" sheetId="2" r:id="r2"/>';
    const book = workbook({ rows: cells, workbook: `<workbook><sheets>${sheets}</sheets></workbook>` });
    await choose(person, "jobs.xlsx", book);
    expect(await isOffered(person)).toBe(false);
    await inspected(person, () => person.page.getByLabel("Sheet: A").click());
    expect(await summary(person)).toBe("2 rows were looked at for jobs: 0 would be rejected.");
    await press(person, "Import");
    expect(await endOfRun(person)).toMatchObject({ counts: { jobs: { inserted: 2 } } });
  });

  test("leaves out many columns at once", async () => {
    const person = await personWith("write-me");
    const others = Array.from({ length: 25 }, (_, at) => `other ${at}`);
    await choose(person, "jobs.csv", `id,job,${others}\n3,Baker,${others}\n4,Judge,${others}\n`);
    expect(await isOffered(person)).toBe(false);
    await inspected(person, () => person.page.getByLabel("all other names are left out").click());
    expect(await summary(person)).toBe("2 rows were looked at for jobs: 0 would be rejected.");
    await press(person, "Import");
    await endOfRun(person);
    expect(await rowsOf("jobs")).toEqual(ALL_JOBS);
  });

  test("sees names of files, headers and cells as text, whatever they are", async () => {
    const person = await personWith("write-me");
    const script = "<script>alert(1)</script>";
    const text = `id,job,"${script}",'""><img src=x onerror=alert(1)>\n3,=HYPERLINK("x"),${script},x\n`;
    await choose(person, `jobs-${script}.csv`.replace("/", "_"), text);
    await inspected(person, () => person.page.getByLabel("Table").selectOption("jobs"));
    expect(await faultsOf(person)).toEqual([]);
    expect(await person.page.locator("#inspection :is(script, img)").count()).toBe(0);
    expect(await person.page.locator("#inspection").textContent()).toContain(script);
  });
});
