import { afterAll, expect, test } from "bun:test";
import fc from "fast-check";
import { hc } from "hono/client";
import type { App } from "../src/app.ts";
import { instant } from "../src/codecs/datetime.ts";
import { toJson } from "../src/codecs/json.ts";
import { LoadBatch } from "../src/publish/load.ts";
import { InsertBatch } from "../src/repositories/inserts.ts";
import { listRows, readRows, readRowsNear } from "../src/repositories/rows.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { dictionary } from "./support/dictionary.ts";
import { rows as anyRow, things } from "./support/things.ts";

const database = await freshDatabase();
const app = appOver(database);
afterAll(database.close);

const names = ["Ana", "ANA", "ana", "Aná", "Ana ", "O'Neil \\ 100%", "北京 😀"];
await database.pool.query("INSERT INTO departments VALUES (1,'Legal'), (2,'Sales')");
await database.pool.query("INSERT INTO jobs (id, job) VALUES ?", [
  Array.from({ length: 1001 }, (_, index) => [3 * index + 2, `Job ${index}`]),
]);
await database.pool.query("INSERT INTO hired_employees (id, name, datetime, department_id, job_id) VALUES ?", [
  names.map((name, index) => [
    index + 1,
    name,
    `2021-11-07 02:48:4${index}${index === 3 ? ".050" : ""}`,
    1 + (index % 2),
    2,
  ]),
]);

const get = async (path: string) => {
  const answer = await app.request(path);
  return { status: answer.status, link: answer.headers.get("Link"), body: await answer.json() };
};
const ids = (body: unknown) => (body as { id: number }[]).map((row) => row.id);

async function refusal(path: string) {
  const { status, body } = await get(path);
  const { detail, errors = [] } = body as { detail: string; errors?: { pointer: string; code?: string }[] };
  return { status, detail, errors, pointers: errors.map(({ pointer }) => pointer) };
}

/** Follows the Links from a page to the last. */
async function pagesFrom(path: string): Promise<number[][]> {
  const pages: number[][] = [];
  for (let next: string | undefined = path; next; ) {
    const { status, link, body } = await get(next);
    expect(status).toBe(200);
    pages.push(ids(body));
    next = link ? /^<([^>]+)>; rel="next"$/.exec(link)?.[1] : undefined;
  }
  return pages;
}

test("rows are objects with the columns as keys, instants in UTC, and milliseconds only if they are not zero", async () => {
  const { body } = await get("/hired_employees?cursor=2&limit=2");
  expect(body).toEqual([
    { id: 3, name: "ana", datetime: "2021-11-07T02:48:42Z", department_id: 1, job_id: 2 },
    { id: 4, name: "Aná", datetime: "2021-11-07T02:48:43.050Z", department_id: 2, job_id: 2 },
  ]);
});

test("pages walk a table with gaps in its ids, and no row is left out or comes twice", async () => {
  const all = Array.from({ length: 1001 }, (_, index) => 3 * index + 2);
  const pages = await pagesFrom("/jobs?limit=300");
  expect(pages.map((page) => page.length)).toEqual([300, 300, 300, 101]);
  expect(pages.flat()).toEqual(all);
});

test("a page without ?limit= has 1000 rows, and a Link if more follow", async () => {
  expect((await pagesFrom("/jobs")).map((page) => page.length)).toEqual([1000, 1]);
  expect((await pagesFrom("/jobs?limit=1000&cursor=2")).map((page) => page.length)).toEqual([1000]);
  expect((await get("/departments?limit=2")).link).toBeNull();
  expect((await get("/departments?limit=1")).link).toBe('</departments?limit=1&cursor=1>; rel="next"');
  expect((await get("/departments?cursor=2")).body).toEqual([]);
});

test("rows with ids below 1, which another program stored, are listed, paged and found", async () => {
  const connection = await database.pool.getConnection();
  await connection.query("SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'");
  await connection.query("INSERT INTO jobs VALUES (-3, 'Minus three'), (-2, 'Minus two'), (0, 'Zero')");
  connection.destroy();
  expect(await pagesFrom("/jobs?limit=2").then((pages) => pages.slice(0, 2))).toEqual([
    [-3, -2],
    [0, 2],
  ]);
  expect((await get("/jobs/-2")).body).toEqual({ id: -2, job: "Minus two" });
  await database.pool.query("DELETE FROM jobs WHERE id < 1");
});

