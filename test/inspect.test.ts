/** inspect: what it says about files, that it stores nothing, and that import reads by what it saves. */

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { cpSync, existsSync, readdirSync, readFileSync, statSync, truncateSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { readTokens } from "../src/http/auth.ts";
import { importSource } from "../src/ingest/import.ts";
import type { FileInspection } from "../src/ingest/inspect-file.ts";
import { inspectSource } from "../src/ingest/inspect-source.ts";
import { RECIPE_FILE } from "../src/read/recipes/recipe.ts";
import { folderToSave, recipeOfFiles, saveRecipe } from "../src/read/recipes/save-recipe.ts";
import { listRuns } from "../src/repositories/run-log.ts";
import { putText } from "../src/s3/objects.ts";
import { appOver } from "./support/app.ts";
import { containerOf, long, record, sized } from "./support/avro.ts";
import { type Finished, start } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { dictionary } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { CASES, withoutCases } from "./support/missing.ts";
import { settingsFor, startS3 } from "./support/s3.ts";
import { workbook } from "./support/workbook.ts";

const database = await freshDatabase();
const app = appOver(database, { store: new DirectoryStore(await folderOf({})) });
afterAll(async () => {
  await database.close();
  await removeFolders();
});
beforeEach(database.empty);

/** Two rows of jobs, written by pyarrow. */
const PARQUET = Buffer.from(
  "UEFSMRUEFRAVFBWbuK2/BDwVBBUAEgAACBwBAAAAAgAAABUAFQYVChWLiMDyDxwVBBUQFQYVBhwAAAADCAEDAhUEFSQVKBXVw9f3BzwVBBUAEgAAEkQFAAAAQmFrZXIFAAAASnVkZ2UVABUSFRYV+4qedBwVBBUQFQYVBhwAAAAJIAIAAAAEAQEDAhUEGTw1ABgGc2NoZW1hFQQAFQIlABgCaWQAFQwlAhgDam9iJQBMHAAAABYEGRwZLCYAHBUCGTUABhAZGAJpZBUCFgQWcBZ4JkQmCCksFQQVABUCABUAFRAVAgAAACYAHBUMGTUABhAZGANqb2IVAhYEFo4BFpYBJtABJoABKSwVBBUAFQIAFQAVEBUCADwWFBkGGSYABAAAABb+ARYEJggWjgIAKCBwYXJxdWV0LWNwcC1hcnJvdyB2ZXJzaW9uIDI2LjAuMRksHAAAHAAAAM8AAABQQVIx",
  "base64",
);
const nothingSaid = { say: () => {} };

/** Inspects a folder, saves what is certain, and imports the folder by it. */
async function circle(folder: string) {
  const { files, areAll } = await inspectSource(folder, database.pool, { dictionary });
  const recipe = recipeOfFiles(
    files.map(({ name, certain }) => ({ name, recipe: certain })),
    areAll,
  );
  if (recipe) await saveRecipe(await folderToSave(folder), recipe);
  const outcome = await importSource(database, { source: folder, report: nothingSaid }).catch((error) => error);
  if (outcome instanceof Error) return { files, error: outcome.message };
  const counts = Object.entries<{ inserted: number; rejected: number }>(outcome.tables);
  return {
    files,
    counts: Object.fromEntries(counts.map(([table, { inserted, rejected }]) => [table, [inserted, rejected]])),
  };
}

/** How many rows of each table are inserted and rejected, or the line that refuses the import. */
type Outcome = Record<string, [number, number]> | RegExp;
const PARENTS: Record<string, [number, number]> = { departments: [3, 0], jobs: [3, 0] };

describe("what inspect saves, import reads:", () => {
  test.skipIf(withoutCases !== "").each<[string, Outcome]>([
    ["01-header-trailing-comma-other-order/in", /cell 6 has no name/],
    ["01-header-trailing-comma-other-order/empty-name", /cell 2 has no name|name is missing/],
    ["01-header-trailing-comma-other-order/both", { jobs: [2, 0] }],
    ["01-header-trailing-comma-other-order/rows", { jobs: [2, 0] }],
    ["02-title-row-above-header/in", { ...PARENTS, hired_employees: [2, 0] }],
    ["02-title-row-above-header/year-above", { ...PARENTS, hired_employees: [2, 0] }],
    ["02-title-row-above-header/broken-quote-header", /cannot be read/],
    ["04-crcrlf-line-ends/in", /its lines end in/],
    ["06-utf16-from-excel/in", { jobs: [2, 0] }],
    ["06-utf16-from-excel/tab", { jobs: [1, 0] }],
    ["06-utf16-from-excel/nobom", { jobs: [2, 0] }],
    ["08-excel-sep-line/in", { jobs: [2, 0] }],
    ["08-excel-sep-line/semi", { jobs: [2, 0] }],
    ["08-excel-sep-line/other-order", { ...PARENTS, hired_employees: [1, 0] }],
    ["09-semicolon-delimiter/in", { jobs: [2, 0] }],
    ["09-semicolon-delimiter/noheader", { jobs: [2, 0] }],
    ["09-semicolon-delimiter/comma-in-text", { jobs: [3, 0] }],
    ["11-mysql-export/plain", { jobs: [3, 1] }],
    ["13-pandas-float-ids/in", { ...PARENTS, hired_employees: [1, 2] }],
    ["13-pandas-float-ids/ndjson", { ...PARENTS, hired_employees: [1, 0] }],
    ["15-header-case-and-spaces/in", { jobs: [1, 0] }],
    ["15-header-case-and-spaces/spaces", { jobs: [1, 0] }],
    ["15-header-case-and-spaces/names", /--columns/],
    ["16-extra-column/in", /--ignore updated_at/],
    ["16-extra-column/later", { jobs: [1, 1] }],
    ["16-extra-column/ndjson", { jobs: [0, 1] }],
    ["18-datetime-spellings/in", { ...PARENTS, hired_employees: [9, 15] }],
    ["20-spark-directories/in", { ...PARENTS, hired_employees: [1, 0] }],
    ["20-spark-directories/onlydir", { jobs: [1, 0] }],
    ["20-spark-directories/partitioned", { ...PARENTS, hired_employees: [2, 0] }],
    ["21-hidden-and-checksums/in", { jobs: [3, 0] }],
    ["23-json-forms/array", { jobs: [2, 0] }],
    ["23-json-forms/arraylines", { jobs: [2, 0] }],
    ["23-json-forms/pretty", /JSON over several lines/],
    ["23-json-forms/values", { jobs: [3, 8] }],
    ["24-other-compressions/one/jobs.csv.zst", { jobs: [3, 0] }],
    ["24-other-compressions/one/jobs.csv.zip", { jobs: [3, 0] }],
    ["25-multi-member-gzip/in", { jobs: [3, 0] }],
    ["25-multi-member-gzip/headers", { jobs: [2, 0] }],
    ["35-empty-files/header", { jobs: [0, 0] }],
    ["37-number-spellings/in", /.*/],
    ["40-quoted-newlines/in", /.*/],
    ["41-stray-quotes/in", /.*/],
    ["45-header-forms/bomquoted", { jobs: [1, 0] }],
    ["45-header-forms/dup", /id stands 2 times/],
    ["45-header-forms/oddorder", { ...PARENTS, hired_employees: [1, 0] }],
  ])(`%s${withoutCases}`, async (name, expected) => {
    const folder = await folderOf({});
    const isFile = statSync(join(CASES, name)).isFile();
    cpSync(join(CASES, name), isFile ? join(folder, basename(name)) : folder, { recursive: true });
    const { error, counts } = await circle(folder);
    if (expected instanceof RegExp) expect(error ?? JSON.stringify(counts)).toMatch(expected);
    else expect(counts ?? error).toEqual(expected);
  });
});

/** Inspects one file of a folder, in this process. */
async function inspected(files: Record<string, string | Buffer>, options = {}): Promise<FileInspection> {
  const { files: found } = await inspectSource(await folderOf(files), database.pool, { dictionary, ...options });
  const [only] = found;
  if (!only) throw new Error("no file was inspected");
  return only;
}

const doubts = ({ found }: FileInspection) => found.flatMap(({ part, doubt }) => (doubt === undefined ? [] : [part]));

describe("what is doubtful is named, and not saved:", () => {
  test("day and month, if both readings are possible, with the options of both", async () => {
    const text = "id,name,datetime,department_id,job_id\n1,Ana,03/04/2021 08:00,1,1\n2,Bo,05/06/2021 09:30,1,1\n";
    const { found, proposed, certain, counts } = await inspected({ "hired_employees.csv": text });
    const dates = found.find(({ part }) => part === "dates");
    expect(dates?.choices).toEqual(["--datetime 'dd/MM/yyyy HH:mm'", "--datetime 'MM/dd/yyyy HH:mm'"]);
    expect([proposed, certain, counts.rejected]).toEqual([{}, {}, 2]);
  });

  test("the zone, also if the format is certain", async () => {
    const text = "id,name,datetime,department_id,job_id\n1,Ana,31/12/2021 08:00,1,1\n";
    const file = await inspected({ "hired_employees.csv": text });
    expect(file.certain).toEqual({ datetime: { formats: ["dd/MM/yyyy HH:mm"] } });
    expect(doubts(file)).toEqual(["zone"]);
    expect(file.error).toContain("--zone");
    const options = { options: { datetime: { zone: "America/Bogota" } } };
    const zoned = await inspected({ "hired_employees.csv": text }, options);
    expect([doubts(zoned), zoned.error]).toEqual([[], undefined]);
    expect(zoned.reasons.map(({ code }) => code)).toEqual(["unknown_reference", "unknown_reference"]);
  });

  test("an encoding of single bytes, with the words that it gives", async () => {
    const file = await inspected({ "jobs.csv": Buffer.from("id,job\n1,Peluquer\xeda\n", "latin1") });
    expect(doubts(file)).toEqual(["encoding"]);
    expect(file.found.find(({ part }) => part === "encoding")?.doubt).toContain("Peluquería");
    expect([file.proposed, file.certain]).toEqual([{ encoding: "windows-1252" }, {}]);
    expect(file.rows[0]?.row).toEqual({ id: 1, job: "Peluquería" });
    const confirmed = await inspected(
      { "jobs.csv": Buffer.from("id,job\n1,Peluquer\xeda\n", "latin1") },
      { options: { encoding: "latin1" } },
    );
    expect([doubts(confirmed), confirmed.certain]).toEqual([[], { encoding: "latin1" }]);
  });

  test("names in another language, by what stands below them", async () => {
    const text =
      "Id;Empleado;Fecha;Depto;Cargo;Observaciones\n1;Ana;31/12/2021 08:00;1;2;\n2;Bo;05/01/2022 17:30;2;3;x\n";
    const { columns, proposed, certain } = await inspected({ "hired_employees.csv": text });
    expect(Object.fromEntries(columns.map(({ name, column }) => [name, column]))).toEqual({
      ...{ Id: "id", Empleado: "name", Fecha: "datetime", Depto: "department_id", Cargo: "job_id" },
      Observaciones: null,
    });
    expect(proposed.ignore).toEqual(["Observaciones"]);
    expect(certain).toEqual({ delimiter: ";", datetime: { formats: ["dd/MM/yyyy HH:mm"] } });
  });

  test("names that are near a column's, names that are no column's, and a file without ids", async () => {
    const near = await inspected({ "jobs.csv": "job number,job title,Remarks\n1,Baker,x\n" });
    expect(near.columns.map(({ column }) => column)).toContain("job");
    expect(near.certain).toEqual({});
    const without = await inspected({ "jobs.csv": "job\nBaker\nJudge\n" });
    expect(without.proposed).toEqual({ ids: "database" });
    expect([doubts(without), without.certain]).toEqual([["ids"], {}]);
  });
});

describe("what is certain is read:", () => {
  test("names that differ in case, blanks and _ alone", async () => {
    const text = "ID;Name;Date Time;Department ID;Job-Id\n1;Ana;2021-01-01T00:00:00Z;1;1\n";
    const { certain, columns } = await inspected({ "hired_employees.csv": text });
    expect(columns.map(({ column }) => column)).toEqual(["id", "name", "datetime", "department_id", "job_id"]);
    expect(certain).toMatchObject({
      delimiter: ";",
      columns: { "Department ID": "department_id", "Job-Id": "job_id" },
    });
  });

  test("Excel's CSV: semicolons, decimal commas, blank rows at its end", async () => {
    const text = "id;job\r\n1,0;Baker\r\n2,0;Judge\r\n;\r\n;\r\n";
    const { certain, counts } = await inspected({ "jobs.csv": text });
    expect(certain).toEqual({ delimiter: ";", dialect: "excel", decimal: ",", wholeDecimals: true });
    expect(counts).toEqual({ read: 2, inserted: 2, unchanged: 0, rejected: 0 });
  });

  test("pandas: its index, whole numbers as floats, NaN", async () => {
    const text =
      ",id,name,datetime,department_id,job_id\n0,1,Ana,2021-01-01 00:00:00+00:00,1.0,NaN\n1,2,Bo,2021-01-01 00:00:00+00:00,2.0,3.0\n";
    const file = await inspected({ "hired_employees.csv": text });
    expect(file.certain).toEqual({ dialect: "pandas", ignore: [""] });
    expect([doubts(file), file.error]).toEqual([[], undefined]);
  });

  test("MySQL's own export: tabs, \\N and backslashes", async () => {
    const { certain, rows } = await inspected({ "jobs.txt": "1\tClerk \\\\ archive\n2\tTool\\\tmaker\n3\t\\N\n" });
    expect(certain).toEqual({ dialect: "mysql" });
    expect(rows.map(({ row, status }) => row?.job ?? status)).toEqual(["Clerk \\ archive", "Tool\tmaker", "rejected"]);
  });

  test("pipes, comments above the header, and a delimiter after each row", async () => {
    const text = "# made by a program\n# 2021\nid|job|\n1|Baker|\n2|Judge|\n";
    const { certain, counts } = await inspected({ "jobs.csv": text });
    expect(certain).toEqual({ delimiter: "|", comment: "#", trailingColumn: true });
    expect(counts.inserted).toBe(2);
  });

  test("Avro with other names and fields that the table lacks", async () => {
    const schema = record({ ID: "int", job: "string", extra: "string" });
    const block = { count: 1, data: Buffer.concat([long(1), sized("Baker"), sized("x")]) };
    const bytes = await containerOf(schema, "null", block);
    const { columns, certain, proposed, rows } = await inspected({ "jobs.avro": bytes });
    expect(columns.map(({ column }) => column)).toEqual(["id", "job", null]);
    expect([certain, proposed.ignore]).toEqual([{ columns: { ID: "id" } }, ["extra"]]);
    expect(rows[0]?.row).toEqual({ id: 1, job: "Baker" });
  });

  test("Parquet, whose names say the table", async () => {
    const folder = await folderOf({ "export.parquet": PARQUET });
    const { files } = await inspectSource(join(folder, "export.parquet"), database.pool, { dictionary });
    expect(files[0]).toMatchObject({ table: "jobs", certain: { table: "jobs" }, counts: { inserted: 2 } });
    const request = { method: "POST", headers: { "Content-Type": "application/vnd.apache.parquet" } };
    const whole = await app.request("/inspect", { ...request, body: PARQUET });
    expect(await whole.json()).toMatchObject({ table: "jobs", error: null, counts: { read: 2 } });
    const cut = await app.request("/inspect?table=jobs", { ...request, body: PARQUET.subarray(0, -20) });
    expect(await cut.json()).toMatchObject({ error: expect.stringContaining("complete=true") });
  });

  test("a file whose name says no table, by its header", async () => {
    const folder = await folderOf({ "export.csv": "id,job\n1,Baker\n", "other.csv": "a,b\n1,2\n" });
    const { files } = await inspectSource(join(folder, "export.csv"), database.pool, { dictionary });
    expect(files[0]).toMatchObject({ table: "jobs", certain: { table: "jobs" }, flags: "--table jobs" });
    const { files: others } = await inspectSource(join(folder, "other.csv"), database.pool, { dictionary });
    expect(others[0]).toMatchObject({ table: null, error: expect.stringContaining("--table") });
  });
});

test("rows are judged against what is stored, and against the parents in the same source", async () => {
  await database.pool.query("INSERT INTO jobs VALUES (1, 'Baker'), (2, 'Judge')");
  const folder = await folderOf({
    "departments.csv": "id,department\n7,Fleet\n",
    "hired_employees.csv": "1,Ana,2021-01-01T00:00:00Z,7,1\n2,Bo,2021-01-01T00:00:00Z,8,1\n",
    "jobs.csv": "1,Baker\n2,Tailor\n3,Cook\n",
  });
  const { files } = await inspectSource(folder, database.pool, { dictionary });
  const statuses = files.map(({ table, rows }) => [table, ...rows.map(({ status }) => status)]);
  expect(statuses).toEqual([
    ["departments", "inserted"],
    ["hired_employees", "inserted", "rejected"],
    ["jobs", "unchanged", "rejected", "inserted"],
  ]);
  expect(await listRuns(database.db, { limit: 1 })).toEqual([]);
});

test("says what to load first if a table that the rows refer to is empty", async () => {
  const hires = await folderOf({ "hired_employees.csv": "1,Ana,2021-04-03T15:00:00Z,1,1\n" });
  const notes = async () => (await inspectSource(hires, database.pool, { dictionary })).files[0]?.notes;
  const first = (parent: string) => `${parent} has no rows yet, and hired_employees refers to it: load ${parent} first`;
  expect(await notes()).toEqual([first("departments"), first("jobs")]);
  await database.pool.query("INSERT INTO jobs VALUES (2, 'Cook')");
  expect(await notes()).toEqual([first("departments")]);
  await database.pool.query("INSERT INTO departments VALUES (1, 'Sales')");
  expect(await notes()).toEqual([]);
});

test("only the start of a large file is read", async () => {
  const row = `1,${"x".repeat(200)}\n`;
  const folder = await folderOf({ "jobs.csv": `id,job\n${row.repeat(200_000)}` });
  // A hole of 1 TB takes no space, and would take hours to read.
  truncateSync(join(folder, "jobs.csv"), 2 ** 40);
  const { files } = await inspectSource(folder, database.pool, { dictionary });
  expect(files[0]?.counts.read).toBe(1000);
});

test("objects of a bucket are inspected like files", async () => {
  const s3 = await startS3();
  try {
    await putText(s3.locate("in/"), "jobs-1.csv", "id;job\n1;Baker\n");
    await putText(s3.locate("in/"), "jobs-2.csv", `id;job\n${"2;Judge\n".repeat(500_000)}`);
    const { files } = await inspectSource("s3://muster-test/in/", database.pool, {
      dictionary,
      s3: settingsFor(s3.endpoint),
    });
    expect(files.map(({ name, certain, counts }) => [name, certain, counts.read])).toEqual([
      ["jobs-1.csv", { delimiter: ";" }, 1],
      ["jobs-2.csv", { delimiter: ";" }, 1000],
    ]);
  } finally {
    await s3.stop();
  }
});

test("a sheet of a workbook is inspected like CSV: names in it are proposed, and its sheets are named", async () => {
  const row = '<row r="2"><c r="A2"><v>7</v></c><c r="B2" t="inlineStr"><is><t>Baker</t></is></c></row>';
  const cargo = workbook({ rows: row, head: ["id", "Cargo"] });
  const file = await inspected({ "jobs.xlsx": cargo });
  expect(file).toMatchObject({
    proposed: { columns: { Cargo: "job" } },
    counts: { inserted: 1 },
    flags: "--columns Cargo=job",
  });
  expect(file.found.map(({ part, doubt }) => [part, doubt !== undefined])).toEqual([
    ["format", false],
    ["header", false],
    ["columns", false],
    ["columns", true],
  ]);
  const sheets = '<sheet name="A" sheetId="1" r:id="r1"/><sheet name="B" sheetId="2" r:id="r2"/>';
  const two = await inspected({
    "jobs.xlsx": workbook({ rows: row, workbook: `<workbook><sheets>${sheets}</sheets></workbook>` }),
  });
  expect(two.error).toContain('the workbook has 2 sheets, "A", "B": name the one to read with --sheet A');
  expect(two.found.find(({ part }) => part === "sheet")).toMatchObject({
    ...{ is: "unknown", choices: ["--sheet A", "--sheet B"], parameters: ["sheet=A", "sheet=B"] },
  });
});

test("hostile files are shown as such", async () => {
  const folder = await folderOf({
    "jobs-1.csv": Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * 197) % 256)),
    "jobs-2.csv": '"'.repeat(300_000),
    "jobs-3.csv": ",".repeat(300_000),
    "jobs-4.csv.gz": gzipSync(Buffer.alloc(64 * 1024 * 1024)),
    "jobs-5.avro": "Obj\x01",
    "jobs-6.csv.gz": "no gzip",
    "jobs-7.json": "[".repeat(100_000),
    "jobs-8.csv": "\n".repeat(300_000),
    "jobs-9.csv": "",
  });
  const { files } = await inspectSource(folder, database.pool, { dictionary });
  const inserted = files.map(({ name, counts }) => [name, counts.inserted]);
  expect(inserted).toEqual(files.map(({ name }) => [name, 0]));
  const fine = files.filter(({ error, counts }) => error === undefined && counts.rejected === 0);
  // These have no rows: one has a row of blanks alone, which is said, the others have lines without cells or nothing.
  expect(fine.map(({ name, counts }) => [name, counts.read])).toEqual([
    ["jobs-3.csv", 0],
    ["jobs-8.csv", 0],
    ["jobs-9.csv", 0],
  ]);
});

