/** Rows of tables with every kind of key over HTTP: inserted, answered with their key, judged as an import judges them. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import fc from "fast-check";
import { removeFolders } from "./support/files.ts";
import { KEYS, KEYS_CHILDREN_FIRST, keyPath, uuid } from "./support/kinds-schema.ts";
import { musterWith } from "./support/muster-with.ts";

const muster = await musterWith(KEYS);
afterAll(async () => {
  await muster.close();
  await removeFolders();
});
beforeEach(() => muster.empty(...KEYS_CHILDREN_FIRST));

/** A row of each table, parents first, and its key as the answer and the path have it. */
const ROWS: [table: string, row: Record<string, unknown>, key: object | number, path: string][] = [
  ["counters", { number: 7, label: "seven" }, 7, "7"],
  [
    "entries",
    { serial: "9223372036854775808", label: "last" },
    { serial: "9223372036854775808" },
    "9223372036854775808",
  ],
  ["wards", { code: 65535, label: "last" }, 65535, "65535"],
  ["floors", { level: -3, label: "deep" }, -3, "-3"],
  ["people", { login: "a/b, c%", name: "Ana", manager: null }, { login: "a/b, c%" }, keyPath("a/b, c%")],
  ["currencies", { code: "EUR", name: "Euro" }, { code: "EUR" }, "EUR"],
  ["devices", { uuid: uuid(1), name: "scale", owner: "a/b, c%" }, { uuid: uuid(1) }, keyPath(uuid(1))],
  ["days", { day: "2024-02-29", note: null }, { day: "2024-02-29" }, "2024-02-29"],
  ["editions", { counter: 7, language: "es,1", title: "Uno" }, { counter: 7, language: "es,1" }, keyPath(7, "es,1")],
  [
    "readings",
    { device: uuid(1), day: "2024-02-29", slot: 0, reading: "1.500" },
    { device: uuid(1), day: "2024-02-29", slot: 0 },
    keyPath(uuid(1), "2024-02-29", 0),
  ],
  ["boxes", { site: "s", number: 0, inside_site: "s", inside_number: 0 }, { site: "s", number: 0 }, keyPath("s", 0)],
];

test("a row of each kind of key is inserted, answered with its key, read by it, and unchanged when it comes again", async () => {
  for (const [table, row, key, path] of ROWS) {
    const answered = typeof key === "number" ? { id: key } : { key };
    const first = await muster.post(`/${table}`, row);
    expect([table, first]).toMatchObject([table, { status: 201, inserted: 1, rows: [answered] }]);
    expect(await muster.get(`/${table}/${path}`)).toMatchObject({ status: 200, body: row });
    const again = await muster.post(`/${table}`, row);
    expect([table, again]).toMatchObject([table, { status: 200, unchanged: 1, rows: [answered] }]);
  }
});

test("all of them go in by one request, children before parents, and are unchanged by a second one", async () => {
  const body = Object.fromEntries(ROWS.map(([table, row]) => [table, [row]]).reverse());
  expect(await muster.post("/insert", body)).toMatchObject({ status: 201, inserted: ROWS.length });
  expect(await muster.post("/insert", body)).toMatchObject({ status: 200, unchanged: ROWS.length });
});

test("a counter of any name and size may be left out, and the answer has what the database assigned", async () => {
  const first = await muster.post("/entries", [{ label: "a" }, { label: "b" }]);
  expect(first).toMatchObject({ status: 201, inserted: 2 });
  const serials = (await muster.select("SELECT serial FROM entries ORDER BY serial")).map(({ serial }) =>
    String(serial),
  );
  expect(first.rows.map(({ key }) => String(key?.serial))).toEqual(serials);
  expect((await muster.post("/counters", { label: "a" })).rows).toMatchObject([{ id: expect.any(Number) }]);
});

test("a key that is no counter must be given", async () => {
  for (const [table, row, field] of [
    ["floors", { label: "x" }, "level"],
    ["people", { name: "x", manager: null }, "login"],
    ["devices", { name: "x", owner: null }, "uuid"],
    ["readings", { device: uuid(1), day: "2024-02-29", reading: null }, "slot"],
  ] as const) {
    const { status, rows } = await muster.post(`/${table}`, row);
    expect([status, rows[0]?.reasons]).toMatchObject([
      422,
      expect.arrayContaining([expect.objectContaining({ code: "missing", field })]),
    ]);
  }
});

test.each([
  "/people/none",
  "/editions/1,es",
  "/readings/x,y,z",
  "/devices/AAAA",
  "/days/2024-02-30",
  "/floors/x",
  "/editions/1",
  "/boxes/1,2,3",
])("GET %s: there is no such row", async (path) => {
  expect((await muster.get(path)).status).toBe(404);
});

