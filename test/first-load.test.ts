/** What the service loads at its first start: once, until it has succeeded, and never beside rows that somebody stored. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "../src/db/database.ts";
import { migrate } from "../src/db/migrate.ts";
import { joinServer } from "../src/embedded/server.ts";
import { loadFirst } from "../src/ingest/first-load.ts";
import { importSource } from "../src/ingest/import.ts";
import { writeSample } from "../src/ingest/sample.ts";
import { appOver, posted } from "./support/app.ts";
import { run, serve } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { AT_THE_GATE, GATES, gone, hold, underWay } from "./support/observe.ts";
import { mysqld, UNSAFE_BUT_QUICK } from "./support/server.ts";

const database = await freshDatabase();
afterAll(async () => {
  await database.close();
  await removeFolders();
});
beforeEach(database.empty);

const ROOT = join(import.meta.dir, "..");
const OWN_SERVER = mysqld === undefined ? {} : { MUSTER_MYSQLD: mysqld };
const listed = async (url: string, path: string) => (await (await fetch(url + path)).json()) as object[];

describe("with its private database the service", () => {
  test("loads IMPORT_SOURCE at the next start after a refused load whose files were mended, and says so", async () => {
    const folder = await folderOf({ "csv/jobs.csv": "id,title\n1,Clerk\n" });
    const environment = { ...OWN_SERVER, IMPORT_SOURCE: "csv" };
    const refused = await run([join(ROOT, "src/main.ts")], { ...environment, PORT: "0" }, folder);
    expect([refused.code, refused.stderr.trim().split("\n")]).toEqual([2, [expect.stringContaining("jobs.csv")]]);
    await Bun.write(join(folder, "csv/jobs.csv"), "id,job\n1,Clerk\n2,\n");
    const loaded = await serve(environment, folder);
    expect(loaded.log()).toMatch(/loading \S+\/csv again: its first load did not succeed/);
    expect(loaded.log()).toMatch(/loaded \S+\/csv: jobs 1 inserted, 1 rejected; /);
    expect(await listed(loaded.url, "jobs")).toEqual([{ id: 1, job: "Clerk" }]);
    expect(await loaded.stop()).toBe(0);
    const again = await serve(environment, folder);
    expect(again.log()).toContain("csv is not imported now, since this database has been loaded before");
    expect(await listed(again.url, "runs?limit=10")).toHaveLength(2);
    await again.stop();
  });

  test("repeats the first load after Ctrl-C or a kill", async () => {
    const folder = await folderOf({});
    await writeSample(join(folder, "csv"), { rows: 3_000, seed: 5, badShare: 0 });
    // Another user of the same server holds each load up until it has been stopped.
    const own = await joinServer(join(folder, ".data"), { mysqld, say() {}, args: UNSAFE_BUT_QUICK });
    await migrate(own.url);
    const other = await connect(own.url);
    const release = await hold(other.pool, GATES);
    const environment = { ...OWN_SERVER, IMPORT_SOURCE: "csv" };
    const loading = async () => {
      await gone(other, AT_THE_GATE);
      const service = await serve(environment, folder, "loading");
      await underWay(other, AT_THE_GATE);
      return service;
    };
    const first = await loading();
    expect(await first.stop("SIGINT")).toBe(0);
    expect(first.log()).toContain("interrupted: the next start loads it again");
    await (await loading()).stop("SIGKILL");
    await release();
    const third = await serve(environment, folder);
    expect(await listed(third.url, "runs")).toMatchObject([
      { status: "succeeded", counts: { hired_employees: { received: 3_000, inserted: 3_000 } } },
      { status: "failed" },
      { status: "failed" },
    ]);
    await third.stop();
    await other.close();
    await own.stop();
  });
});

test("reports files whose ids the sample has taken; a stored row is corrected as the docs say", async () => {
  const folder = await folderOf({ "csv/jobs.csv": "id,job\n1,Clerk\n" });
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const service = await serve(OWN_SERVER, folder);
  const imported = await run([join(ROOT, "scripts/import.ts"), "csv"], OWN_SERVER, folder);
  const hint = "to begin with your own files, stop Muster, remove .data and run IMPORT_SOURCE=csv npm start";
  expect([imported.code, imported.stderr]).toEqual([0, expect.stringContaining(hint)]);
  const docs = await Bun.file(join(ROOT, "docs/operating.md")).text();
  const [, command = ""] = /```sh\n(bun -e [\s\S]*?)```/.exec(docs) ?? [];
  const corrected = Bun.spawnSync(["sh", "-c", command], { cwd: folder, env: process.env });
  expect([corrected.exitCode, corrected.stderr.toString()]).toEqual([0, ""]);
  expect(await listed(service.url, "jobs/1")).toEqual({ id: 1, job: "Billing Clerk" } as never);
  await service.stop();
});

test("with DATABASE_URL the service loads nothing, and says that it ignores IMPORT_SOURCE", async () => {
  const service = await serve({ DATABASE_URL: database.url, IMPORT_SOURCE: "./csv" });
  expect(service.log()).toContain(
    "./csv is not imported now, since the service loads nothing into the database of DATABASE_URL; to import it, run: npm run import -- ./csv",
  );
  await service.stop();
});

describe("the first load", () => {
  const said: string[] = [];
  const report = { say: (line: string) => void said.push(line) };
  const load = async (given: string | undefined) => {
    said.length = 0;
    const dataFolder = await folderOf({});
    await loadFirst(database, { given, dataFolder }, report);
    return existsSync(join(dataFolder, "sample")) ? "sample" : said;
  };
  const jobs = async () => (await database.pool.query("SELECT * FROM jobs"))[0];

  test("happens after a dry run, which stored nothing", async () => {
    const source = await folderOf({ "jobs.csv": "1,Clerk\n" });
    await importSource(database, { source, dryRun: true, report });
    await load(source);
    expect(await jobs()).toEqual([{ id: 1, job: "Clerk" }] as never);
  });

  test("does not happen if there are rows from a request or from SQL", async () => {
    const source = await folderOf({ "jobs.csv": "1,Clerk\n" });
    await database.pool.query("INSERT INTO jobs VALUES (7, 'Judge')");
    expect(await load(source)).toEqual([expect.stringContaining("the tables have rows already")]);
    await database.empty();
    await appOver(database).request("/jobs", posted([{ id: 7, job: "Judge" }]));
    expect(await load(source)).toEqual([expect.stringContaining("has been loaded before")]);
    expect(await load(undefined)).toEqual([]);
    expect(await jobs()).toEqual([{ id: 7, job: "Judge" }] as never);
  });

  test("names a table whose rows were all rejected", async () => {
    await load(await folderOf({ "jobs.csv": "1,\n", "departments.csv": "1,Legal\n2,\n" }));
    expect(said.at(-1)).toBe("every row of jobs was rejected");
  });
});
