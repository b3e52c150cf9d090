import { afterAll, beforeEach, expect, test } from "bun:test";
import { importSource } from "../src/ingest/import.ts";
import { listRejections, type RejectionRecord } from "../src/repositories/rejection-log.ts";
import { findRun } from "../src/repositories/run-log.ts";
import { appOver, posted } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { AT_THE_GATE, underWay } from "./support/observe.ts";

const database = await freshDatabase();
const app = appOver(database);
afterAll(async () => {
  await database.close();
  await removeFolders();
});

beforeEach(database.empty);

/** Imports two jobs without a name and an employee of an unknown department. @returns their rejections, in that order */
async function threeRejections(): Promise<RejectionRecord[]> {
  const source = await folderOf({
    "departments.csv": "1,Sales\n",
    "jobs.csv": "job,id\n,1\nClerk,2\n,3\n",
    "hired_employees.csv": "1,Ana,2021-05-01T10:00:00Z,9,2\n",
  });
  await importSource(database, { source, report: { say() {} } });
  return listRejections(database.db, { limit: 9 });
}

async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await app.request(path, posted(body, headers));
  // biome-ignore lint/suspicious/noExplicitAny: the answers of several routes
  return { status: response.status, answer: (await response.json()) as any, response };
}

const stateOf = async (id: number | undefined) =>
  ((await (await app.request(`/rejections/${id}`)).json()) as RejectionRecord).state;

test("a mended row is stored, and its rejection is replayed", async () => {
  const [first] = await threeRejections();
  const { status, answer } = await post("/rejections/replay", {
    rows: [{ id: first?.id, row: { id: 1, job: "Baker" } }],
  });
  expect(status).toBe(201);
  expect(answer).toMatchObject({
    received: 1,
    inserted: 1,
    rows: [{ table: "jobs", status: "inserted", id: 1, replaces: first?.id }],
  });
  expect(await stateOf(first?.id)).toBe("replayed");
  expect(await findRun(database.db, answer.run)).toMatchObject({ kind: "replay", status: "succeeded" });
  expect(await (await app.request("/jobs/1")).json()).toEqual({ id: 1, job: "Baker" });
});

test("a row rejected again is a new open rejection that names the old one, with a pointer into the body", async () => {
  const [first] = await threeRejections();
  const { status, answer } = await post("/rejections/replay", { rows: [{ id: first?.id, row: { id: 1, job: 7 } }] });
  expect(status).toBe(422);
  expect(answer.errors).toMatchObject([{ pointer: "/rows/0/row/job", code: "wrong_type" }]);
  const again = answer.rows[0].rejection;
  expect(await stateOf(first?.id)).toBe("replayed");
  expect(await (await app.request(`/rejections/${again}`)).json()).toMatchObject({
    state: "open",
    replaces: first?.id,
  });
});

test("a run's open rejections are replayed as they came, also from a file with another column order", async () => {
  const [first, , employee] = await threeRejections();
  await post("/departments", { id: 9, department: "Fleet" });
  const { status, answer } = await post("/rejections/replay", { run: first?.run });
  expect(status).toBe(207);
  expect(answer).toMatchObject({ received: 3, inserted: 1, rejected: 2 });
  expect(answer.rows[0].reasons).toMatchObject([{ code: "missing", field: "job" }]);
  expect(await stateOf(employee?.id)).toBe("replayed");
  expect(await (await app.request("/hired_employees/1")).json()).toMatchObject({ department_id: 9 });
});

test("a discarded rejection is closed, and a closed one cannot be replayed or discarded (409)", async () => {
  const [first, second] = await threeRejections();
  const discarded = await post("/rejections/discard", { ids: [first?.id, second?.id] });
  expect([discarded.status, discarded.answer.discarded]).toEqual([200, 2]);
  expect(await stateOf(second?.id)).toBe("discarded");
  const replayed = await post("/rejections/replay", { rows: [{ id: first?.id, row: { id: 1, job: "Baker" } }] });
  expect([replayed.status, replayed.answer.detail]).toEqual([409, expect.stringContaining(`${first?.id} (discarded)`)]);
  expect((await post("/rejections/discard", { ids: [first?.id] })).status).toBe(409);
  expect((await app.request("/jobs/1")).status).toBe(404);
});

test("an unknown id is 404, and nothing of the request is done", async () => {
  const [first] = await threeRejections();
  const rows = [
    { id: first?.id, row: { id: 1, job: "Baker" } },
    { id: 999_999, row: {} },
  ];
  expect((await post("/rejections/replay", { rows })).status).toBe(404);
  expect(await stateOf(first?.id)).toBe("open");
  expect((await post("/rejections/replay", { run: crypto.randomUUID() })).status).toBe(404);
});

