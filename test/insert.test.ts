import { afterAll, beforeEach, expect, test } from "bun:test";
import type { RowDataPacket } from "mysql2/promise";
import { listRejections } from "../src/repositories/rejection-log.ts";
import { findRun, listRuns } from "../src/repositories/run-log.ts";
import { appOver, posted } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { until } from "./support/observe.ts";

const database = await freshDatabase();
const { pool } = database;
const app = appOver(database);
afterAll(() => database.close());

beforeEach(async () => {
  await database.empty();
  await database.pool.query("INSERT INTO departments VALUES (1, 'Sales'), (2, 'Legal')");
  await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk'), (2, 'Judge')");
});

const ana = { id: 1, name: "Ana", datetime: "2021-11-07T02:48:42Z", department_id: 1, job_id: 2 };

interface Answer {
  run: string;
  received: number;
  inserted: number;
  unchanged: number;
  rejected: number;
  withheld?: number;
  rows: {
    table: string;
    index: number;
    status: string;
    id?: number;
    rejection?: number;
    reasons?: { code: string; detail?: string }[];
  }[];
  errors: { pointer: string; code: string; detail: string }[];
}

async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await app.request(path, posted(body, headers));
  return { response, status: response.status, answer: (await response.json()) as Answer };
}

async function select(sql: string): Promise<unknown[][]> {
  const [rows] = await database.pool.query<RowDataPacket[][]>({ sql, rowsAsArray: true });
  return rows as unknown[][];
}

test("the original system's body works as it is: one field per object, and parents after their children", async () => {
  const { status, answer } = await post("/insert", [
    { hired_employees: [{ name: "pablo" }, { datetime: "2021-11-07T02:48:42Z" }, { department_id: 1 }, { job_id: 1 }] },
    { jobs: [{ job: "job1" }, { job: "job2" }] },
    { departments: [{ department: "department1" }] },
  ]);
  expect(status).toBe(201);
  expect(answer).toMatchObject({ received: 4, inserted: 4, unchanged: 0, rejected: 0 });
  expect(answer.rows.map(({ table, index }) => [table, index])).toEqual([
    ["hired_employees", 0],
    ["jobs", 0],
    ["jobs", 1],
    ["departments", 0],
  ]);
  for (const { table, id } of answer.rows) {
    expect(await select(`SELECT COUNT(*) FROM ${table} WHERE id = ${id}`)).toEqual([[1]]);
  }
  expect(await select("SELECT id, job FROM jobs WHERE job LIKE 'job%' ORDER BY id")).toEqual([
    [answer.rows[1]?.id, "job1"],
    [answer.rows[2]?.id, "job2"],
  ]);
});

const ORIGINAL_PARENTS = { departments: [{ department: "department1" }], jobs: [{ job: "job1" }, { job: "job2" }] };
const ORIGINAL_HIRE = { name: "pablo", datetime: "2021-11-07T02:48:42Z", department_id: 1, job_id: 1 };

test.each([
  ["an object of lists", { hired_employees: [ORIGINAL_HIRE], ...ORIGINAL_PARENTS }],
  [
    "objects of one key",
    [
      { hired_employees: Object.entries(ORIGINAL_HIRE).map(([key, value]) => ({ [key]: value })) },
      { jobs: ORIGINAL_PARENTS.jobs },
      { departments: ORIGINAL_PARENTS.departments },
    ],
  ],
])("an employee can come with the department and job that it refers to, as %s", async (_, body) => {
  const empty = await freshDatabase();
  try {
    for (const [handling, status] of [
      ["strict", 201],
      ["lenient", 201],
    ] as const) {
      const response = await appOver(empty).request("/insert", posted(body, { Prefer: `handling=${handling}` }));
      expect([response.status, await response.json()]).toMatchObject([status, { received: 4, inserted: 4 }]);
    }
    expect((await empty.pool.query("SELECT department_id, job_id FROM hired_employees WHERE id = 1"))[0]).toEqual([
      { department_id: 1, job_id: 1 },
    ] as never);
  } finally {
    await empty.close();
  }
});

