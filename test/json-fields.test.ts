/** Fields of NDJSON and Avro rows as a recipe names them. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { toJson } from "../src/codecs/json.ts";
import type { ReadRow, Table } from "../src/codecs/tables.ts";
import { avroRows } from "../src/read/formats/avro-rows.ts";
import { ndjsonRows } from "../src/read/formats/ndjson-rows.ts";
import type { FileRecipe } from "../src/read/recipes/recipe.ts";
import { containerOf, long, record, sized } from "./support/avro.ts";
import { tableOf } from "./support/dictionary.ts";
import { rows, things } from "./support/things.ts";

const jobs = tableOf("jobs");

async function read(lines: readonly object[], recipe: FileRecipe, table: Table = jobs) {
  const notes: string[] = [];
  const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
  const blocks = ndjsonRows(table, bytesOf(Buffer.from(text)), "a.ndjson", {
    recipe,
    say: (line) => void notes.push(line),
  });
  const all = (await Array.fromAsync(blocks)).flat();
  expect(all.every((row) => row.recipe === recipe)).toBe(true);
  return { rows: all.map(({ values, reasons }) => [values, reasons.map(({ detail }) => detail)]), notes };
}

async function* bytesOf(bytes: Uint8Array) {
  yield bytes;
}

test.each<[object, FileRecipe, ReadRow["values"], string[]]>([
  [{ Nr: 1, Puesto: "Baker" }, { columns: { Nr: "id", Puesto: "job" } }, [1, "Baker"], []],
  [{ "nr ": 1, job: "Baker" }, { columns: { NR: "id" } }, [1, "Baker"], []],
  [{ id: "Baker", n: 1 }, { columns: { id: "job", n: "id" } }, [1, "Baker"], []],
  [{ id: 1, job: "Baker", note: 2 }, { ignore: ["NOTE"] }, [1, "Baker"], []],
  [{ id: 1, job: "Baker", a: 2, "": 3 }, { ignoreOtherColumns: true }, [1, "Baker"], []],
  [{ id: 1, job: "Baker", ID: 2 }, { ignoreOtherColumns: true }, [1, "Baker"], []],
  [{ id: 9, n: 1, job: "Baker" }, { columns: { n: "id" }, ignore: ["id"] }, [1, "Baker"], []],
  [{ job: "Baker" }, { ids: "database" }, [undefined, "Baker"], []],
  [{ job: "Baker", id: null }, { ids: "database" }, [undefined, "Baker"], []],
  [{ job: "Baker", id: 7 }, { ids: "database", ignore: ["id"] }, [undefined, "Baker"], []],
  [{ n: 1, id: 1, job: "Baker" }, { columns: { n: "id" } }, [1, "Baker"], ['"id" is given twice']],
  [{ id: 1, job: "Baker", b: 1 }, { ignore: ["a"] }, [1, "Baker"], ['jobs has no field "b"']],
  [{ id: 1, job: "Baker", ID: 1 }, { ignore: ["a"] }, [1, "Baker"], ['jobs has no field "ID"']],
  [{ id: 1, job: "Baker", ["__proto__"]: 1 }, { ignore: ["a"] }, [1, "Baker"], ['jobs has no field "__proto__"']],
  [
    { id: 7, job: "Baker" },
    { ids: "database" },
    [undefined, "Baker"],
    ['"id" is given, but the database assigns ids: tell the recipe to ignore it'],
  ],
])("%j is read by the recipe %j", async (row, recipe, values, why) => {
  expect((await read([row], recipe)).rows).toEqual([[[...values], why]]);
});

test("a field that is left out may stand twice, and any other may not", async () => {
  const line = '{"id":1,"a":1,"a":2,"job":"Baker","job":"Baker"}';
  const { rows, notes } = await read([line as unknown as object, { a: 1, id: 2, job: "Judge" }], { ignore: ["a"] });
  expect(rows).toEqual([
    [[1, "Baker"], ['"job" is given twice']],
    [[2, "Judge"], []],
  ]);
  expect(notes).toEqual(['a.ndjson: left out the field "a"']);
});

test("few of many names that are left out are said", async () => {
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`f${at}`, at]));
  const { notes } = await read([{ ...many, id: 1, job: "Baker" }], { ignoreOtherColumns: true });
  expect(notes).toHaveLength(21);
  expect(notes.at(-1)).toBe("a.ndjson: left out more fields");
});

test.each<[FileRecipe, string]>([
  [{ columns: ["id", "job"] }, "columns (--columns) does not fit: columns are given by position"],
  [{ columns: { Puesto: "nombre" } }, '"nombre" is not a column of jobs; the columns are id,job'],
])("the recipe %j refuses the file", async (recipe, why) => {
  const { code, message } = await read([{ id: 1, job: "Baker" }], recipe).catch((error) => error);
  expect(code).toBe("refused");
  expect(message).toStartWith("a.ndjson: ");
  expect(message).toContain(why);
});

test("renamed and additional fields change nothing about the row", async () => {
  const names = things.columns.map(({ name }) => name);
  await fc.assert(
    fc.asyncProperty(rows, fc.shuffledSubarray(names), async (row, renamed) => {
      const columns = Object.fromEntries(renamed.map((name) => [`${name} (ñ)`, name]));
      const entries = Object.entries(toJson(things, row)).map(([name, value]) =>
        renamed.includes(name) ? [`${name} (ñ)`, value] : [name, value],
      );
      const line = Object.fromEntries([["first", 1], ...entries.toReversed(), ["last", { a: [] }]]);
      expect((await read([line], { columns, ignoreOtherColumns: true }, things)).rows).toEqual([[[...row], []]]);
    }),
  );
});

test("the fields of Avro records are named and left out in the same way", async () => {
  const schema = record({ Puesto: "string", Nr: "int", x: "int" });
  const bytes = await containerOf(schema, "null", {
    count: 1,
    data: Buffer.concat([sized("Baker"), long(1), long(5)]),
  });
  const recipe: FileRecipe = { columns: { Nr: "id", Puesto: "job" }, ignore: ["x"] };
  const [row] = (await Array.fromAsync(avroRows(jobs, bytesOf(bytes), "a.avro", { recipe }))).flat();
  expect({ values: row?.values, reasons: row?.reasons, recipe: row?.recipe }).toEqual({
    values: [1, "Baker"],
    reasons: [],
    recipe,
  });
});
