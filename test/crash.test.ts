/**
 * Imports that are killed: at each moment that can leave something half done, and at random moments, two of them or as
 * many as CRASHES says. Whatever the moment, each table is as it was or has all its rows, and the same command completes.
 */
import { afterAll, expect, test } from "bun:test";
import type { DebugPoint } from "../src/debug-points.ts";
import { writeSample } from "../src/ingest/sample.ts";
import { listRuns } from "../src/repositories/run-log.ts";
import { run, start, startStoppedAt } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { SAMPLE_TABLES } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { withoutSwap } from "./support/missing.ts";
import { AT_THE_GATE, contents, definitions, GATES, hold, seen, select, TABLES } from "./support/observe.ts";

const CRASHES = Number(process.env.CRASHES ?? 2);
/** About how long a command takes to start. */
const START_MS = 400;

const database = await freshDatabase();
const { pool } = database;
const source = await folderOf({});
const bad = await writeSample(source, { rows: 12_000, seed: 5, badShare: 0.01 });
const command = ["scripts/import.ts", source, "--json"];
const environment = { DATABASE_URL: database.url };
afterAll(async () => {
  await database.close();
  await removeFolders();
});

const migrated = await definitions(pool);
const nothing = await contents(pool);
const undisturbed = await run(command, environment);
const { seconds, tables: expected } = JSON.parse(undisturbed.stdout);
const whole = await contents(pool);

/** A moment at which an import is killed. */
interface Moment {
  name: string;
  /** Half of the employees are there already, so rows are added to them; otherwise every table is empty. */
  half?: boolean;
  /** A point in Muster's own code: the import stops there. */
  point?: DebugPoint;
  /** A statement that the server is kept at, by a transaction of another program. */
  statement?: RegExp;
  held?: string;
  /** That transaction goes on until the next command says that it waits; otherwise it ends when the import is dead. */
  heldOn?: boolean;
}

const AIMED: Moment[] = [
  {
    name: "the server waits to swap the table, and swaps it afterwards",
    held: "SELECT * FROM hired_employees",
    statement: /^RENAME TABLE/,
  },
  {
    name: "the server inserts rows, and goes on",
    held: "INSERT INTO jobs VALUES (7, 'of another program')",
    heldOn: true,
    statement: /^INSERT INTO `jobs`.* BETWEEN (\d+) AND (?!\1\b)/s,
  },
  {
    name: "the server adds rows to those that are there, and goes on",
    half: true,
    held: "INSERT INTO hired_employees VALUES (8, 'of another program', '2021-01-01', 1, 1)",
    heldOn: true,
    statement: /^INSERT INTO `hired_employees`.* BETWEEN (\d+) AND (?!\1\b)/s,
  },
  { name: "it waits at the gate", held: GATES, statement: AT_THE_GATE },
  { name: "some rows are staged", point: "rows staged" },
  { name: "the stage has its indexes", point: "indexes added" },
  { name: "the stage has its foreign keys", point: "foreign keys added" },
  { name: "the swap is announced", point: "swap noted" },
  { name: "the table is swapped", point: "renamed" },
  { name: "the old table is dropped", point: "old table dropped" },
  { name: "the swap is recorded", point: "swap recorded" },
  { name: "the foreign keys have their names", point: "foreign keys named" },
  { name: "rows are inserted and not committed", point: "rows inserted" },
  { name: "rows are added to those that are there and not committed", half: true, point: "rows inserted" },
  { name: "the run has ended and its stages are there", point: "run ended" },
];
const RANDOM = Array.from(
  { length: CRASHES },
  (_, index): Moment => ({
    ...{ name: `random moment ${index + 1}`, half: index % 2 === 1 },
  }),
);

const OF_A_SWAP = /swap|the stage has|the old table|foreign keys have/;
if (withoutSwap !== "") test.skip(`an import killed while it swaps a table${withoutSwap}`, () => {});

