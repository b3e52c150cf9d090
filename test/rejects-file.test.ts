/** The circle that commands alone close: import --rejects, correct the file, replay it. And exit code 3. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { RowDataPacket } from "mysql2/promise";
import { writeRejects } from "../src/ingest/rejects-file.ts";
import { run } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const database = await freshDatabase();
const environment = { DATABASE_URL: database.url };
afterAll(async () => {
  await database.close();
  await removeFolders();
});
beforeEach(database.empty);

const command = (name: "import" | "replay", ...args: string[]) => run([`scripts/${name}.ts`, ...args], environment);
const FILES = {
  "departments.csv": "1,Sales\n",
  "jobs.csv": 'id,job\n1,Clerk\n2,\nx,"=Judge, senior"\n',
  "hired_employees.csv": "1,Ana,2021-02-30T00:00:00Z,1,1\n",
};

async function states(): Promise<string> {
  const [rows] = await database.pool.query<RowDataPacket[]>("SELECT state FROM muster_rejections ORDER BY id");
  return rows.map(({ state }) => state).join();
}

test("rejected rows of several tables are written as one sheet, corrected there and replayed", async () => {
  const folder = await folderOf(FILES);
  const file = join(folder, "rejects", "sheet.csv");
  expect((await command("import", folder, "--rejects", file)).stderr).toContain("there is no folder");
  expect(await states()).toBe("");

  const sheet = join(folder, "r.csv");
  const { code, stdout } = await command("import", folder, "--rejects", sheet);
  expect([code, await states()]).toEqual([0, "open,open,open"]);
  expect(stdout).toContain(`3 rejected rows are in ${sheet}: correct them there, then run: npm run replay -- ${sheet}`);
  expect((await stat(sheet)).mode & 0o777).toBe(0o600);
  const text = await Bun.file(sheet).text();
  const { tables } = database.dictionary;
  const columns = new Set(tables.flatMap((table) => table.columns.map(({ name }) => name)));
  expect(text.split("\r\n")[0]).toBe(
    `rejection id,why refused,of table,in file,at position,${[...columns].join(",")},as it came,spreadsheet form`,
  );
  expect(text).toContain(`jobs.csv,4,x,,"'=Judge, senior",`);

  const mended = text
    .replace("jobs.csv,3,2,,,", "jobs.csv,3,2,,Baker,")
    .replace("jobs.csv,4,x,", "jobs.csv,4,3,")
    .replace("Ana,2021-02-30", "Ana,2021-02-28");
  await Bun.write(sheet, mended);
  const replayed = await command("replay", sheet, "--fail-on-rejects");
  expect([replayed.code, await states()]).toEqual([0, "replayed,replayed,replayed"]);
  const [jobs] = await database.pool.query<RowDataPacket[]>("SELECT * FROM jobs ORDER BY id");
  expect(jobs.map(({ job }) => job)).toEqual(["Clerk", "Baker", "=Judge, senior"]);
});

test("rows that are rejected again are written to the next sheet", async () => {
  const folder = await folderOf({ "jobs.csv": "1,\n2,\n" });
  const [first, second] = [join(folder, "1.csv"), join(folder, "2.csv")];
  await command("import", folder, "--rejects", first);
  await Bun.write(first, (await Bun.file(first).text()).replace("jobs.csv,1,1,,,", "jobs.csv,1,1,,Clerk,"));
  const { code, stdout } = await command("replay", first, "--rejects", second, "--fail-on-rejects", "--json");
  expect(code).toBe(3);
  expect(JSON.parse(stdout.trim().split("\n").at(-1) ?? "")).toMatchObject({
    status: "succeeded",
    rejects: { file: second, rows: 1 },
  });
  expect((await Bun.file(second).text()).split("\r\n")).toHaveLength(3);
});

test("late rejections and more than one page of rows are in the file", async () => {
  const rows = Array.from({ length: 250 }, (_, index) => `${index + 1},\n`).join("");
  const folder = await folderOf({ "jobs.csv": `${rows}251,late\n` });
  await database.pool.query("ALTER TABLE jobs ADD CONSTRAINT no_late CHECK (job <> 'late')");
  const file = join(folder, "r.csv");
  try {
    await command("import", folder, "--rejects", file);
  } finally {
    await database.pool.query("ALTER TABLE jobs DROP CONSTRAINT no_late");
  }
  expect((await Bun.file(file).text()).trimEnd().split("\r\n")).toHaveLength(252);
});

test("without rejected rows there is no file, and the exit code is 0", async () => {
  const folder = await folderOf({ "jobs.csv": "1,Clerk\n" });
  const { code, stdout } = await command(
    "import",
    folder,
    "--rejects",
    join(folder, "r.csv"),
    "--fail-on-rejects",
    "--json",
  );
  expect([code, await readdir(folder)]).toEqual([0, ["jobs.csv"]]);
  expect(JSON.parse(stdout.trim().split("\n").at(-1) ?? "").rejects).toBeNull();
});

test("--fail-on-rejects ends an import with 3, and a refused one with 2", async () => {
  const folder = await folderOf({ "jobs.csv": "1,Clerk\n2,\n" });
  const { code, stdout } = await command("import", folder, "--fail-on-rejects", "--json");
  expect([code, JSON.parse(stdout.trim().split("\n").at(-1) ?? "").status]).toEqual([3, "succeeded"]);
  expect((await command("import", folder, "--fail-on-rejects", "--max-rejects", "0")).code).toBe(2);
  expect((await command("import", folder)).code).toBe(0);
});

test("a file that exists is refused before the import begins, and so is a dry run", async () => {
  const folder = await folderOf({ "jobs.csv": "1,\n", "r.csv": "precious" });
  const file = join(folder, "r.csv");
  for (const [flags, why] of [
    [["--rejects", file], "exists already"],
    [["--rejects", `${file}x`, "--dry-run"], "a dry run keeps no rejected rows"],
  ] as const) {
    const { code, stderr } = await command("import", folder, ...flags);
    expect(code).toBe(2);
    expect(stderr).toContain(why);
  }
  expect([await Bun.file(file).text(), await states()]).toEqual(["precious", ""]);
});

test("a file that cannot be written does not undo the import: the line says how to get the rows", async () => {
  const folder = await folderOf({ "jobs.csv": "1,Clerk\n2,\n" });
  // The name is as long as names may be, so the draft beside it cannot be made.
  const file = join(folder, `${"r".repeat(251)}.csv`);
  const { code, stderr } = await command("import", join(folder, "jobs.csv"), "--rejects", file);
  expect(code).toBe(1);
  expect(stderr.trim().split("\n").at(-1)).toMatch(
    /^the import is done, but .*rrr\.csv .*cannot be used: its name is too long .* run npm run replay -- --run [-\w]+ --rejects FILE/,
  );
  expect(await states()).toBe("open");
});

test("a file that comes while the rejected rows are written is not overwritten, and no draft is left", async () => {
  const folder = await folderOf({ "jobs.csv": "1,\n2,\n" });
  await command("import", folder);
  const [runs] = await database.pool.query<RowDataPacket[]>("SELECT id FROM muster_runs");
  const file = join(folder, "sheet.csv");
  const write = () => writeRejects(database, [String(runs[0]?.id)], file);
  const outcomes = await Promise.allSettled([write(), write()]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect((await Bun.file(file).text()).trim().split("\r\n")).toHaveLength(3);
  expect((await readdir(folder)).sort()).toEqual(["jobs.csv", "sheet.csv"]);
});
