/** Several sources in one import, folders in folders, and the same from S3. */

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import type { RowDataPacket } from "mysql2";
import { importSource } from "../src/ingest/import.ts";
import { nameOfAll, namesApart } from "../src/read/sources/several-sources.ts";
import { type OpenSource, openSource } from "../src/read/sources/source.ts";
import { listRejections } from "../src/repositories/rejection-log.ts";
import { listRuns } from "../src/repositories/run-log.ts";
import { putText } from "../src/s3/objects.ts";
import { run } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { dictionary } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { settingsFor, startS3 } from "./support/s3.ts";

const database = await freshDatabase();
const s3 = await startS3();
afterAll(async () => {
  await database.close();
  await s3.stop();
  await removeFolders();
});
beforeEach(async () => {
  await database.empty();
  s3.reset();
});

const open = (locations: string[], how: Partial<OpenSource> = {}) =>
  openSource({ dictionary, locations, s3: settingsFor(s3.endpoint), ...how });

async function load(source: string[], table?: "jobs") {
  const said: string[] = [];
  const report = { say: (line: string) => void said.push(line) };
  const outcome = await importSource(database, { source, table, report, s3: settingsFor(s3.endpoint) });
  return { ...outcome, said };
}

async function jobs(): Promise<number[]> {
  const [rows] = await database.pool.query<RowDataPacket[]>("SELECT id FROM jobs ORDER BY id");
  return rows.map(({ id }) => id);
}

const namesIn = async (files: Record<string, string>, how?: Partial<OpenSource>) =>
  (await open([await folderOf(files)], how)).files.map(({ table, name }) => [table, name] as const);

describe("several sources", () => {
  test("are imported together, parents first", async () => {
    const employees = await folderOf({ "hired_employees.csv": "1,Ida,2021-03-01T08:00:00Z,1,2\n" });
    const parents = await folderOf({ "departments.csv": "1,Sales\n", "list.txt": "2,Clerk\n" });
    await putText(s3.locate("hr/"), "jobs.csv", "2,Clerk\n");
    const { tables, run } = await load([employees, join(parents, "departments.csv"), "s3://muster-test/hr/"]);
    expect(tables).toMatchObject({
      departments: { inserted: 1 },
      jobs: { inserted: 1 },
      hired_employees: { inserted: 1, rejected: 0 },
    });
    expect((await listRuns(database.db, { limit: 1 }))[0]).toMatchObject({
      id: run,
      source: [employees, join(parents, "departments.csv"), "s3://muster-test/hr/"].sort().join(", "),
    });
  });

  test("are known by all their names: in another order they supersede the rejections of the import before", async () => {
    const [one, two] = [await folderOf({ "jobs.csv": "1,\n" }), await folderOf({ "jobs.csv": "2,\n" })];
    await load([one, two]);
    await load([`${two}/`, join(one, ".")]);
    expect(await listRejections(database.db, { limit: 9, state: "open" })).toHaveLength(2);
    await load([one]);
    expect(await listRejections(database.db, { limit: 9, state: "open" })).toHaveLength(3);
  });

  test("with files of one name are told apart in the rejections", async () => {
    const folder = await folderOf({ "2021/jobs.csv": "1,\n", "2022/jobs.csv": "2,\n", "jobs.csv": "3,\n" });
    await load([join(folder, "2021"), join(folder, "2022/jobs.csv"), join(folder, "jobs.csv")]);
    const files = (await listRejections(database.db, { limit: 9 }))?.map(({ file }) => file).sort();
    const last = folder.slice(folder.lastIndexOf("/") + 1);
    expect(files).toEqual(["2021/jobs.csv", "2022/jobs.csv", `${last}/jobs.csv`]);
  });

  test("read a file once that is named twice, by itself, in its folder and by a link", async () => {
    const folder = await folderOf({ "jobs.csv": "1,Clerk\n", "departments.csv": "1,Sales\n" });
    await symlink(join(folder, "jobs.csv"), join(folder, "jobs-link.csv"));
    const { tables, said } = await load([folder, join(folder, "jobs.csv"), `${folder}/`]);
    expect(tables.jobs).toMatchObject({ received: 1, inserted: 1 });
    expect(said).toEqual([
      `${folder}/ is named twice, and is read once`,
      `Skipped ${folder}/jobs.csv: it is the same file as ${folder}/jobs-link.csv, and is read once`,
      expect.stringContaining("jobs.csv: it is the same file as"),
    ]);
  });

  test("are refused if one of them has nothing to read", async () => {
    const folder = await folderOf({ "jobs.csv": "1,Clerk\n", "notes/a.pdf": "x", _SUCCESS: "" });
    for (const wrong of ["notes", "_SUCCESS", "none"]) {
      const paths = [join(folder, "jobs.csv"), join(folder, wrong)];
      const { code, stderr } = await run(["scripts/import.ts", ...paths], { DATABASE_URL: database.url });
      expect([code, stderr]).toEqual([2, expect.stringMatching(/has no file that is read|there is no file/)]);
    }
    expect(await jobs()).toEqual([]);
  });

  test("may not be empty, as a shell makes of a variable that is not set", async () => {
    await expect(open([""])).rejects.toThrow("a SOURCE is empty");
  });

  test("may be a thousand, as a shell makes of *.csv", async () => {
    const files = Array.from({ length: 1000 }, (_, at) => [`jobs-${at}.csv`, `${at + 1},Clerk\n`]);
    const folder = await folderOf(Object.fromEntries(files));
    const { tables } = await load(files.map(([name]) => join(folder, name ?? "")));
    expect(tables.jobs).toMatchObject({ inserted: 1000 });
    const [{ source } = { source: null }] = await listRuns(database.db, { limit: 1 });
    expect(source).toMatch(/^\/.*\.\.\. 1000 sources, sha256:[0-9a-f]{64}$/);
  });

  test("are each read by the recipe beside its files, and one for all by --recipe", async () => {
    const recipe = JSON.stringify({ files: [{ match: "*.dat", table: "jobs", delimiter: ";" }] });
    const one = await folderOf({
      "a.dat": "1;Clerk\n",
      "muster.recipe.json": recipe,
      "2021/muster.recipe.json": recipe,
    });
    const two = await folderOf({ "jobs.csv": "2,Judge\n" });
    const { tables, said } = await load([one, two]);
    expect(tables.jobs).toMatchObject({ inserted: 2 });
    expect(said).toEqual([
      expect.stringContaining("Read by the recipe muster.recipe.json beside the files"),
      expect.stringMatching(
        /^Skipped .*2021\/muster\.recipe\.json: only the muster\.recipe\.json of the source's own folder/,
      ),
    ]);
    await expect(open([one, two], { recipe: { files: [{ match: "x" }] } })).rejects.toThrow("has no file that is read");
  });

  test("with --table may have any names, but not that of another table", async () => {
    const folder = await folderOf({ "a.txt": "1,Clerk\n", "b.csv": "2,Judge\n", "departments.csv": "3,Sales\n" });
    const paths = ["a.txt", "b.csv", "departments.csv"].map((name) => join(folder, name));
    expect((await load(paths.slice(0, 2), "jobs")).tables.jobs).toMatchObject({ inserted: 2 });
    await expect(open(paths, { only: "jobs" })).rejects.toThrow(
      "departments.csv is named for departments, and --table is jobs",
    );
  });
});

