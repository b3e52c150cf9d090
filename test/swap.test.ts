/** A stage takes the place of its table by one RENAME, while others read and write the table. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { drizzle } from "drizzle-orm/mysql2";
import type { RowDataPacket } from "mysql2/promise";
import { runs } from "../src/db/ledger.ts";
import type { BatchAnswer } from "../src/http/batch-answer.ts";
import { importSource } from "../src/ingest/import.ts";
import { clearDeadRuns } from "../src/publish/recovery.ts";
import { Stage, stageName } from "../src/publish/stage.ts";
import { addIndexes } from "../src/publish/stage-table.ts";
import { publishBySwap } from "../src/publish/swap.ts";
import { beginRun, type LiveRun } from "../src/repositories/live-run.ts";
import { PROCESS_SPACE } from "../src/repositories/locks.ts";
import { endRun, findRun, noRows } from "../src/repositories/run-log.ts";
import { appOver, posted } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { tableOf } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { until } from "./support/observe.ts";

const database = await freshDatabase();
const app = appOver(database);
const table = tableOf("hired_employees");
afterAll(async () => {
  await database.close();
  await removeFolders();
});

async function select(statement: string): Promise<Record<string, unknown>[]> {
  return (await database.pool.query<RowDataPacket[]>(statement))[0];
}

async function definition(): Promise<string> {
  const [row] = await select("SHOW CREATE TABLE hired_employees");
  return String(row?.["Create Table"]);
}

const withoutNextId = (text: string) => text.replace(/ AUTO_INCREMENT=\d+/, "");
const nextId = (text: string) => Number(/ AUTO_INCREMENT=(\d+)/.exec(text)?.[1] ?? 1);
const leftovers = async () => [
  ...(await select("SHOW TABLES LIKE 'stage%'")),
  ...(await select("SHOW TABLES LIKE 'replaced%'")),
];

let migrated = "";
beforeAll(async () => {
  await database.pool.query("INSERT INTO departments VALUES (1, 'Legal')");
  await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk')");
  migrated = await definition();
});

const line = (id: number) => `${id},Ana ${id},2021-05-01T10:00:00Z,1,1\n`;
const ids = (count: number, from = 1) => Array.from({ length: count }, (_, index) => from + index);

/** Begins a run with these rows in its stage. */
async function staged(
  rows: readonly (readonly [number, ...(string | number)[]])[],
  kind: "import" | "restore" = "restore",
) {
  const run = await beginRun(database, kind, "a test");
  const stage = await Stage.create(database, run, table);
  await stage.add(rows);
  await stage.finish();
  await addIndexes(run.connection, table, stage.name);
  return { run, stage: stageName(run.id, table) };
}

const said: string[] = [];
const options = { table, last: true, counts: {}, wait() {}, say: (text: string) => void said.push(text) };

test("an import into an empty table replaces it, and the table is what the migration made", async () => {
  await database.pool.query("INSERT INTO hired_employees VALUES (70000, 'Bo', '2021-05-01', 1, 1)");
  await database.pool.query("DELETE FROM hired_employees");
  const created = await tableId();
  const source = await folderOf({ "hired_employees.csv": ids(500).map(line).join("") });
  const { tables } = await importSource(database, { source, report: options });
  expect(tables.hired_employees).toMatchObject({ received: 500, inserted: 500 });
  expect(await tableId()).not.toBe(created);
  expect(withoutNextId(await definition())).toBe(withoutNextId(migrated));
  expect(nextId(await definition())).toBeGreaterThanOrEqual(70_001);
  expect(await select("SELECT COUNT(*) AS n FROM hired_employees")).toEqual([{ n: 500 }]);
  expect(await leftovers()).toEqual([]);
  await expect(database.pool.query("DELETE FROM departments")).rejects.toMatchObject({ errno: 1451 });
});

/** The server's internal number of the table: a swap changes it. */
async function tableId(): Promise<unknown> {
  const innodb = database.server.version.includes("MariaDB") ? "INNODB_SYS_TABLES" : "INNODB_TABLES";
  const [row] = await select(
    `SELECT table_id AS id FROM information_schema.${innodb} WHERE name = '${database.name}/hired_employees'`,
  );
  return row?.id;
}