test("with handling=strict, parents that were stored for their children are undone with them", async () => {
  const [[id]] = (await select("SELECT MAX(id) FROM jobs")) as [[number]];
  const body = {
    ...ORIGINAL_PARENTS,
    hired_employees: [
      { ...ORIGINAL_HIRE, job_id: id },
      { ...ORIGINAL_HIRE, job_id: 999 },
    ],
  };
  const { status, answer } = await post("/insert", body, { Prefer: "handling=strict" });
  expect([status, answer.withheld, answer.rejected]).toEqual([422, 4, 1]);
  expect(answer.rows.map(({ id }) => id)).toEqual(new Array(5).fill(undefined));
  expect(await select("SELECT COUNT(*) FROM jobs")).toEqual([[2]]);
  expect(await select("SELECT COUNT(*) FROM departments")).toEqual([[2]]);
});

test("whole rows, rows of one-field objects and parents may be mixed in one body", async () => {
  const { status, answer } = await post("/insert", {
    hired_employees: [
      { ...ana, department_id: 13 },
      { name: "Bo" },
      { datetime: "2021-01-01T00:00:00Z" },
      { department_id: 1 },
      { job_id: 2 },
    ],
    departments: [{ id: 13, department: "Fleet" }],
  });
  expect(status).toBe(201);
  expect(answer.inserted).toBe(3);
  expect(answer.rows[0]).toEqual({ table: "hired_employees", index: 0, status: "inserted", id: 1 });
  expect(answer.rows[1]?.id).toBeGreaterThan(1);
});

test("if some rows are rejected the answer is 207: the others are stored, and the rejected ones logged with every reason", async () => {
  const { status, answer } = await post("/insert", {
    jobs: [{ job: "Baker" }],
    hired_employees: [ana, { ...ana, id: 2, name: " ", job_id: 999, extra: 1 }],
  });
  expect(status).toBe(207);
  expect(answer).toMatchObject({ received: 3, inserted: 2, rejected: 1 });
  const bad = answer.rows[2];
  expect(bad?.reasons?.map(({ code }) => code)).toEqual(["missing", "unknown_field", "unknown_reference"]);
  const [logged, ...others] = await listRejections(database.db, { limit: 9 });
  expect(others).toEqual([]);
  expect(logged).toMatchObject({
    id: bad?.rejection,
    run: answer.run,
    table: "hired_employees",
    position: 1,
    state: "open",
  });
  expect(JSON.parse(logged?.raw ?? "")).toEqual({ ...ana, id: 2, name: " ", job_id: 999, extra: 1 });
  expect(await findRun(database.db, answer.run)).toMatchObject({
    kind: "insert",
    status: "succeeded",
    counts: {
      jobs: { received: 1, inserted: 1, unchanged: 0, rejected: 0, withheld: 0 },
      hired_employees: { received: 2, inserted: 1, unchanged: 0, rejected: 1, withheld: 0 },
    },
  });
});

test("every reason has a pointer into the body, also for rows of one-field objects", async () => {
  const { status, answer } = await post("/insert", [
    { hired_employees: [{ name: "x" }, { datetime: "yesterday" }, { department_id: 7 }, { job_id: "1" }] },
    { jobs: [5, { id: 0, job: "a" }] },
  ]);
  expect(status).toBe(422);
  expect(answer.errors.map(({ pointer, code }) => [pointer, code])).toEqual([
    ["/0/hired_employees/1/datetime", "invalid_datetime"],
    ["/0/hired_employees/3/job_id", "wrong_type"],
    ["/0/hired_employees/2/department_id", "unknown_reference"],
    ["/1/jobs/0", "wrong_type"],
    ["/1/jobs/1/id", "out_of_range"],
  ]);
});