describe("folders in folders", () => {
  test.each<[string, Record<string, string>]>([
    ["below a table's folder", { "jobs/2021/11/a.csv": "jobs", "jobs/b.csv": "jobs" }],
    ["of years", { "2021/departments.csv": "departments", "2021/jobs.csv": "jobs", "2022/jobs-1.csv": "jobs" }],
    ["of Spark", { "departments/part-0.csv": "departments", "out/jobs.csv/part-00000-abc.csv": "jobs" }],
    ["of Hive", { "jobs/year=2021/month=1/part-0.csv": "jobs" }],
    ["of one table twice", { "jobs/jobs.csv": "jobs" }],
  ])("%s are read to the end, in the order of names", async (_, files) => {
    const content = Object.fromEntries(Object.keys(files).map((name) => [name, "1,x\n"]));
    expect(await namesIn(content)).toEqual(Object.entries(files).map(([name, table]) => [table as "jobs", name]));
  });

  test("whose names and file names mean different tables are refused", async () => {
    for (const name of ["jobs/departments.csv", "departments/2021/jobs/a.csv"])
      expect(await namesIn({ [name]: "1,x\n" }).catch((error) => error.message)).toBe(
        `${name} is named for two tables, ${name.startsWith("jobs") ? "jobs and departments" : "departments and jobs"}: rename or move it, or import it by itself with --table`,
      );
    const recipe = { files: [{ match: "jobs/*", table: "jobs" as const }] };
    expect(await namesIn({ "jobs/departments.csv": "1,x\n" }, { recipe })).toEqual([["jobs", "jobs/departments.csv"]]);
  });

  test("the source itself may be a table's folder, or a file in one", async () => {
    const folder = await folderOf({ "jobs/a.csv": "1,x\n", "jobs/departments.csv": "1,x\n" });
    const { files } = await open([join(folder, "jobs")]);
    expect(files.map(({ table, name }) => [table, name])).toEqual([
      ["jobs", "a.csv"],
      ["departments", "departments.csv"],
    ]);
    expect((await open([join(folder, "jobs/a.csv")])).files).toMatchObject([{ table: "jobs", name: "a.csv" }]);
  });

  test("hidden ones and markers are left out, and the values in their names are said not to be read", async () => {
    const files = ["part-0.csv", "_SUCCESS", ".part-0.csv.crc", "_temporary/0/part-1.csv", ".git/jobs.csv"];
    const spark = Object.fromEntries(files.map((name) => [`jobs.csv/year=2021/${name}`, "1,x\n"]));
    const { files: read, notes } = await open([await folderOf(spark)]);
    expect(read.map(({ name }) => name)).toEqual(["jobs.csv/year=2021/part-0.csv"]);
    expect(notes).toEqual([
      expect.stringMatching(/^Skipped hidden files and checksums: .*\.git\/, .*\.crc, .*_SUCCESS, .*_temporary\/$/),
      "The values in folders' names, such as jobs.csv/year=2021, are not read: rows have only the columns in their files",
    ]);
  });

  test("of a data lake are refused, because their files hold rows that were deleted", async () => {
    const lake = { "jobs/part-0.csv": "1,x\n", "jobs/_delta_log/0.json": "{}" };
    const why = /jobs is a table of Delta Lake, whose files also hold rows/;
    expect(await namesIn(lake).catch((error) => error.message)).toMatch(why);
    await expect(open([join(await folderOf(lake), "jobs")])).rejects.toThrow(why);
    for (const [key, text] of Object.entries(lake)) await putText(s3.locate("lake/"), key, text);
    await expect(open(["s3://muster-test/lake/"])).rejects.toThrow(why);
    expect(await namesIn({ "jobs.csv": "1,x\n", "other/_delta_log/0.json": "{}" })).toEqual([["jobs", "jobs.csv"]]);
  });

  test("links are followed, and those that lead back up are not", async () => {
    const elsewhere = await folderOf({ "a.csv": "1,x\n" });
    const folder = await folderOf({ "jobs/b.csv": "2,x\n" });
    await symlink(elsewhere, join(folder, "jobs/link"));
    await symlink(folder, join(folder, "jobs/up"));
    await symlink("..", join(folder, "up"));
    await symlink(join(folder, "jobs"), join(elsewhere, "back"));
    await symlink("itself", join(folder, "itself"));
    const { files, notes } = await open([folder]);
    expect(files.map(({ name }) => name)).toEqual(["jobs/b.csv", "jobs/link/a.csv"]);
    expect(notes).toEqual([
      "Skipped itself: it is a link to nothing (correct or remove it)",
      "Skipped jobs/link/back: it is a link that leads back to a folder above it (remove it)",
      "Skipped jobs/up: it is a link that leads back to a folder above it (remove it)",
      "Skipped up: it is a link that leads back to a folder above it (remove it)",
    ]);
  });

  test("with names that are not UTF-8 are named, and refused if they are a table's", async () => {
    const folder = await folderOf({ "jobs.csv": "1,x\n" });
    const make = (script: string) => Bun.spawnSync(["bash", "-c", script], { cwd: folder });
    make("mkdir $'d\\xe9p'; touch $'d\\xe9p/jobs.csv' $'\\xe9.csv'");
    const { files, notes } = await open([folder]);
    expect(files).toHaveLength(1);
    expect(notes.sort()).toEqual([
      expect.stringMatching(/^Skipped d.p: its name is not UTF-8/),
      expect.stringMatching(/^Skipped .\.csv: its name is not UTF-8/),
    ]);
    make("touch $'jobs-\\xe9.csv'");
    await expect(open([folder])).rejects.toThrow("its name is not UTF-8: rename it");
  });

  test("are looked into to a depth of 64", async () => {
    const folder = await folderOf({ "jobs.csv": "1,x\n" });
    const deep = (depth: number) => Array.from({ length: depth }, () => "d").join("/");
    await mkdir(join(folder, deep(70)), { recursive: true });
    await Bun.write(join(folder, deep(64), "jobs.csv"), "2,x\n");
    const { files, notes } = await open([folder]);
    expect(files.map(({ name }) => name)).toEqual([`${deep(64)}/jobs.csv`, "jobs.csv"]);
    expect(notes).toEqual([`Skipped ${deep(65)}: folders are looked into to a depth of 64 (move it up)`]);
  });

  test("files that are skipped for one reason share a line", async () => {
    const files = ["Jobs/a.csv", "Jobs/b.csv", "Jobs/c.pdf", "logs/1.log", "logs/2.log", "logs/3.log"];
    const folder = await folderOf(Object.fromEntries([...files, "departments.csv"].map((name) => [name, "x"])));
    const { notes } = await open([await folderOf({ "jobs.csv": "1,x\n" }), folder]);
    expect(notes).toEqual([
      `Skipped ${folder}/Jobs/a.csv and 1 more in ${folder}/Jobs: neither its name nor its folder's is a table's, the nearest is jobs: name the folder Jobs exactly jobs`,
      expect.stringContaining(`Skipped ${folder}/Jobs/c.pdf: .pdf files are not read`),
      expect.stringContaining(`Skipped ${folder}/logs/1.log and 2 more in ${folder}/logs: .log files are not read`),
    ]);
  });
});