/** How often the table is swapped; SWAPS=40 looks longer. */
const ROUNDS = Number(process.env.SWAPS ?? 15);

test(`${ROUNDS} swaps beside three writers and three readers lose or hide no confirmed row, and nobody sees an error`, async () => {
  const confirmed: number[] = [];
  let swapping = true;
  const ask = async (path: string, body?: unknown) => {
    const response = await app.request(path, body ? posted(body) : {});
    return { status: response.status, body: await response.json() };
  };
  const writer = async (name: string) => {
    while (swapping) {
      const row = { name, datetime: "2021-05-01T10:00:00Z", department_id: 1, job_id: 1 };
      const answer = await ask("/hired_employees", [row, row]);
      expect(answer.status).toBe(201);
      for (const { id = 0 } of (answer.body as BatchAnswer).rows) confirmed.push(id);
    }
  };
  const reader = async (look: () => Promise<void>) => {
    while (swapping) await look();
  };
  const finds = async () => {
    const id = confirmed[Math.floor(Math.random() * confirmed.length)];
    if (id !== undefined) expect(await ask(`/hired_employees/${id}`)).toMatchObject({ status: 200, body: { id } });
    else await Bun.sleep(0);
  };
  const counts = async () => {
    const least = confirmed.length;
    const [row] = await select("SELECT COUNT(*) AS n FROM hired_employees");
    expect(row?.n).toBeGreaterThanOrEqual(least);
  };
  const reports = async () => expect((await ask("/hired_department")).status).toBe(200);
  const others = [writer("a"), writer("b"), writer("c"), reader(finds), reader(counts), reader(reports)];
  let swaps = 0;
  for (let round = 0; round < ROUNDS; round++) {
    // A row is written and confirmed between any two swaps.
    const before = confirmed.length;
    await until(() => confirmed.length > before);
    const { run, stage } = await staged([]);
    // The stage gets the rows of the table: none can be added while the gate is held.
    const check = async () => {
      await run.connection.query(`INSERT INTO ${stage} SELECT * FROM hired_employees`);
      return noRows();
    };
    if (await publishBySwap(database, run, { ...options, stage, check })) swaps += 1;
    else await endRun(run.db, run.id, { status: "failed" });
    await run.close();
  }
  swapping = false;
  await Promise.all(others);
  await clearDeadRuns(database, options.say);
  expect(swaps).toBe(ROUNDS);
  const stored = new Set((await select("SELECT id FROM hired_employees WHERE id > 500")).map(({ id }) => id));
  expect(confirmed.filter((id) => !stored.has(id))).toEqual([]);
  expect(withoutNextId(await definition())).toBe(withoutNextId(migrated));
  expect(await leftovers()).toEqual([]);
});

/** A run whose connection is lost at its nth statement, before the server gets it or before the answer comes. */
function losing(run: LiveRun, nth: number, when: "before" | "after"): LiveRun {
  let count = 0;
  const connection = new Proxy(run.connection, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (name !== "query" && name !== "execute") return typeof value === "function" ? value.bind(target) : value;
      return async (...args: unknown[]) => {
        count += 1;
        if (count === nth && when === "before") target.destroy();
        const answer = await value.apply(target, args);
        if (count === nth) target.destroy();
        return answer;
      };
    },
  });
  return { ...run, connection, db: drizzle(connection) };
}