const moments = [...AIMED, ...RANDOM].filter(({ name }) => withoutSwap === "" || !OF_A_SWAP.test(name));
test.each(moments.map((moment) => [moment.name, moment] as const))(
  "an import killed (%s) leaves whole tables, and the same command completes",
  async (_, moment) => {
    const before = await prepare(moment);
    const earlier = (await listRuns(database.db, { limit: 1 }))[0]?.id ?? "";
    const release = moment.held === undefined ? async () => {} : await hold(pool, moment.held);
    await killAt(moment);
    if (!moment.heldOn) await release();
    const again = start(command, environment);
    const [stdout, stderr, between] = await Promise.all([
      new Response(again.stdout).text(),
      saidBy(again.stderr, /waiting/, release),
      othersThan([before, whole], again),
    ]);
    await release();

    expect([again.exitCode, between, stderr]).toEqual([0, [], expect.any(String)]);
    if (moment.heldOn) expect(stderr).toContain("waiting for the server to end the last statement of a killed run");
    const outcome = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    expect(await contents(pool)).toEqual(whole);
    expect(await definitions(pool)).toEqual(migrated);
    await expectAccounted(outcome, earlier, before);
  },
);

async function prepare({ half = false }: Moment): Promise<Record<string, string>> {
  if (half) {
    expect(await contents(pool)).toEqual(whole);
    await pool.query("DELETE FROM hired_employees WHERE id % 2 = 0");
  } else {
    for (const table of TABLES) await pool.query(`DELETE FROM ${table}`);
    expect(await contents(pool)).toEqual(nothing);
  }
  return contents(pool);
}

/** Starts an import and kills it at a moment. At a random one it may have ended before. */
async function killAt({ point, statement }: Moment): Promise<void> {
  const importing = point ? (await startStoppedAt(point, command, environment)).command : start(command, environment);
  if (statement) await seen(database, statement, importing);
  else if (!point) await Bun.sleep(Math.random() * (seconds * 1000 + START_MS));
  importing.kill("SIGKILL");
  await importing.exited;
  if (point || statement) expect(importing.signalCode).toBe("SIGKILL");
}

/** Looks at the tables until a command ends. @returns each content that is not allowed */
async function othersThan(allowed: Record<string, string>[], command: Bun.Subprocess): Promise<unknown[]> {
  const others: unknown[] = [];
  while (command.exitCode === null) {
    const found = Object.entries(await contents(pool));
    others.push(...found.filter(([table, held]) => allowed.every((each) => each[table] !== held)));
    await Bun.sleep(20);
  }
  return others;
}

/** Reads a stream to its end; calls `then` when it has said `what`. */
async function saidBy(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  what: RegExp,
  then: () => Promise<void>,
): Promise<string> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (what.test(text)) await then();
  }
  return text;
}

/** Each row, rejection and file is counted once, by one of the two runs, and no run is left open. */
async function expectAccounted(outcome: { tables: typeof expected }, earlier: string, before: Record<string, string>) {
  const runs = (await listRuns(database.db, { limit: 10 })).filter(({ id }) => id > earlier);
  expect(runs.filter(({ status }) => status !== "succeeded" && status !== "failed")).toEqual([]);
  expect(await select(pool, "SELECT id FROM muster_runs WHERE swap IS NOT NULL")).toEqual([]);
  for (const table of SAMPLE_TABLES) {
    const { received, inserted, rejected } = expected[table];
    const inserts = runs.map(({ counts: { [table]: counts } }) =>
      counts && "inserted" in counts ? counts.inserted : 0,
    );
    const there = Number.parseInt(before[table] ?? "", 10);
    expect([table, inserts.reduce((sum, each) => sum + each, 0)]).toEqual([table, inserted - there]);
    const last = outcome.tables[table];
    expect(last).toMatchObject({ received, rejected });
    expect(last.inserted + last.unchanged).toBe(inserted);
  }
  const [logged] = await select(pool, "SELECT COUNT(*) AS `rows` FROM muster_rejections WHERE state = 'open'");
  expect(logged?.rows).toBe(bad);
  const read = await select(pool, "SELECT name_in_source AS name, imported_at FROM muster_files ORDER BY name");
  const counted = read.map(({ name, imported_at }) => [name, imported_at !== null]);
  expect(counted).toEqual(SAMPLE_TABLES.map((table) => [`${table}.csv`, true]).toSorted());
}
