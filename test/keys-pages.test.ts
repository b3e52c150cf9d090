/** Pages, filters and whole tables through every kind of key. */
import { afterAll, expect, test } from "bun:test";
import fc from "fast-check";
import { removeFolders } from "./support/files.ts";
import { KEYS, keyPath, uuid } from "./support/kinds-schema.ts";
import { musterWith } from "./support/muster-with.ts";

const muster = await musterWith(KEYS);
afterAll(async () => {
  await muster.close();
  await removeFolders();
});

/** Text with what is special in a path, a query, a list of keys and a cursor. */
const words = fc
  .string({
    unit: fc.constantFrom("a", "A", "á", "b", ",", "%", "/", "?", "&", "+", " ", "😀", '"', "\\", "=", "'", "."),
    minLength: 1,
    maxLength: 6,
  })
  .filter((text) => text.trim() !== "");
const days = fc
  .date({ min: new Date("1000-01-01"), max: new Date("9999-12-31"), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10));
const bytes = fc
  .oneof(
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    fc.nat(3).map((n) => Buffer.from(uuid(n), "base64")),
  )
  .map((value) => Buffer.from(value).toString("base64"));
const label = fc.constantFrom("x", "y");

/** Rows for each table, and the columns of its key in their order. */
const TABLES = {
  counters: [fc.record({ number: fc.integer({ min: 1, max: 2 ** 31 - 1 }), label }), "number"],
  entries: [fc.record({ serial: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }).map(String), label }), "serial"],
  floors: [fc.record({ level: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), label }), "level"],
  people: [fc.record({ login: words, name: label, manager: fc.constant(null) }), "login"],
  devices: [fc.record({ uuid: bytes, name: label, owner: fc.constant(null) }), "uuid"],
  days: [fc.record({ day: days, note: fc.option(label) }), "day"],
  boxes: [
    fc.record({
      site: words,
      number: fc.integer({ min: -2, max: 2 }),
      inside_site: fc.constant(null),
      inside_number: fc.constant(null),
    }),
    "site, number",
  ],
} as const;

test.each(Object.keys(TABLES) as (keyof typeof TABLES)[])(
  "the pages of %s have all rows in the order of the key, each once, however long a page is",
  async (table) => {
    const [row, key] = TABLES[table];
    const rows = fc.array<Record<string, unknown>>(row, { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: 5 }), async (sent, limit) => {
        await muster.empty(table);
        const { rejected } = await muster.post(`/${table}`, sent);
        const stored = (await muster.get(`/${table}?limit=1000`)).body as Record<string, unknown>[];
        expect(stored.length).toBeGreaterThan(0);
        const order = await muster.select(`SELECT ${key} FROM ${table} ORDER BY ${key}`);
        expect(stored).toHaveLength(order.length);
        expect(sent.length).toBeGreaterThanOrEqual(stored.length + rejected);
        const paged: unknown[] = [];
        for (let path: string | undefined = `/${table}?limit=${limit}`; path; ) {
          const page: { body: unknown[]; next: string | undefined } = await muster.get(path);
          expect(page.body.length).toBe(Math.min(limit, stored.length - paged.length));
          paged.push(...page.body);
          path = page.next;
        }
        expect(paged).toEqual(stored);
        for (const each of stored.slice(0, 3)) {
          // A path ends before a part of one or two dots (WHATWG URL): such a row is found by a filter only.
          if (/^\.\.?$/.test(String(each.login))) continue;
          const path = keyPath(...key.split(", ").map((name) => each[name] as string));
          expect(await muster.get(`/${table}/${path}`)).toMatchObject({ status: 200, body: each });
        }
        const first = stored[0] ?? {};
        const query = key
          .split(", ")
          .map((name) => `${name}=${encodeURIComponent(String(first[name]))}`)
          .join("&");
        expect((await muster.get(`/${table}?${query}`)).body).toEqual([first]);
      }),
      { numRuns: 40 },
    );
  },
);

test("a cursor of another table, or one that is made up, is refused and says so", async () => {
  for (const cursor of ["", "x", "1,2", "%00", "AAAA"]) {
    const answer = await muster.get(`/readings?cursor=${cursor}`);
    expect([cursor, answer.status]).toEqual([cursor, 400]);
  }
});

test("a whole table as CSV and NDJSON comes back unchanged, with every kind of key", async () => {
  await muster.empty("people", "devices", "days", "readings", "boxes");
  await muster.post("/insert", {
    people: [
      { login: 'a,"b', name: "x", manager: null },
      { login: "c", name: "y", manager: 'A,"b' },
    ],
    devices: [{ uuid: uuid(1), name: "x", owner: "c" }],
    days: [{ day: "1000-01-01", note: null }],
    readings: [0, 1, 65535].map((slot) => ({ device: uuid(1), day: "1000-01-01", slot, reading: null })),
    boxes: [{ site: "s", number: -1, inside_site: "S", inside_number: -1 }],
  });
  for (const [type, suffix] of [
    ["text/csv", "csv"],
    ["application/x-ndjson", "ndjson"],
  ] as const) {
    const names = ["people", "devices", "days", "readings", "boxes"];
    const files: Record<string, string> = {};
    for (const name of names) files[`${name}.${suffix}`] = (await muster.get(`/${name}`, type)).body as string;
    const { tables } = await muster.load(files);
    for (const name of names) expect([name, tables[name]]).toMatchObject([name, { inserted: 0, rejected: 0 }]);
    expect(tables.readings?.unchanged).toBe(3);
  }
});
