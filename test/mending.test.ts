/** Mending many rejections: in groups of one cause, by a rule, with a verdict before anything is stored. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { importSource } from "../src/ingest/import.ts";
import { nextStep, rehearseStep, replayStep } from "../src/ingest/mend.ts";
import { rehearseReplay } from "../src/ingest/replay.ts";
import type { Rule } from "../src/read/corrections/rules.ts";
import type { FileRecipe } from "../src/read/recipes/recipe.ts";
import { causeText, parseCause } from "../src/repositories/causes.ts";
import { openGroups } from "../src/repositories/rejection-groups.ts";
import { listRejections } from "../src/repositories/rejection-log.ts";
import { listRuns } from "../src/repositories/run-log.ts";
import { appOver, posted } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { tableOf } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const database = await freshDatabase();
const { db } = database;
const app = appOver(database);
const MS = 60_000;
const employees = tableOf("hired_employees");
afterAll(async () => {
  await database.close();
  await removeFolders();
});
beforeEach(database.empty);

const PARENTS = { "departments.csv": "1,Sales\n2,Legal\n", "jobs.csv": "1,Clerk\n" };
async function load(rows: string, recipe?: FileRecipe) {
  const source = await folderOf({ ...PARENTS, "hired_employees.csv": rows });
  const files = recipe && { files: [{ match: "hired*", ...recipe }, {}] };
  return importSource(database, { source, report: { say() {} }, ...(files && { recipe: files }) });
}

async function groups(): Promise<Record<string, number>> {
  const { groups: found, rows } = await openGroups(db);
  return { rows, ...Object.fromEntries(found.map(({ table, cause, rows }) => [`${table} ${causeText(cause)}`, rows])) };
}

const stored = async () =>
  (await database.pool.query("SELECT id, name, datetime, department_id FROM hired_employees"))[0];

const MIXED = `1,Ana,2021-05-01T10:00:00Z,9,1
2,Bo,2021-05-01T10:00:00Z,9,1
3,,2021-05-01T10:00:00Z,,1
4,Cy,01/02/2021,1,1
5,"Di ""D"", the 5th",2021-05-01T10:00:00Z,8,1
6,Ed,2021-05-01T10:00:00Z,1
`;

test("open rejections are counted by table and all their reasons", async () => {
  await load(MIXED);
  expect(await groups()).toEqual({
    rows: 6,
    "hired_employees unknown_reference:department_id": 3,
    "hired_employees missing:name;missing:department_id": 1,
    "hired_employees invalid_datetime:datetime": 1,
    "hired_employees wrong_field_count": 1,
  });
});

test("a group is listed and exported by its cause", async () => {
  await load(MIXED);
  const listed = async (query: string) => (await app.request(`/rejections?state=open&${query}`)).json();
  expect(await listed("cause=missing:name;missing:department_id")).toMatchObject([{ position: 3 }]);
  expect(await listed("cause=missing:name")).toEqual([]);
  const sheet = await app.request(
    "/rejections?table=hired_employees&cause=wrong_field_count&state=open&spreadsheet=true",
  );
  expect((await sheet.text()).trim().split("\r\n")).toHaveLength(2);
  expect((await app.request("/rejections?cause=Nonsense!")).status).toBe(400);
});

test("fields that differ only in letter case, and fields with any characters, are causes of their own", async () => {
  for (const field of ["Extra", "extra", 'a;b:c,"}] é %'])
    await app.request("/jobs", posted([{ id: 7, job: "Cook", [field]: 1 }]));
  const { groups: found } = await openGroups(db);
  expect(found).toHaveLength(3);
  for (const { table, cause } of found) {
    const again = parseCause(causeText(cause));
    expect(again).toEqual(cause);
    expect(await listRejections(db, { table, cause: again, limit: 9 })).toHaveLength(1);
  }
});

test("a rehearsal gives the verdict of a replay and keeps nothing", async () => {
  await load(MIXED);
  const open = await listRejections(db, { table: "hired_employees", limit: 9 });
  const runs = (await listRuns(db, { limit: 99 })).length;
  const told: unknown[] = [];
  database.ended.add((run) => told.push(run));
  const corrections = open.flatMap(({ id, position }) =>
    position > 2 ? [] : [{ id, fields: { department_id: position === 1 ? "2" : "7" } }],
  );
  const { rows, counts } = await rehearseReplay(database, corrections, MS);
  database.ended.clear();
  expect(counts.hired_employees).toMatchObject({ received: 2, inserted: 1, rejected: 1 });
  expect(rows).toMatchObject([
    { status: "inserted", id: 1 },
    { status: "rejected", reasons: [{ code: "unknown_reference", detail: "departments has no id 7" }] },
  ]);
  expect(rows[1]?.rejection).toBeUndefined();
  expect(await stored()).toEqual([]);
  expect(await listRejections(db, { limit: 9 })).toEqual(open);
  expect(await listRuns(db, { limit: 99 })).toHaveLength(runs);
  expect(told).toEqual([]);
});

async function mend(cause: string, rule: Rule) {
  const step = await nextStep(database, employees, { table: employees.name, cause: parseCause(cause) }, rule);
  const rehearsed = await rehearseStep(database, step, MS);
  const outcome = await replayStep(database, step, { source: "a rule", msMax: MS });
  expect((outcome?.rows ?? []).map(({ status }) => status)).toEqual(rehearsed.rows.map(({ status }) => status));
  return { ...step, counts: outcome?.counts.hired_employees };
}

test("a rule sets one column of a whole group, and leaves the other cells as they came", async () => {
  await load(MIXED);
  const { counts, cannot } = await mend("unknown_reference:department_id", { column: "department_id", set: "2" });
  expect([counts, cannot]).toMatchObject([{ received: 3, inserted: 3 }, []]);
  expect(await stored()).toMatchObject([
    { id: 1, department_id: 2 },
    { id: 2, department_id: 2 },
    { id: 5, name: 'Di "D", the 5th', department_id: 2 },
  ]);
});

test("a rule reads dates in another form, and a row in neither form stays open", async () => {
  await load("1,Ana,31/12/2021,1,1\n2,Bo,2021-12-30T00:00:00Z,9,1\n3,Cy,yesterday,1,1\n4,Di,01/02/2021,1,1\n");
  const dates = { formats: ["d/M/yyyy"], zone: "America/Bogota" };
  const { counts, cannot } = await mend("invalid_datetime:datetime", { column: "datetime", dates });
  expect(counts).toMatchObject({ received: 2, inserted: 2 });
  expect(cannot).toMatchObject([{ why: 'its datetime "yesterday" is not in the form d/M/yyyy' }]);
  expect(await stored()).toMatchObject([
    { id: 1, datetime: "2021-12-31 05:00:00.000" },
    { id: 4, datetime: "2021-02-01 05:00:00.000" },
  ]);
  expect(await groups()).toMatchObject({ rows: 2 });
});

test("a row that cannot be split into fields stays open, and is named", async () => {
  await load(MIXED);
  const { counts, cannot } = await mend("wrong_field_count", { column: "name", set: "Ed" });
  expect([counts, cannot]).toMatchObject([undefined, [{ why: "it cannot be split into fields" }]]);
});

test("rows are read by the recipe of their file, and written values too", async () => {
  const recipe = {
    delimiter: ";",
    quote: "'",
    null: ["NULL"],
    columns: ["id", "name", null, "datetime", "department_id", "job_id"],
  };
  await load("1;'A;n''a';x;2021-05-01T10:00:00Z;9;1\n2;NULL;y;2021-05-01T10:00:00Z;NULL;1\n", recipe as FileRecipe);
  expect((await mend("unknown_reference:department_id", { column: "department_id", set: "1" })).counts).toMatchObject({
    inserted: 1,
  });
  expect((await mend("missing:name;missing:department_id", { column: "name", set: "B;o" })).counts).toMatchObject({
    rejected: 1,
  });
  expect((await mend("missing:department_id", { column: "department_id", set: "1" })).counts).toMatchObject({
    inserted: 1,
  });
  expect(await stored()).toMatchObject([
    { id: 1, name: "A;n'a" },
    { id: 2, name: "B;o" },
  ]);
});

test("rows that came as JSON keep their other members, also one that is unknown", async () => {
  await app.request(
    "/insert",
    posted({ departments: [{ id: 1, department: "Sales" }], jobs: [{ id: 1, job: "Clerk" }] }),
  );
  const row = { name: "Ana", datetime: "2021-05-01T10:00:00Z", department_id: 9, job_id: 1 };
  await app.request("/hired_employees", posted([{ id: 1, ...row }, { ...row, extra: [1.0] }, row]));
  expect((await mend("unknown_reference:department_id", { column: "department_id", set: "1" })).counts).toMatchObject({
    inserted: 2,
  });
  const { counts } = await mend("unknown_field:extra;unknown_reference:department_id", {
    column: "department_id",
    set: "1",
  });
  expect(counts).toMatchObject({ rejected: 1 });
  const [again] = await listRejections(db, { table: "hired_employees", state: "open", limit: 9 });
  expect(again?.reasons).toMatchObject([{ code: "unknown_field", field: "extra" }]);
});

test("a rule can take a value away", async () => {
  await load("1,Ana,2021-05-01T10:00:00Z,9,1\n");
  const { counts } = await mend("unknown_reference:department_id", { column: "department_id", set: "" });
  expect(counts).toMatchObject({ rejected: 1 });
  expect(await groups()).toEqual({ rows: 1, "hired_employees missing:department_id": 1 });
});

test("a large group is mended in steps, and rows rejected again do not come back", async () => {
  await load(Array.from({ length: 1_205 }, (_, id) => `${id + 1},Ana,2021-05-01T10:00:00Z,9,1\n`).join(""));
  const cause = parseCause("unknown_reference:department_id");
  const rule = { column: "department_id", set: "7" };
  const first = await nextStep(database, employees, { table: employees.name, cause }, rule);
  await replayStep(database, first, { source: "a rule", msMax: MS });
  expect(first.corrections).toHaveLength(1_000);
  expect(first.remaining).toBe(205);
  const { after, upTo } = first;
  const second = await nextStep(database, employees, { table: employees.name, cause, after, upTo }, rule);
  expect(second.corrections).toHaveLength(205);
  expect(second.remaining).toBe(0);
  expect(await groups()).toMatchObject({ rows: 1_205 });
});

test("rejections that are chosen and not open any more are said", async () => {
  await load(MIXED);
  const [one] = await listRejections(db, { limit: 1 });
  const ids = [one?.id ?? 0, 999_999];
  const step = await nextStep(database, employees, { table: employees.name, ids }, "as they came");
  expect(step).toMatchObject({
    corrections: [{ id: one?.id }],
    cannot: [{ id: 999_999, why: "it is not open any more" }],
  });
});
