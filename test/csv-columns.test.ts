/** Headers and columns as a recipe gives them. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { csvLine } from "../src/codecs/csv.ts";
import type { Table } from "../src/codecs/tables.ts";
import { csvRows } from "../src/read/csv/csv-rows.ts";
import { byRecipe } from "../src/read/formats/recipe-reader.ts";
import type { FileRecipe } from "../src/read/recipes/recipe.ts";
import { tableOf } from "./support/dictionary.ts";
import { rows, things } from "./support/things.ts";

const jobs = tableOf("jobs");
const BAKER = { values: [1, "Baker"], why: [] };
const JUDGE = { values: [2, "Judge"], why: [] };

async function read(text: string, recipe?: FileRecipe, table: Table = jobs) {
  const notes: string[] = [];
  const blocks = byRecipe(csvRows)(table, chunksOf(text), "a.csv", { recipe, say: (line) => void notes.push(line) });
  const all = (await Array.fromAsync(blocks)).flat();
  const rows = all.map(({ values, reasons }) => ({ values: [...values], why: reasons.map(({ detail }) => detail) }));
  return { rows, notes, columns: all[0]?.columns, recipes: new Set(all.map((row) => row.recipe)) };
}

async function* chunksOf(text: string) {
  yield Buffer.from(text);
}

async function refusal(text: string, recipe?: FileRecipe): Promise<string> {
  const { code, message } = await read(text, recipe).catch((error) => error);
  expect(code).toBe("refused");
  expect(message).toStartWith("a.csv: ");
  return message;
}

test.each<[string, FileRecipe, (string | undefined)[]]>([
  ["Nr,Puesto\n1,Baker\n2,Judge\n", { columns: { Nr: "id", Puesto: "job" } }, ["id", "job"]],
  ["Puesto , nr\nBaker,1\nJudge,2\n", { columns: { NR: "id", " puesto": "JOB" } }, ["job", "id"]],
  ["id,Cargo\n1,Baker\n2,Judge\n", { columns: { Puesto: "job", Cargo: "job" } }, ["id", "job"]],
  ["id,n\nBaker,1\nJudge,2\n", { columns: { id: "job", n: "id" } }, ["job", "id"]],
  ["job,id,n\nBaker,x,1\nJudge,x,2\n", { columns: { n: "id" }, ignore: ["id"] }, ["job", "", "id"]],
  ["id,job,note\n1,Baker,x\n2,Judge,\n", { ignore: [" NOTE"] }, ["id", "job", ""]],
  [",id,job\n0,1,Baker\n1,2,Judge\n", { ignore: [""] }, ["", "id", "job"]],
  ["id,job\n1,Baker\n2,Judge\n", { ignore: ["", "note"] }, ["id", "job"]],
  ["a,id,,job\nx,1,y,Baker\n,2,,Judge\n", { ignoreOtherColumns: true }, ["", "id", "", "job"]],
  ["x,1,Baker\ny,2,Judge\n", { columns: [null, "id", "job"] }, ["", "id", "job"]],
  ["Baker,1\nJudge,2\n", { columns: ["job", "id"], header: false }, ["job", "id"]],
  ["1,Baker\n2,Judge\n", { header: false }, ["id", "job"]],
  ["1,Baker\n2,Judge\n", { ignore: ["", "note"] }, ["id", "job"]],
  ["x,1,Baker\ny,2,Judge\n", { columns: [null, "id", "job"], ignore: [""] }, ["", "id", "job"]],
  ["job,id\nBaker,1\nJudge,2\n", { header: true }, ["job", "id"]],
  ["id,job,\n1,Baker,\n2,Judge,\n", { trailingColumn: true }, ["id", "job", ""]],
  ["id,job\n1,Baker,\n2,Judge,\nid,job\n", { trailingColumn: true }, ["id", "job", ""]],
  ["1,Baker,\n2,Judge,\n", { trailingColumn: true }, ["id", "job", ""]],
  ["Baker,1,\nJudge,2,\n", { columns: ["job", "id"], trailingColumn: true }, ["job", "id", ""]],
])("%j is read by the recipe %j", async (text, recipe, columns) => {
  const found = await read(text, recipe);
  expect(found.rows).toEqual([BAKER, JUDGE]);
  expect(found.columns).toEqual(columns as string[]);
  expect(found.recipes).toEqual(new Set([recipe]));
});

test("any order, other names and more columns give the same rows", async () => {
  const names = things.columns.map(({ name }) => name);
  const header = fc.record({
    places: fc.shuffledSubarray(
      [...names.keys(), ...["é", "Total, net", "", "x y", 'q"'].keys()].map((_, at) => at),
      {
        minLength: names.length + 5,
      },
    ),
    renamed: fc.array(fc.boolean(), { minLength: names.length, maxLength: names.length }),
    byPosition: fc.boolean(),
    trailingColumn: fc.boolean(),
  });
  const others = ["é", "Total, net", "", "x y", 'q"'];
  await fc.assert(
    fc.asyncProperty(
      fc.array(rows, { minLength: 1, maxLength: 3 }),
      header,
      async (stored, { places, renamed, byPosition, trailingColumn }) => {
        const nameIn = (at: number) => (renamed[at] ? `Col. ${at} = "ñ"` : names[at]?.toUpperCase());
        const end = trailingColumn ? [""] : [];
        const cells = (row: readonly string[]) => csvLine([...places.map((at) => row[at] ?? "any"), ...end]);
        const head = csvLine([...places.map((at) => nameIn(at) ?? others[at - names.length]), ...end]);
        const columns = Object.fromEntries(names.flatMap((name, at) => (renamed[at] ? [[nameIn(at), name]] : [])));
        const recipe: FileRecipe = byPosition
          ? { columns: places.map((at) => names[at] ?? null), trailingColumn }
          : { columns, ignore: others, trailingColumn };
        const lines = stored.map((row) => cells(things.columns.map(({ codec }, at) => codec.toCsv(row[at] ?? null))));
        const found = await read((byPosition ? "" : head) + lines.join(""), recipe, things);
        expect(found.rows).toEqual(stored.map((row) => ({ values: [...row], why: [] })));
      },
    ),
  );
});

test.each<[string, FileRecipe, string]>([
  ["id,job\n1,Baker\n", { header: false }, 'header is false, and line 1 is a header: "id,job"; skip it with --skip 1'],
  ["x,id,job\nx,1,Baker\n", { columns: [null, "id", "job"] }, "columns are given by position, and line 1 is a header"],
  ["List\nid,job\n1,Baker\n", { header: false }, "header is false, and line 2 is a header"],
  ["1,Baker\n", { header: true }, 'header is true, and line 1 is no header: "1,Baker"; if it is a row'],
  ["id,job,\n1,Baker\n2,Judge\n", { ignore: [""] }, "no row ends in a delimiter"],
  [
    "job,id,\nBaker,1\nJudge,2\n",
    { trailingColumn: true },
    "with --skip 1 --columns job,id (HTTP: skip=1&columns=job,id)",
  ],
  ["Nr,Cargo\n1,Baker\n", { columns: { Puesto: "job" } }, "line 1 is no header"],
  ["List\n", { header: true }, 'line 1 is no header: "List"; if it is a title, skip it with --skip 1'],
  [`${"a,b,c\n".repeat(2_000)}`, { header: true }, "line 1 is no header"],
  ["List\nid,job\n1,Baker\n", { header: true }, "line 2 is a header, and line 1 stands above it"],
  ["id,Cargo\n1,Baker\n", { columns: { Puesto: "job" } }, '"Cargo" is not a column, "Puesto" is missing, for job'],
  ["id,job\n1,Baker\n", { columns: { id: "job" } }, "id is missing, job stands 2 times"],
  ["id,job,Puesto\n1,a,b\n", { columns: { Puesto: "job" } }, "job stands 2 times"],
  ["id,job,a,b\n1,Baker,x,y\n", { ignore: ["a"] }, '"b" is not a column'],
  ["1,Baker,x\n2,Judge,y\n", { columns: ["id", "job"] }, "line 1 is no row (it has 3 cells, and the recipe says 2)"],
  ["1,Baker\n2,Judge\n", { trailingColumn: true }, "it has 2 cells, and the recipe says 3"],
  ["a;id;job\nx;1;Baker\n", { ignore: ["a"] }, 'cells are separated by ";" (line 1'],
  ["id,job\n1,Baker\njob,id\nJudge,2\n", { header: true }, "line 3 is another header"],
  ["id,x,job\n1,,Baker\nx,job,id\n", { ignore: ["x"] }, "line 3 is another header"],
  ["id,job\n1,Baker\n", { columns: { a: "nombre" } }, '"nombre" is not a column of jobs; the columns are id,job'],
  ["1,Baker\n", { columns: ["id", "nombre"] }, "columns (--columns) does not fit: "],
  ["1,Baker\n", { columns: ["id", null] }, "job is missing; the columns are id,job"],
  ["1,Baker\n", { columns: ["id", "job", "job"] }, "job stands 2 times"],
  ["id,job\n", { columns: { A: "job", " a": "id" } }, '" a" is given twice, as blanks and letter case do not count'],
  ["id,job\n", { columns: { A: "job" }, header: false }, "columns are given by name, so header cannot be false"],
  ["1,Baker\n", { columns: ["id", "job"], header: true }, "columns are given by position, so header cannot be true"],
  ["1,Baker\n", { header: false, ignoreOtherColumns: true }, "ignoreOtherColumns goes by the names of a header"],
  ["id,job\n", { columns: { A: "job" }, ignore: ["a"] }, '"A" is to be ignored, too'],
])("%j leaves the recipe %j and is refused", async (text, recipe, why) => {
  expect(await refusal(text, recipe)).toContain(why);
});

test.each<[string, FileRecipe, string]>([
  ["id;job\n1;Baker\n2;Judge\n", { delimiter: ";" }, "--delimiter ';' (HTTP: delimiter=;)"],
  ["id\tjob\n1\tBaker\n2\tJudge\n", { delimiter: "\t" }, "--delimiter tab (HTTP: delimiter=tab)"],
  ["sep=;\nid;job\n1;Baker\n2;Judge\n", { dialect: "excel" }, "--dialect excel (HTTP: dialect=excel)"],
  ["Jobs\n\nid,job\n1,Baker\n2,Judge\n", { skip: 2 }, "--skip 2 (HTTP: skip=2)"],
  ["Jobs\n1,Baker\n2,Judge\n", { skip: 1 }, "--skip 1 (HTTP: skip=1)"],
  ['"Jobs\nof 2021"\n1,Baker\n2,Judge\n', { skip: 2 }, "--skip 2 (HTTP: skip=2)"],
  ["# Jobs\nid,job\n1,Baker\n2,Judge\n", { comment: "#" }, "--comment '#' (HTTP: comment=%23)"],
  ["# Jobs\n1,Baker\n2,Judge\n", { comment: "#" }, "--comment '#' (HTTP: comment=%23)"],
  ["Nr,Puesto\n1,Baker\n2,Judge\n", { columns: { Nr: "id", Puesto: "job" } }, "--columns Nr=COLUMN,... (HTTP"],
  [
    "id,Puesto\n1,Baker\n2,Judge\n",
    { columns: { Puesto: "job" } },
    "--columns Puesto=COLUMN (HTTP: columns=Puesto=COLUMN)",
  ],
  ["id,job,note\n1,Baker,\n2,Judge,\n", { ignore: ["note"] }, "--ignore note (HTTP: ignore=note)"],
  [",id,job\n0,1,Baker\n1,2,Judge\n", { ignore: [""] }, "--ignore '' (HTTP: ignore=)"],
  ["id,job\n1,Baker,\n2,Judge,\n", { trailingColumn: true }, "--trailing-column (HTTP: trailing_column=true)"],
  ["id,job,\n1,Baker,\n2,Judge,\n", { trailingColumn: true }, "--trailing-column (HTTP: trailing_column=true)"],
  ["1,job\n2,Judge\n", { header: false }, "--header no (HTTP: header=no)"],
])("%j is refused without the recipe %j, and the message names the option", async (text, recipe, option) => {
  expect(await refusal(text)).toContain(option);
  const { rows } = await read(text, recipe);
  expect(rows.at(-1)).toEqual(JUDGE);
  expect(rows).toHaveLength(2);
});

test("a row that does not end as the recipe says is rejected, and the file goes on", async () => {
  const { rows } = await read("id,job\n1,Baker,\n2,Judge,x\n3,Cook\n", { trailingColumn: true });
  expect(rows.map(({ why }) => why)).toEqual([
    [],
    ['each row ends in a delimiter, and this row has "x" after it'],
    ["the header with its last delimiter has 3 fields, and this row has 2"],
  ]);
});

test("what is left out by its name is said once", async () => {
  const text = "id,note,job,\n1,x,Baker,y\n2,x,Judge,z\n";
  const { notes } = await read(text + text, { ignoreOtherColumns: true });
  expect(notes).toEqual([
    'a.csv: left out the cells under "note", ""',
    "a.csv: skipped line 4, a header among the rows",
  ]);
});

test("without a key in the file, a header is never stored, though each cell could be a job", async () => {
  const found = await read("job\nBaker\nJob\nJudge\n", { ids: "database" });
  expect(found.rows.map(({ values }) => values)).toEqual([
    [undefined, "Baker"],
    [undefined, "Judge"],
  ]);
  expect(found.notes).toEqual(["a.csv: skipped line 3, a header among the rows"]);
  expect((await read("Baker\nJudge\n", { ids: "database" })).rows).toHaveLength(2);
  expect((await read("1,Baker\n", { ids: "database", columns: [null, "job"] })).columns).toEqual(["", "job"]);
  expect((await read("job,id\nBaker,7\n", { ids: "database", ignore: ["id"] })).columns).toEqual(["job", ""]);
});

test("if the database assigns ids, a file that has ids is refused", async () => {
  const message = await refusal("id,job\n1,Baker\n", { ids: "database" });
  expect(message).toContain("id is there, but the database assigns ids");
  expect(message).toContain("--ignore id (HTTP: ignore=id)");
  expect(await refusal("1,Baker\n2,Judge\n", { ids: "database" })).toContain("it has 2 cells, and the recipe says 1");
  expect(await refusal("1,Baker\n", { ids: "database", columns: ["id", "job"] })).toContain("the database assigns id");
});
