/** CSV by a recipe that is damaged, or made to do harm: what becomes of it, and how long that takes. */
import { expect, test } from "bun:test";
import type { CsvDialect } from "../src/codecs/csv-format.ts";
import { parseCsv } from "../src/codecs/csv-parser.ts";
import { recordsOf } from "../src/read/corrections/rejection-sheet.ts";
import { csvRows } from "../src/read/csv/csv-rows.ts";
import { resolved } from "../src/read/recipes/dialects.ts";
import { FileRecipe, parseRecipe, type Recipe } from "../src/read/recipes/recipe.ts";
import { withOptions } from "../src/read/recipes/recipe-file.ts";
import { recipeOfOptions } from "../src/read/recipes/recipe-options.ts";
import { recipeFor } from "../src/read/recipes/recipe-parts.ts";
import { tableOf } from "./support/dictionary.ts";

const MYSQL = resolved({ dialect: "mysql" });

async function* chunked(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** The line of each record, and its cells or, for a malformed one, its raw input. */
async function read(text: string, dialect: CsvDialect) {
  const of = async (size: number) => {
    const batches = await Array.fromAsync(parseCsv(chunked(Buffer.from(text), size), dialect));
    return batches.flat().map(({ line, cells, malformed, raw }) => [line, malformed ? `${raw}` : cells]);
  };
  const records = await of(1 << 20);
  for (let size = 1; size < 12; size++) expect(await of(size)).toEqual(records);
  return records;
}

test("the rest of a malformed record is not taken for a row if its line end was escaped", async () => {
  expect(await read("1;a\\q\\\n5;x\n2;b\n", { delimiter: ";", escape: "\\" })).toEqual([
    [1, "1;a\\q\\\n5;x"],
    [3, ["2", "b"]],
  ]);
  expect(await read('1,"a" b\\\r\n5,x\n2,b\n', { escape: "\\" })).toEqual([
    [1, '1,"a" b\\\r\n5,x'],
    [3, ["2", "b"]],
  ]);
});

test("the lines of a quoted cell with a wrong escape are not taken for rows", async () => {
  expect(await read('1,"a\\q\n5,x\nb"\n2,b\n', { escape: "\\" })).toEqual([
    [1, '1,"a\\q\n5,x\nb"'],
    [4, ["2", "b"]],
  ]);
  // The cell is not closed: only its first line is lost.
  expect(await read('1,"a\\q\n5,x\n', { escape: "\\" })).toEqual([
    [1, '1,"a\\q'],
    [2, ["5", "x"]],
  ]);
  expect(await read("\\N,a\\q\n\\N,b\n", { escape: "\\", null: ["\\N"] })).toEqual([
    [1, "\\N,a\\q"],
    [2, ["", "b"]],
  ]);
});

test("a file of escaped line ends takes time in proportion to its size", async () => {
  const lines = 400_000;
  const text = `${"\\\n".repeat(lines)}\\`;
  const started = performance.now();
  const batches = await Array.fromAsync(parseCsv(chunked(Buffer.from(text), 1 << 16), MYSQL));
  const records = batches.flat();
  expect(records.map(({ line, malformed }) => [line, malformed])).toEqual([
    [1, "an escape character at the end of the file"],
  ]);
  // It took minutes when the parser went on at each of the lines.
  expect(performance.now() - started).toBeLessThan(10_000);
});

async function rowsOf(text: string, recipe: FileRecipe) {
  const said: string[] = [];
  const batches = csvRows(tableOf("jobs"), chunked(Buffer.from(text), 7), "jobs.csv", {
    recipe,
    say: (line) => said.push(line),
  });
  const rows = (await Array.fromAsync(batches)).flat();
  return { rows: rows.map(({ values, reasons }) => (reasons.length > 0 ? reasons[0]?.code : values)), said };
}

test("comments are counted and said, as they could be rows", async () => {
  const text = "#1,Baker\n2,Judge\n#3,Cook\n";
  expect(await rowsOf(text, { comment: "#" })).toEqual({
    rows: [[2, "Judge"]],
    said: ["jobs.csv: skipped 2 comments (the first is line 1)"],
  });
  expect((await rowsOf("2,Judge\n#\n", { comment: "#" })).said).toEqual(["jobs.csv: skipped line 2, a comment"]);
});

test.each(["delimiter", "quote", "escape", "comment"])("a letter or a digit is no %s", (part) => {
  for (const character of ["1", "a", "Z"]) {
    const { error } = FileRecipe.safeParse({ [part]: character });
    expect(error?.issues[0]?.message).toContain("one ASCII character that is no letter or digit");
  }
});

test("a decimal mark given beside a recipe is refused if the recipe groups digits by it", async () => {
  const recipe: Recipe = { files: [{ group: "," }] };
  const [both = {}] = withOptions(recipe, { decimal: "," })?.files ?? [];
  await expect(rowsOf('"1,234",Baker\n', both)).rejects.toThrow('decimal and group are both "," in the recipe');
  const [other = {}] = withOptions({ files: [{ decimal: "," }] }, { decimal: "." })?.files ?? [];
  expect((await rowsOf("1234,Baker\n", other)).rows).toEqual([[1234, "Baker"]]);
});

test.each<[FileRecipe, string]>([
  [{ null: [" NULL"] }, "blanks around a cell are dropped"],
  [{ null: ['"NULL"'] }, "a word in quotes is text"],
  [{ null: ["n;a"], delimiter: ";" }, "a cell ends there"],
  [{ null: ["n\na"] }, "a cell ends there"],
])("%j is refused, because its word could never be a cell", async (recipe, why) => {
  await expect(rowsOf("1,NULL\n", recipe)).rejects.toThrow(why);
});

test("the words of MySQL may have blanks, and a quote that is not used is text", async () => {
  expect((await rowsOf("1\t n/a\n", { ...MYSQL, null: [" n/a"] })).rows).toEqual(["missing"]);
  expect((await rowsOf('1,"\n', { quote: "", null: ['"'] })).rows).toEqual(["missing"]);
});

test("a file whose lines are all skipped is said to have no rows after them", async () => {
  expect((await rowsOf("1,Baker\n", { skip: 5 })).said).toEqual([
    "jobs.csv has no rows after the lines that are skipped (5)",
  ]);
});

test("a carriage return or a quote after a null word does not end the cell", async () => {
  expect(await read('1,-\rx\n2,-"x\n3,-\r\n', { null: ["-"] })).toEqual([
    [1, "1,-\rx"],
    [2, '2,-"x'],
    [3, ["3", ""]],
  ]);
});

test("a row that was rejected for its carriage return is rejected again when it is replayed as it came", async () => {
  for (const dialect of [{}, MYSQL]) {
    const end = dialect === MYSQL ? "\r\n" : "\r\r\n";
    const text = ["1,a\n2,b", "\n3,c\n"].join(end).replaceAll(",", dialect === MYSQL ? "\t" : ",");
    const batches = await Array.fromAsync(parseCsv(chunked(Buffer.from(text), 5), dialect));
    const [bad] = batches.flat().filter(({ malformed }) => malformed !== undefined);
    const [again] = await recordsOf(Buffer.from(bad?.raw ?? ""), dialect);
    expect(bad?.malformed).toContain("carriage return");
    expect(again?.malformed).toBe(bad?.malformed as string);
  }
});

test("a name that objects have by themselves is not dropped from a recipe without a word", () => {
  const text = '{"files":[{"columns":{"__proto__":"id","job":"job"},"ignoreOtherColumns":true}]}';
  expect(() => parseRecipe(text, "a.json")).toThrow("a.json: no name can be __proto__");
  const given = { columns: "__proto__=id,job=job" };
  expect(() => recipeOfOptions(given, "_", ([fault]) => new Error(fault?.detail))).toThrow("must be names with the");
  expect(recipeOfOptions({ columns: "constructor=id" }, "_", () => new Error())).toEqual({
    columns: { constructor: "id" },
  });
});

test("a number of a mebibyte is refused at once", async () => {
  const started = performance.now();
  const { rows } = await rowsOf(`1${".000".repeat(220_000)};Baker\n`, { delimiter: ";", decimal: ",", group: "." });
  expect(rows).toEqual(["wrong_type"]);
  expect((await rowsOf("1.000.000;Baker\n", { delimiter: ";", decimal: ",", group: "." })).rows).toEqual([
    [1_000_000, "Baker"],
  ]);
  expect(performance.now() - started).toBeLessThan(5_000);
});

test("a recipe has at most a thousand parts, and each is asked about a file at once", () => {
  const parts = (count: number) =>
    JSON.stringify({ files: Array.from({ length: count }, () => ({ match: "*a*b*c" })) });
  expect(() => parseRecipe(parts(1_001), "a.json")).toThrow("/files must be at most 1000 parts");
  const recipe = parseRecipe(parts(1_000), "a.json");
  const started = performance.now();
  for (let count = 0; count < 1_000; count++) expect(recipeFor(recipe, `${"a".repeat(200)}${count}`)).toBeUndefined();
  // It took half a minute when each comparison made two globs.
  expect(performance.now() - started).toBeLessThan(10_000);
});
