/** A row gets the same verdict by every way in: CSV import, HTTP in three forms, and the replay of its rejection. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import type { TableName } from "../src/codecs/tables.ts";
import { REASON_CODES } from "../src/db/ledger.ts";
import { importSource } from "../src/ingest/import.ts";
import { findRejection, listRejections } from "../src/repositories/rejection-log.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { CHECK, under } from "./support/dba-rules.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const database = await freshDatabase();
const app = appOver(database);
afterAll(async () => {
  await database.close();
  await removeFolders();
});

beforeEach(async () => {
  await database.empty();
  await database.pool.query("INSERT INTO departments VALUES (1, 'Sales')");
  await database.pool.query("INSERT INTO jobs VALUES (2, 'Clerk')");
  // With a row in the table an import inserts its rows, which is quicker than to swap the table.
  await database.pool.query("INSERT INTO hired_employees VALUES (90, 'Eve', '2021-05-01', 1, 2)");
});

/** The reasons as `code` or `code field`; none if the row is stored. */
type Verdict = string[];

interface Reasoned {
  reasons?: { code: string; field?: string | undefined }[];
}

const verdictOf = ({ reasons = [] }: Reasoned): Verdict =>
  reasons.map(({ code, field }) => (field === undefined ? code : `${code} ${field}`)).sort();

/** Sends a body and replays the rejection of its last row. @returns the verdict on that row */
async function post(table: TableName, type: string, body: string | Uint8Array): Promise<Verdict> {
  const answer = await ask(`/${table}`, { "Content-Type": type }, body);
  const last = answer.rows.at(-1);
  if (last?.rejection !== undefined) await sameAgain(last.rejection, verdictOf(last));
  return verdictOf(last ?? {});
}

/** Imports a file. @returns the verdict on its last line */
async function imported(table: TableName, text: string | Uint8Array): Promise<Verdict> {
  const source = await folderOf({ [`${table}.csv`]: text });
  const { run } = await importSource(database, { source, report: { say() {} } });
  const last = (await listRejections(database.db, { limit: 9, run })).at(-1);
  if (last) await sameAgain(last.id, verdictOf(last));
  return verdictOf(last ?? {});
}

/** Replays a rejection as it was logged, and expects the same reasons. */
async function sameAgain(id: number, verdict: Verdict): Promise<void> {
  const logged = await findRejection(database.db, id);
  const body = JSON.stringify({ run: logged?.run });
  const answer = await ask("/rejections/replay", { "Content-Type": "application/json" }, body);
  expect(answer.rows.filter(({ replaces }) => replaces === id).map(verdictOf)).toEqual([verdict]);
}

async function ask(path: string, headers: Record<string, string>, body: string | Uint8Array) {
  const response = await app.request(path, { method: "POST", headers, body });
  return (await response.json()) as { rows: (Reasoned & { rejection?: number; replaces?: number })[] };
}

const EMPLOYEE = { id: 5, name: "Ana", datetime: "2021-05-01T10:00:00Z", department_id: 1, job_id: 2 };
type Field = keyof typeof EMPLOYEE;

const quoted = (cell: unknown) => `"${String(cell).replaceAll('"', '""')}"`;

/** Sends an employee, one of whose fields has this JSON text and this CSV cell, by every way in. */
async function verdictsOf(field: Field, { json, cell }: { json: string | undefined; cell: string | undefined }) {
  const fields = Object.keys(EMPLOYEE) as Field[];
  const members = fields.flatMap((name) => {
    const text = name === field ? json : JSON.stringify(EMPLOYEE[name]);
    return text === undefined ? [] : [`${JSON.stringify(name)}: ${text}`];
  });
  const line = fields.map((name) => (name === field ? cell : String(EMPLOYEE[name]))).join(",");
  const verdicts: Record<string, Verdict> = {};
  if (json !== undefined || cell === undefined) {
    verdicts.json = await clean(() => post("hired_employees", "application/json", `[{${members}}]`));
    verdicts.ndjson = await clean(() => post("hired_employees", "application/x-ndjson", `{${members}}\n`));
    const fragments = members.map((member) => `{${member}}`);
    const body = `{"hired_employees": [${fragments}]}`;
    verdicts.fragments = await clean(async () => {
      const { rows } = await ask("/insert", { "Content-Type": "application/json" }, body);
      return verdictOf(rows[0] ?? {});
    });
  }
  if (cell !== undefined) {
    // A first line whose id is not a number would be taken for a header.
    const lines = `4,Bea,2021-05-01T10:00:00Z,1,2\n${line}`;
    verdicts.csv = await clean(() => post("hired_employees", "text/csv", lines));
    verdicts.import = await clean(() => imported("hired_employees", lines));
    const header = `job_id,${fields.slice(0, -1)}\n`;
    const turned = `${field === "job_id" ? cell : EMPLOYEE.job_id},${line.slice(0, line.lastIndexOf(","))}`;
    verdicts.header = await clean(() => imported("hired_employees", header + turned));
  }
  return verdicts;
}

