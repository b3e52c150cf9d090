/** Backups, restores and verifications that are interrupted change nothing. While they run, everybody can see how far they are. */
import { afterAll, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { backup } from "../src/backups/backup.ts";
import { restore } from "../src/backups/restore.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { verify } from "../src/backups/verify.ts";
import { MusterError } from "../src/errors.ts";
import { findRun, listRuns, type Progress } from "../src/repositories/run-log.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { AT_THE_GATE, GATES, hold, underWay, until } from "./support/observe.ts";

const database = await freshDatabase();
const folder = await folderOf({});
const store = new DirectoryStore(folder);
afterAll(async () => {
  await database.close();
  await removeFolders();
});
const tables = [database.dictionary.of("departments"), database.dictionary.of("jobs")];
await database.pool.query("INSERT INTO departments VALUES (1, 'Sales')");
await database.pool.query("INSERT INTO jobs VALUES ?", [Array.from({ length: 2_000 }, (_, n) => [n + 1, "old"])]);
const say = () => {};
const { manifest } = await backup(database, store, { tables, codec: "deflate", report: { say } });
const { id } = manifest;
await database.pool.query("UPDATE jobs SET job = 'new'");
await database.pool.query("INSERT INTO departments VALUES (2, 'Later')");

/** A report whose signal aborts when the table is in the phase. */
function interruptedIn(phase: string, table: string) {
  const stopping = new AbortController();
  const progress = (now: Progress) => {
    if (now.phase === phase && now.table === table)
      stopping.abort(new MusterError("interrupted", "interrupted: the service was stopped, send it again"));
  };
  return { say, signal: stopping.signal, progress };
}

/** Everything that an interruption may not change. */
async function state() {
  const [departments] = await database.pool.query("SELECT * FROM departments ORDER BY id");
  const [jobs] = await database.pool.query("SELECT job, COUNT(*) AS rows_of_it FROM jobs GROUP BY job");
  const [stages] = await database.pool.query(`SHOW TABLES WHERE Tables_in_${database.name} REGEXP '^(stage|replaced)'`);
  return { departments, jobs, stages, files: (await readdir(folder, { recursive: true })).sort() };
}

test.each([
  ["a backup", "reading", (report) => backup(database, store, { tables, codec: "deflate", report })],
  ["a restore", "staging", (report) => restore(database, store, { tables, backup: id, report })],
  ["a restore", "replacing", (report) => restore(database, store, { tables, backup: id, report })],
  ["a plan", "comparing", (report) => restore(database, store, { tables, backup: id, plan: true, report })],
  ["a verification", "staging", (report) => verify(database, store, { id, report })],
  ["a verification", "comparing", (report) => verify(database, store, { id, report })],
] as [string, string, (report: ReturnType<typeof interruptedIn>) => Promise<unknown>][])(
  "%s that is interrupted while it is %s leaves all as it was, and its run says so",
  async (_, phase, work) => {
    const before = await state();
    expect(await work(interruptedIn(phase, "jobs")).catch((error) => error)).toMatchObject({ code: "interrupted" });
    expect(await state()).toEqual(before);
    const [run] = await listRuns(database.db, { limit: 1 });
    expect(run).toMatchObject({ status: "failed", error: "interrupted: the service was stopped, send it again" });
  },
);

test("a restore that waits for a writer can be interrupted, and its progress can be read by everybody", async () => {
  const before = await state();
  const release = await hold(database.pool, GATES);
  const stopping = new AbortController();
  const { promise: begun, resolve } = Promise.withResolvers<string>();
  const restoring = restore(database, store, {
    ...{ tables, backup: id, report: { say, signal: stopping.signal } },
    begin: async (_, run) => resolve(run),
  }).catch((error) => error);
  const run = await begun;
  await underWay(database, AT_THE_GATE);
  // The progress is written twice a second, so at first it may be that of an earlier phase or table.
  await until(async () => {
    const now = (await findRun(database.db, run))?.progress;
    return now?.phase === "replacing" && now.table === "jobs";
  });
  stopping.abort();
  expect(await restoring).toMatchObject({ code: "interrupted" });
  await release();
  expect(await state()).toEqual(before);
});
