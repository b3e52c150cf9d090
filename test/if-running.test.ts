/** --if-running: commands of one kind that take turns, as real processes, and what happens if one of them is killed. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { type RunKind, runs } from "../src/db/ledger.ts";
import { beginRun } from "../src/repositories/live-run.ts";
import { endRun, listRuns } from "../src/repositories/run-log.ts";
import { run, start } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { notOnTidb } from "./support/missing.ts";
import { GATES, hold, holdReads, select, until } from "./support/observe.ts";

const database = await freshDatabase();
const environment = { DATABASE_URL: database.url, BACKUP_STORE: await folderOf({}) };
const jobs = await folderOf({ "jobs.csv": "1,Clerk\n" });
afterAll(async () => {
  await database.close();
  await removeFolders();
});
beforeEach(database.empty);
const anyOrder = notOnTidb("it gives locks in any order");

const importing = (source: string, ...args: string[]) =>
  start(["scripts/import.ts", source, "--json", ...args], environment);
const ended = async (child: ReturnType<typeof start>) => {
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const lines = stdout.split("\n");
  expect(lines).toHaveLength(2); // one line, and what follows its line end
  return { code: await child.exited, object: JSON.parse(lines[0] ?? ""), stderr };
};
/** How many connections wait for a named lock of the server. */
const waiting = async () =>
  (await select(database.pool, "SHOW FULL PROCESSLIST")).filter(
    ({ db, Info, State }) => db === database.name && /^SELECT GET_LOCK\(.*, [1-9]/.test(Info ?? "") && State !== "",
  ).length;
/** Reads what the command says until this text. */
async function says(child: ReturnType<typeof start>, text: string): Promise<void> {
  const decoder = new TextDecoder();
  let said = "";
  for (const reader = child.stderr.getReader(); !said.includes(text); ) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`it ended before it said it: ${said}`);
    said += decoder.decode(value, { stream: true });
  }
}
const sources = async () => (await listRuns(database.db, { limit: 20 })).map(({ source }) => source).reverse();

const KINDS: [RunKind, string[]][] = [
  ["import", ["scripts/import.ts", jobs]],
  ["restore", ["scripts/restore.ts", "jobs"]],
  ["replay", ["scripts/replay.ts"]],
];
test.each(KINDS)("of two commands that %s and start at once, one runs and the other is skipped", async (kind, args) => {
  await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk')");
  await run(["scripts/backup.ts", "jobs"], environment);
  const bad = await folderOf({ "departments.csv": "1,\n" });
  await run(["scripts/import.ts", bad], environment);
  const release = await hold(database.pool, GATES);
  const skipped = new RegExp(`^skipped: another ${kind} is .*wait waits for its end\n?$`);
  const both = [1, 2].map(() => start([...args, "--json", "--if-running", "skip"], environment));
  const first = await Promise.race(both.map((child) => child.exited.then(() => child)));
  expect(await ended(first)).toMatchObject({
    ...{ code: 4, object: { status: "skipped", error: expect.stringMatching(skipped) } },
    stderr: expect.stringMatching(skipped),
  });
  await release();
  const [other] = both.filter((child) => child !== first);
  if (other) expect(await ended(other)).toMatchObject({ code: 0, object: { status: "succeeded" } });
});

test("a skipped backup says which one is under way, in its line and in JSON", async () => {
  await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk')");
  const release = await holdReads(database, "jobs");
  const first = start(["scripts/backup.ts", "jobs", "--json"], environment);
  const found = await until(async () =>
    (await listRuns(database.db, { limit: 1 })).find((each) => each.kind === "backup"),
  );
  const { id, source, started_at } = found;
  const second = start(["scripts/backup.ts", "jobs", "--json", "--if-running", "skip"], environment);
  const error = `skipped: another backup is under way (run ${id}, ${source}, since ${started_at}); --if-running wait waits for its end`;
  const under_way = { run: id, source, started_at };
  expect(await ended(second)).toEqual({
    code: 4,
    object: { under_way, status: "skipped", error },
    stderr: `${error}\n`,
  });
  await release();
  expect(await ended(first)).toMatchObject({ code: 0 });
});

test.skipIf(anyOrder !== "")(
  `commands that wait run in the order in which they came, also after those before them were killed${anyOrder}`,
  async () => {
    const folders = await Promise.all([1, 2, 3, 4].map((id) => folderOf({ "jobs.csv": `${id},Clerk\n` })));
    const release = await hold(database.pool, GATES);
    const children: ReturnType<typeof start>[] = [];
    for (const [at, folder] of folders.entries()) {
      children.push(importing(folder, "--if-running", "wait"));
      await until(async () => (at === 0 ? (await sources()).length === 1 : (await waiting()) === at));
    }
    const [running, second, third, fourth] = children;
    third?.kill("SIGKILL");
    running?.kill("SIGKILL");
    await release();
    for (const child of [second, fourth]) {
      if (!child) throw new Error("it was not started");
      const { code, stderr } = await ended(child);
      expect([code, stderr]).toEqual([0, expect.stringMatching(/^waiting: another import is under way \(run /)]);
    }
    const [first, ...others] = await sources();
    expect([first, others]).toEqual([folders[0] ?? "", [folders[1] ?? "", folders[3] ?? ""]]);
  },
);

test("a command that waits ends at once on SIGTERM, with code 130 and nothing begun", async () => {
  const release = await hold(database.pool, GATES);
  const first = importing(jobs, "--if-running", "wait");
  await until(async () => (await sources()).length === 1);
  const second = importing(jobs, "--if-running", "wait");
  await until(async () => (await waiting()) === 1);
  second.kill("SIGTERM");
  const error = "interrupted: run the same command again";
  expect(await ended(second)).toMatchObject({ code: 130, object: { status: "interrupted", error } });
  await until(async () => (await waiting()) === 0);
  await release();
  expect(await ended(first)).toMatchObject({ code: 0 });
  expect(await sources()).toHaveLength(1);
});

test("a run of the service counts too, and is waited for", async () => {
  const live = await beginRun(database, "import", "jobs.csv");
  expect(await ended(importing(jobs, "--if-running", "skip"))).toMatchObject({
    code: 4,
    object: { under_way: { run: live.id, source: "jobs.csv" } },
  });
  const child = importing(jobs, "--if-running", "wait");
  await says(child, "waiting: another import is under way");
  await endRun(database.db, live.id, { status: "succeeded" });
  await live.close();
  expect(await child.exited).toBe(0);
});

test("dry runs, runs of other kinds and runs that died do not count", async () => {
  const dry = await beginRun(database, "import", "dry", { dryRun: true });
  const other = await beginRun(database, "backup", "other");
  const dead = { id: Bun.randomUUIDv7(), kind: "import", source: "dead", status: "running", counts: {} } as const;
  await database.db.insert(runs).values({ ...dead, owner: "elsewhere:1", started_at: "2026-01-01 00:00:00.000" });
  expect(await ended(importing(jobs, "--if-running", "skip"))).toMatchObject({ code: 0 });
  for (const each of [dry, other]) {
    await endRun(database.db, each.id, { status: "succeeded" });
    await each.close();
  }
});

test("without --if-running, two imports run beside each other as ever", async () => {
  const release = await hold(database.pool, GATES);
  const both = [importing(jobs), importing(await folderOf({ "departments.csv": "1,Legal\n" }))];
  await until(async () => (await sources()).length === 2);
  await release();
  for (const child of both) expect(await ended(child)).toMatchObject({ code: 0 });
});
