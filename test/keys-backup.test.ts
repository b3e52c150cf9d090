/** Backups of tables with every kind of key: made, proved, and restored over rows that changed meanwhile. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import type { Column } from "../src/codecs/tables.ts";
import { findProgram } from "../src/embedded/mysqld.ts";
import { joinServer } from "../src/embedded/server.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { KEYS, KEYS_CHILDREN_FIRST, uuid } from "./support/kinds-schema.ts";
import { type Muster, musterWith } from "./support/muster-with.ts";
import { program } from "./support/server.ts";

const muster = await musterWith(KEYS);
afterAll(async () => {
  await muster.close();
  await removeFolders();
});
beforeEach(() => muster.empty(...KEYS_CHILDREN_FIRST));

const FILES = {
  "counters.csv": "1,first\n2147483647,last\n",
  "entries.csv": "1,first\n18446744073709551615,last\n",
  "wards.csv": "1,first\n65535,last\n",
  "floors.csv": "-2147483648,deepest\n0,ground\n5,top\n",
  "visits.csv": "1,18446744073709551615,65535,0\n3,,,\n",
  "people.csv": "ana,Ana,\nbo,Bo,cy\ncy,Cy,bo\ndi,Di,di\ned,Ed,ana\n",
  "currencies.csv": "EUR,Euro\nUSD,Dollar\nXTS,Test\n",
  "devices.csv": `${uuid(1)},scale,ana\n${uuid(2)},clock,\n${uuid(3)},lamp,cy\n`,
  "days.csv": "2024-02-29,leap\n1000-01-01,\n",
  "prices.csv": "1,EUR,2024-02-29,1.50\n2,usd,1000-01-01,0\n",
  "editions.csv": "1,es,Uno\n1,en,One\n2147483647,es,Fin\n",
  "chapters.csv": "1,1,es,1,Inicio\n2,1,ES,2,Fin\n3,,es,2,Suelto\n",
  "readings.csv": `${uuid(1)},2024-02-29,0,1.5\n${uuid(1)},2024-02-29,7,\n${uuid(2)},1000-01-01,0,-3\n`,
  "remarks.csv": `1,${uuid(1)},2024-02-29,7,odd\n`,
  "employees.csv": "1,Ana,2,A1,north,1\n2,Bo,,B1,north,2\n3,Cy,1,,south,1\n4,Di,4,D1,south,2\n",
  "boxes.csv": "a,1,b,2\nb,2,,\nb,3,b,\nc,0,c,0\n",
};

/** What other programs do to the rows after the backup. */
const CHANGES = [
  "UPDATE counters SET label = 'changed' WHERE number = 1",
  "INSERT INTO entries VALUES (77, 'new')",
  "DELETE FROM visits WHERE id = 3",
  "UPDATE floors SET level = 6 WHERE level = 5",
  // Two rows swap a unique value, and two others the values of a unique constraint over two columns.
  "UPDATE currencies SET name = CASE code WHEN 'EUR' THEN 'x' ELSE name END",
  "UPDATE currencies SET name = 'Euro' WHERE code = 'USD'",
  "UPDATE currencies SET name = 'Dollar' WHERE code = 'EUR'",
  "UPDATE employees SET badge = NULL WHERE id = 1",
  "UPDATE employees SET badge = 'A1', desk = 3 WHERE id = 2",
  "UPDATE employees SET badge = 'B1', desk = 2 WHERE id = 1",
  "UPDATE employees SET desk = 1 WHERE id = 2",
  // Keys that the collation calls equal, but that differ byte by byte.
  "UPDATE people SET login = 'ED' WHERE login = 'ed'",
  "UPDATE currencies SET code = 'xts' WHERE code = 'XTS'",
  "UPDATE chapters SET language = 'es' WHERE id = 2",
  // Rows turn around whom they refer to.
  "UPDATE people SET manager = 'di' WHERE login = 'cy'",
  "UPDATE people SET manager = NULL WHERE login = 'di'",
  "INSERT INTO people VALUES ('fy', 'Fy', 'bo')",
  "UPDATE employees SET manager_id = 1 WHERE id = 2",
  "UPDATE employees SET manager_id = NULL WHERE id = 4",
  "DELETE FROM employees WHERE id = 4",
  "UPDATE boxes SET inside_site = 'a', inside_number = 1 WHERE site = 'c'",
  "INSERT INTO boxes VALUES ('d', 4, 'c', 0)",
  "DELETE FROM remarks",
  "DELETE FROM readings WHERE slot = 7",
  "INSERT INTO readings VALUES (REPEAT('z', 16), '2024-02-29', 9, 9)".replace(
    "REPEAT('z', 16)",
    `FROM_BASE64('${uuid(3)}')`,
  ),
  "INSERT INTO days VALUES ('2030-01-01', 'later')",
  "DELETE FROM prices WHERE id = 2",
];

/** Every row of every table, each value as its bytes. */
async function bytesOf({ tables, select }: Muster, names: readonly string[] = KEYS_CHILDREN_FIRST) {
  const held: Record<string, unknown[]> = {};
  for (const { name, columns } of tables) {
    if (!names.includes(name)) continue;
    const hexes = columns.map((column: Column) => `HEX(\`${column.name}\`) AS \`${column.name}\``).join(", ");
    held[name] = await select(`SELECT ${hexes} FROM ${name} ORDER BY 1, 2`);
  }
  return held;
}