test("rows sent again are unchanged (200); with other values they are rejected (422)", async () => {
  expect((await post("/insert", { hired_employees: [ana] })).status).toBe(201);
  const again = await post("/insert", { hired_employees: [ana, ana] });
  expect([again.status, again.answer.unchanged, again.answer.inserted]).toEqual([200, 2, 0]);
  const other = await post("/insert", { hired_employees: [{ ...ana, name: "ANA" }] });
  expect([other.status, other.answer.errors[0]?.code]).toEqual([422, "duplicate_id"]);
  expect(await select("SELECT name FROM hired_employees")).toEqual([["Ana"]]);
});

test("the second of two rows with one id in a batch is judged against the first", async () => {
  const { answer } = await post("/jobs", [
    { id: 9, job: "a" },
    { id: 9, job: "b" },
    { id: 9, job: "a" },
  ]);
  expect(answer.rows.map(({ status }) => status)).toEqual(["inserted", "rejected", "unchanged"]);
});

test("with handling=strict one rejected row keeps all rows out, and is logged", async () => {
  const { response, status, answer } = await post(
    "/insert",
    { departments: [{ id: 9, department: "Fleet" }], jobs: [{ job: "" }] },
    { Prefer: "respond-async, handling=strict" },
  );
  expect(status).toBe(422);
  expect(response.headers.get("Preference-Applied")).toBe("handling=strict");
  expect(response.headers.get("Content-Type")).toBe("application/problem+json");
  expect(answer).toMatchObject({ received: 2, inserted: 0, rejected: 1, withheld: 1 });
  expect(answer.rows.map(({ status }) => status)).toEqual(["withheld", "rejected"]);
  expect(await select("SELECT COUNT(*) FROM departments WHERE id = 9")).toEqual([[0]]);
  expect(await listRejections(database.db, { limit: 9 })).toHaveLength(1);
  expect(await findRun(database.db, answer.run)).toMatchObject({ status: "refused" });
});

test("with handling=strict good rows are stored; without it the answer says handling=lenient", async () => {
  const strict = await post("/jobs", [{ job: "a" }], { Prefer: "handling=strict" });
  expect(strict.status).toBe(201);
  const lenient = await post("/jobs", [{ job: "a" }]);
  expect(lenient.response.headers.get("Preference-Applied")).toBe("handling=lenient");
});

test("POST /TABLE takes a list, one object, NDJSON and CSV", async () => {
  expect((await post("/jobs", { job: "one" })).answer.inserted).toBe(1);
  expect((await post("/jobs", [{ id: 20, job: "two" }, { job: "three" }])).answer.inserted).toBe(2);
  const lines = await post("/jobs", '{"job":"four"}\n\n{"job":"fi\nve"}\n{"job":"six"}\n', {
    "Content-Type": "application/x-ndjson",
  });
  expect([lines.status, lines.answer.received, lines.answer.inserted]).toEqual([207, 4, 2]);
  expect(lines.answer.rows[1]?.reasons).toMatchObject([{ code: "wrong_type" }]);
  const csv = await post("/jobs", 'job,id\r\n"se,ven",70\r\neight,x\r\n', {
    "Content-Type": "text/csv; charset=utf-8",
  });
  expect([csv.status, csv.answer.inserted, csv.answer.rejected]).toEqual([207, 1, 1]);
  expect(await select("SELECT job FROM jobs WHERE id = 70")).toEqual([["se,ven"]]);
  const [logged] = await listRejections(database.db, { limit: 1, run: csv.answer.run });
  expect(logged).toMatchObject({ raw: "eight,x", columns: ["job", "id"] });
});

