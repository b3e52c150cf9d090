/** Rows over HTTP: sent, judged, stored and read again. */
import { expect, test } from "bun:test";
import { ask, get, insert, newName, nextIds, post, useService } from "./service.ts";

useService();

test("the service is ready", async () => {
  expect((await ask("readyz")).status).toBe(200);
});

test("rows are stored as they were sent, and each has the id that the database gave it", async () => {
  const names = [newName("Baker"), newName("Zoë 😀 O'Hara")];
  const ids = await insert(
    "jobs",
    names.map((job) => ({ job })),
  );
  expect(new Set(ids).size).toBe(2);
  for (const [index, id] of ids.entries()) expect(await get(`jobs/${id}`)).toEqual({ id, job: names[index] });
});

test("a rejected row is told its reasons, and the others are stored", async () => {
  const job = newName("Judge");
  const { status, answer } = await post("jobs", [{ job: "" }, { job }]);
  expect([status, answer.inserted, answer.rejected]).toEqual([207, 1, 1]);
  expect(answer.rows[0]).toMatchObject({ status: "rejected", reasons: [{ code: "missing", field: "job" }] });
  expect(await get(`jobs/${answer.rows[1]?.id}`)).toMatchObject({ job });
});

test("with Prefer: handling=strict one rejected row keeps all rows out", async () => {
  const job = newName("Judge");
  const { status, answer } = await post("jobs", [{ job: "" }, { job }], { Prefer: "handling=strict" });
  expect([status, answer.inserted, answer.withheld]).toEqual([422, 0, 1]);
  expect(await get(`jobs?job=${encodeURIComponent(job)}`)).toEqual([]);
});

test("a request that is sent again with its Idempotency-Key gets the same answer and stores nothing twice", async () => {
  const job = newName("Clerk");
  const key = { "Idempotency-Key": crypto.randomUUID() };
  const first = await post("jobs", { job }, key);
  const again = await post("jobs", { job }, key);
  expect([first.status, again.status, again.answer]).toEqual([201, 201, first.answer]);
  expect(await get(`jobs?job=${encodeURIComponent(job)}`)).toHaveLength(1);
});

test("the original system's body works: jobs, departments and an employee in one request, one field after the other", async () => {
  const [departments, jobs] = [await nextIds("departments", 1), await nextIds("jobs", 1)];
  const [department, job, name] = [newName("department1"), newName("job1"), newName("pablo")];
  const hire = { name, datetime: "2021-11-07T02:48:42Z", department_id: departments[0], job_id: jobs[0] };
  const { status, answer } = await post("insert", [
    { hired_employees: Object.entries(hire).map(([field, value]) => ({ [field]: value })) },
    { jobs: [{ id: jobs[0] }, { job }] },
    { departments: [{ id: departments[0], department }] },
  ]);
  expect([status, answer.inserted]).toEqual([201, 3]);
  const id = answer.rows[0]?.id;
  expect(await get(`hired_employees/${id}`)).toEqual({ id, ...hire });
});

test("a listing comes in pages, each with a Link to the next, and no row is left out or comes twice", async () => {
  const job = newName("Pilot");
  const ids = await insert("jobs", Array(5).fill({ job }));
  const pages: number[][] = [];
  for (let query: string | undefined = `?job=${encodeURIComponent(job)}&limit=2`; query; ) {
    const response = await ask(`jobs${query}`);
    pages.push(((await response.json()) as { id: number }[]).map(({ id }) => id));
    [, query] = /^<[^?>]*(\?[^>]*)>; rel="next"$/.exec(response.headers.get("Link") ?? "") ?? [];
  }
  expect(pages).toEqual([ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)]);
});

test("CSV goes in and comes out; the same rows sent again are unchanged", async () => {
  const ids = await nextIds("departments", 2);
  const department = newName('Sales, "north"');
  const cell = `"${department.replaceAll('"', '""')}"`;
  const lines = ids.map((id) => `${id},${cell}\r\n`).join("");
  const send = async () => {
    const headers = { "Content-Type": "text/csv" };
    const response = await ask("departments", { method: "POST", headers, body: `id,department\r\n${lines}` });
    return { status: response.status, answer: await response.json() };
  };
  expect(await send()).toMatchObject({ status: 201, answer: { received: 2, inserted: 2 } });
  expect(await send()).toMatchObject({ status: 200, answer: { received: 2, unchanged: 2 } });
  const path = `departments?department=${encodeURIComponent(department)}`;
  const csv = await (await ask(path, { headers: { Accept: "text/csv" } })).text();
  expect(csv).toBe(`id,department\r\n${lines}`);
});