/** Goes one way in, without the rows of the way before. */
async function clean(way: () => Promise<Verdict>): Promise<Verdict> {
  await database.pool.query("DELETE FROM hired_employees WHERE id <> 90");
  return await way();
}

async function expectEverywhere(
  field: Field,
  forms: { json: string | undefined; cell: string | undefined },
  codes: string[],
) {
  const verdicts = await verdictsOf(field, forms);
  const verdict = codes.map((code) => `${code} ${field}`);
  expect(verdicts).toEqual(Object.fromEntries(Object.keys(verdicts).map((way) => [way, verdict])));
}

const emoji = (count: number) => "😀".repeat(count);

/** Text fields, which look the same in JSON and in CSV. */
test.each<[string, Field, string, string[]]>([
  ["255 code points, of two UTF-16 units each", "name", emoji(255), []],
  ["256 code points", "name", emoji(256), ["too_long"]],
  ["255 letters", "name", "é".repeat(255), []],
  ["256 letters", "name", "é".repeat(256), ["too_long"]],
  ["blanks and more", "name", " \t\u00a0\u2003\u3000 ", ["missing"]],
  ["text with quotes, commas and line ends", "name", 'a,"b"\r\nc', []],
  ["tab and line ends", "name", "a\tb\rc\nd", []],
  ["NUL", "name", "a\0b", ["invalid_text"]],
  ["the end of a file in DOS", "name", "Ana\x1A", ["invalid_text"]],
  ["an instant", "datetime", "2021-11-07T02:48:42Z", []],
  ["three decimals and a zone", "datetime", "2021-11-07T02:48:42.123-05:30", []],
  ["the last instant", "datetime", "9999-12-31T23:59:59Z", []],
  ["the last instant's last millisecond", "datetime", "9999-12-31T23:59:59.999Z", []],
  ["an hour after the last instant", "datetime", "9999-12-31T23:59:59-01:00", ["out_of_range"]],
  ["the first instant", "datetime", "1000-01-01T00:00:00Z", []],
  ["a second before the first instant", "datetime", "1000-01-01T00:59:59+01:00", ["out_of_range"]],
  ["the year 999", "datetime", "0999-12-31T23:59:59Z", ["out_of_range"]],
  ["30 February", "datetime", "2021-02-30T00:00:00Z", ["invalid_datetime"]],
  ["29 February of a leap year", "datetime", "2020-02-29T00:00:00Z", []],
  ["29 February of another year", "datetime", "2100-02-29T00:00:00Z", ["invalid_datetime"]],
  ["24:00", "datetime", "2021-01-01T24:00:00Z", ["invalid_datetime"]],
  ["a leap second", "datetime", "2016-12-31T23:59:60Z", ["invalid_datetime"]],
  ["no zone", "datetime", "2021-01-01T00:00:00", ["invalid_datetime"]],
  ["a day alone", "datetime", "2021-01-01", ["invalid_datetime"]],
  ["four decimals", "datetime", "2021-01-01T00:00:00.1234Z", ["invalid_datetime"]],
  ["six decimals, three of them zeros", "datetime", "2021-01-01T00:00:00.123000Z", []],
  ["small letters", "datetime", "2021-01-01t00:00:00z", []],
  ["a blank, no seconds, an offset without its colon", "datetime", "2021-01-01 00:00+0100", []],
])("text: %s", async (_, field, text, codes) => {
  await expectEverywhere(field, { json: JSON.stringify(text), cell: quoted(text) }, codes);
});

