/** TiDB limits the size of a transaction. What is larger is refused, and nothing of it is stored. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { mysqlTable, varchar } from "drizzle-orm/mysql-core";
import { Dictionary } from "../src/codecs/dictionary.ts";
import { importSource } from "../src/ingest/import.ts";
import type { MusterDatabase } from "../src/repositories/muster-database.ts";
import { run } from "./support/commands.ts";
import { connect } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { missing } from "./support/missing.ts";
import { startTidb } from "./support/tidb.ts";

const program = process.env.MUSTER_TIDB || undefined;
const without = missing("MUSTER_TIDB, the program of TiDB", program !== undefined);

/** More than LOAD DATA brings into a stage at once, and less than ROWS take with their indexes. */
const LIMIT_BYTES = 8_000_000;
const ROWS = 80_000;

let database: MusterDatabase;
let command: (...words: string[]) => ReturnType<typeof run>;
let stop = async () => {};

beforeAll(async () => {
  if (program === undefined) return;
  const folder = await folderOf({ "tidb.toml": `[performance]\ntxn-total-size-limit = ${LIMIT_BYTES}\n` });
  const tidb = await startTidb(program, join(folder, "tidb.toml"));
  stop = tidb.stop;
  const environment = { DATABASE_URL: tidb.url, BACKUP_STORE: join(folder, "backups") };
  command = (name, ...words) => run([`scripts/${name}.ts`, ...words], environment);
  expect(await command("migrate")).toMatchObject({ code: 0 });
  database = await connect(tidb.url);
});
afterAll(async () => {
  await database?.close();
  await stop();
  await removeFolders();
});

/** Lines for the ids 1 to ROWS, and for each quarter of them. */
function linesOf(line: (id: number) => string): { all: string; quarters: string[] } {
  const lines = Array.from({ length: ROWS }, (_, index) => `${line(index + 1)}\n`);
  const quarter = (at: number) => lines.slice((at * ROWS) / 4, ((at + 1) * ROWS) / 4).join("");
  return { all: lines.join(""), quarters: [0, 1, 2, 3].map(quarter) };
}

async function count(table: string): Promise<number> {
  const [[row]] = (await database.pool.query(`SELECT COUNT(*) AS n FROM ${table}`)) as unknown as [{ n: number }[]];
  return Number(row?.n);
}

test.skipIf(program === undefined)(
  `an import and a restore that are larger than the limit are refused with both sizes, and smaller ones go in${without}`,
  async () => {
    const { all, quarters } = linesOf((id) => `${id},Ana,2021-05-01T00:00:00Z,1,1`);
    const refused = {
      code: 2,
      stderr: expect.stringMatching(
        /hired_employees: 80000 rows .*txn-total-size-limit is 8\.0 MB.*none of them is stored/,
      ),
    };
    const parents = { "departments.csv": "1,Sales\n", "jobs.csv": "1,Clerk\n" };
    expect(await command("import", await folderOf({ ...parents, "hired_employees.csv": all }))).toMatchObject(refused);
    expect(await count("hired_employees")).toBe(0);
    for (const quarter of quarters)
      expect(await command("import", await folderOf({ "hired_employees.csv": quarter }))).toMatchObject({ code: 0 });
    expect(await count("hired_employees")).toBe(ROWS);
    expect(await command("backup")).toMatchObject({ code: 0 });
    await database.pool.query("DELETE FROM hired_employees WHERE id <= ?", [ROWS / 4]);
    expect(await command("restore", "hired_employees")).toMatchObject({ code: 0 });
    expect(await count("hired_employees")).toBe(ROWS);
    for (let first = 1; first <= ROWS; first += ROWS / 4)
      await database.pool.query("DELETE FROM hired_employees WHERE id BETWEEN ? AND ?", [first, first + ROWS / 4 - 1]);
    expect(await command("restore", "hired_employees")).toMatchObject(refused);
    expect(await count("hired_employees")).toBe(0);
  },
);

test.skipIf(program === undefined)(
  `a file that is larger than the limit goes in if most of its rows are stored already${without}`,
  async () => {
    const things = mysqlTable("things", { code: varchar("code", { length: 100 }).primaryKey() });
    await database.pool.query("CREATE TABLE things (code VARCHAR(100) PRIMARY KEY)");
    await database.pool.query("INSERT INTO muster_gates VALUES ('things')");
    const load = async (text: string) => {
      const source = await folderOf({ "things.csv": text });
      const { tables } = await importSource(
        { ...database, dictionary: new Dictionary({ things }) },
        { source, report: { say() {} } },
      );
      return tables as unknown;
    };
    const { all, quarters } = linesOf((id) => `${id}`.padEnd(100, "x"));
    for (const quarter of quarters) await load(quarter);
    expect(await load(`${all}a new one\n`)).toMatchObject({ things: { unchanged: ROWS, inserted: 1 } });
  },
);
