/**
 * The tests of commands whose primary is killed, for any cluster. Nothing that was confirmed is missing afterwards, nothing is
 * there twice, no table is half, every run is accounted for, and the same command succeeds on the new primary.
 */
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import type { DebugPoint } from "../../src/debug-points.ts";
import { removeFolders } from "../support/files.ts";
import { TABLES } from "../support/observe.ts";
import type { Cluster } from "./members.ts";
import { type Contents, type Counts, type Moment, Trial } from "./trial.ts";

export function testKilledCommands(startCluster: () => Promise<Cluster>): void {
  let trial: Trial;
  beforeAll(async () => {
    trial = await Trial.begin(await startCluster());
  });
  afterEach(() => trial.cluster.rejoin());
  afterAll(async () => {
    await trial.cluster.stop();
    await removeFolders();
  });

  test.each<[string, Moment]>([
    ["rows are staged", "rows staged"],
    ["it loads rows into a stage", /^LOAD DATA/],
    ["the swap is announced", "swap noted"],
    ["the table is swapped", "renamed"],
    ["the old table is dropped", "old table dropped"],
    ["rows are inserted and not committed", "rows inserted"],
  ])("an import whose primary is killed while %s leaves whole tables, and the same command completes", (_, at) =>
    killedImport(
      trial,
      at,
      TABLES.map((table) => `DELETE FROM ${table}`),
    ),
  );

  test.each<[string, Moment]>([
    ["they are inserted", /^INSERT INTO `hired_employees`/],
    ["they are inserted and not committed", "rows inserted"],
  ])(
    "an import that adds rows and whose primary is killed while %s adds all or none, and the same command completes",
    (_, at) => killedImport(trial, at, ["DELETE FROM hired_employees WHERE id % 2 = 0"]),
  );

  test("a backup whose primary is killed while it reads a table is no backup, and the same command completes", async () => {
    const before = await trial.backups();
    const earlier = await trial.lastRun();
    expect((await trial.backUpKilledAt(/^SELECT .*FROM `?hired_employees/s)).code).toBe(1);
    expect(await trial.backups()).toEqual(before);
    await trial.expectBackup(before);
    const runs = (await trial.runsSince(earlier)).filter(({ kind }) => kind === "backup");
    expect(runs.map(({ status }) => status)).toEqual(["succeeded", "failed"]);
  });

  test.each<DebugPoint>(["files written", "backup complete"])(
    "a backup whose primary is killed after its last row was read (%s) is whole, and if its run is not recorded, it says so",
    async (at) => {
      const before = await trial.backups();
      const { code, stderr } = await trial.backUpKilledAt(at);
      const added = (await trial.backups()).filter((name) => !before.includes(name));
      expect([code, added]).toEqual([1, [expect.any(String)]]);
      expect(stderr).toContain(
        `backup ${added[0]} is complete and can be restored, but its run is not recorded: the da`,
      );
      await trial.verify(added[0]);
      await trial.expectBackup([...before, ...added]);
    },
  );

  test.each<[string, string[], string, Moment]>([
    ["one table", ["hired_employees"], "rows are staged", "rows staged"],
    ["one table", ["hired_employees"], "it loads rows into a stage", /^LOAD DATA/],
    ["one table", ["hired_employees"], "the table is swapped", "renamed"],
    ["one table", ["hired_employees"], "the old table is dropped", "old table dropped"],
    ["all tables", TABLES, "rows are replaced and not committed", "rows replaced"],
    ["all tables", TABLES, "rows are replaced", /^(INSERT|UPDATE|DELETE).*`hired_employees`/s],
  ])(
    "a restore of %s, %j, whose primary is killed while %s changes all or nothing, and the same command completes",
    (_, tables, __, at) => killedRestore(trial, tables, at),
  );
}

async function killedImport(trial: Trial, at: Moment, statements: string[]): Promise<void> {
  await trial.change(...statements);
  const before = await trial.contents();
  const earlier = await trial.lastRun();
  const between = await trial.leftBy(trial.importing, at);
  for (const [table, held] of Object.entries(between)) expect([before[table], trial.whole[table]]).toContain(held);

  const again = await trial.done(trial.importing);
  await trial.expectWhole();
  const runs = await trial.runsSince(earlier);
  // If the last table was published already, the next command finishes the run.
  const isPublished = Bun.deepEquals(between, trial.whole);
  expect(runs.map(({ status }) => status)).toEqual(["succeeded", isPublished ? "succeeded" : "failed"]);
  for (const [table, { received, inserted, unchanged, rejected, withheld }] of Object.entries(again.tables)) {
    expect([table, inserted + unchanged + rejected + withheld]).toEqual([table, received]);
    const counted = runs.map(({ counts }) => counts[table as keyof typeof counts] as Counts | undefined);
    const sum = counted.reduce((total, counts) => total + (counts?.inserted ?? 0), 0);
    expect([table, sum]).toEqual([table, rowsIn(trial.whole, table) - rowsIn(before, table)]);
  }
}

const rowsIn = (contents: Contents, table: string) => Number.parseInt(contents[table] ?? "", 10);

async function killedRestore(trial: Trial, tables: string[], at: Moment): Promise<void> {
  await trial.change("DELETE FROM hired_employees WHERE id % 2 = 0", "UPDATE hired_employees SET name = 'new'");
  if (tables.length > 1) await trial.change("UPDATE jobs SET job = CONCAT(job, ' of the new kind')");
  const before = await trial.contents();
  const earlier = await trial.lastRun();
  const command = ["scripts/restore.ts", ...tables, "--json"];
  const between = await trial.leftBy(command, at);
  expect([before, trial.whole]).toContainEqual(between);

  await trial.done(command);
  await trial.expectWhole();
  const statuses = (await trial.runsSince(earlier)).map(({ status }) => status);
  expect(statuses).toEqual(["succeeded", Bun.deepEquals(between, before) ? "failed" : "succeeded"]);
}
