/** `--new-only`: a folder or a bucket that fills up night after night, of which each file is imported once. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { rename, symlink } from "node:fs/promises";
import { join } from "node:path";
import { backup } from "../src/backups/backup.ts";
import { restore } from "../src/backups/restore.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import type { DebugPoint } from "../src/debug-points.ts";
import { type ImportOptions, importSource } from "../src/ingest/import.ts";
import { clearDeadRuns } from "../src/publish/recovery.ts";
import { csvRows } from "../src/read/csv/csv-rows.ts";
import type { ReadRows } from "../src/read/file-row.ts";
import { oneFile } from "../src/read/sources/source.ts";
import { listRejections } from "../src/repositories/rejection-log.ts";
import { putText } from "../src/s3/objects.ts";
import { run, start, startStoppedAt } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { tableOf } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { notOnTidb } from "./support/missing.ts";
import { select } from "./support/observe.ts";
import { settingsFor, startS3 } from "./support/s3.ts";

const database = await freshDatabase();
const s3 = await startS3();
afterAll(async () => {
  await s3.stop();
  await database.close();
  await removeFolders();
});
beforeEach(async () => {
  s3.reset();
  await database.empty();
});

const lines: string[] = [];
const report = { say: (line: string) => void lines.push(line) };

async function load(source: ImportOptions["source"], options: Partial<ImportOptions> = {}) {
  lines.length = 0;
  return importSource(database, { source, newOnly: true, report, s3: settingsFor(s3.endpoint), ...options });
}

const put = (folder: string, name: string, text: string) => Bun.write(join(folder, name), text);
const jobs = async () => (await select(database.pool, "SELECT id, job FROM jobs ORDER BY id")).map(({ job }) => job);
const known = async () =>
  (await select(database.pool, "SELECT * FROM muster_files ORDER BY name")).map((row) => ({
    ...{ name: row.name_in_source, table: row.table, bytes: row.bytes, counts: row.imported_at !== null },
  }));
const openRejections = async () =>
  (await listRejections(database.db, { limit: 100, state: "open" })).map(({ file, position }) => `${file}:${position}`);

const NIGHTS = { "jobs-1.csv": "1,Clerk\n2,Judge\n", "jobs-2.csv": "3,Pilot\n" };
const SALES = { "departments.csv": "1,Sales\n" };

describe("a folder that fills up", () => {
  test("each night only the files of that night are read", async () => {
    const folder = await folderOf({ "jobs-1.csv": NIGHTS["jobs-1.csv"] });
    expect(await load(folder)).toMatchObject({ files: { read: 1, known: 0 }, tables: { jobs: { inserted: 2 } } });
    await put(folder, "jobs-2.csv", NIGHTS["jobs-2.csv"]);
    const second = await load(folder);
    expect(second).toMatchObject({ bytes: 8, files: { read: 1, known: 1 } });
    expect(second.tables).toEqual({ jobs: { received: 1, inserted: 1, unchanged: 0, rejected: 0, withheld: 0 } });
    expect(lines).toEqual(["skipped 1 file that was imported before"]);
    const third = await load(folder);
    expect(third).toMatchObject({ status: "succeeded", bytes: 0, files: { read: 0, known: 2 }, tables: {} });
    expect(lines).toEqual(["skipped 2 files that were imported before: there is nothing new"]);
    expect(await jobs()).toEqual(["Clerk", "Judge", "Pilot"]);
  });

  test("a folder of more files than one statement takes", async () => {
    const nights = Array.from({ length: 1_100 }, (_, at) => [`jobs/${at}.ndjson`, `{"id":${at + 1},"job":"Clerk"}`]);
    const folder = await folderOf(Object.fromEntries(nights));
    expect((await load(folder)).files).toEqual({ read: 1_100, known: 0 });
    await put(folder, "jobs/x.csv", "2000,Cook\n");
    expect((await load(folder)).files).toEqual({ read: 1, known: 1_100 });
  });

  test("files of a plain import are known", async () => {
    const folder = await folderOf({
      ...SALES,
      "jobs/a.csv.gz": Bun.gzipSync("1,Clerk\n"),
      "jobs/b.ndjson": '{"id":2,"job":"Judge"}',
    });
    await load(folder, { newOnly: false });
    expect(await load(folder)).toMatchObject({ files: { read: 0, known: 3 }, tables: {} });
    expect(await known()).toEqual([
      { name: "departments.csv", table: "departments", bytes: 8, counts: true },
      { name: "jobs/a.csv.gz", table: "jobs", bytes: Bun.gzipSync("1,Clerk\n").length, counts: true },
      { name: "jobs/b.ndjson", table: "jobs", bytes: 22, counts: true },
    ]);
  });

  test("a file is known by its path, whichever source or link leads to it", async () => {
    const folder = await folderOf(NIGHTS);
    await load(join(folder, "jobs-1.csv"));
    await symlink(join(folder, "jobs-1.csv"), join(folder, "jobs-latest.csv"));
    expect((await load(folder)).files).toEqual({ read: 1, known: 1 });
  });

  test("a file is known for its table alone", async () => {
    const folder = await folderOf({ "jobs.csv": "1,Clerk\n" });
    await load(folder);
    const asDepartments = await load(join(folder, "jobs.csv"), { table: "departments" });
    expect(asDepartments.tables).toMatchObject({ departments: { inserted: 1 } });
  });

  test("a file under a new name is read again, and its rows are unchanged", async () => {
    const folder = await folderOf({ "jobs-1.csv": NIGHTS["jobs-1.csv"] });
    await load(folder);
    await rename(join(folder, "jobs-1.csv"), join(folder, "jobs-old.csv"));
    expect((await load(folder)).tables).toMatchObject({ jobs: { received: 2, unchanged: 2 } });
  });
});

describe("a known file that has changed", () => {
  test.each([
    ["another size", "1,Clerk\n2,Judge\n4,Cook\n"],
    ["the same size", "1,Clerk\n2,Baker\n"],
  ])("is refused with what to do (%s), and nothing is imported", async (_, text) => {
    const folder = await folderOf(NIGHTS);
    const first = await load(join(folder, "jobs-1.csv"));
    await put(folder, "jobs-1.csv", text);
    await expect(load(folder)).rejects.toMatchObject({
      code: "refused",
      message: expect.stringMatching(
        new RegExp(
          `^jobs-1.csv \\(run ${first.run}, 20\\S+Z\\) has changed since that import: give --again to import it again, or put new rows into new files; nothing was imported$`,
        ),
      ),
    });
    expect(await jobs()).toEqual(["Clerk", "Judge"]);
    expect(await known()).toHaveLength(1);
  });

  test("is read again with --again, by the usual rules, and its new content is known", async () => {
    const folder = await folderOf(NIGHTS);
    await load(folder);
    await put(folder, "jobs-1.csv", "1,Clerk\n2,Baker\n4,Cook\n");
    const again = await load(folder, { again: true });
    expect(again).toMatchObject({ files: { read: 1, known: 1 } });
    expect(again.tables).toEqual({ jobs: { received: 3, inserted: 1, unchanged: 1, rejected: 1, withheld: 0 } });
    expect((await load(folder)).files).toEqual({ read: 0, known: 2 });
    expect(await known()).toHaveLength(2);
    await put(folder, "jobs-1.csv", NIGHTS["jobs-1.csv"]);
    await expect(load(folder)).rejects.toThrow(`jobs-1.csv (run ${again.run}, `);
  });

  test("several are named, and no more than three", async () => {
    const names = [1, 2, 3, 4, 5].map((night) => `jobs-${night}.csv`);
    const folder = await folderOf(Object.fromEntries(names.map((name, at) => [name, `${at},job ${at}\n`])));
    await load(folder);
    for (const name of names) await put(folder, name, "9,Cook\n");
    await expect(load(folder)).rejects.toThrow(
      /^jobs-1.csv \(.*\), jobs-2.csv \(.*\), jobs-3.csv \(.*\) and 2 more have changed since that import: give --again to import them again/,
    );
  });
});

describe("what is not known", () => {
  test("the files of a dry run", async () => {
    const folder = await folderOf(NIGHTS);
    expect(await load(folder, { dryRun: true })).toMatchObject({ files: { read: 2, known: 0 } });
    expect(await known()).toEqual([]);
    await load(folder);
    await put(folder, "jobs-3.csv", "4,Cook\n");
    const dry = await load(folder, { dryRun: true });
    expect(dry).toMatchObject({ files: { read: 1, known: 2 }, tables: { jobs: { withheld: 1 } } });
    expect(await known()).toHaveLength(2);
  });

  test("the files of an import that was refused for its rejected rows", async () => {
    const folder = await folderOf({ "jobs-1.csv": "1,Clerk\n2,\n" });
    expect(await load(folder, { maxRejects: { rows: 0 } })).toMatchObject({ status: "refused" });
    expect(await known()).toEqual([]);
    expect((await load(folder)).files).toEqual({ read: 1, known: 0 });
    expect(await openRejections()).toEqual(["jobs-1.csv:2"]);
  });

  test("the files of an import that was refused for one of them, or only while it published", async () => {
    const folder = await folderOf({ ...SALES, ...NIGHTS, "jobs-3.csv": "id;job\n7;Cook\n" });
    await expect(load(folder)).rejects.toMatchObject({ code: "refused" });
    expect(await known()).toEqual([]);
    await put(folder, "jobs-3.csv", "7,Cook\n");
    await database.pool.query("ALTER TABLE jobs ADD CONSTRAINT no_cooks CHECK (job <> 'Cook')");
    try {
      expect(await load(folder, { maxRejects: { rows: 0 } })).toMatchObject({ status: "refused" });
    } finally {
      await database.pool.query("ALTER TABLE jobs DROP CONSTRAINT no_cooks");
    }
    // The departments were published before the jobs were refused.
    expect((await known()).map(({ name }) => name)).toEqual(["departments.csv"]);
    expect((await load(folder)).files).toEqual({ read: 3, known: 1 });
  });

  test.each([
    ["jobs", "1,Clerk\n2,Judge\n", "3,Pilot\n"],
    // No table refers to the employees, so they are restored by a swap.
    ["hired_employees", "1,Ana,2021-05-01T10:00:00Z,1,1\n", "2,Bo,2021-05-01T10:00:00Z,1,1\n"],
  ] as const)("the files of %s whose rows a restore has taken away again", async (table, before, after) => {
    await load(await folderOf({ ...SALES, "jobs.csv": "1,Clerk\n" }));
    const folder = await folderOf({ [`${table}-1.csv`]: before });
    const store = new DirectoryStore(await folderOf({}));
    const part = [tableOf(table)];
    await load(folder);
    const { manifest } = await backup(database, store, { tables: part, codec: "deflate", report });
    await put(folder, `${table}-2.csv`, after);
    await load(folder);
    await restore(database, store, { tables: part, backup: manifest.id, report });
    expect(await load(folder)).toMatchObject({ files: { read: 1, known: 1 }, tables: { [table]: { inserted: 1 } } });
    // As if another database had made the backup.
    await database.pool.query("DELETE FROM muster_runs WHERE kind = 'backup'");
    await restore(database, store, { tables: part, backup: manifest.id, report });
    expect((await load(folder)).files).toEqual({ read: 2, known: 0 });
  });
});

describe("what cannot be known again", () => {
  const file = {
    name: "jobs.csv",
    bytes: 8,
    open: async function* () {
      yield Buffer.from("1,Clerk\n");
    },
    read: csvRows,
  };

  test("a body or a pipe, which has no name that lasts, is refused", async () => {
    await expect(load(oneFile("-", tableOf("jobs"), file))).rejects.toMatchObject({
      code: "invalid",
      message: "jobs.csv has no name that lasts, so --new-only cannot know it again: import it without --new-only",
    });
    await load(oneFile("-", tableOf("jobs"), file), { newOnly: false });
    expect([await jobs(), await known()]).toEqual([["Clerk"], []]);
  });

  test("an object without an entity tag is refused", async () => {
    const identity = { name: "s3://bucket/jobs.csv", isObject: true };
    await expect(load(oneFile("s3://bucket/jobs.csv", tableOf("jobs"), { ...file, identity }))).rejects.toThrow(
      /^s3:\/\/bucket\/jobs.csv has no entity tag in the bucket's list, /,
    );
  });

  test("a file is known by all its bytes, even if its reader leaves some out", async () => {
    const read: ReadRows = async function* (table, _, name) {
      yield* csvRows(table, file.open(), name);
    };
    await load(
      oneFile("/a/jobs.csv", tableOf("jobs"), { ...file, read, identity: { name: "/a/jobs.csv", isObject: false } }),
    );
    const [row] = await select(database.pool, "SELECT digest FROM muster_files");
    expect(row?.digest).toBe(`sha256:${new Bun.CryptoHasher("sha256").update("1,Clerk\n").digest("hex")}`);
  });
});

test("rejections of files that are not read again stay open, those of files that are do not", async () => {
  const folder = await folderOf({ "jobs-1.csv": "1,Clerk\n2,\n", "jobs-2.csv": "x,Pilot\n", "jobs-A.csv": "y,Cook\n" });
  await load(folder);
  await put(folder, "jobs-a.csv", "3,Baker\n,Judge\n");
  await load(folder);
  expect(await openRejections()).toEqual(["jobs-1.csv:2", "jobs-2.csv:1", "jobs-A.csv:1", "jobs-a.csv:2"]);
  await put(folder, "jobs-a.csv", "3,Baker\n4,Judge\n");
  await load(folder, { again: true });
  expect(await openRejections()).toEqual(["jobs-1.csv:2", "jobs-2.csv:1", "jobs-A.csv:1"]);
  await load(folder);
  expect(await openRejections()).toHaveLength(3);
});

describe("a bucket that fills up", () => {
  const BUCKET = "s3://muster-test/nightly/";
  const upload = (name: string, text: string) => putText(s3.locate("nightly/"), name, text);

  test("each object is read once, and no known object is fetched", async () => {
    await upload("jobs-1.csv", NIGHTS["jobs-1.csv"]);
    await load(BUCKET);
    await upload("jobs-2.csv", NIGHTS["jobs-2.csv"]);
    s3.seen.length = 0;
    expect(await load(BUCKET)).toMatchObject({ files: { read: 1, known: 1 }, tables: { jobs: { inserted: 1 } } });
    expect(s3.seen.filter(({ url }) => url.includes("jobs-1.csv"))).toEqual([]);
    expect((await load(BUCKET)).files).toEqual({ read: 0, known: 2 });
    expect((await load(`${BUCKET}jobs-2.csv`)).files).toEqual({ read: 0, known: 1 });
  });

  test("an object whose name is longer than the log keeps is refused", async () => {
    await upload(`jobs/${"x".repeat(700)}.csv`, "1,Clerk\n");
    await expect(load(BUCKET)).rejects.toThrow(/^jobs\/x+...: the name is over 700 characters long: shorten it$/);
  });

  test("an object with other content is refused, and read with --again", async () => {
    await upload("jobs-1.csv", NIGHTS["jobs-1.csv"]);
    await load(BUCKET);
    await upload("jobs-1.csv", "1,Clerk\n3,Pilot\n");
    await expect(load(BUCKET)).rejects.toThrow(/^jobs-1.csv \(run .* has changed since that import/);
    expect((await load(BUCKET, { again: true })).tables).toMatchObject({ jobs: { inserted: 1, unchanged: 1 } });
    expect((await load(BUCKET)).files).toEqual({ read: 0, known: 1 });
  });
});

describe("by the command", () => {
  const environment = { DATABASE_URL: database.url };
  const command = (source: string) => ["scripts/import.ts", source, "--new-only", "--json"];
  const lastLine = (text: string) => JSON.parse(text.trim().split("\n").at(-1) ?? "");

  test("two imports at once read no file twice", async () => {
    const names = Array.from({ length: 30 }, (_, at) => `jobs-${at}.csv`);
    const folder = await folderOf(Object.fromEntries(names.map((name, at) => [name, `${at + 1},job ${at + 1}\n`])));
    const { command: first, goOn } = await startStoppedAt("rows inserted", command(folder), {
      ...environment,
      MUSTER_CAPABILITIES: "no-swap",
    });
    const second = start(command(folder), environment);
    const [own, rest] = second.stderr.tee();
    let said = "";
    for await (const part of own.pipeThrough(new TextDecoderStream())) {
      said += part;
      if (said.includes("waiting for another import or restore of jobs")) break;
    }
    await goOn();
    const [one, two] = await Promise.all([new Response(first.stdout).text(), new Response(second.stdout).text()]);
    expect(lastLine(one)).toMatchObject({ files: { read: 30, known: 0 }, tables: { jobs: { inserted: 30 } } });
    expect(lastLine(two)).toMatchObject({ status: "succeeded", files: { read: 0, known: 30 }, tables: {} });
    expect(await new Response(rest).text()).toContain(
      "skipped 30 files that were imported before: there is nothing new",
    );
  });

  test("--again alone is refused, and so is a source of changed files", async () => {
    const folder = await folderOf(NIGHTS);
    const alone = await run(["scripts/import.ts", folder, "--again"], environment);
    expect(alone).toMatchObject({ code: 2, stderr: expect.stringContaining("--again is for --new-only: ") });
    await load(folder);
    await put(folder, "jobs-2.csv", "3,Cook\n4,Baker\n");
    const changed = await run(command(folder), environment);
    expect(changed.code).toBe(2);
    expect(lastLine(changed.stdout)).toMatchObject({ status: "refused", error: expect.stringContaining("--again") });
    expect(await jobs()).toEqual(["Clerk", "Judge", "Pilot"]);
  });

  const UNKNOWN: DebugPoint[] = ["indexes added", "swap noted", "rows inserted"];
  const KNOWN: DebugPoint[] = ["renamed", "old table dropped", "swap recorded", "run ended"];
  const OF_A_SWAP: DebugPoint[] = ["indexes added", "swap noted", "renamed", "old table dropped", "swap recorded"];
  const withoutSwap = notOnTidb("no table is swapped there");
  const withoutPoint = (point: DebugPoint) => (OF_A_SWAP.includes(point) ? withoutSwap : "");
  const IMPORTED = [{ name: "hired_employees-1.csv", table: "hired_employees", bytes: 37, counts: true }];
  const FILE = { "hired_employees-1.csv": "1,Ana,2021-05-01T10:00:00Z,1,1\n2,,,,\n" };
  const AT = "hired_employees-1.csv:2";
  const employees = async () => (await select(database.pool, "SELECT id FROM hired_employees")).map(({ id }) => id);

  /** Kills an import at a point. An empty table of employees is swapped, because no table refers to it. */
  async function killedAt(point: DebugPoint): Promise<string> {
    await database.pool.query("INSERT INTO departments VALUES (1, 'Sales')");
    await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk')");
    const folder = await folderOf(FILE);
    const capabilities = point === "rows inserted" ? { MUSTER_CAPABILITIES: "no-swap" } : {};
    const { command: killed } = await startStoppedAt(point, command(folder), { ...environment, ...capabilities });
    killed.kill("SIGKILL");
    await killed.exited;
    return folder;
  }

  for (const point of UNKNOWN) {
    const without = withoutPoint(point);
    test.skipIf(without !== "")(
      `an import killed at '${point}' has stored no row, and its file is read again${without}`,
      async () => {
        const folder = await killedAt(point);
        await clearDeadRuns(database, report.say);
        expect([await employees(), await known(), await openRejections()]).toEqual([[], [], []]);
        expect((await load(folder)).files).toEqual({ read: 1, known: 0 });
        expect([await employees(), await known(), await openRejections()]).toEqual([[1], IMPORTED, [AT]]);
      },
    );
  }

  for (const point of KNOWN) {
    const without = withoutPoint(point);
    test.skipIf(without !== "")(
      `an import killed at '${point}' has stored its rows, and its file is known${without}`,
      async () => {
        const folder = await killedAt(point);
        expect((await load(folder)).files).toEqual({ read: 0, known: 1 });
        expect([await employees(), await known(), await openRejections()]).toEqual([[1], IMPORTED, [AT]]);
      },
    );
  }

  test.skipIf(withoutSwap !== "")(
    `a swap that is undone after a crash leaves its file unknown${withoutSwap}`,
    async () => {
      const folder = await killedAt("renamed");
      const [old] = await select(database.pool, "SHOW TABLES LIKE 'replaced%'");
      await database.pool.query("INSERT INTO ?? VALUES (7, 'Bo', '2021-05-01', 1, 1)", [Object.values(old ?? {})[0]]);
      await clearDeadRuns(database, report.say);
      expect([await employees(), await known(), await openRejections()]).toEqual([[7], [], []]);
      expect((await load(folder)).files).toEqual({ read: 1, known: 0 });
      expect([await employees(), await known(), await openRejections()]).toEqual([[1, 7], IMPORTED, [AT]]);
    },
  );
});