test("a rejection that another replay holds is answered 409 at once", async () => {
  const [first] = await threeRejections();
  const other = await database.pool.getConnection();
  await other.beginTransaction();
  await other.query("SELECT * FROM muster_rejections WHERE id = ? FOR UPDATE", [first?.id]);
  // The other replay holds it until this is answered.
  const { status } = await post("/rejections/replay", { rows: [{ id: first?.id, row: { id: 1, job: "Baker" } }] });
  expect(status).toBe(409);
  await other.rollback();
  other.release();
});

test("a row that is deleted while its replay waits at the gate is inserted, not called unchanged", async () => {
  const [, , employee] = await threeRejections();
  await database.pool.query("INSERT INTO departments VALUES (9, 'Fleet')");
  await database.pool.query("INSERT INTO hired_employees VALUES (1, 'Ana', '2021-05-01 10:00:00', 9, 2)");
  const gate = await database.pool.getConnection();
  await gate.beginTransaction();
  await gate.query("SELECT * FROM muster_gates FOR UPDATE");
  const row = { id: 1, name: "Ana", datetime: "2021-05-01T10:00:00Z", department_id: 9, job_id: 2 };
  const replaying = post("/rejections/replay", { rows: [{ id: employee?.id, row }] });
  await underWay(database, AT_THE_GATE);
  await gate.query("DELETE FROM hired_employees");
  await gate.commit();
  gate.release();
  expect((await replaying).status).toBe(201);
  expect((await app.request("/hired_employees/1")).status).toBe(200);
});

test("a row that was cut when it was logged is not replayed as if it were whole (409)", async () => {
  const source = await folderOf({ "jobs.csv": `1,Clerk${" ".repeat(70_000)},more\n` });
  const { run } = await importSource(database, { source, report: { say() {} } });
  const { status, answer } = await post("/rejections/replay", { run });
  expect([status, answer.detail]).toEqual([409, expect.stringContaining("the first 65536 bytes")]);
  expect((await app.request("/jobs/1")).status).toBe(404);
});

test("a replay of a run says how many open rejections remain", async () => {
  const lines = Array.from({ length: 1003 }, (_, index) => `${index + 1},\n`);
  const source = await folderOf({ "jobs.csv": lines.join("") });
  const { run } = await importSource(database, { source, report: { say() {} } });
  expect((await post("/rejections/replay", { run })).answer).toMatchObject({ received: 1000, remaining: 3 });
  expect((await post("/rejections/replay", { run })).answer).toMatchObject({ received: 3, remaining: 0 });
  expect((await post("/rejections/replay", { run })).status).toBe(409);
});

test.each([[{}], [{ rows: [] }], [{ rows: [{ row: {} }] }], [{ run: "x" }], [{ rows: [{ id: 1, row: {}, more: 1 }] }]])(
  "the body %j is 400",
  async (body) => {
    expect((await post("/rejections/replay", body)).status).toBe(400);
  },
);

test("a body that is not UTF-8, or has a key twice, is refused before anything is replayed, discarded or restored", async () => {
  const [first] = await threeRejections();
  const id = first?.id ?? 0;
  const replay = Buffer.from(`{"rows": [{"id": ${id}, "row": {"id": 9, "job": "?"}}]}`);
  replay[replay.indexOf("?")] = 0xff;
  const headers = { "Content-Type": "application/json" };
  const broken = await app.request("/rejections/replay", { method: "POST", headers, body: replay });
  expect([broken.status, await broken.json()]).toMatchObject([
    400,
    { detail: "the body is not UTF-8: send it as UTF-8" },
  ]);
  for (const [path, body, twice] of [
    ["/rejections/discard", `{"ids": [${id}], "ids": [${id + 1}]}`, "/ids"],
    ["/rejections/replay", `{"rows": [{"id": ${id}, "id": ${id + 1}, "row": {}}]}`, "/rows/0/id"],
    ["/restore", '{"table": ["jobs"], "plan": true, "plan": false}', "/plan"],
    ["/backup", '{"table": ["jobs"], "table": ["departments"]}', "/table"],
  ]) {
    const answer = await app.request(path ?? "", posted(body));
    expect([answer.status, await answer.json()]).toMatchObject([400, { detail: `${twice} is given twice` }]);
  }
  expect([await stateOf(id), await stateOf(id + 1)]).toEqual(["open", "open"]);
});