describe("from S3", () => {
  const url = "s3://muster-test/lake/";
  const put = async (...keys: string[]) => {
    for (const [at, key] of keys.entries()) await putText(s3.locate("lake/"), key, `${at + 1},x\n`);
  };

  test("prefixes are read to any depth, page by page, with keys of any characters", async () => {
    const keys = ["jobs/2021/a b+c%20&é.csv", "jobs.csv/part-0.csv", "x/jobs/year=2021/#?.csv", "x//jobs.csv"];
    await put(...keys, "jobs.csv/_SUCCESS", "_temporary/jobs.csv", "jobs/x.parquet.crc");
    s3.faults.fault = ({ url }) => (url.includes("list-type") ? { keysPerPage: 2 } : undefined);
    const { tables, said } = await load([url]);
    expect(tables.jobs).toMatchObject({ inserted: 4 });
    expect(said).toContainEqual(expect.stringContaining("jobs/year=2021, are not read"));
    expect(said.join()).toContain("_temporary/");
  });

  test("several are told apart, and one object that is named twice is read once", async () => {
    await put("a/jobs.csv", "b/jobs.csv");
    const { files, name, notes } = await open([`${url}b/jobs.csv`, `${url}a`, `${url}a/jobs.csv`]);
    expect(files.map((file) => file.name)).toEqual(["b/jobs.csv", "a/jobs.csv"]);
    expect(name).toBe(`${url}a/, ${url}a/jobs.csv, ${url}b/jobs.csv`);
    expect(notes).toEqual([expect.stringContaining("it is the same file as s3://muster-test/lake/a/jobs.csv")]);
    await expect(open([`${url}a/`, `${url}none/`])).rejects.toThrow(`${url}none/ has no file that is read`);
    await expect(open([`${url}a/*.csv`])).rejects.toThrow("patterns are not expanded in S3: give the prefix");
  });

  test("the prefix itself may be a table's folder", async () => {
    await put("jobs/2021/a.csv", "Jobs/a.csv");
    expect((await open([url])).notes).toEqual([
      expect.stringContaining("Skipped Jobs/a.csv: neither its name nor its"),
    ]);
    expect((await open([`${url}jobs/`])).files).toMatchObject([{ table: "jobs", name: "2021/a.csv" }]);
    expect((await open([`${url}jobs/2021/a.csv`], { only: "jobs" })).files).toMatchObject([{ name: "a.csv" }]);
  });
});