describe("the command", () => {
  const inspect = async (...args: string[]): Promise<Finished> => {
    const running = start(["scripts/inspect.ts", ...args], { DATABASE_URL: database.url });
    const [stdout, stderr] = await Promise.all([
      new Response(running.stdout).text(),
      new Response(running.stderr).text(),
    ]);
    return { code: await running.exited, stdout, stderr };
  };

  test("prints the evidence, saves what is certain, and refuses to save over it", async () => {
    const folder = await folderOf({ "jobs.csv": "id;job\n1;Baker\n" });
    const { code, stdout } = await inspect(folder, "--save");
    expect([code, stdout]).toEqual([0, expect.stringContaining("2 cells a record in all 2 records with `;`")]);
    expect(stdout).toContain(`--delimiter ';'`);
    const path = join(folder, RECIPE_FILE);
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ files: [{ delimiter: ";" }] });
    expect(readdirSync(folder).sort()).toEqual(["jobs.csv", RECIPE_FILE]);
    const again = await inspect(folder, "--save");
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("exists")]);
    const s3 = await inspect("s3://bucket/x/", "--save");
    expect([s3.code, s3.stderr]).toEqual([2, expect.stringContaining("--save")]);
  });

  test("saves the recipe of one file for that file alone, and of several files for each", async () => {
    const folder = await folderOf({ "people.csv": "id;job\n1;Baker\n", "jobs.csv": "2,Judge\n" });
    expect((await inspect(join(folder, "people.csv"), "--save")).code).toBe(0);
    const saved = (of: string) => JSON.parse(readFileSync(join(of, RECIPE_FILE), "utf8")).files;
    expect(saved(folder)).toEqual([{ match: "people.csv", table: "jobs", delimiter: ";" }]);
    const outcome = await importSource(database, { source: folder, report: nothingSaid });
    expect(outcome.tables.jobs).toMatchObject({ received: 2, inserted: 2 });
    const others = await folderOf({ "jobs-1.csv": "id;job\n3;Cook\n", "jobs-2.csv": "id|job\n4|Pilot\n" });
    expect((await inspect(others, "--save")).code).toBe(0);
    expect(saved(others)).toEqual([
      { match: "jobs-1.csv", delimiter: ";" },
      { match: "jobs-2.csv", delimiter: "|" },
    ]);
  });

  test("ends with 2 if a file cannot be read, and names it", async () => {
    const folder = await folderOf({ "jobs.csv": "id,job\n1,Baker\n", "departments.csv": "id,id\n1,2\n" });
    const { code, stdout, stderr } = await inspect(folder, "--json", "--save");
    expect([code, stderr]).toEqual([2, expect.stringContaining("departments.csv cannot be read")]);
    expect(JSON.parse(stdout.trim().split("\n").at(-1) ?? "")).toMatchObject({ status: "refused", saved: [] });
    expect(existsSync(join(folder, RECIPE_FILE))).toBe(false);
  });

  test("inspects without a database, and says that ids and references are not checked", async () => {
    const folder = await folderOf({ "jobs.csv": "id,job\n1,Baker\n" });
    const running = start(["scripts/inspect.ts", folder], { DATABASE_URL: "mysql://nobody@127.0.0.1:1/none" });
    const stdout = await new Response(running.stdout).text();
    expect([await running.exited, stdout]).toEqual([0, expect.stringContaining("ids and references are not checked")]);
  });
});