test("the Link keeps the filters", async () => {
  expect(await pagesFrom("/hired_employees?department_id=1&limit=2")).toEqual([
    [1, 3],
    [5, 7],
  ]);
});

test.each(["0", "1001", "-1", "1.5", "ten", "", "1e3", "5&limit=6"])(
  "?limit=%s is refused, and the parameter is named",
  async (limit) => {
    expect(await refusal(`/jobs?limit=${limit}`)).toMatchObject({ status: 400, pointers: ["/limit"] });
  },
);

test("?cursor= is refused if it is not one of a Link", async () => {
  expect(await refusal("/jobs?cursor=x")).toMatchObject({ status: 400, pointers: ["/cursor"] });
});

test.each(names.map((name, index) => [name, index + 1] as const))(
  "?name= finds %p and no other name",
  async (name, id) => {
    expect(ids((await get(`/hired_employees?name=${encodeURIComponent(name)}`)).body)).toEqual([id]);
  },
);

test("filters are read like CSV cells, and a row must match all of them", async () => {
  expect(ids((await get("/hired_employees?datetime=2021-11-06T23:48:42-03:00")).body)).toEqual([3]);
  expect(ids((await get("/hired_employees?datetime=2021-11-07T02:48:43.05Z")).body)).toEqual([4]);
  expect(ids((await get("/hired_employees?department_id=2&job_id=2")).body)).toEqual([2, 4, 6]);
  expect(ids((await get("/hired_employees?department_id=2&name=Ana")).body)).toEqual([]);
  expect((await get("/jobs?id=5")).body).toEqual([{ id: 5, job: "Job 1" }]);
  expect((await get("/hired_employees?name=")).body).toEqual([]);
});

test("an unknown parameter is named, and so is a value that its column cannot hold", async () => {
  const path = "/hired_employees?salary=1&department_id=8.5&datetime=2021-02-30T00:00:00Z";
  const { status, detail, errors } = await refusal(path);
  expect(status).toBe(400);
  expect(errors.map(({ pointer, code }) => [pointer, code])).toEqual([
    ["/salary", "unknown_field"],
    ["/department_id", "wrong_type"],
    ["/datetime", "invalid_datetime"],
  ]);
  expect(detail).toContain("only limit, cursor, spreadsheet, id, name, datetime, department_id, job_id");
});

test("text that looks like SQL is only a value, or an unknown table", async () => {
  expect((await get(`/jobs?job=${encodeURIComponent("' OR '1'='1")}`)).body).toEqual([]);
  expect((await get(`/jobs?job=${encodeURIComponent("\\' OR 1=1 -- ")}`)).body).toEqual([]);
  expect((await get(`/${encodeURIComponent("jobs; DROP TABLE jobs")}`)).status).toBe(404);
  expect((await get("/runs%60")).status).toBe(404);
});

test("a row is found by its id; an unknown id is 404", async () => {
  expect(await get("/jobs/5")).toMatchObject({ status: 200, body: { id: 5, job: "Job 1" } });
  for (const id of ["4", "0", "x", "5.0", "99999999999"]) {
    expect([id, (await get(`/jobs/${id}`)).status]).toEqual([id, 404]);
  }
  expect((await get("/jobs/5?job=x")).status).toBe(400);
});

test("an unknown table is 404, and the tables are named", async () => {
  for (const path of ["/staff", "/staff/1", "/gates", "/__drizzle_migrations"]) {
    const { status, detail } = await refusal(path);
    expect(status).toBe(404);
    expect(detail).toContain(`the tables are ${dictionary.names.join(", ")}`);
  }
});

test("a page as CSV, with its header and the same Link", async () => {
  const answer = await app.request("/hired_employees?limit=1&name=Ana%20", { headers: { Accept: "text/csv" } });
  expect(answer.headers.get("Content-Type")).toStartWith("text/csv");
  expect(await answer.text()).toBe('id,name,datetime,department_id,job_id\r\n5,"Ana ",2021-11-07T02:48:44Z,1,2\r\n');
});

