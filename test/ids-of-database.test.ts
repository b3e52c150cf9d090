/** Files without ids: the database assigns them, in the order of the rows. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { RowDataPacket } from "mysql2/promise";
import { tableOf } from "./support/dictionary.ts";

const KEY_MAX = 2_147_483_647;

import { csvLine } from "../src/codecs/csv.ts";
import { loadFirst } from "../src/ingest/first-load.ts";
import { type ImportOptions, importSource } from "../src/ingest/import.ts";
import { ProvisionalIds } from "../src/ingest/provisional-ids.ts";
import { replayOpen } from "../src/ingest/replay-batches.ts";
import { replayFile } from "../src/ingest/replay-file.ts";
import type { FileRow } from "../src/read/file-row.ts";
import type { FileRecipe } from "../src/read/recipes/recipe.ts";
import { listRejections } from "../src/repositories/rejection-log.ts";
import { findRun } from "../src/repositories/run-log.ts";
import { appOver, posted } from "./support/app.ts";
import { run, startStoppedAt } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { CHECK, DBA_RULES, FOREIGN_KEY, under } from "./support/dba-rules.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { AT_THE_GATE, GATES, hold, select as objects, underWay, until } from "./support/observe.ts";

const database = await freshDatabase();
const { pool } = database;
const app = appOver(database);
afterAll(async () => {
  await database.close();
  await removeFolders();
});
beforeEach(async () => {
  await database.empty();
  for (const table of ["jobs", "departments", "hired_employees"])
    await pool.query(`ALTER TABLE ${table} AUTO_INCREMENT = 1`);
});

afterEach(async () => {
  expect(await objects(pool, "SHOW TABLES LIKE 'stage%'")).toEqual([]);
});

const ASSIGNED: FileRecipe = { ids: "database" };
const PARENTS = ["INSERT INTO departments VALUES (1, 'Sales'), (2, 'Legal')", "INSERT INTO jobs VALUES (1, 'Clerk')"];
const hire = (name: string, department = 1) => `${name},2021-05-01T10:00:00Z,${department},1\n`;
const HIRES = "name,datetime,department_id,job_id\n";

async function load(files: Record<string, string>, options: Partial<ImportOptions> = {}) {
  return importFrom(await folderOf(files), options);
}

async function importFrom(source: string, options: Partial<ImportOptions> = {}) {
  const lines: string[] = [];
  const report = { say: (line: string) => void lines.push(line) };
  const outcome = await importSource(database, { source, options: ASSIGNED, report, ...options });
  for (const { received, inserted, unchanged, rejected, withheld } of Object.values(outcome.tables))
    expect(inserted + unchanged + rejected + withheld).toBe(received);
  return { ...outcome, lines, source };
}

async function select(sql: string): Promise<unknown[][]> {
  const [rows] = await pool.query<RowDataPacket[][]>({ sql, rowsAsArray: true });
  return rows as unknown[][];
}

const jobs = () => select("SELECT id, job FROM jobs ORDER BY id");
const logged = () => listRejections(database.db, { limit: 100, state: "open" });
const names = async () => (await select("SELECT name FROM hired_employees ORDER BY id")).flat();

describe("rows get ids in the order of the file", () => {
  test.each([
    ["CSV with a header", "jobs.csv", "job\nCook\nBaker\nBaker\n", {}],
    ["CSV without a header", "jobs.csv", "Cook\nBaker\nBaker\n", {}],
    ["columns by position", "jobs.csv", "9,Cook\n9,Baker\nx,Baker\n", { columns: [null, "job"] }],
    ["an id that is ignored", "jobs.csv", "id,job\n7,Cook\n7,Baker\n,Baker\n", { ignore: ["id"] }],
    ["NDJSON", "jobs.ndjson", '{"job":"Cook"}\n{"id":null,"job":"Baker"}\n{"job":"Baker"}\n', {}],
    ["a JSON array", "jobs.json", '[{"job":"Cook"},{"job":"Baker"},{"job":"Baker"}]', {}],
  ] as const)("%s", async (_, name, text, more) => {
    await pool.query("INSERT INTO jobs VALUES (1, 'Cook'), (3, 'Judge')");
    const recipe = { files: [{ ...ASSIGNED, ...more } as FileRecipe] };
    const { tables, lines } = await load({ [name]: text }, { options: undefined, recipe });
    expect(tables.jobs).toEqual({ received: 3, inserted: 3, unchanged: 0, rejected: 0, withheld: 0 });
    expect(await jobs()).toEqual([
      [1, "Cook"],
      [3, "Judge"],
      [4, "Cook"],
      [5, "Baker"],
      [6, "Baker"],
    ]);
    const said = "jobs: rows get new ids from the database; importing these files again stores them again";
    expect(lines.filter((line) => line === said)).toHaveLength(1);
  });

  test("over several files and many blocks", async () => {
    const rows = (from: number, to: number) => {
      const numbers = Array.from({ length: to - from }, (_, index) => from + index);
      return `job\n${numbers.map((number) => `Job ${number}\n`).join("")}`;
    };
    const files = {
      "jobs-1.csv": rows(0, 60_000),
      "jobs-2.csv": rows(60_000, 61_000),
      "jobs-3.csv": rows(61_000, 80_000),
    };
    expect((await load(files)).tables.jobs).toMatchObject({ received: 80_000, inserted: 80_000 });
    expect(await select("SELECT COUNT(*) FROM jobs WHERE job = CONCAT('Job ', id - 1)")).toEqual([[80_000]]);
  });

  test("a file that is loaded again is stored again", async () => {
    const { source } = await load({ "jobs.csv": "Cook\nBaker\n" });
    expect((await importFrom(source)).tables.jobs).toMatchObject({ inserted: 2, unchanged: 0 });
    expect((await jobs()).map(([, job]) => job)).toEqual(["Cook", "Baker", "Cook", "Baker"]);
  });

  test("a file that --new-only knows is not stored again", async () => {
    const { source } = await load({ "jobs.csv": "Cook\n" }, { newOnly: true });
    expect(await importFrom(source, { newOnly: true })).toMatchObject({ files: { read: 0, known: 1 } });
    expect((await jobs()).map(([, job]) => job)).toEqual(["Cook"]);
  });

  test("over HTTP", async () => {
    const sent = { method: "POST", body: "job\nCook\nBaker\n", headers: { "Content-Type": "text/csv" } };
    const { status, headers } = await app.request("/imports?table=jobs&ids=database", sent);
    expect(status).toBe(202);
    const id = headers.get("Location")?.split("/").at(-1) ?? "";
    const ended = await until(async () => {
      const record = await findRun(database.db, id);
      return record?.status !== "running" && record;
    });
    expect(ended).toMatchObject({ status: "succeeded", counts: { jobs: { received: 2, inserted: 2 } } });
    expect((await jobs()).map(([, job]) => job)).toEqual(["Cook", "Baker"]);
    // The run ends with the commit of its rows. Its stage is dropped after that.
    await until(async () => (await objects(pool, "SHOW TABLES LIKE 'stage%'")).length === 0);
  });
});

describe("rows are rejected", () => {
  beforeEach(async () => {
    for (const statement of PARENTS) await pool.query(statement);
  });

  test("if their parent is missing, whatever ids their file would have", async () => {
    const text = HIRES + hire("Ana") + hire("Bo", 3) + hire("") + hire("Ed", 2);
    const { tables } = await load({ "hired_employees.csv": text });
    expect(tables.hired_employees).toEqual({ received: 4, inserted: 2, unchanged: 0, rejected: 2, withheld: 0 });
    expect(await names()).toEqual(["Ana", "Ed"]);
    expect((await logged()).map(({ position, reasons }) => [position, reasons[0]?.code]).sort()).toEqual([
      [3, "unknown_reference"],
      [4, "missing"],
    ]);
  });

  test("children cannot refer to parents whose ids the database assigns in the same import", async () => {
    const text = HIRES + hire("Ana") + hire("Bo", 3);
    const { tables } = await load({ "departments.csv": "Tax\n", "hired_employees.csv": text });
    expect(tables).toMatchObject({ departments: { inserted: 1 }, hired_employees: { inserted: 1, rejected: 1 } });
  });

  test("if others delete their parent before they are stored, with their lines in all files", async () => {
    const source = await folderOf({
      "hired_employees-1.csv": HIRES + hire("Ana") + hire("") + hire("Bo", 2) + hire("Cy", 3),
      "hired_employees-2.csv": HIRES + hire("Bo", 2) + hire("Di"),
    });
    const release = await hold(pool, GATES);
    const importing = importFrom(source);
    await underWay(database, AT_THE_GATE); // all rows are read by now
    await pool.query("DELETE FROM departments WHERE id = 2");
    await release();
    const { tables } = await importing;
    expect(tables.hired_employees).toEqual({ received: 6, inserted: 2, unchanged: 0, rejected: 4, withheld: 0 });
    expect(await names()).toEqual(["Ana", "Di"]);
    const found = (await logged()).map(({ file, position, reasons }) => `${file} ${position} ${reasons[0]?.code}`);
    expect(found.sort()).toEqual([
      "hired_employees-1.csv 3 missing",
      "hired_employees-1.csv 4 unknown_reference",
      "hired_employees-1.csv 5 unknown_reference",
      "hired_employees-2.csv 2 unknown_reference",
    ]);
  });

  test("an id in a JSON row is refused with that row", async () => {
    const { tables } = await load({ "jobs.ndjson": '{"job":"Cook"}\n{"id":7,"job":"Baker"}\n' });
    expect(tables.jobs).toMatchObject({ inserted: 1, rejected: 1 });
    expect((await logged())[0]?.reasons).toMatchObject([{ code: "unknown_field", field: "id" }]);
  });
});

describe("rows that the database refuses are rejected, and the others keep their order", () => {
  test.each(DBA_RULES.filter((rule) => rule !== FOREIGN_KEY).map((rule) => [rule.name, rule] as const))(
    "%s",
    async (_, rule) => {
      await under(pool, rule, async () => {
        const rows = ["Spy", "Baker", "Clerk", "Spy", ...new Array(100).fill("Cook"), "Baker 2", "Spy"];
        const { tables } = await load({
          "jobs.csv": `job\n${rows.map((job, at) => (job === "Spy" ? job : `${job}-${at}`)).join("\n")}\n`,
        });
        const stored = (await select("SELECT job FROM jobs WHERE id <> 90 OR job <> 'Spy' ORDER BY id")).flat();
        const places = stored.map((job) => Number(String(job).split("-").at(-1))).filter((at) => !Number.isNaN(at));
        expect(places).toEqual([...places].sort((a, b) => a - b));
        expect(tables.jobs).toMatchObject({ received: rows.length, inserted: rows.length - 3, rejected: 3 });
        expect((await logged()).map(({ position }) => position).sort((a, b) => a - b)).toEqual([2, 5, rows.length + 1]);
      });
    },
  );

  test("more of them than --max-rejects allows: no row is stored", async () => {
    await under(pool, CHECK, async () => {
      const files = { "jobs.csv": "job\nBaker\nSpy\nSpy\n" };
      const { status, tables } = await load(files, { maxRejects: { rows: 1 } });
      expect([status, tables.jobs]).toEqual([
        "refused",
        { received: 3, inserted: 0, unchanged: 0, rejected: 2, withheld: 1 },
      ]);
      expect(await jobs()).toEqual([]);
      expect((await logged()).map(({ position }) => position).sort()).toEqual([3, 4]);
    });
  });
});

test("a dry run stores nothing and counts the good rows as withheld", async () => {
  const { tables } = await load({ "jobs.csv": 'job\nCook\n" "\n' }, { dryRun: true });
  expect(tables.jobs).toEqual({ received: 2, inserted: 0, unchanged: 0, rejected: 1, withheld: 1 });
  expect(await jobs()).toEqual([]);
});

describe("a rejected row is replayed", () => {
  const FILE = { "jobs.csv": 'job;x\n"";1\n"";2\n' };
  const recipe = { files: [{ ...ASSIGNED, delimiter: ";", ignore: ["x"] } satisfies FileRecipe] };
  const quiet = { msMax: 60_000, report: { say() {} } };

  test("without an id the database assigns one; an id that a person gives is used", async () => {
    await load(FILE, { options: undefined, recipe });
    const sheet = await (await app.request("/rejections?table=jobs&state=open&spreadsheet=true")).text();
    const lines = sheet.split("\r\n");
    const columns = (lines[0] ?? "").replace("\uFEFF", "").split(",");
    const [own, job] = [columns.indexOf("id"), columns.indexOf("job")];
    const filled = lines.slice(1, 3).map((line, at) => {
      const cells = line.split(",");
      return csvLine(
        cells
          .with(own, at === 0 ? "70" : "")
          .with(job, at === 0 ? "Cook" : "Baker")
          .map((cell) => cell.replaceAll('"', "")),
      );
    });
    const file = join(await folderOf({ "sheet.csv": `${columns.join(",")}\r\n${filled.join("")}` }), "sheet.csv");
    await replayFile(database, { ...quiet, file });
    expect(await logged()).toEqual([]);
    expect(await jobs()).toEqual([
      [70, "Cook"],
      [71, "Baker"],
    ]);
  });

  test("as it came, once its parent is there", async () => {
    await pool.query(PARENTS[1] ?? "");
    await load({ "hired_employees.csv": HIRES + hire("Ana") });
    await pool.query(PARENTS[0] ?? "");
    expect(await replayOpen(database, { ...quiet, run: undefined })).toMatchObject({
      tables: { hired_employees: { inserted: 1 } },
    });
    expect(await names()).toEqual(["Ana"]);
  });
});

describe("refused before anything is read", () => {
  const refusal = (files: Record<string, string>, options: Partial<ImportOptions> = {}) =>
    load(files, options).then(
      () => "not refused",
      ({ code, message }) => `${code}: ${message}`,
    );

  test("a file with ids beside one without", async () => {
    const recipe = { files: [{ match: "jobs-2.csv", ...ASSIGNED }, {}] };
    expect(await refusal({ "jobs.csv": "1,Cook\n", "jobs-2.csv": "Baker\n" }, { options: undefined, recipe })).toBe(
      "refused: jobs: jobs.csv has ids and jobs-2.csv has none, as their recipes say: import one kind after the other",
    );
    expect(await jobs()).toEqual([]);
  });

  test("a file that has ids after all", async () => {
    expect(await refusal({ "jobs.csv": "id,job\n1,Cook\n" })).toContain("id is there, but the database assigns ids");
  });

  test("a table whose id does not count up by itself", async () => {
    await pool.query("SET FOREIGN_KEY_CHECKS = 0");
    await pool.query("ALTER TABLE hired_employees MODIFY id int NOT NULL");
    try {
      const found = await refusal({ "hired_employees.csv": HIRES + hire("Ana") });
      expect(found).toContain(
        "refused: hired_employees: its id is not AUTO_INCREMENT, so the database cannot assign ids",
      );
    } finally {
      await pool.query("ALTER TABLE hired_employees MODIFY id int NOT NULL AUTO_INCREMENT");
    }
  });

  test("more rows than there are ids", async () => {
    const row: FileRow = { values: [undefined, "Cook"], reasons: [], position: 1, raw: new Uint8Array() };
    async function* rows() {
      yield [row];
      yield [row];
    }
    const read = async () => {
      const ids: unknown[] = [];
      const numbered = new ProvisionalIds(tableOf("jobs"), KEY_MAX - 1).number(rows());
      for await (const block of numbered) ids.push(...block.map(({ values }) => values[0]));
      return ids;
    };
    await expect(read()).rejects.toThrow(`jobs: there are more rows than the ${KEY_MAX} ids`);
  });
});

test("if AUTO_INCREMENT ends amid the rows, none is stored and a line says so", async () => {
  await pool.query("INSERT INTO jobs VALUES (?, 'last but two')", [KEY_MAX - 2]);
  const before = await jobs();
  const rows = new Array(5).fill("Cook\n").join("");
  await expect(load({ "jobs.csv": rows })).rejects.toThrow(
    "jobs has too few ids left for these rows, and none was stored",
  );
  expect(await jobs()).toEqual(before);
  await pool.query("DELETE FROM jobs");
  await pool.query("ALTER TABLE jobs AUTO_INCREMENT = 1");
  expect((await load({ "jobs.csv": rows })).tables.jobs).toMatchObject({ inserted: 5 });
});

test("imports at once, beside inserts over REST and by other programs, keep the order of each file", async () => {
  const text = (name: string) => Array.from({ length: 3_000 }, (_, index) => `${name} ${index}\n`).join("");
  const going = { on: true };
  const writers = [
    (async () => {
      let sent = 0;
      for (; going.on; sent++)
        expect((await app.request("/jobs", posted([{ job: "rest" }, { job: "rest" }]))).status).toBe(201);
      return 2 * sent;
    })(),
    (async () => {
      let sent = 0;
      for (; going.on; sent++) await pool.query("INSERT INTO jobs (job) VALUES ('other')");
      return sent;
    })(),
  ];
  const importing = Promise.all(["a", "b"].map((name) => load({ "jobs.csv": text(name) })));
  const imports = await importing.finally(() => {
    going.on = false;
  });
  const written = (await Promise.all(writers)).reduce((sum, each) => sum + each, 0);
  for (const { tables } of imports) expect(tables.jobs).toMatchObject({ received: 3_000, inserted: 3_000 });
  expect(await select("SELECT COUNT(*) FROM jobs")).toEqual([[6_000 + written]]);
  for (const name of ["a", "b"]) {
    const stored = (await select(`SELECT job FROM jobs WHERE job LIKE '${name} %' ORDER BY id`)).flat();
    expect(stored.map((job) => `${job}\n`).join("")).toBe(text(name));
  }
});

describe("a killed import", () => {
  const environment = { DATABASE_URL: database.url };
  const command = async () => [
    "scripts/import.ts",
    await folderOf({ "jobs.csv": "job\nCook\nBaker\n" }),
    "--ids",
    "database",
  ];

  test.each(["rows staged", "rows inserted"] as const)(
    "%s: nothing is stored, and the same command stores each row once",
    async (point) => {
      const args = await command();
      const { command: stopped } = await startStoppedAt(point, args, environment);
      stopped.kill("SIGKILL");
      await stopped.exited;
      const { code, stdout } = await run(args, environment);
      expect([code, stdout]).toEqual([0, expect.stringMatching(/jobs +2 +2 +0 +0 +0/)]);
      expect((await jobs()).map(([, job]) => job)).toEqual(["Cook", "Baker"]);
    },
  );

  test("after its commit it has succeeded, and --new-only knows its file", async () => {
    const args = [...(await command()), "--new-only"];
    const { command: stopped } = await startStoppedAt("run ended", args, environment);
    stopped.kill("SIGKILL");
    await stopped.exited;
    expect((await run(args, environment)).code).toBe(0);
    expect((await jobs()).map(([, job]) => job)).toEqual(["Cook", "Baker"]);
  });
});

test("a first load that failed between two tables is repeated without storing the published one again", async () => {
  const recipe = { files: [{ match: "departments.csv", ids: "database" }] };
  const folder = await folderOf({
    "departments.csv": "department\nSales\nLegal\n",
    "jobs.csv": "1,Clerk\n",
    "muster.recipe.json": JSON.stringify(recipe),
  });
  const stop = new AbortController();
  const progress = ({ table, phase }: { table: string; phase: string }) => {
    if (table === "jobs" && phase.startsWith("publishing")) stop.abort();
  };
  const report = { say: () => {}, progress, signal: stop.signal };
  const failed = await importSource(database, { source: folder, report }).catch((error) => error);
  expect(failed).toBeInstanceOf(Error);
  expect([await select("SELECT department FROM departments"), await select("SELECT * FROM jobs")]).toEqual([
    [["Sales"], ["Legal"]],
    [],
  ]);
  await loadFirst(database, { given: folder, dataFolder: folder }, { say: () => {} });
  expect([await select("SELECT department FROM departments"), await select("SELECT * FROM jobs")]).toEqual([
    [["Sales"], ["Legal"]],
    [[1, "Clerk"]],
  ]);
});