const TABLES = Object.keys(FILES).map((name) => name.replace(".csv", ""));
const back = async (tables = TABLES, to = muster) => {
  const { id } = await muster.post<{ id: string }>("/backup", { table: tables });
  expect(await muster.post(`/backups/${id}/verify`, {})).toMatchObject({ status: 200 });
  return () => to.post<Restored>("/restore", { table: tables, backup: id });
};

interface Restored {
  status: number;
  tables: Record<string, { inserted: number; updated: number; unchanged: number; deleted: number }>;
}

test("a backup is restored byte by byte over rows that were changed, added and deleted meanwhile", async () => {
  await muster.load(FILES);
  const before = await bytesOf(muster);
  const restore = await back();
  expect(await restore()).toMatchObject({ status: 200 });
  expect(await bytesOf(muster)).toEqual(before);
  for (const change of CHANGES) await muster.select(change);
  expect(await bytesOf(muster)).not.toEqual(before);
  expect(await restore()).toMatchObject({ status: 200 });
  expect(await bytesOf(muster)).toEqual(before);
});

test("a backup is restored into empty tables", async () => {
  await muster.load(FILES);
  const before = await bytesOf(muster);
  const restore = await back();
  await muster.empty(...KEYS_CHILDREN_FIRST);
  expect(await restore()).toMatchObject({ status: 200 });
  expect(await bytesOf(muster)).toEqual(before);
});

test("a restore that would take rows from under the rows of another table is refused, and changes nothing", async () => {
  await muster.load({ "people.csv": "ana,Ana,\n", "devices.csv": `${uuid(1)},scale,ana\n` });
  const restore = await back(["people"]);
  await muster.post("/insert", {
    people: [{ login: "bo", name: "Bo", manager: null }],
    devices: [{ uuid: uuid(2), name: "clock", owner: "BO" }],
  });
  await muster.select("UPDATE people SET name = 'changed' WHERE login = 'ana'");
  const before = await bytesOf(muster);
  expect((await restore()).status).toBe(409);
  expect(await bytesOf(muster)).toEqual(before);
});

const letters = fc.constantFrom("a", "A", "á", "b", "c", "d", "e");
const employees = fc
  .array(
    fc.record({
      id: fc.integer({ min: 1, max: 5 }),
      name: fc.constantFrom("x", "X"),
      manager_id: fc.option(fc.integer({ min: 1, max: 5 })),
      badge: fc.option(letters),
      office: fc.constantFrom("n", "N"),
      desk: fc.integer({ min: 1, max: 4 }),
    }),
    { maxLength: 6 },
  )
  .map((rows) => ({ employees: rows }));
const people = fc
  .array(fc.record({ login: letters, name: fc.constantFrom("x", "X"), manager: fc.option(letters) }), { maxLength: 6 })
  .map((rows) => ({ people: rows }));
const boxes = fc
  .array(
    fc.record({
      site: fc.constantFrom("n", "N", "s"),
      number: fc.integer({ min: 0, max: 1 }),
      inside_site: fc.option(fc.constantFrom("n", "s")),
      inside_number: fc.option(fc.integer({ min: 0, max: 1 })),
    }),
    { maxLength: 4 },
  )
  .map((rows) => ({ boxes: rows }));

test.each([
  ["employees", employees],
  ["people", people],
  ["boxes", boxes],
])("any rows of %s are restored over any others", async (table, rows) => {
  await fc.assert(
    fc.asyncProperty<[object, object]>(rows, rows, async (sent, others) => {
      const put = async (body: object) => {
        await muster.empty(table);
        if (Object.values(body).flat().length > 0) await muster.post("/insert", body);
        return bytesOf(muster, [table]);
      };
      const before = await put(sent);
      const restore = await back([table]);
      await put(others);
      expect(await restore()).toMatchObject({ status: 200 });
      expect(await bytesOf(muster, [table])).toEqual(before);
    }),
    { numRuns: 30 },
  );
});

const other = await findProgram(undefined, () => {}).catch(() => undefined);
const hasOther = other !== undefined && other.kind !== program.kind;

test.skipIf(!hasOther)(
  `a backup goes from one kind of server to the other and back${hasOther ? "" : " (skipped: only one kind is here)"}`,
  async () => {
    const server = await joinServer(join(await folderOf({}), "other"), { mysqld: undefined, say: () => {} });
    const there = await musterWith(KEYS, server.url.replace("/muster?", "/test_other?"));
    await muster.load(FILES);
    const before = await bytesOf(muster);
    await copyBackup(muster, there);
    expect(await bytesOf(there)).toEqual(before);
    await muster.empty(...KEYS_CHILDREN_FIRST);
    await copyBackup(there, muster);
    expect(await bytesOf(muster)).toEqual(before);
    await there.close();
    await server.stop();
  },
);

/** Backs up one Muster and restores the other one from the same folder of backups. */
async function copyBackup(from: Muster, to: Muster): Promise<void> {
  const { id } = await from.post<{ id: string }>("/backup", { table: TABLES });
  await Bun.$`mkdir -p ${to.folder}/backups && cp -r ${from.folder}/backups/${id} ${to.folder}/backups/`.quiet();
  expect(await to.post("/restore", { table: TABLES, backup: id })).toMatchObject({ status: 200 });
}
