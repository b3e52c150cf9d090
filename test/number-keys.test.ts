/** Tables whose key is one number of another name, size or sign than `id`: imported, inserted, read, backed up, restored. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import fc from "fast-check";
import { removeFolders } from "./support/files.ts";
import { musterWith } from "./support/muster-with.ts";

const muster = await musterWith({
  imports: "bigint, mediumint, smallint, tinyint",
  text: `
const label = varchar("label", { length: 20 }).notNull();
export const tinies = mysqlTable("tinies", { tiny: tinyint("tiny").autoincrement().primaryKey(), label });
export const smalls = mysqlTable("smalls", { small: smallint("small", { unsigned: true }).autoincrement().primaryKey(), label });
export const mediums = mysqlTable("mediums", { medium: mediumint("medium").primaryKey(), label });
export const levels = mysqlTable("levels", { level: int("level").primaryKey(), label });
export const unsigneds = mysqlTable("unsigneds", { number: int("number", { unsigned: true }).autoincrement().primaryKey(), label });
export const bigs = mysqlTable("bigs", { big: bigint("big", { mode: "number" }).autoincrement().primaryKey(), label });
export const anybigs = mysqlTable("anybigs", { big: bigint("big", { mode: "number" }).primaryKey(), label });
export const leaves = mysqlTable("leaves", {
  label,
  leaf: int("leaf").autoincrement().primaryKey(),
  level: int("level").references(() => levels.level),
  big: bigint("big", { mode: "number" }).references(() => anybigs.big),
  small: smallint("small", { unsigned: true }).references(() => smalls.small),
});
`,
});
afterAll(async () => {
  await muster.close();
  await removeFolders();
});

const SAFE = Number.MAX_SAFE_INTEGER;
/** The key of each table, its least and its greatest value. */
const KEYS: Record<string, [key: string, least: number, greatest: number]> = {
  tinies: ["tiny", 1, 127],
  smalls: ["small", 1, 65535],
  mediums: ["medium", -8388608, 8388607],
  levels: ["level", -2147483648, 2147483647],
  unsigneds: ["number", 1, 4294967295],
  bigs: ["big", 1, SAFE],
  anybigs: ["big", -SAFE, SAFE],
};
const names = Object.keys(KEYS);
beforeEach(() => muster.empty("leaves", ...names));

const file = (rows: readonly (readonly unknown[])[]) => rows.map((row) => `${row.join(",")}\n`).join("");
const rowsOf = async (table: string) =>
  (await muster.select(`SELECT * FROM ${table} ORDER BY ${KEYS[table]?.[0]}`)).map((row) =>
    Object.values(row).map(String),
  );

test.each(names)("%s: the least and the greatest key are stored, and keys beyond them are rejected", async (table) => {
  const [key = "", least = 0, greatest = 0] = KEYS[table] ?? [];
  const good = [
    [least, "least"],
    [greatest, "greatest"],
  ];
  const { tables } = await muster.load({
    [`${table}.csv`]: file([...good, [least - 1, "low"], [greatest + 1, "high"]]),
  });
  expect(tables[table]).toMatchObject({ received: 4, inserted: 2, rejected: 2 });
  for (const [id, label] of good) {
    expect(await muster.get(`/${table}/${id}`)).toMatchObject({ status: 200, body: { [key]: id, label } });
    expect(await muster.post(`/${table}`, { [key]: id, label })).toMatchObject({ unchanged: 1, rows: [{ id }] });
    expect(await muster.post(`/${table}`, { [key]: id, label: "other" })).toMatchObject({
      rows: [
        { reasons: [{ code: "duplicate_id", field: key, detail: `${key} ${id} is taken by a row with other values` }] },
      ],
    });
  }
  expect(await muster.load({ [`${table}.csv`]: file(good) })).toMatchObject({ tables: { [table]: { unchanged: 2 } } });
});

test("rows refer to keys of every size and sign, stored or in the same folder", async () => {
  const files = {
    "smalls.csv": "65535,s\n",
    "levels.csv": "-5,cellar\n0,ground\n",
    "anybigs.csv": `${-SAFE},low\n0,zero\n${SAFE},high\n`,
    "leaves.csv": `a,1,-5,${-SAFE},65535\nb,2,0,0,\nc,3,,${SAFE},\nd,4,1,5,2\n`,
  };
  for (const expected of ["inserted", "unchanged"]) {
    const { run, tables } = await muster.load(files);
    expect(tables.leaves).toMatchObject({ received: 4, [expected]: 3, rejected: 1 });
    const [rejected] = await muster.rejected(run);
    expect(rejected?.reasons.map(({ detail }) => detail)).toEqual([
      "levels has no level 1",
      "anybigs has no big 5",
      "smalls has no small 2",
    ]);
  }
});

test("the least and the greatest numbers that are exact are backed up and restored", async () => {
  const keys = [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
  await muster.empty("anybigs");
  await muster.load({ "anybigs.csv": file(keys.map((id) => [id, "end"])) });
  const stored = await rowsOf("anybigs");
  const { id } = await muster.post<{ id: string }>("/backup", { table: ["anybigs"] });
  await muster.empty("anybigs");
  expect(await muster.post("/restore", { table: ["anybigs"], backup: id })).toMatchObject({ status: 200 });
  expect(await rowsOf("anybigs")).toEqual(stored);
  expect(stored).toHaveLength(2);
});

test("any keys are read in order and page by page, and are restored from a backup after any change", async () => {
  const keys = fc
    .constantFrom(...names)
    .chain((table) => fc.tuple(fc.constant(table), keysOf(table), keysOf(table), fc.integer({ min: 1, max: 4 })));
  await fc.assert(
    fc.asyncProperty(keys, async ([table, first, second, limit]) => {
      const key = KEYS[table]?.[0] ?? "";
      await muster.empty(table);
      await muster.load({ [`${table}.csv`]: file(first.map((id, index) => [id, `row ${index}`])) });
      const stored = await rowsOf(table);
      expect(stored.map(([id]) => Number(id))).toEqual([...first].sort((a, b) => a - b));
      const paged: object[] = [];
      for (let path: string | undefined = `/${table}?limit=${limit}`; path; ) {
        const page: { body: object[]; next: string | undefined } = await muster.get(path);
        paged.push(...page.body);
        path = page.next;
      }
      expect(paged.map((row) => Object.values(row).map(String))).toEqual(stored);
      const { id } = await muster.post<{ id: string }>("/backup", { table: [table] });
      await muster.empty(table);
      const { inserted } = await muster.post(
        `/${table}`,
        second.map((id) => ({ [key]: id, label: "other" })),
      );
      expect(inserted).toBe(second.length);
      expect(await muster.post("/restore", { table: [table], backup: id })).toMatchObject({ status: 200 });
      expect(await rowsOf(table)).toEqual(stored);
    }),
    { numRuns: 12 },
  );
});

/** Different keys of a table, often close together or at its ends. */
function keysOf(table: string) {
  const [, least = 0, greatest = 0] = KEYS[table] ?? [];
  // The last id of a counter could not be counted on from.
  const max = table in { tinies: 1, smalls: 1, unsigneds: 1, bigs: 1 } ? greatest - 1 : greatest;
  const key = fc.oneof(
    fc.integer({ min: least, max }),
    fc.integer({ min: Math.max(least, -3), max: 5 }),
    fc.constantFrom(least, max),
  );
  return fc.uniqueArray(key, { minLength: 1, maxLength: 9 });
}