test.each([
  ["/insert", "{", 400, /not JSON/],
  ["/insert", "5", 400, /the body must be an object/],
  ["/insert", "[]", 400, /no row/],
  ["/insert", '{"jobs": []}', 400, /no row/],
  ["/insert", '{"staff": [{}]}', 400, /\/staff is not a table.*departments/],
  ["/insert", '{"jobs": {"job": "a"}}', 400, /\/jobs must be a list/],
  ["/insert", '{"jobs": [{"job": "a"}], "jobs": [{"job": "b"}]}', 400, /\/jobs is given twice/],
  ["/staff", '{"job": "a"}', 404, /staff/],
])("%s with %s answers %d", async (path, body, status, detail) => {
  const { response, answer } = await post(path, body);
  expect(response.status).toBe(status);
  expect(response.headers.get("Content-Type")).toBe("application/problem+json");
  expect((answer as unknown as { detail: string }).detail).toMatch(detail);
  expect(await listRuns(database.db, { limit: 1 })).toEqual([]);
});

test("another content type, or none, is 415", async () => {
  expect((await post("/insert", "a", { "Content-Type": "text/csv" })).status).toBe(415);
  expect((await post("/jobs", "a", { "Content-Type": "text/plain" })).status).toBe(415);
  expect((await post("/jobs", "{}", { "Content-Type": "application/json; charset=latin1" })).status).toBe(415);
});

test("a thousand rows are taken; one more, or a larger body, is 413 and stores nothing", async () => {
  const jobs = Array.from({ length: 1001 }, (_, index) => ({ job: `job ${index}` }));
  expect((await post("/insert", { jobs })).status).toBe(413);
  expect(await select("SELECT COUNT(*) FROM jobs")).toEqual([[2]]);
  const { status, answer } = await post("/insert", { jobs: jobs.slice(1) });
  expect([status, answer.inserted]).toEqual([201, 1000]);
  const small = appOver(database, { bodyBytesMax: 1000 });
  const headers = { "Content-Type": "application/json" };
  const large = await small.request("/insert", { method: "POST", headers, body: JSON.stringify({ jobs }) });
  expect(large.status).toBe(413);
});

test("a row with a field twice, or with __proto__, is rejected, although JSON.parse would drop one", async () => {
  const { answer } = await post("/jobs", '[{"id": 9, "job": "a", "job": "b"}, {"__proto__": {"job": "c"}, "id": 10}]');
  expect(answer.errors.map(({ pointer, code }) => `${pointer} ${code}`)).toEqual([
    "/0/job unknown_field",
    "/1/job missing",
    "/1/__proto__ unknown_field",
  ]);
});

test("rows without an id get theirs after the rows with one", async () => {
  const { answer } = await post("/jobs", [{ job: "first" }, { id: 5000, job: "second" }, { job: "third" }]);
  expect(answer.rows.map(({ id }) => id)).toEqual([5001, 5000, 5002]);
});

test("eight megabytes of tiny rows are refused early with 413", async () => {
  const tiny = "1\n".repeat(4_000_000);
  expect((await post("/jobs", tiny, { "Content-Type": "text/csv" })).status).toBe(413);
  expect((await post("/jobs", tiny, { "Content-Type": "application/x-ndjson" })).status).toBe(413);
});

test("if no id is left the answer is 409 and says so; once the table is empty, rows are taken again", async () => {
  const detailOf = ({ answer }: { answer: unknown }) => (answer as { detail: string }).detail;
  await pool.query("INSERT INTO jobs VALUES (2147483647, 'last')");
  const refused = await post("/jobs", [{ job: "one more" }]);
  expect([refused.status, detailOf(refused)]).toEqual([409, expect.stringContaining("no id left")]);
  await pool.query("DELETE FROM jobs");
  for (const id of [1, 2, 3]) expect((await post("/jobs", { job: "again" })).answer.rows[0]?.id).toBe(id);
  await pool.query("DELETE FROM jobs");
  const twoBehind = await post("/jobs", [{ id: 2147483646, job: "last but one" }, { job: "last" }, { job: "none" }]);
  expect([twoBehind.status, detailOf(twoBehind)]).toEqual([409, expect.stringContaining("no id left")]);
  const again = await post("/jobs", [{ job: "a" }, { job: "b" }, { job: "c" }]);
  expect(again.answer.rows.map(({ id }) => id)).toEqual([1, 2, 3]);
});