test.each(["before", "after"] as const)(
  "a swap whose connection is lost %s any of its statements is finished or undone by the next command",
  async (when) => {
    await database.pool.query("DELETE FROM hired_employees");
    const outcomes: string[] = [];
    for (let nth = 1, done = false; !done; nth++) {
      await database.pool.query("INSERT IGNORE INTO hired_employees VALUES (1, 'Bo', '2021-05-01', 1, 1)");
      await database.pool.query("DELETE FROM hired_employees WHERE id > 1");
      const { run, stage } = await staged([2, 3, 4].map((id) => [id, "Ana", "2021-05-01 10:00:00", 1, 1]));
      const check = async () => ({ ...noRows(), received: 3, inserted: 3 });
      done = await publishBySwap(database, losing(run, nth, when), { ...options, stage, check }).then(
        () => true,
        () => false,
      );
      await run.close();
      await database.pool.query("UPDATE muster_runs SET owner = ? WHERE id = ?", [
        `${PROCESS_SPACE}:999999999`,
        run.id,
      ]);
      await clearDeadRuns(database, options.say);
      const [state] = await select("SELECT COUNT(*) AS n, SUM(name = 'Ana') AS ana FROM hired_employees");
      const record = await findRun(database.db, run.id);
      outcomes.push(`${state?.n} ${state?.ana} ${record?.status} ${Object.keys(record?.counts ?? {})}`);
      expect(withoutNextId(await definition())).toBe(withoutNextId(migrated));
      expect(await leftovers()).toEqual([]);
    }
    expect(new Set(outcomes)).toEqual(new Set(["1 0 failed ", "3 3 succeeded hired_employees"]));
    expect(outcomes.lastIndexOf("1 0 failed ")).toBeGreaterThan(5);
    expect(outcomes.indexOf("3 3 succeeded hired_employees")).toBeLessThan(outcomes.length - 5);
  },
);

/** Imports 50 employees into the empty table. @returns whether it was swapped */
async function importSwaps(): Promise<boolean> {
  await database.pool.query("DELETE FROM hired_employees");
  const before = await tableId();
  const source = await folderOf({ "hired_employees.csv": ids(50).map(line).join("") });
  const { tables } = await importSource(database, { source, report: options });
  expect(tables.hired_employees).toMatchObject({ received: 50, inserted: 50 });
  expect(await select("SELECT COUNT(*) AS n FROM hired_employees")).toEqual([{ n: 50 }]);
  expect(withoutNextId(await definition())).toBe(withoutNextId(migrated));
  return (await tableId()) !== before;
}

test("a reader whose transaction does not end delays an import into an empty table for seconds, and is not disturbed", async () => {
  await database.pool.query("DELETE FROM hired_employees");
  const reader = await database.pool.getConnection();
  await reader.beginTransaction();
  await reader.query("SELECT COUNT(*) FROM hired_employees");
  expect(await importSwaps()).toBe(false);
  expect(said.at(-1)).toContain("readers keep it in use");
  expect((await reader.query<RowDataPacket[]>("SELECT COUNT(*) AS n FROM hired_employees"))[0]).toMatchObject([
    { n: 0 },
  ]);
  await reader.rollback();
  reader.release();
  expect(await leftovers()).toEqual([]);
  expect(await importSwaps()).toBe(true);
});

test("a table with a trigger, or with a reference from another program's table, is filled by INSERT and not swapped", async () => {
  await database.pool.query(
    "CREATE TRIGGER hire BEFORE INSERT ON hired_employees FOR EACH ROW SET NEW.name = NEW.name",
  );
  expect(await importSwaps()).toBe(false);
  await database.pool.query("DROP TRIGGER hire");
  await database.pool.query("CREATE TABLE badges (hire int, FOREIGN KEY (hire) REFERENCES hired_employees (id))");
  expect(await importSwaps()).toBe(false);
  await database.pool.query("DROP TABLE badges");
});

/** Swaps a stage with one row, and does `meanwhile` between the look at the table and the RENAME. */
async function swapWhile(meanwhile: string[], kind: "import" | "restore" = "restore") {
  const { run, stage } = await staged([[1, "Ana", "2021-05-01 10:00:00", 1, 1]], kind);
  const check = async () => {
    for (const statement of meanwhile) await database.pool.query(statement);
    return { ...noRows(), received: 1, inserted: 1 };
  };
  return { run, stage, options: { ...options, stage, check } };
}

test("a table into which another program writes meanwhile keeps those rows, and is not swapped", async () => {
  await database.pool.query("DELETE FROM hired_employees");
  const writes = ["INSERT INTO hired_employees VALUES (9, 'Bo', '2021-05-01', 1, 1)"];
  const { run, options } = await swapWhile(writes, "import");
  expect(await publishBySwap(database, run, options)).toBeUndefined();
  expect(said.at(-1)).toContain("another program is writing into it");
  expect(await select("SELECT id FROM hired_employees")).toEqual([{ id: 9 }]);
  await endRun(run.db, run.id, { status: "failed" });
  await run.close();
});

