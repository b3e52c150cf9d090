/** Files of tables with every kind of key, as a user imports them: loaded, loaded again, with duplicates and orphans. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { removeFolders } from "./support/files.ts";
import { KEYS, KEYS_CHILDREN_FIRST, uuid } from "./support/kinds-schema.ts";
import { musterWith } from "./support/muster-with.ts";

const muster = await musterWith(KEYS);
afterAll(async () => {
  await muster.close();
  await removeFolders();
});
beforeEach(() => muster.empty(...KEYS_CHILDREN_FIRST));

/** A file of each table, and how many rows it has. */
const FILES: Record<string, string> = {
  "counters.csv": "1,first\n2147483647,last\n",
  "entries.csv": "1,first\n9007199254740993,beyond 2^53\n18446744073709551615,last\n",
  "wards.csv": "1,first\n65535,last\n",
  "floors.csv": "-2147483648,deepest\n-1,cellar\n0,ground\n2147483647,highest\n",
  "visits.csv": "1,18446744073709551615,65535,-1\n2,9007199254740993,,0\n3,,,\n",
  "people.csv": "ana,Ana,\nbo,Bo,ana\nÑu,Ñu,bo\n",
  "currencies.csv": "EUR,Euro\nusd,Dollar\nX,Test\n",
  "devices.csv": `${uuid(1)},scale,ana\n${uuid(2)},clock,\n`,
  "days.csv": "2024-02-29,leap\n1000-01-01,\n9999-12-31,last\n",
  "prices.csv": "1,EUR,2024-02-29,1.50\n2,USD,9999-12-31,0\n3,x,1000-01-01,-0.01\n",
  "editions.csv": "1,es,Uno\n1,en,One\n2147483647,es,Fin\n",
  "chapters.csv": "1,1,es,1,Inicio\n2,1,es,2,Fin\n3,,es,2,Suelto\n4,,,2,Loose\n5,1,ES,3,Otro\n",
  "readings.csv": `${uuid(1)},2024-02-29,0,1.5\n${uuid(1)},2024-02-29,65535,\n${uuid(2)},1000-01-01,0,-3\n`,
  "remarks.csv": `1,${uuid(1)},2024-02-29,65535,odd\n5,${uuid(2)},1000-01-01,0,old\n`,
  "employees.csv": "1,Ana,2,A1,north,1\n2,Bo,,,north,2\n3,Cy,1,,south,1\n",
  "boxes.csv": "a,1,b,2\nb,2,,\nb,3,b,\nc,0,c,0\n",
};
const rowsOf = (file: string) => FILES[file]?.trimEnd().split("\n").length ?? 0;
const reasonsOf = async (run: string) =>
  (await muster.rejected(run)).map(({ position, reasons }) => [
    position,
    ...reasons.map(({ code, field }) => `${code} ${field}`),
  ]);

test("a folder with every kind of key is stored whole, and is unchanged when it is loaded again", async () => {
  for (const expected of ["inserted", "unchanged"]) {
    const { tables } = await muster.load(FILES);
    for (const [name, counts] of Object.entries(tables)) {
      const received = rowsOf(`${name}.csv`);
      expect({ name, ...counts }).toMatchObject({ name, received, [expected]: received, rejected: 0 });
    }
    expect(Object.keys(tables)).toHaveLength(Object.keys(FILES).length);
  }
});

test("the same folder is unchanged too if its rows come in another order and some are new", async () => {
  await muster.load(FILES);
  const turned = Object.entries(FILES).map(([name, text]) => [
    name,
    `${text.trimEnd().split("\n").reverse().join("\n")}\n`,
  ]);
  const more = {
    ...Object.fromEntries(turned),
    "people.csv": `zoe,Zoe,yan\n${FILES["people.csv"]}yan,Yan,zoe\n`,
    "boxes.csv": `z,9,z,8\n${FILES["boxes.csv"]}z,8,a,1\n`,
  };
  const { tables } = await muster.load(more);
  for (const [name, counts] of Object.entries(tables)) {
    const inserted = name === "people" || name === "boxes" ? 2 : 0;
    expect({ name, ...counts }).toMatchObject({ name, inserted, unchanged: rowsOf(`${name}.csv`), rejected: 0 });
  }
});

describe("a key that is stored with other values rejects the row", () => {
  test.each([
    ["counters.csv", "2147483647,other\n", "duplicate_id number"],
    ["entries.csv", "18446744073709551615,other\n", "duplicate_id serial"],
    ["floors.csv", "-1,other\n", "duplicate_id level"],
    ["people.csv", "ANA,Ana,\n", "duplicate_id login"],
    ["people.csv", "Ána,Ana,\n", "duplicate_id login"],
    ["people.csv", "nu,Ñu,bo\n", "duplicate_id login"],
    ["currencies.csv", "eur,Euros\n", "duplicate_id code"],
    ["devices.csv", `${uuid(2)},clock,ana\n`, "duplicate_id uuid"],
    ["days.csv", "2024-02-29,\n", "duplicate_id day"],
    ["editions.csv", "1,ES,Uno\n", "duplicate_id counter,language"],
    ["readings.csv", `${uuid(1)},2024-02-29,0,1.501\n`, "duplicate_id device,day,slot"],
    ["boxes.csv", "B,2,,\n", "duplicate_id site,number"],
  ])("%s: %s", async (file, row, reason) => {
    await muster.load(FILES);
    const { run, tables } = await muster.load({ [file]: row });
    expect(Object.values(tables)).toMatchObject([{ received: 1, inserted: 0, unchanged: 0, rejected: 1 }]);
    expect(await reasonsOf(run)).toEqual([[1, reason]]);
  });
});