describe("POST /inspect", () => {
  const ask = (query: string, body: string | Buffer, headers: Record<string, string> = {}) =>
    app.request(`/inspect${query}`, {
      method: "POST",
      body: typeof body === "string" ? body : new Uint8Array(body),
      headers: { "Content-Type": "text/csv", ...headers },
    });

  test("answers what the first part of a file is, without its last line, and stores nothing", async () => {
    const answer = await ask("?table=jobs&name=jobs.csv", "id;job\n1;Baker\n2;Jud");
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      ...{ name: "jobs.csv", table: "jobs", parameters: "delimiter=;", error: null, certain: { delimiter: ";" } },
      rows: [{ position: 2, status: "inserted", row: { id: 1, job: "Baker" } }],
    });
    const whole = await ask("?table=jobs&complete=true", "1,Baker\n2,Judge");
    expect(await whole.json()).toMatchObject({ counts: { read: 2, inserted: 2 } });
    expect(await listRuns(database.db, { limit: 1 })).toEqual([]);
  });

  test("takes packed and cut bodies, UTF-16, JSON and the parts of a recipe", async () => {
    const rows = Array.from({ length: 5000 }, (_, at) => `${at + 1},Job ${at}`).join("\n");
    const packed = gzipSync(rows);
    const zipped = await ask("?table=jobs", packed.subarray(0, packed.length - 20), { "Content-Encoding": "gzip" });
    expect(await zipped.json()).toMatchObject({ error: null, counts: { read: 1000 } });
    const wide = Buffer.from("\uFEFFid\tjob\r\n1\tBäcker\r\n2\tJu", "utf16le");
    const answer = await ask("?table=jobs", wide);
    expect(await answer.json()).toMatchObject({ parameters: "encoding=utf-16le&delimiter=tab", counts: { read: 1 } });
    const json = await ask("", '[{"id":1,"job":"Baker"},{"id":2,"jo', { "Content-Type": "application/json" });
    expect(await json.json()).toMatchObject({ table: "jobs", error: null, counts: { read: 1 } });
    const given = await ask("?table=jobs&columns=Nr=id", "Nr,job\n1,Baker\n");
    expect(await given.json()).toMatchObject({ error: null, proposed: { columns: { Nr: "id" } } });
  });

  test("needs the reader's role, a body of at most a mebibyte, and no unknown parameter", async () => {
    const tokens = readTokens("reader:reads");
    const guarded = appOver(database, { tokens });
    const post = (headers: Record<string, string>, body = "1,Baker\n") =>
      guarded.request("/inspect?table=jobs", {
        method: "POST",
        body,
        headers: { "Content-Type": "text/csv", ...headers },
      });
    expect((await post({})).status).toBe(401);
    expect((await post({ Authorization: "Bearer reads" })).status).toBe(200);
    expect((await post({ Authorization: "Bearer reads" }, "x".repeat(1024 * 1024 + 1))).status).toBe(413);
    expect((await ask("?tables=jobs", "1,Baker\n")).status).toBe(400);
    expect((await ask("?table=jobs", "")).status).toBe(400);
  });
});