const BADGES = "CREATE TABLE badges (hire int, CONSTRAINT badge FOREIGN KEY (hire) REFERENCES hired_employees (id))";
const parentOfBadges = async () =>
  /REFERENCES `(\w+)`/.exec(JSON.stringify(await select("SHOW CREATE TABLE badges")))?.[1];

test.each([
  ["a foreign key that refers to it", [BADGES, "INSERT INTO badges VALUES (9)"], "a foreign key of another table"],
  [
    "a trigger",
    ["CREATE TRIGGER hire BEFORE INSERT ON hired_employees FOR EACH ROW SET NEW.name = ''"],
    "trigger hire",
  ],
])("a swap of a table that gets %s meanwhile is undone at once", async (_, meanwhile, why) => {
  await database.pool.query("REPLACE INTO hired_employees VALUES (9, 'Bo', '2021-05-01', 1, 1)");
  const { run, options } = await swapWhile(meanwhile);
  expect(await publishBySwap(database, run, options)).toBeUndefined();
  expect(said.at(-1)).toContain(why);
  expect(await select("SELECT id FROM hired_employees")).toEqual([{ id: 9 }]);
  expect(await select("SHOW TABLES LIKE 'replaced%'")).toEqual([]);
  await endRun(run.db, run.id, { status: "failed" });
  await run.close();
  await database.pool.query("DROP TABLE IF EXISTS badges");
  await database.pool.query("DROP TRIGGER IF EXISTS hire");
});

test.each(["before", "after"] as const)(
  "a swap that is undone, and whose connection is lost %s any of its statements, is undone by the next command",
  async (when) => {
    await database.pool.query("REPLACE INTO hired_employees VALUES (9, 'Bo', '2021-05-01', 1, 1)");
    for (let nth = 1, done = false; !done; nth++) {
      const { run, options } = await swapWhile([BADGES, "INSERT INTO badges VALUES (9)"]);
      done = await publishBySwap(database, losing(run, nth, when), options).then(
        () => true,
        () => false,
      );
      await run.close();
      await database.pool.query("UPDATE muster_runs SET owner = ? WHERE id = ?", [
        `${PROCESS_SPACE}:999999999`,
        run.id,
      ]);
      await clearDeadRuns(database, options.say);
      if ((await select("SHOW TABLES LIKE 'badges'")).length === 0) continue;
      expect([nth, await parentOfBadges(), (await findRun(database.db, run.id))?.status]).toEqual([
        ...[nth, "hired_employees", "failed"],
      ]);
      expect(await select("SELECT id FROM hired_employees")).toEqual([{ id: 9 }]);
      expect(await leftovers()).toEqual([]);
      await database.pool.query("DROP TABLE badges");
    }
  },
);

test("a dead run's swap is not undone if rows were written since; the replaced table is kept and named", async () => {
  await database.pool.query("DELETE FROM hired_employees");
  await database.pool.query("INSERT INTO hired_employees VALUES (9, 'Bo', '2021-05-01', 1, 1)");
  const { run, stage, options } = await swapWhile([BADGES]);
  const swap = { table: "hired_employees", stage, last: true, foreignKeys: [] };
  const counts = { hired_employees: await options.check() };
  await run.db.update(runs).set({ status: "publishing", swap, counts }).where(eq(runs.id, run.id));
  const replaced = stage.replace("stage", "replaced");
  await database.pool.query(`RENAME TABLE hired_employees TO ${replaced}, ${stage} TO hired_employees`);
  await run.close();
  await database.pool.query("INSERT INTO hired_employees VALUES (10, 'Al', '2021-05-01', 1, 1)");
  await clearDeadRuns(database, options.say);
  expect(said.at(-1)).toContain(`${replaced} is what hired_employees was before run ${run.id}, and is kept`);
  expect((await findRun(database.db, run.id))?.status).toBe("succeeded");
  expect(await select("SELECT id FROM hired_employees")).toEqual([{ id: 1 }, { id: 10 }]);
  expect(await select(`SELECT id FROM ${replaced}`)).toEqual([{ id: 9 }]);
  said.length = 0;
  await clearDeadRuns(database, options.say);
  expect(said).toEqual([]);
});
