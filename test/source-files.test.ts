/** Which files of a directory are read, which are skipped and why, and files that change while they are read. */

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, renameSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type ImportOptions, importSource } from "../src/ingest/import.ts";
import { openSource } from "../src/read/sources/source.ts";
import { listRejections } from "../src/repositories/rejection-log.ts";
import { listRuns } from "../src/repositories/run-log.ts";
import { run } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { dictionary } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const database = await freshDatabase();
afterAll(async () => {
  await database.close();
  await removeFolders();
});
beforeEach(() => database.empty());

const JOBS = "id,job\n1,Baker\n";

async function skipped(files: Record<string, string>): Promise<string[]> {
  const source = await openSource({
    dictionary,
    locations: [await folderOf({ "departments.csv": "1,Sales\n", ...files })],
  });
  expect(source.files.map(({ name }) => name)).toContain("departments.csv");
  return source.notes;
}

test.each([
  ["jobs.tab", ".tab files are not read (end its name in .tsv)"],
  ["jobs.dat", ".dat files are not read (end its name in .csv if it is CSV)"],
  ["jobs.jsonlines", ".jsonlines files are not read (end its name in .ndjson)"],
  ["jobs.csv.XZ", ".XZ files are not read (unpack it)"],
  ["jobs.tar.gz", ".tar.gz files are not read (unpack it)"],
  ["jobs.gz", ".gz files are not read (say in its name what is inside, for example jobs.csv.gz)"],
  ["jobs.ods.zst", ".ods.zst files are not read (save it as .xlsx, or as CSV in UTF-8)"],
  [
    "jobs.csv.part",
    ".part files are not read (names of files that are read end in .csv, .txt, .tsv, .ndjson, .jsonl, ",
  ],
  ["jobs.csv~", ".csv~ files are not read"],
  ["jobs", "it has no ending"],
  [
    "Jobs.csv",
    "it is named for no table, the nearest is jobs: name it jobs.csv or jobs-2021.csv, or put it into a folder jobs",
  ],
  ["jobs (1).csv.gz", "it is named for no table, the nearest is jobs: name it jobs.csv.gz or jobs-2021.csv.gz"],
  ["2023-jobs.csv", "it is named for no table, the nearest is jobs: name it jobs.csv"],
  ["staff.csv", `it is named for no table (${dictionary.names.join(", ")})`],
  ["job.csv", "it is named for no table, the nearest is jobs: name it jobs.csv"],
  ["a\nb.csv", "it is named for no table"],
])("a file called %j is skipped, and the message says what to do", async (name, why) => {
  expect(await skipped({ [name]: JOBS })).toEqual([
    expect.stringContaining(`Skipped ${name.replace("\n", "\\n")}: ${why}`),
  ]);
});

test.each([
  [
    "Jobs/a.csv",
    "Jobs/a.csv: neither its name nor its folder's is a table's, the nearest is jobs: name the folder Jobs exactly jobs",
  ],
  ["old/staff.csv", `old/staff.csv: it is named for no table (${dictionary.names.join(", ")}): name it TABLE.csv`],
  ["jobs/notes.pdf", "jobs/notes.pdf: .pdf files are not read"],
])("%s in a folder is skipped, and the message says what to do", async (name, why) => {
  expect(await skipped({ [name]: JOBS })).toEqual([expect.stringContaining(`Skipped ${why}`)]);
});

test("hidden files, checksums and markers are reported in one line, and many other files by their number", async () => {
  const sides = [".DS_Store", "._jobs.csv", ".jobs.csv.crc", "_SUCCESS", "jobs.csv.md5", "Thumbs.db"];
  const others = Array.from({ length: 25 }, (_, at) => `${at + 10}.tmp`);
  const lines = await skipped(Object.fromEntries([...sides, ...others].map((name) => [name, "x"])));
  expect(lines).toHaveLength(22);
  expect(lines.slice(19)).toEqual([
    expect.stringContaining("Skipped 29.tmp: .tmp files are not read"),
    "Skipped 5 more",
    "Skipped hidden files and checksums: .DS_Store, ._jobs.csv, .jobs.csv.crc, Thumbs.db, _SUCCESS, ... (6 in all)",
  ]);
});

test("links are followed; a dangling link and a pipe are reported, and do not hold up the import", async () => {
  const folder = await folderOf({ "departments.csv": "1,Sales\n", "elsewhere/a.csv": JOBS });
  await symlink(join(folder, "elsewhere"), join(folder, "jobs"));
  await symlink("/nowhere", join(folder, "notes"));
  Bun.spawnSync(["mkfifo", join(folder, "hired_employees.csv")]);
  const source = await openSource({ dictionary, locations: [folder] });
  expect(source.files.map(({ name }) => name)).toEqual(["departments.csv", "jobs/a.csv"]);
  expect(source.notes).toEqual([
    expect.stringContaining("Skipped elsewhere/a.csv: it is named for no table"),
    expect.stringContaining("Skipped hired_employees.csv: it is a pipe"),
    expect.stringContaining("Skipped notes: it is a link to nothing"),
  ]);
  await symlink("/nowhere", join(folder, "jobs-2.csv"));
  await expect(openSource({ dictionary, locations: [folder] })).rejects.toThrow("jobs-2.csv is a link to nothing");
});

