/** Exports for spreadsheet programs: formulas are shown as text, and a file that comes back has the original text. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { csvLine } from "../src/codecs/csv.ts";
import { guarded, isGuarded, unguarded } from "../src/codecs/spreadsheet.ts";
import { importSource } from "../src/ingest/import.ts";
import { appOver, posted } from "./support/app.ts";
import { run } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const database = await freshDatabase();
const app = appOver(database);
afterAll(async () => {
  await database.close();
  await removeFolders();
});
beforeEach(database.empty);

const FORMULAS = ['=HYPERLINK("http://evil.example")', "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "＝1", "'=1", "''=1"];
const PLAIN = ["'t Hooft", "a=b", "-5", "+41", "1e5"];

/** Reads an export as a spreadsheet program does, with csv-parse. */
async function sheet(path: string): Promise<string[][]> {
  const answer = await app.request(path);
  expect([answer.status, answer.headers.get("Content-Type")]).toEqual([200, "text/csv; charset=utf-8; header=present"]);
  const bytes = Buffer.from(await answer.arrayBuffer());
  expect([...bytes.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
  return parse(bytes, { bom: true });
}
const saved = async (rows: string[][]) =>
  join(await folderOf({ "sheet.csv": rows.map(csvLine).join("") }), "sheet.csv");
const replayCommand = (file: string) => run(["scripts/replay.ts", file, "--json"], { DATABASE_URL: database.url });
const jobs = async () => (await database.pool.query("SELECT job FROM jobs ORDER BY id"))[0] as { job: string }[];

test("exports are exact; with ?spreadsheet=true no cell is a formula, and a spreadsheet program can read every cell", async () => {
  const names = [...FORMULAS, ...PLAIN];
  await app.request("/jobs", posted(names.map((job, index) => ({ id: index + 1, job }))));
  const exact = await app.request("/jobs", { headers: { Accept: "text/csv" } });
  expect((parse(await exact.text()) as string[][]).slice(1).map(([, job]) => job)).toEqual(names);
  const [header, ...rows] = await sheet("/jobs?spreadsheet=true");
  expect(header).toEqual(["id", "job", "spreadsheet form"]);
  expect(rows.map(([, job]) => job)).toEqual([...FORMULAS.map((name) => `'${name}`), ...PLAIN]);
  expect(rows.every(([, , form]) => form === "yes")).toBe(true);
  const answer = await app.request("/jobs?spreadsheet=true");
  expect(answer.headers.get("Content-Disposition")).toBe('attachment; filename="jobs.csv"');
  for (const path of ["/runs?", "/hired_2021_quarter?year=2021&", "/hired_department?", "/rejections?"])
    expect((await sheet(`${path}spreadsheet=true`))[0]?.at(-1)).toBe("spreadsheet form");
  const notCsv = { headers: { Accept: "application/json" } };
  expect((await app.request("/jobs?spreadsheet=true", notCsv)).status).toBe(406);
});

test("any text written for a spreadsheet is read back unchanged", () => {
  const start = fc.stringMatching(/^'{0,3}[=+\-@\t\r＝']?/);
  fc.assert(
    fc.property(start, fc.string(), (start, rest) => {
      const cell = guarded(start + rest);
      expect(unguarded(cell)).toBe(start + rest);
      if (cell !== start + rest) expect(isGuarded(cell)).toBe(true);
    }),
  );
});

test("a table's export for spreadsheets is not imported, so that its apostrophes are not stored", async () => {
  await app.request("/jobs", posted([{ id: 1, job: "=1" }]));
  const file = await saved(await sheet("/jobs?spreadsheet=true"));
  await database.empty();
  const { code, stderr } = await run(["scripts/import.ts", file, "--table", "jobs"], { DATABASE_URL: database.url });
  expect([code, stderr]).toEqual([2, expect.stringContaining("spreadsheet form")]);
  expect(await jobs()).toEqual([]);
});

/** Makes rejections of jobs, by a file with another column order and by a request. */
async function rejected(): Promise<void> {
  const files = { "jobs.csv": 'job,id\n=1+1,x\n"Clerk, head",0\nToo,many,cells\n' };
  await importSource(database, { source: await folderOf(files), report: { say() {} } });
  await app.request(
    "/jobs",
    posted([
      { job: "'@x", title: 7 },
      { id: "9", job: "Judge" },
    ]),
  );
}

test("a table's rejections have a column for each field, and are replayed as they were mended there", async () => {
  await rejected();
  const [header = [], ...rows] = await sheet("/rejections?table=jobs&state=open&spreadsheet=true");
  expect(header).toEqual([
    ...["rejection id", "why refused", "in file", "at position", "id", "job", "as it came", "spreadsheet form"],
  ]);
  const [formula, head, many, unknown, text] = rows;
  expect(rows.map((row) => [row[4], row[5]])).toEqual([
    ["x", "'=1+1"],
    ["0", "Clerk, head"],
    ["", ""],
    ["", "''@x"],
    ["9", "Judge"],
  ]);
  expect(formula?.slice(1, 4)).toEqual(['wrong_type (id): id must be a whole number, not "x"', "jobs.csv", "2"]);
  expect(many?.[6]).toBe("Too,many,cells");
  const mend = (row: string[] | undefined, id: string) => row?.with(4, id) ?? [];
  const mended = [mend(formula, "1"), mend(head, "2"), mend(many, "3").with(5, "Baker"), unknown ?? [], text ?? []];
  const { code, stdout } = await replayCommand(await saved([header, ...mended]));
  expect([code, JSON.parse(stdout).tables.jobs]).toEqual([
    0,
    { received: 5, inserted: 5, unchanged: 0, rejected: 0, withheld: 0 },
  ]);
  const stored = (await jobs()).map(({ job }) => job);
  expect(stored.sort()).toEqual(["=1+1", "Clerk, head", "Baker", "'@x", "Judge"].sort());
});

test("a row that is still wrong is a new rejection with its old line, and is in the next sheet", async () => {
  await importSource(database, { source: await folderOf({ "jobs.csv": "id,job\nx,=A1\n" }), report: { say() {} } });
  const [header = [], row = []] = await sheet("/rejections?table=jobs&state=open&spreadsheet=true");
  await replayCommand(await saved([header, row.with(4, "y")]));
  const [, again = []] = await sheet("/rejections?table=jobs&state=open&spreadsheet=true");
  expect(again.slice(2, 7)).toEqual(["jobs.csv", "2", "y", "'=A1", "y,=A1"]);
});

test.each([
  [
    "without the column that tells what apostrophes mean",
    (rows: string[][]) => rows.map((row) => row.slice(0, -1)),
    "apostrophe",
  ],
  ["without the column of a field", (rows: string[][]) => rows.map((row) => row.toSpliced(5, 1)), "no column job"],
  ["with a row whose fields are all blank", (rows: string[][]) => rows, "all fields blank"],
])("a sheet %s is refused whole, and no row is stored", async (_, change, line) => {
  await rejected();
  const rows = await sheet("/rejections?table=jobs&state=open&spreadsheet=true");
  const { code, stderr } = await replayCommand(await saved(change(rows)));
  expect([code, stderr]).toEqual([2, expect.stringContaining(line)]);
  expect(await jobs()).toEqual([]);
});
