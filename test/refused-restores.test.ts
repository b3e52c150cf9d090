/** Restores of rows that the database refuses by rules added since the backup: nothing is changed, and the row is named. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import type { RowDataPacket } from "mysql2/promise";
import { backup } from "../src/backups/backup.ts";
import { restore } from "../src/backups/restore.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { freshDatabase } from "./support/database.ts";
import { CHECK, DBA_RULES, type DbaRule, FOREIGN_KEY, under, withoutTriggers } from "./support/dba-rules.ts";
import { tableOf } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const database = await freshDatabase();
const { pool } = database;
const store = new DirectoryStore(await folderOf({}));
const report = { say() {} };
afterAll(async () => {
  await database.close();
  await removeFolders();
});
beforeEach(() => database.empty());

const jobs = [tableOf("jobs")];
const bring = (plan = false) => restore(database, store, { tables: jobs, backup: "latest", plan, report });

async function select(sql: string): Promise<unknown[][]> {
  const [rows] = await pool.query<RowDataPacket[][]>({ sql, rowsAsArray: true });
  return rows as unknown[][];
}

/** Backs up these jobs, with ids from 1, then puts another job in their place. */
async function backedUp(...names: string[]) {
  await pool.query("INSERT INTO jobs VALUES ?", [names.map((job, index) => [index + 1, job])]);
  await backup(database, store, { tables: jobs, codec: "deflate", report });
  await pool.query("DELETE FROM jobs");
  await pool.query("INSERT INTO jobs VALUES (3, 'Judge')");
}

const ofInserts = DBA_RULES.filter(({ name }) => !name.startsWith("a view"));

test.each(ofInserts.map((rule) => [rule.name, rule] as const))(
  "if %s refuses a row of the backup, the restore names it, and changes nothing",
  async (_, rule) => {
    await backedUp("Baker", "Clerk", "Judge", "Spy");
    await under(pool, rule, async () => {
      const before = await select("SELECT id, job FROM jobs");
      const reason = rule.reason.source.replace(/^: /, "").replace("$", "\\. Nothing was restored");
      const written = `${reason}|(CHECK constraint|foreign key) .(no_spies|known_jobs).\\. Nothing was restored`;
      await expect(bring()).rejects.toMatchObject({
        code: "refused",
        message: expect.stringMatching(new RegExp(`^the database refuses the backup's row 4 of jobs: .*(${written})`)),
      });
      expect(await select("SELECT id, job FROM jobs")).toEqual(before);
      expect(await select("SELECT status FROM muster_runs WHERE kind = 'restore'")).toEqual([["refused"]]);
    });
    expect(await bring()).toMatchObject({ tables: { jobs: { inserted: 3, unchanged: 1, deleted: 0 } } });
  },
);

const TWICE: DbaRule = {
  name: "a UNIQUE key",
  make: ["ALTER TABLE jobs ADD UNIQUE KEY names (job)"],
  undo: ["ALTER TABLE jobs DROP KEY names"],
  reason: /UNIQUE key `names`/,
};

test.each([
  ["a CHECK", CHECK, "CHECK constraint `no_spies`", "Spy"],
  ["a foreign key", FOREIGN_KEY, "foreign key `known_jobs`", "Spy"],
  ["a UNIQUE key", TWICE, "UNIQUE key `names`", "CLERK"],
] as const)("the plan already says that %s refuses a row", async (_, rule, reason, job) => {
  await backedUp("Baker", "Clerk", job);
  await under(pool, rule, async () => {
    await expect(bring(true)).rejects.toMatchObject({
      message: expect.stringContaining(`row 3 of jobs: ${reason}. Nothing was restored`),
    });
  });
  expect(await bring(true)).toMatchObject({ tables: { jobs: { inserted: 2, updated: 1 } } });
});

const refusingTrigger = `if a trigger refuses to have a row changed or deleted, the restore names the row${withoutTriggers}`;
test.skipIf(withoutTriggers !== "")(refusingTrigger, async () => {
  await backedUp("Baker", "Clerk");
  for (const [event, message] of [
    ["DELETE", "the database refuses to delete row 3 of jobs: kept (error 1644)"],
    ["UPDATE", "the database refuses the backup's row 2 of jobs: kept (error 1644)"],
  ] as const) {
    await pool.query("REPLACE INTO jobs VALUES (2, 'Miller')");
    const signal = "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'kept'";
    const rule = { ...CHECK, make: [`CREATE TRIGGER kept BEFORE ${event} ON jobs FOR EACH ROW ${signal}`] };
    await under(pool, { ...rule, undo: ["DROP TRIGGER kept"] }, async () => {
      await expect(bring()).rejects.toMatchObject({ code: "refused", message: expect.stringContaining(message) });
    });
  }
  expect(await select("SELECT job FROM jobs ORDER BY id")).toEqual([["Miller"], ["Judge"]]);
});

test("a restore that is too large for a cluster's transaction is refused before it begins, and a smaller one is done", async () => {
  const names = Array.from({ length: 1_000 }, (_, index) => `Job ${index}`);
  await backedUp(...names);
  const cluster = {
    ...database,
    server: { ...database.server, transactionLimit: { bytes: 20_000, setting: "wsrep_max_ws_size" } },
  };
  const bringThere = () => restore(cluster, store, { tables: jobs, backup: "latest", report });
  await expect(bringThere()).rejects.toMatchObject({
    code: "refused",
    message: expect.stringContaining("in one transaction, and the server's limit is 0.0 MB"),
  });
  expect(await select("SELECT id, job FROM jobs")).toEqual([[3, "Judge"]]);
  await bring();
  await pool.query("DELETE FROM jobs WHERE id > 900");
  await bringThere();
  expect(await select("SELECT COUNT(*) FROM jobs")).toEqual([[1_000]]);
});
