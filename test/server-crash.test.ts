/** Imports whose server is killed: each says so in one line, and the next start completes what it left half done. */
import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type Database } from "../src/db/database.ts";
import { lineOf } from "../src/db/driver-errors.ts";
import { migrate } from "../src/db/migrate.ts";
import type { DebugPoint } from "../src/debug-points.ts";
import { joinServer } from "../src/embedded/server.ts";
import { writeSample } from "../src/ingest/sample.ts";
import { run, start, startStoppedAt } from "./support/commands.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { contents, definitions, hold, seen, TABLES } from "./support/observe.ts";
import { mysqld } from "./support/server.ts";

const folder = await folderOf({});
const data = join(folder, ".data");
const environment: Record<string, string> = mysqld ? { MUSTER_MYSQLD: mysqld } : {};
await writeSample(join(folder, "csv"), { rows: 12_000, seed: 5, badShare: 0.01 });
const command = [join(import.meta.dir, "../scripts/import.ts"), "csv", "--json"];

// The test kills this server, so it is not the one of the other tests.
const own = await joinServer(data, { mysqld, say: () => {} });
await migrate(own.url);
afterAll(async () => {
  await own.stop();
  await removeFolders();
});

/** Looks at the server's database by a connection of its own. */
async function looking<T>(look: (database: Database) => Promise<T>): Promise<T> {
  const database = await connect(own.url);
  try {
    return await look(database);
  } finally {
    await database.close().catch(() => {});
  }
}

const migrated = await looking(({ pool }) => definitions(pool));
const undisturbed = await run(command, environment, folder);
const whole = await looking(({ pool }) => contents(pool));

test("the driver's error for a connection that was already lost reads as the database being away", async () => {
  const error = await looking(async ({ pool }) => {
    const connection = await pool.getConnection();
    connection.destroy();
    return connection.query("SELECT 1").catch((thrown) => thrown);
  });
  expect(error.message).toContain("closed state");
  expect(lineOf(error)).toStartWith("the database cannot be reached");
  expect(lineOf(new Error("Failed query", { cause: new Error(error.message) }))).toStartWith(
    "the database cannot be reached",
  );
});

/** A moment at which the server is killed: a point in the import's code, or a statement that another program holds up. */
type Moment = { point: DebugPoint } | { statement: RegExp; held: string };

test.each<[string, Moment]>([
  ["rows are staged", { point: "rows staged" }],
  ["a parent waits to be inserted", { statement: /^INSERT INTO `jobs`/, held: "INSERT INTO jobs VALUES (7, 'x')" }],
  ["the table waits to be swapped", { statement: /^RENAME TABLE/, held: "SELECT * FROM hired_employees" }],
  ["the table is swapped", { point: "renamed" }],
])(
  "if the server is killed while %s, the import ends with code 1 and one line, and the same command starts the server and completes",
  async (_, moment) => {
    const importing = await looking(async (database) => {
      for (const table of TABLES) await database.pool.query(`DELETE FROM ${table}`);
      const started = await startedAt(moment, database);
      process.kill(JSON.parse(readFileSync(join(data, "mysql/muster.json"), "utf8")).pid, "SIGKILL");
      await started.goOn();
      return started;
    });
    const [code, stdout, stderr] = await Promise.all([
      importing.command.exited,
      new Response(importing.command.stdout).text(),
      importing.stderr,
    ]);
    const error = expect.stringMatching(
      /^the database cannot be reached \([A-Z_]+\): check that it runs, its address and the network$/,
    );
    expect([code, JSON.parse(stdout)]).toMatchObject([1, { status: "failed", error }]);
    expect(stderr).toMatch(
      /\nthe database cannot be reached \([A-Z_]+\): check that it runs, its address and the network\n$/,
    );
    expect(stderr).not.toMatch(/^ +at /m);

    const again = await run(command, environment, folder);
    expect(again.code).toBe(0);
    const rejected = ({ tables }: { tables: Record<string, { rejected: number }> }) =>
      Object.values(tables).map((counts) => counts.rejected);
    expect(rejected(JSON.parse(again.stdout))).toEqual(rejected(JSON.parse(undisturbed.stdout)));
    expect(await looking(({ pool }) => contents(pool))).toEqual(whole);
    expect(await looking(({ pool }) => definitions(pool))).toEqual(migrated);
  },
);

/** Starts an import and waits until it is at the moment. The server's end ends what holds it up. */
async function startedAt(moment: Moment, database: Database) {
  if ("point" in moment) return startStoppedAt(moment.point, command, environment, folder);
  await hold(database.pool, moment.held);
  const started = start(command, environment, folder);
  await seen(database, moment.statement, started);
  return { command: started, goOn: () => {}, stderr: new Response(started.stderr).text() };
}