/** Numbers, whose JSON text may differ from the CSV cell. */
test.each<[Field, string | undefined, string | undefined, string[]]>([
  ["id", "2147483647", "2147483647", []],
  ["id", "2147483648", "2147483648", ["out_of_range"]],
  ["id", "0", "0", ["out_of_range"]],
  ["id", "-1", "-1", ["out_of_range"]],
  ["id", "-0", "-0", ["out_of_range"]],
  ["id", undefined, "9".repeat(400), ["out_of_range"]],
  ["id", "12345678901234567890", "12345678901234567890", ["out_of_range"]],
  ["id", undefined, "007", []],
  ["id", "8.5", "8.5", ["wrong_type"]],
  ["id", "true", "true", ["wrong_type"]],
  ["id", undefined, "8.0", ["wrong_type"]],
  ["id", undefined, "+8", ["wrong_type"]],
  ["id", undefined, "1e0", ["wrong_type"]],
  ["id", undefined, "0x1", ["wrong_type"]],
  ["id", undefined, "٣", ["wrong_type"]],
  ["job_id", "2e0", undefined, []],
  ["job_id", "2.0", undefined, []],
  ["job_id", undefined, "2e0", ["wrong_type"]],
  ["job_id", '"2"', undefined, ["wrong_type"]],
  ["job_id", "[2]", undefined, ["wrong_type"]],
  ["job_id", "{}", "{}", ["wrong_type"]],
  ["job_id", "0", "0", ["out_of_range"]],
  ["job_id", "2147483648", "2147483648", ["out_of_range"]],
  ["job_id", "2147483647", "2147483647", ["unknown_reference"]],
  ["department_id", "3", "3", ["unknown_reference"]],
  ["name", "12", undefined, ["wrong_type"]],
  ["name", "false", undefined, ["wrong_type"]],
  ["name", '["Ana"]', undefined, ["wrong_type"]],
  ["datetime", "1620000000000", undefined, ["wrong_type"]],
  ["datetime", undefined, "1620000000000", ["invalid_datetime"]],
  ["name", '"a\\ud800b"', undefined, ["invalid_text"]],
  ["name", '"\\udc00"', undefined, ["invalid_text"]],
  ["name", '"\\ud83d\\ude00"', quoted(emoji(1)), []],
])("%s: %s in JSON, %s in CSV: %j", async (field, json, cell, codes) => {
  await expectEverywhere(field, { json, cell }, codes);
});

/** A missing field: blank in CSV; null, blank or absent in JSON. */
test.each<Field>(["name", "datetime", "department_id", "job_id"])(
  "%s is missing if it is blank, null or absent",
  async (field) => {
    for (const json of ["null", '""', '"  "', undefined]) {
      await expectEverywhere(field, { json, cell: undefined }, ["missing"]);
    }
    for (const cell of ["", "  ", '""', '" \t "'])
      await expectEverywhere(field, { json: undefined, cell }, ["missing"]);
  },
);

test("the id may be left out in JSON over HTTP alone; CSV must have it", async () => {
  await database.pool.query("TRUNCATE TABLE hired_employees"); // the highest id of all was stored: none could be assigned
  for (const json of ["null", '""', undefined]) await expectEverywhere("id", { json, cell: undefined }, []);
  await expectEverywhere("id", { json: undefined, cell: "" }, ["missing"]);
});

test("bytes that are not UTF-8 are invalid_text by import, over HTTP, and again by replay", async () => {
  const bytes = Buffer.concat([Buffer.from("7,"), Buffer.from([0x41, 0xff, 0x42])]);
  expect(await imported("jobs", bytes)).toEqual(["invalid_text job"]);
  expect(await post("jobs", "text/csv", bytes)).toEqual(["invalid_text job"]);
});

test("a row gets all its reasons, unknown references too, and the same ones everywhere", async () => {
  const reasons = [
    "invalid_datetime datetime",
    "out_of_range id",
    "too_long name",
    "unknown_reference department_id",
    "wrong_type job_id",
  ];
  const name = "x".repeat(256);
  const row = { id: 0, name, datetime: "now", department_id: 9, job_id: true };
  expect(await post("hired_employees", "application/json", JSON.stringify(row))).toEqual(reasons);
  expect(await post("hired_employees", "application/x-ndjson", JSON.stringify(row))).toEqual(reasons);
  expect(await post("hired_employees", "text/csv", `0,${name},now,9,true`)).toEqual(reasons);
  expect(await imported("hired_employees", `0,${name},now,9,true\n`)).toEqual(reasons);
});