test("an import says what it skips, and one without a file to read is refused with what it saw", async () => {
  const environment = { DATABASE_URL: database.url };
  const some = await run(["scripts/import.ts", await folderOf({ "jobs.csv": JOBS, "jobs.tab": "x" })], environment);
  expect(some.code).toBe(0);
  expect(some.stderr).toContain("Skipped jobs.tab: .tab files are not read (end its name in .tsv)\n");
  const none = await run(["scripts/import.ts", await folderOf({ "Jobs.csv/part-0.csv": JOBS })], environment);
  expect([none.code, none.stderr]).toEqual([
    2,
    expect.stringContaining("has no file that is read: expected departments.csv, jobs.csv"),
  ]);
  expect(none.stderr).toContain(
    "; Skipped Jobs.csv/part-0.csv: neither its name nor its folder's is a table's, the nearest is jobs: name",
  );
});

test("a device is refused as such", async () => {
  await expect(openSource({ dictionary, locations: ["/dev/null"], only: "jobs" })).rejects.toThrow(
    "/dev/null is a device, which is not",
  );
});

test.skipIf(process.platform !== "linux")(
  "a link to a file that the kernel makes up is skipped, as it may never end",
  async () => {
    const folder = await folderOf({ "jobs.csv": "1,Baker\n" });
    await symlink("/proc/kmsg", join(folder, "jobs-2.csv"));
    const { files, notes } = await openSource({ dictionary, locations: [folder] });
    expect([files.map(({ name }) => name), notes]).toEqual([["jobs.csv"], [expect.stringContaining("jobs-2.csv")]]);
  },
);

describe("a file that changes while it is read ends the import with nothing changed", () => {
  const lines = Array.from({ length: 200_000 }, (_, at) => `${at + 1},job ${at + 1}\n`).join("");

  test.each<[string, (path: string) => void]>([
    ["is appended to", (path) => appendFileSync(path, "900001,Baker\n")],
    ["is cut", (path) => truncateSync(path, 1_000_000)],
    ["is written anew with the same size", (path) => writeFileSync(path, lines.replaceAll("job 1", "jab 1"))],
    [
      "is written anew, and its time set back",
      (path) => {
        writeFileSync(path, lines.replaceAll("job 1", "jab 1"));
        utimesSync(path, 1_000_000, 1_000_000);
      },
    ],
    [
      "is replaced",
      (path) => {
        writeFileSync(`${path}.new`, lines.replaceAll("job 1", "jab 1"));
        renameSync(`${path}.new`, path);
      },
    ],
    ["is removed", (path) => rmSync(path)],
  ])("one that %s", async (_, change) => {
    const folder = await folderOf({ "departments.csv": "1,Sales\n", "jobs.csv": lines });
    const path = join(folder, "jobs.csv");
    utimesSync(path, 1_000_000, 1_000_000);
    let isChanged = false;
    const progress = ({ table, rows }: { table: string; rows: number }) => {
      if (table !== "jobs" || rows < 2 || isChanged) return;
      isChanged = true;
      change(path);
    };
    const { code, message } = await refusal({ source: folder, report: { say() {}, progress } });
    expect([code, message]).toEqual([
      "refused",
      expect.stringMatching(/^jobs\.csv (changed|was removed or replaced) while it was read: start again/),
    ]);
    expect(isChanged).toBe(true);
    await expectNothing();
  });

  test("a compressed one, and one that changes before it is opened", async () => {
    const folder = await folderOf({ "departments.csv": "1,Sales\n", "jobs.csv.gz": gzipSync(lines) });
    const source = await openSource({ dictionary, locations: [folder] });
    writeFileSync(join(folder, "jobs.csv.gz"), gzipSync("1,Baker\n"));
    const { message } = await refusal({ source, report: { say() {} } });
    expect(message).toContain("jobs.csv.gz changed while it was read");
    await expectNothing();
  });

  /** Not by expect().rejects, which is a hundred times slower for work that yields to the event loop. */
  const refusal = (options: ImportOptions) => importSource(database, options).catch((error) => error);

  async function expectNothing() {
    for (const table of ["departments", "jobs"])
      expect((await database.pool.query(`SELECT * FROM ${table}`))[0]).toEqual([]);
    expect(await listRejections(database.db, { limit: 5 })).toEqual([]);
    expect((await listRuns(database.db, { limit: 5 })).map(({ status }) => status)).toEqual(["refused"]);
  }
});