test("a duplicate says whether the other row is stored, by its key, or where in the request it is", async () => {
  const employee = (id: number, badge: string, desk: number) => ({
    id,
    name: "E",
    manager_id: null,
    badge,
    office: "n",
    desk,
  });
  await muster.post("/employees", employee(41, "A", 1));
  const { rows } = await muster.post("/employees", [employee(42, "a", 2), employee(43, "B", 3), employee(44, "b", 4)]);
  expect(rows).toMatchObject([
    {
      status: "rejected",
      reasons: [{ code: "duplicate_value", field: "badge", detail: expect.stringContaining("41") }],
    },
    { status: "inserted" },
    {
      status: "rejected",
      reasons: [{ code: "duplicate_value", field: "badge", detail: expect.stringContaining("1") }],
    },
  ]);
});

test("with Prefer: handling=strict a duplicate value withholds the other rows", async () => {
  await muster.post("/currencies", { code: "EUR", name: "Euro" });
  const headers = { "Content-Type": "application/json", Prefer: "handling=strict" };
  const body = JSON.stringify([
    { code: "USD", name: "Dollar" },
    { code: "EUO", name: "euro" },
  ]);
  const answer = await muster.app.request("/currencies", { method: "POST", headers, body });
  expect([answer.status, await answer.json()]).toMatchObject([422, { withheld: 1, rejected: 1 }]);
  expect(await muster.select("SELECT code FROM currencies")).toMatchObject([{ code: "EUR" }]);
});

test("a row is never called a duplicate of a later row", async () => {
  const employee = (id: number, office: string, desk: number) => ({
    ...{ id, name: "x", manager_id: null, badge: null, office, desk },
  });
  const { rows } = await muster.post("/employees", [
    employee(5, "N", 3),
    employee(1, "n", 3),
    employee(3, "N", 3),
    employee(3, "n", 2),
    employee(1, "n", 1),
  ]);
  expect(rows.map(({ reasons }) => reasons?.map(({ code }) => code) ?? "inserted")).toEqual([
    "inserted",
    ["duplicate_value"],
    ["duplicate_value"],
    "inserted",
    "inserted",
  ]);
});

const logins = fc.constantFrom("a", "A", "á", "b", "B", "c", "d");
const numbers = fc.integer({ min: 1, max: 6 });
const BATCHES = {
  people: fc.record({ login: logins, name: fc.constantFrom("x", "X"), manager: fc.option(logins) }),
  employees: fc.record({
    id: numbers,
    name: fc.constantFrom("x", "y"),
    manager_id: fc.constant(null),
    badge: fc.option(logins),
    office: fc.constantFrom("n", "N", "s"),
    desk: numbers,
  }),
  boxes: fc.record({
    site: fc.constantFrom("n", "N", "s"),
    number: fc.integer({ min: -1, max: 1 }),
    inside_site: fc.option(fc.constantFrom("n", "s", "t")),
    inside_number: fc.option(fc.integer({ min: -1, max: 1 })),
  }),
};

test.each(Object.keys(BATCHES) as (keyof typeof BATCHES)[])(
  "any rows of %s get the same verdicts from a file and from a request, and every verdict is true",
  async (table) => {
    const rows = fc.array<Record<string, string | number | null>>(BATCHES[table], { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(rows, rows, async (stored, batch) => {
        await muster.empty(table);
        await muster.post(`/${table}`, stored);
        const before = await muster.select("SELECT * FROM ??", [table]);
        const posted = await muster.post(`/${table}`, batch);
        const after = await muster.select("SELECT * FROM ??", [table]);
        await muster.empty(table);
        const connection = await muster.database.pool.getConnection();
        await connection.query("SET foreign_key_checks = OFF");
        if (before.length > 0)
          await connection.query("INSERT INTO ?? VALUES ?", [table, before.map((row) => Object.values(row))]);
        await connection.query("SET foreign_key_checks = ON");
        connection.release();
        const { run, tables } = await muster.load({
          [`${table}.ndjson`]: batch.map((row) => `${JSON.stringify(row)}\n`).join(""),
        });
        const imported = (await muster.rejected(run)).map(({ position, reasons }) => [
          position - 1,
          ...reasons.map(({ code, field }) => `${code} ${field}`),
        ]);
        expect(tables[table]).toMatchObject({
          inserted: posted.inserted,
          unchanged: posted.unchanged,
          rejected: posted.rejected,
        });
        expect(imported).toEqual(
          posted.rows.flatMap(({ index, reasons }) =>
            reasons ? [[index, ...reasons.map(({ code, field }) => `${code} ${field}`)]] : [],
          ),
        );
        expect(await muster.select("SELECT * FROM ??", [table])).toEqual(after);
        // What was rejected is rejected again when it comes after the others.
        const replayed = await muster.post("/rejections/replay", { run });
        expect(replayed.inserted ?? 0).toBe(0);
      }),
      { numRuns: 25 },
    );
  },
);