test("a rejected row with a very high id does not use up the table's ids", async () => {
  await pool.query("DELETE FROM jobs");
  const undone = await post("/jobs", [{ id: 2147483647, job: "a" }, { job: "" }], { Prefer: "handling=strict" });
  expect(undone.status).toBe(422);
  const writers = Array.from({ length: 8 }, () => post("/jobs", [{ job: "a" }, { job: "b" }]));
  const ids = (await Promise.all(writers)).flatMap(({ answer }) => answer.rows.map(({ id }) => id));
  expect(ids.sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 16 }, (_, index) => index + 1));
  await pool.query("DELETE FROM jobs");
  await pool.query("ALTER TABLE jobs AUTO_INCREMENT = 1");
});

test("writers that wait at a gate leave readers their connections", async () => {
  const gate = await database.pool.getConnection();
  await gate.beginTransaction();
  await gate.query("SELECT * FROM muster_gates FOR UPDATE");
  const waiting = Array.from({ length: 20 }, () => post("/jobs", [{ job: "a" }]));
  await until(() => database.writers.waitedMs > 0); // as many writers as may wait at the gate
  expect((await app.request("/readyz")).status).toBe(200);
  expect((await app.request("/departments")).status).toBe(200);
  await gate.rollback();
  gate.release();
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(waiting.map(() => 201));
});

test.each([
  ["handling=strict", "strict"],
  ['respond-async, handling="strict"; x=1', "strict"],
  ["handling=lenient, handling=strict", "lenient"],
  ["handling=strict-ish", "lenient"],
  ['foo="a, handling=strict"', "lenient"],
])("Prefer: %s means %s", async (prefer, applied) => {
  const { response } = await post("/jobs", [{ job: "a" }], { Prefer: prefer });
  expect(response.headers.get("Preference-Applied")).toBe(`handling=${applied}`);
});

test("a value under a repeated key, which JSON.parse would drop, may not be nested deeper than others", async () => {
  const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
  const { status, answer } = await post("/jobs", `[{"job": ${deep}, "job": "x"}]`);
  expect([status, answer]).toMatchObject([400, { detail: "the body is nested deeper than 64 levels" }]);
  const lines = `{"job": ${deep}, "job": "x"}\n`.repeat(4);
  const refused = await post("/jobs", lines, { "Content-Type": "application/x-ndjson" });
  expect(refused.answer.rows.map(({ reasons = [] }) => reasons[0]?.detail)).toEqual(
    new Array(4).fill("the row is nested deeper than 64 levels"),
  );
});

test("an NDJSON line that is not UTF-8 is a rejected row, and is logged as it came", async () => {
  const body = Buffer.concat([
    Buffer.from('{"id": 3, "job": "Clerk"}\n{"id": 4, "job": "'),
    Buffer.from([0xff, 0x22, 0x7d]),
  ]);
  const headers = { "Content-Type": "application/x-ndjson" };
  const response = await app.request("/jobs", { method: "POST", headers, body });
  expect([response.status, await response.json()]).toMatchObject([207, { inserted: 1, rejected: 1 }]);
  expect(await select("SELECT id FROM jobs WHERE id IN (3, 4) AND job = 'Clerk'")).toEqual([[3]]);
  expect(await select("SELECT HEX(RIGHT(raw, 3)) FROM muster_rejections")).toEqual([["FF227D"]]);
});

test("a compressed body is refused with 415 and the encoding that is taken", async () => {
  const { response, status } = await post("/jobs", { job: "Clerk" }, { "Content-Encoding": "gzip" });
  expect([status, response.headers.get("Accept-Encoding")]).toEqual([415, "identity"]);
});
