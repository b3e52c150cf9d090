import { afterAll, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import type { RowDataPacket } from "mysql2/promise";
import { csvLine } from "../src/codecs/csv.ts";
import { RAW_BYTES_MAX } from "../src/db/ledger.ts";
import { importSource } from "../src/ingest/import.ts";
import { listRejections, type RejectionRecord } from "../src/repositories/rejection-log.ts";
import { findRun, listRuns } from "../src/repositories/run-log.ts";
import { appOver } from "./support/app.ts";
import { run, start } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { until } from "./support/observe.ts";

const database = await freshDatabase();
afterAll(async () => {
  await database.close();
  await removeFolders();
});

beforeEach(database.empty);

const replayCommand = (...args: string[]) => run(["scripts/replay.ts", ...args], { DATABASE_URL: database.url });

/** Runs a replay that succeeds. @returns what --json says */
async function replayed(...args: string[]) {
  const { code, stdout, stderr } = await replayCommand(...args, "--json");
  expect([code, stderr.match(/error|rror inside/)]).toEqual([0, null]);
  return { ...JSON.parse(stdout.trim().split("\n").at(-1) ?? ""), stderr };
}

/** Imports the files. @returns their rejections */
async function importing(files: Record<string, string | Uint8Array>): Promise<RejectionRecord[]> {
  const { run: id } = await importSource(database, { source: await folderOf(files), report: { say() {} } });
  return listRejections(database.db, { limit: 5000, run: id });
}

const open = () => listRejections(database.db, { limit: 5000, state: "open" });

async function select(sql: string): Promise<unknown[][]> {
  const [rows] = await database.pool.query<RowDataPacket[][]>({ sql, rowsAsArray: true });
  return rows as unknown[][];
}

async function fileOf(name: string, content: string | Uint8Array): Promise<string> {
  return join(await folderOf({ [name]: content }), name);
}

/** The rejections as a sheet of CSV. */
const csvOf = (rows: { id: number; raw?: string; raw_base64?: string }[]) =>
  [
    "id,table,raw,raw_base64,state\r\n",
    ...rows.map((row) => csvLine([row.id, "x", row.raw, row.raw_base64, "open"])),
  ].join("");

const employees = (count: number, department: number) =>
  Array.from({ length: count }, (_, at) => `${at + 1},Ana,2021-05-01T10:00:00Z,${department},2\n`).join("");

test("all open rejections are replayed once, in batches with a run each; new rejections of the replay are not", async () => {
  const before = await importing({
    "jobs.csv": "2,Clerk\n",
    "hired_employees.csv": `${employees(1200, 9)}7000,,,9,2\n`,
  });
  await database.pool.query("INSERT INTO departments VALUES (9, 'Fleet')");
  const answer = await replayed();
  expect(answer).toMatchObject({
    status: "succeeded",
    tables: { hired_employees: { received: 1201, inserted: 1200, unchanged: 0, rejected: 1, withheld: 0 } },
  });
  expect(answer.runs).toHaveLength(2);
  expect(answer.run).toBe(answer.runs[1]);
  expect(await findRun(database.db, answer.runs[0])).toMatchObject({
    kind: "replay",
    counts: { hired_employees: { received: 1000 } },
  });
  expect(await select("SELECT COUNT(*) FROM hired_employees")).toEqual([[1200]]);
  expect(await open()).toMatchObject([
    { replaces: before.at(-1)?.id, reasons: [{ code: "missing" }, { code: "missing" }] },
  ]);
});

test("parents are replayed before their children, in whatever order they were rejected", async () => {
  await importing({ "hired_employees.csv": employees(3, 1) });
  await importing({ "departments.csv": "1,\n", "jobs.csv": "2,Clerk\n" });
  const [a, b, c, department] = await open();
  const rows = [a, b, c].map((row) => ({ id: row?.id, raw: row?.raw }));
  const lines = [...rows, { id: department?.id, row: { id: 1, department: "Sales" } }];
  const file = await fileOf("mended.ndjson", lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  expect((await replayed(file)).tables).toMatchObject({
    departments: { received: 1, inserted: 1 },
    hired_employees: { received: 3, inserted: 3, rejected: 0 },
  });
});

test("a corrected file of several batches is replayed whole, and a fault in its last line leaves everything undone", async () => {
  const rows = await importing({ "hired_employees.csv": `${employees(1500, 9)}7000,,,9,2\n`, "jobs.csv": "2,\n" });
  await database.pool.query("INSERT INTO departments VALUES (9, 'Fleet')");
  const lines = rows.map(({ id, table, raw }) => JSON.stringify({ id, raw: table === "jobs" ? "2,Clerk" : raw }));
  const faulty = await replayCommand(await fileOf("faulty.ndjson", [...lines, '{"id": 0}'].join("\n")));
  expect([faulty.code, (await open()).length]).toEqual([2, 1502]);
  const answer = await replayed(await fileOf("mended.ndjson", lines.join("\n")));
  expect(answer.runs).toHaveLength(3);
  expect(answer.tables).toMatchObject({
    jobs: { received: 1, inserted: 1 },
    hired_employees: { received: 1501, inserted: 1500, rejected: 1 },
  });
  expect(await open()).toHaveLength(1);
});

test("--run replays the rejections of one run alone", async () => {
  const [first] = await importing({ "departments.csv": "1,\n" });
  const [second] = await importing({ "jobs.csv": "1,\n" });
  const { tables } = await replayed("--run", second?.run ?? "");
  expect(tables).toEqual({ jobs: { received: 1, inserted: 0, unchanged: 0, rejected: 1, withheld: 0 } });
  expect((await open()).map(({ id, replaces }) => [id === first?.id, replaces])).toEqual([
    [true, undefined],
    [false, second?.id],
  ]);
});

test("without open rejections it says so, and makes no run", async () => {
  expect((await replayCommand()).stdout).toBe("there is nothing to replay\n");
  expect(await replayed()).toMatchObject({ run: null, runs: [], tables: {} });
  expect(await listRuns(database.db, { limit: 1 })).toEqual([]);
});

test("a corrected CSV is replayed row by row, whatever the column order, quotes, line ends in cells, and JSON", async () => {
  const [a, b] = await importing({ "jobs.csv": 'job,id\n,1\n"Vice\npresident",0\n' });
  const [json] = await importing({ "departments.csv": "1,\n" });
  await database.pool.query("UPDATE muster_rejections SET raw = '{\"id\":1}', columns = NULL WHERE id = ?", [json?.id]);
  const file = await fileOf(
    "mended.csv",
    csvOf([
      { id: a?.id ?? 0, raw: '"Baker, ""head""",1' },
      { id: b?.id ?? 0, raw: b?.raw?.replace("0", "2") ?? "" },
      { id: json?.id ?? 0, raw: '{"id":1,"department":"Sales"}' },
    ]),
  );
  const { tables } = await replayed(file);
  expect(tables).toMatchObject({ departments: { inserted: 1 }, jobs: { received: 2, inserted: 2 } });
  expect(await select("SELECT id, job FROM jobs")).toEqual([
    [1, 'Baker, "head"'],
    [2, "Vice\npresident"],
  ]);
  expect(await open()).toEqual([]);
});

test.each([
  ["text/csv", "open.csv"],
  ["application/x-ndjson", "open.ndjson"],
])(
  "GET /rejections as %s gives a file to replay, whose unmended rows are rejected for the same reasons",
  async (type, name) => {
    const bytes = Buffer.concat([
      Buffer.from('job,id\n" a ""b""\nc, ",x\n ,2\n=1+1,0\n'),
      Buffer.from([0xff]),
      Buffer.from(",3\n"),
    ]);
    const before = await importing({ "jobs.csv": bytes });
    const response = await appOver(database).request("/rejections?state=open", { headers: { Accept: type } });
    const { tables } = await replayed(await fileOf(name, await response.text()));
    expect(tables).toEqual({ jobs: { received: 4, inserted: 0, unchanged: 0, rejected: 4, withheld: 0 } });
    const kept = ({ raw, raw_base64, columns, reasons }: RejectionRecord) => ({ raw, raw_base64, columns, reasons });
    expect((await open()).map(kept)).toEqual(before.map(kept));
  },
);

test("without --json it ends with a table of counts, and the run names its file", async () => {
  const [row] = await importing({ "jobs.csv": "1,\n" });
  const file = await fileOf("mended.csv", csvOf([{ id: row?.id ?? 0, raw: "1,Baker" }]));
  const { stdout } = await replayCommand(file);
  expect(stdout).toMatch(
    /table +received +inserted +unchanged +rejected +withheld\njobs +1 +1 +0 +0 +0\nrun \S+ succeeded/,
  );
  expect(await listRuns(database.db, { limit: 1 })).toMatchObject([{ kind: "replay", source: file }]);
});

test("the lines of a file that was replayed before are skipped, and it says so", async () => {
  const rows = await importing({ "jobs.csv": "1,\n2,\n" });
  await database.pool.query("UPDATE muster_rejections SET state = 'discarded' WHERE id = ?", [rows[1]?.id]);
  const file = await fileOf("mended.csv", csvOf(rows.map(({ id }, at) => ({ id, raw: `${at + 1},Baker` }))));
  expect((await replayed(file)).tables).toMatchObject({ jobs: { received: 1, inserted: 1 } });
  const again = await replayed(file);
  expect(again).toMatchObject({ runs: [], tables: {} });
  expect(again.stderr).toContain(
    `left out 2 that are not open any more: ${rows[0]?.id} (replayed), ${rows[1]?.id} (discarded)`,
  );
});

test.each([
  [
    "mended.csv",
    "id,table\n1,jobs\n",
    /mended\.csv: line 1 must name the columns, and has no column raw: "id,table"; give an export of rejections/,
  ],
  ["mended.csv", "nr,text\n1,x\n", /line 1 must name the columns, and has no columns id and raw: "nr,text"/],
  ["mended.csv", "id,raw,Id\n1,x,1\n", /the header names the column "id" twice/],
  ["mended.csv", "\n", /mended\.csv: it has no header/],
  ["mended.csv", "id;raw\n1;x\n", /cells are separated by ";" \(line 1: "id;raw"\): save it with commas/],
  ["mended.csv", "state\tId\tRaw\n", /cells are separated by tabs/],
  ["mended.csv", 'id,"raw" x\n1,a\n', /the header on line 1 cannot be read, text after a closing quote/],
  ["mended.csv", Buffer.from("\uFEFFid,raw\n", "utf16le"), /mended\.csv: it is UTF-16LE: .* or save it as UTF-8/],
  ["mended.ndjson", '[{"id": ID, "raw": "1,a"}]', /mended\.ndjson: it is a JSON array/],
  ["mended.csv", "id,raw\nID,1\nraw,id\n", /line 3 its id "raw" is not a rejection's/],
  [
    "mended.csv",
    "id,raw\nID,\n,x\nabc,x\n1.0,x\n1,x,y\n",
    /cannot be used: line 2 its raw is blank, line 3 it has no id, line 4 its id "abc" is.*line 5 .*line 6 has 3 cells/,
  ],
  ["mended.csv", "id,raw\nID,x\n7,\n", /cannot be used: line 3 its raw is blank/],
  ["mended.csv", 'id,raw\nID,"1,a\n', /line 2 a quote that is not closed/],
  [
    "mended.ndjson",
    '{"id": ID}\n\n[]\nnull\n{"id": "7", "raw": "x"}\n{"id": ID, "row": 7}\n{',
    /line 1 it has neither.*line 3 is not an object.*line 4.*\(6 in all\)/,
  ],
  ["mended.ndjson", '{"id": ID, "row": {"job": "a", "job": "b"}}', /line 1 gives "job" twice/],
  ["mended.ndjson", '{"id": ID, "raw": "1,a"}\n{"id": ID, "raw": "1,b"}', /line 2 gives rejection \d+ again/],
  [
    "mended.ndjson",
    '{"id": ID, "raw": "1,a"}\n{"id": 999999999, "raw": "1,b"}',
    /do not exist: 999999999; nothing was replayed/,
  ],
  ["mended.jsonl", new Uint8Array([0x7b, 0xff, 0x7d]), /line 1 holds bytes that are not UTF-8/],
  ["mended.txt", "", /mended\.txt is not read by its name: it must end in \.csv, \.ndjson or \.jsonl/],
])("%s with %j is refused before anything is done, with code 2 and one line", async (name, content, line) => {
  const [row] = await importing({ "jobs.csv": "1,\n" });
  const text = typeof content === "string" ? content.replaceAll("ID", String(row?.id)) : content;
  const { code, stdout, stderr } = await replayCommand(await fileOf(name, text));
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(line);
  expect(
    stderr
      .trim()
      .split("\n")
      .filter((each) => !each.startsWith("the file: checking")),
  ).toHaveLength(1);
  expect(await open()).toMatchObject([{ id: row?.id }]);
});

test("a header between two joined exports is skipped and reported", async () => {
  const [row] = await importing({ "jobs.csv": "1,\n" });
  const file = await fileOf("mended.csv", `\uFEFF"ID", raw\nid,raw\n${row?.id},"1,Clerk"\nid,Raw\n`);
  const { code, stderr } = await replayCommand(file);
  expect([code, stderr]).toEqual([0, expect.stringContaining("mended.csv: skipped 2 headers among the lines")]);
  expect(await select("SELECT job FROM jobs")).toEqual([["Clerk"]]);
});

test("a row that was cut when it was logged is never replayed as if it were whole", async () => {
  const blanks = " ".repeat(RAW_BYTES_MAX);
  const [row] = await importing({ "jobs.csv": `1,Clerk${blanks},and more\n` });
  expect(row).toMatchObject({ reasons: [{ code: "wrong_field_count" }] });
  const asItIs = await replayed();
  expect(asItIs).toMatchObject({ runs: [], tables: {} });
  expect(asItIs.stderr).toContain(
    `left out 1 whose input is longer than the ${RAW_BYTES_MAX} bytes that the log keeps: ${row?.id}`,
  );
  const still = await replayed(
    await fileOf("a.csv", csvOf([{ id: row?.id ?? 0, raw: row?.raw?.replace("1,", "2,") ?? "" }])),
  );
  expect([still.runs, await select("SELECT * FROM jobs")]).toEqual([[], []]);
  const whole = await replayed(await fileOf("b.csv", csvOf([{ id: row?.id ?? 0, raw: "1,Clerk" }])));
  expect(whole.tables).toMatchObject({ jobs: { inserted: 1 } });
});

test("bytes that are not UTF-8 are exported as base64, and are replayed as they came or as the text that mends them", async () => {
  const rows = await importing({
    "jobs.csv": Buffer.concat([Buffer.from("1,"), Buffer.from([0xff, 10]), Buffer.from("2,"), Buffer.from([0xfe, 10])]),
  });
  const [a, b] = rows;
  expect(a?.raw_base64).toBeDefined();
  const file = await fileOf(
    "mended.csv",
    csvOf([
      { ...a, id: a?.id ?? 0 },
      { ...b, id: b?.id ?? 0, raw: "2,Bäcker" },
    ]),
  );
  expect((await replayed(file)).tables).toMatchObject({ jobs: { received: 2, inserted: 1, rejected: 1 } });
  expect(await open()).toMatchObject([
    { replaces: a?.id, raw_base64: a?.raw_base64, reasons: [{ code: "invalid_text" }] },
  ]);
});

test.each([
  [["--nonsense"], /--nonsense/],
  [["a.csv", "b.csv"], /one FILE/],
  [["a.csv", "--run", "x"], /not both/],
  [["/nowhere.csv"], /no file/],
  [["--run", "x"], /no run x/],
])("wrong arguments %p end with code 2 and one line that says what to do", async (args, line) => {
  const { code, stdout, stderr } = await replayCommand(...args);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(line);
  expect(stderr.trim().split("\n")).toHaveLength(1);
});

test("two replays at once share the rejections, and neither fails", async () => {
  await importing({ "jobs.csv": "2,Clerk\n", "hired_employees.csv": employees(3000, 9) });
  await database.pool.query("INSERT INTO departments VALUES (9, 'Fleet')");
  const both = await Promise.all([replayCommand("--json"), replayCommand("--json")]);
  expect(both.map(({ code }) => code)).toEqual([0, 0]);
  const received = both.map(({ stdout }) => JSON.parse(stdout).tables.hired_employees?.received ?? 0);
  expect((received[0] ?? 0) + (received[1] ?? 0)).toBe(3000);
  expect(await select("SELECT COUNT(*) FROM hired_employees")).toEqual([[3000]]);
  expect(await select("SELECT COUNT(*) FROM muster_rejections WHERE state = 'replayed'")).toEqual([[3000]]);
});

test("an interrupted replay ends with code 130, and the same command goes on: no row is lost or counted twice", async () => {
  await importing({ "jobs.csv": "2,Clerk\n", "hired_employees.csv": employees(20_000, 9) });
  await database.pool.query("INSERT INTO departments VALUES (9, 'Fleet')");
  const replaying = start(["scripts/replay.ts"], { DATABASE_URL: database.url });
  const rows = async () => Number((await select("SELECT COUNT(*) FROM hired_employees"))[0]?.[0]);
  await until(async () => (await rows()) > 0);
  replaying.kill("SIGINT");
  expect(await replaying.exited).toBe(130);
  const done = await rows();
  expect(done % 1000).toBe(0);
  expect((await replayed()).tables.hired_employees).toMatchObject({ received: 20_000 - done, inserted: 20_000 - done });
  expect(await rows()).toBe(20_000);
});