test("an id that a stored row or an earlier row of the batch or file has is duplicate_id everywhere", async () => {
  for (const [first, second] of [
    ["2,clerk", { id: 2, job: "clerk" }], // stored as Clerk
    ["7,Judge\n7,Judge ", undefined],
    ['7,Judge\n7,"Judge "', { id: 7, job: "Judge " }],
    ["7,é\n7,e\u0301", { id: 7, job: "e\u0301" }],
  ] as const) {
    const verdict = second ? ["duplicate_id id"] : [];
    await database.pool.query("DELETE FROM jobs WHERE id = 7");
    expect([first, await imported("jobs", first)]).toEqual([first, verdict]);
    await database.pool.query("DELETE FROM jobs WHERE id = 7");
    expect([first, await post("jobs", "text/csv", first)]).toEqual([first, verdict]);
    if (second) expect(await post("jobs", "application/json", JSON.stringify([second]))).toEqual(verdict);
  }
});

/** Faults that only one form can have, by its two ways in and by replay. */
test.each<[string, Verdict]>([
  ["7", ["wrong_field_count"]],
  ["7,Judge,", ["wrong_field_count"]],
  ["7,Judge,more", ["wrong_field_count"]],
  ["\x1A", ["invalid_text", "wrong_field_count"]],
  ['7,"Judge', ["malformed_csv"]],
  ['7,Ju"dge', ["malformed_csv"]],
  ['7,"Judge" x', ["malformed_csv"]],
])("the CSV %s is %j by import and over HTTP", async (line, verdict) => {
  expect(await imported("jobs", `8,Baker\n${line}`)).toEqual(verdict);
  expect(await post("jobs", "text/csv", `8,Baker\n${line}`)).toEqual(verdict);
});

test.each<[string, Verdict]>([
  ['{"id": 7, "job": "a", "JOB": "b"}', ["unknown_field JOB"]],
  ['{"id": 7, "job": "a", "": 1}', ["unknown_field "]],
  ['{"id": 7, "job": "a", "__proto__": {"x": 1}}', ["unknown_field __proto__"]],
  [
    '{"id": 7, "job": "a", "constructor": 1, "hasOwnProperty": 2}',
    ["unknown_field constructor", "unknown_field hasOwnProperty"],
  ],
  ['{"id": 7, "__proto__": {"job": "a"}}', ["missing job", "unknown_field __proto__"]],
  ['{"id": 7, "job": {"job": "a"}}', ["wrong_type job"]],
  ["5", ["wrong_type"]],
  ["null", ["wrong_type"]],
  ['"7,Judge"', ["wrong_type"]],
  ['[7, "Judge"]', ["wrong_type"]],
])("the JSON %s is %j in a list, in a line, and in POST /insert", async (row, verdict) => {
  expect(await post("jobs", "application/json", `[${row}]`)).toEqual(verdict);
  expect(await post("jobs", "application/x-ndjson", row)).toEqual(verdict);
  const { rows } = await ask("/insert", { "Content-Type": "application/json" }, `{"jobs": [${row}]}`);
  expect(verdictOf(rows[0] ?? {})).toEqual(verdict);
});

/** Text that JSON.parse would drop or change must not be lost on its way to the rejection either. */
test.each<[string, Verdict]>([
  ['{"id": 7, "job": "a", "job": "b"}', ["unknown_field job"]],
  ['{"id": 1e400, "job": "a"}', ["out_of_range id"]],
  ['{"id": 6, "id": 7, "job": "a"}', ["unknown_field id"]],
])("the JSON %s is %j, and again by replay", async (row, verdict) => {
  expect(await post("jobs", "application/x-ndjson", row)).toEqual(verdict);
  expect(await post("jobs", "application/json", `[${row}]`)).toEqual(verdict);
});

test("a row that a DBA's constraint refuses is refused_by_database by import, over HTTP, and again by replay", async () => {
  await under(database.pool, CHECK, async () => {
    expect(await imported("jobs", "8,Baker\n7,Spy")).toEqual(["refused_by_database"]);
    expect(await post("jobs", "application/json", '[{"id": 7, "job": "Spy"}]')).toEqual(["refused_by_database"]);
    expect(await post("jobs", "text/csv", "7,Spy")).toEqual(["refused_by_database"]);
  });
});

test("these cases cover every reason code that the sample's tables can give", async () => {
  const cases = await Bun.file(import.meta.path).text();
  const missing = REASON_CODES.filter((code) => !cases.includes(`"${code}`));
  // The sample's tables have no unique constraint.
  expect(missing.join()).toBe(["duplicate", "value"].join("_"));
});