test("HEAD answers as GET does, without the body", async () => {
  const answer = await app.request("/jobs?limit=1", { method: "HEAD" });
  expect([answer.status, answer.headers.get("Link"), await answer.text()]).toEqual([
    200,
    '</jobs?limit=1&cursor=2>; rel="next"',
    "",
  ]);
});

test("the typed client knows the routes and their parameters", async () => {
  const client = hc<App>("http://localhost", { fetch: app.request as typeof fetch });
  const page = await client[":table"].$get({ param: { table: "departments" }, query: { limit: "1" } });
  expect(await page.json()).toEqual([{ id: 1, department: "Legal" }]);
  const report = await client.hired_department.$get({ query: { year: "2021" } });
  const above: { id: number; department: string; hired: number }[] = await report.json();
  expect(above).toEqual([{ id: 1, department: "Legal", hired: 4 }]);
  expect((await client.readyz.$get()).status).toBe(200);
});

test("a row with every column type is found exactly by each of its values", async () => {
  const columns = things.columns.map(
    ({ name, sqlType, isKey }) => `\`${name}\` ${sqlType}${isKey ? " PRIMARY KEY" : ""}`,
  );
  await database.pool.query(`CREATE TABLE things (${columns.join(", ")})`);
  const row = [1, -5, "9223372036854775807", "123456789.120", 0.1, 1, "Ana", null, "2021-02-28"];
  const times = ["2021-01-01 00:00:00.050", "2021-01-01 00:00:00"];
  const other = [2, -6, "9223372036854775806", "123456789.121", 0.2, 0, "ana", "x", "2021-03-01"];
  const otherTimes = ["2021-01-01 00:00:00.051", "2021-01-01 00:00:01"];
  await database.pool.query("INSERT INTO things VALUES ?", [
    [
      [...row, ...times],
      [...other, ...otherTimes],
    ],
  ]);
  for (const [index, column] of things.columns.entries()) {
    const value = [...row, ...times][index] ?? null;
    const found = await listRows(database, things, { limit: 9, equal: [{ column, value }] });
    expect([column.name, found]).toEqual([column.name, [[...row, ...times]]]);
  }
  const [first] = await listRows(database, things, { limit: 1 });
  expect(toJson(things, first ?? [])).toMatchObject({ open: true, at: instant(times[0] ?? "") });
});

test("random rows are stored by LOAD DATA and by INSERT, and read alone and in pages, unchanged", async () => {
  const columns = things.columns.map(
    ({ name, sqlType, isKey, nullable }) =>
      `\`${name}\` ${sqlType} ${nullable ? "" : "NOT NULL"} ${isKey ? "PRIMARY KEY" : ""}`,
  );
  const stored = fc.sample(anyRow, 500).map((row, index) => [3 * index + 1, ...row.slice(1)]);
  const ids = stored.map(([id]) => Number(id));
  const connection = await database.pool.getConnection();
  for (const [into, batch] of Object.entries({ loaded: new LoadBatch(), inserted: new InsertBatch() })) {
    await connection.query(`CREATE TABLE ${into} (${columns.join(", ")})`);
    for (const part of [stored.slice(0, 200), stored.slice(200)]) {
      for (const row of part) expect(batch.add(row)).toBe(true);
      await batch.send(connection, things, into);
      batch.clear();
    }
    expect(await readRows(connection, things, ids, into)).toEqual(stored);
    expect(await readRowsNear(connection, things, [4, 7, 7, 10], into)).toEqual(stored.slice(1, 4));
    for (const each of [ids.toReversed(), [1, 2, 3]]) {
      const found = await readRowsNear(connection, things, each, into);
      expect(found.toSorted(([one], [other]) => Number(one) - Number(other))).toEqual(
        stored.filter(([id]) => each.includes(Number(id))),
      );
    }
  }
  connection.release();
});

test("a batch takes any row as its first, however large, and only few large ones", () => {
  for (const batch of [new LoadBatch(), new InsertBatch()]) {
    for (const _ of ["filled", "and used again"]) {
      let rows = 0;
      while (batch.add([1, "é".repeat(3_000_000)])) rows++;
      expect([rows > 0, rows < 5, batch.rows]).toEqual([true, true, rows]);
      expect(batch.bytes).toBeGreaterThan(3_000_000);
      batch.clear();
      expect([batch.rows, batch.bytes]).toEqual([0, 0]);
    }
  }
});