test("of rows in one file with equal keys the first is stored, an identical one is unchanged, another is rejected", async () => {
  const { run, tables } = await muster.load({
    "people.csv": "ana,Ana,\nbo,Bo,ana\nana,Ana,\nANA,Ana,\nbo,Bo,\nbo,Bo,ana\n",
    "currencies.csv": "EUR,Euro\neur,Euro\nEUR,Euro\n",
  });
  expect(tables.people).toMatchObject({ received: 6, inserted: 2, unchanged: 2, rejected: 2 });
  expect(tables.currencies).toMatchObject({ received: 3, inserted: 1, unchanged: 1, rejected: 1 });
  expect(await reasonsOf(run)).toEqual([
    [2, "duplicate_id code"],
    [4, "duplicate_id login"],
    [5, "duplicate_id login"],
  ]);
});

describe("a unique constraint", () => {
  const employees = "1,Ana,,A1,north,1\n2,Bo,,,north,2\n3,Cy,,,south,1\n";

  test("is a verdict for each row: the other row is stored, or is in the file", async () => {
    await muster.load({ "employees.csv": employees });
    const { run, tables } = await muster.load({
      "employees.csv":
        "4,Di,,a1,east,1\n5,Ed,,,NORTH,2\n6,Fy,,á1,south,1\n7,Gus,,G,west,1\n8,Hal,,g,west,1\n9,Ida,,,west,1\n",
    });
    expect(tables.employees).toMatchObject({ received: 6, inserted: 1, rejected: 5 });
    expect(await reasonsOf(run)).toEqual([
      [1, "duplicate_value badge"],
      [2, "duplicate_value office,desk"],
      [3, "duplicate_value badge", "duplicate_value office,desk"],
      [5, "duplicate_value badge", "duplicate_value office,desk"],
      [6, "duplicate_value office,desk"],
    ]);
    const details = (await muster.rejected(run)).map(({ reasons }) => reasons.map(({ detail }) => detail));
    expect(details[0]?.[0]).toMatch(/badge.*\b1\b/);
    expect(details[3]?.[0]).toMatch(/badge.*\b4\b/);
  });

  test("lets null stand as often as it comes, also in one column of several", async () => {
    const { tables } = await muster.load({
      "counters.csv": "1,first\n",
      "editions.csv": "1,es,Uno\n",
      "employees.csv": employees,
      "chapters.csv": "1,,es,1,a\n2,,es,1,b\n3,,,1,c\n4,1,,1,d\n5,1,,1,e\n",
    });
    expect(tables.employees).toMatchObject({ inserted: 3 });
    expect(tables.chapters).toMatchObject({ inserted: 5 });
  });
});

describe("a reference", () => {
  test.each([
    ["visits.csv", "9,7,7,7\n", ["unknown_reference entry", "unknown_reference ward", "unknown_reference floor"]],
    ["visits.csv", "9,18446744073709551614,,\n", ["unknown_reference entry"]],
    ["devices.csv", `${uuid(7)},lamp,nobody\n`, ["unknown_reference owner"]],
    ["prices.csv", "9,GBP,2024-03-01,1\n", ["unknown_reference currency", "unknown_reference day"]],
    ["editions.csv", "3,es,Tres\n", ["unknown_reference counter"]],
    ["chapters.csv", "9,1,fr,1,Un\n", ["unknown_reference counter,language"]],
    ["chapters.csv", "9,2147483647,en,1,End\n", ["unknown_reference counter,language"]],
    ["readings.csv", `${uuid(3)},2024-03-01,0,\n`, ["unknown_reference device", "unknown_reference day"]],
    ["remarks.csv", `9,${uuid(1)},1000-01-01,0,none\n`, ["unknown_reference device,day,slot"]],
    ["employees.csv", "9,Zoe,8,,far,1\n", ["unknown_reference manager_id"]],
    ["boxes.csv", "d,1,b,1\n", ["unknown_reference inside_site,inside_number"]],
  ])("of %s to a row that is not there rejects: %s", async (file, row, reasons) => {
    await muster.load(FILES);
    const { run, tables } = await muster.load({ [file]: row });
    expect(Object.values(tables)).toMatchObject([{ received: 1, rejected: 1 }]);
    expect(await reasonsOf(run)).toEqual([[1, ...reasons]]);
  });

  test("finds its row as the collation compares, and the row is stored as it was sent", async () => {
    const { tables } = await muster.load({
      "people.csv": "ana,Ana,\n",
      "devices.csv": `${uuid(1)},scale,ÁNA\n`,
      "counters.csv": "1,first\n",
      "editions.csv": "1,es,Uno\n",
      "chapters.csv": "1,1,ES,1,Inicio\n",
    });
    expect([tables.devices?.inserted, tables.chapters?.inserted]).toEqual([1, 1]);
    expect(await muster.select("SELECT owner FROM devices")).toMatchObject([{ owner: "ÁNA" }]);
  });

  test("to a row that is rejected rejects the children as well, in every table after it", async () => {
    const { run, tables } = await muster.load({
      "counters.csv": "1,first\n2,\n",
      "editions.csv": "1,es,Uno\n2,es,Dos\n",
      "chapters.csv": "1,1,es,1,a\n2,2,es,1,b\n3,2,es,1,c\n",
    });
    expect([tables.counters, tables.editions, tables.chapters]).toMatchObject([
      { inserted: 1, rejected: 1 },
      { inserted: 1, rejected: 1 },
      { inserted: 1, rejected: 2 },
    ]);
    expect(await reasonsOf(run)).toEqual([
      [2, "unknown_reference counter,language"],
      [3, "unknown_reference counter,language"],
      [2, "missing label"],
      [2, "unknown_reference counter"],
    ]);
  });
});
