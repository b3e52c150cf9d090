/**
 * Imports that are killed, or lose their server, at moments aimed at and at random ones: five in all, or as many as
 * CRASHES says. Whatever the moment, each table is as it was or has all its rows, and the same command completes.
 */
import { afterAll, expect, test } from "bun:test";
import { tableNames } from "../src/codecs/tables.ts";
import { writeSample } from "../src/ingest/sample.ts";
import { listRuns } from "../src/repositories/run-log.ts";
import { run, start } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { contents, definitions, GATES, hold, seen, select, TABLES } from "./support/observe.ts";

const CRASHES = Number(process.env.CRASHES ?? 5);
/** About what a command takes before it begins. */
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

interface Moment {
  name: string;
  /** Half of the employees are there already, so that they are added to; else every table is empty. */
  half?: boolean;
  /** What another program does in a transaction that it leaves open until the import has been killed. */
  held?: string;
  /** It stays open until the next command says that it waits. */
  heldOn?: boolean;
  /** A statement by which the moment is known; without one it is any. */
  statement?: RegExp;
}

const AIMED: Moment[] = [
  {
    name: "its table waits to be swapped, and is once it is dead",
    held: "SELECT * FROM hired_employees",
    statement: /^RENAME TABLE/,
  },
  {
    name: "the server is inserting, and goes on",
    held: "INSERT INTO jobs VALUES (7, 'of another program')",
    heldOn: true,
    statement: /^INSERT INTO `jobs`.* BETWEEN (\d+) AND (?!\1\b)/s,
  },
  {
    name: "the server is adding rows to others",
    half: true,
    held: "INSERT INTO hired_employees VALUES (8, 'of another program', '2021-01-01', 1, 1)",
    heldOn: true,
    statement: /^INSERT INTO `hired_employees`.* BETWEEN (\d+) AND (?!\1\b)/s,
  },
  { name: "rows are staged", statement: /^(LOAD DATA|INSERT INTO `stage_)/ },
  { name: "indexes are added", statement: /^ALTER TABLE `stage_.* ADD KEY/ },
  { name: "it waits at the gate", held: GATES, statement: /FROM muster_gates WHERE/ },
  { name: "foreign keys are added", statement: /^ALTER TABLE `stage_.* FOREIGN KEY/ },
  { name: "its table is swapped", statement: /^RENAME TABLE/ },
  { name: "the old table goes", statement: /^DROP TABLE IF EXISTS `replaced_/ },
  { name: "the constraints get their names", statement: /^ALTER TABLE `hired_employees` DROP/ },
  { name: "the stages go", statement: /^DROP TABLE IF EXISTS `stage_/ },
];

/** By turns one that is aimed at, and a random one. */
function momentOf(round: number): Moment {
  const aimed = round % 2 === 0 ? AIMED[(round / 2) % AIMED.length] : undefined;
  return aimed ?? { name: "it is anywhere", half: round % 4 === 3 };
}

for (let round = 0; round < CRASHES; round++) {
  const moment = momentOf(round);
  test(`${round + 1}: killed while ${moment.name}, it leaves whole tables, and the same command completes`, async () => {
    const before = await prepare(moment);
    const earlier = (await listRuns(database.db, { limit: 1 }))[0]?.id ?? "";
    const release = moment.held === undefined ? async () => {} : await hold(pool, moment.held);
    const killed = await killAt(moment);
    // Whether this one is hit is not left to chance.
    if (moment.held !== undefined) expect(killed).toBe(true);
    if (!moment.heldOn) await release();
    const again = start(command, environment);
    const [stdout, stderr, between] = await Promise.all([
      new Response(again.stdout).text(),
      saidBy(again.stderr, /waiting/, release),
      othersThan([before, whole], again),
    ]);
    await release();

    expect([again.exitCode, between, stderr]).toEqual([0, [], expect.any(String)]);
    if (moment.heldOn) expect(stderr).toContain("waiting for the server to end what a killed run had asked of it");
    const outcome = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    expect(await contents(pool)).toEqual(whole);
    expect(await definitions(pool)).toEqual(migrated);
    await expectAccounted(outcome, earlier, before);
  });
}

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

/** Starts an import and kills it. @returns whether it had not ended before */
async function killAt({ statement }: Moment): Promise<boolean> {
  const importing = start(command, environment);
  if (statement) await seen(database, statement, importing);
  else await Bun.sleep(Math.random() * (seconds * 1000 + START_MS));
  importing.kill("SIGKILL");
  await importing.exited;
  return importing.signalCode === "SIGKILL";
}

/** Looks until a command ends. @returns the contents of a table, wherever they were none of these */
async function othersThan(allowed: Record<string, string>[], command: Bun.Subprocess): Promise<unknown[]> {
  const others: unknown[] = [];
  while (command.exitCode === null) {
    const found = Object.entries(await contents(pool));
    others.push(...found.filter(([table, held]) => allowed.every((each) => each[table] !== held)));
    await Bun.sleep(20);
  }
  return others;
}

/** All that a stream says; `then` is done as soon as it says so. */
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

/** Each row and rejection is counted once, whichever of the two runs it is counted by, and no run is left open. */
async function expectAccounted(outcome: { tables: typeof expected }, earlier: string, before: Record<string, string>) {
  const runs = (await listRuns(database.db, { limit: 10 })).filter(({ id }) => id > earlier);
  expect(runs.filter(({ status }) => status !== "succeeded" && status !== "failed")).toEqual([]);
  expect(await select(pool, "SELECT id FROM muster_runs WHERE swap IS NOT NULL")).toEqual([]);
  for (const table of tableNames) {
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
}