const segment = fc.string({ minLength: 1, maxLength: 2, unit: fc.constantFrom("a", "b", ",", " ") });
const wholes = fc.uniqueArray(fc.array(segment, { minLength: 1, maxLength: 4 }).map((all) => `/${all.join("/")}`));

test("files of any names are told apart by the ends of their whole names", () => {
  const given = wholes.chain((all) =>
    fc.tuple(
      ...all.map((whole) =>
        fc.nat(3).map((cut) => ({
          whole,
          name: whole
            .split("/")
            .slice(-1 - cut)
            .join("/"),
        })),
      ),
    ),
  );
  fc.assert(
    fc.property(given, (files) => {
      const names = namesApart(files);
      expect(new Set(names).size).toBe(files.length);
      for (const [at, { whole, name }] of files.entries()) {
        expect(whole.endsWith(names[at] ?? "?")).toBe(true);
        expect(names[at]?.endsWith(name)).toBe(true);
      }
    }),
  );
});

test("lists of sources have the same name if they hold the same sources, whatever their order", () => {
  fc.assert(
    fc.property(wholes, wholes, (one, two) => {
      const isSame = one.length === two.length && one.every((each) => two.includes(each));
      if (one.length > 1 && two.length > 1) expect(nameOfAll(one) === nameOfAll(two)).toBe(isSame);
      expect(nameOfAll(one.toReversed())).toBe(nameOfAll(one));
    }),
  );
});
