/** The dialects that a recipe names: mysql, excel, pandas and tsv. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readerOfFile } from "../src/read/formats/file-formats.ts";
import { resolved } from "../src/read/recipes/dialects.ts";
import type { FileRecipe } from "../src/read/recipes/recipe.ts";
import { tableOf } from "./support/dictionary.ts";
import { CASES, withoutCases } from "./support/missing.ts";

async function read(text: string, recipe?: FileRecipe, name = "a.csv", table: "jobs" | "hired_employees" = "jobs") {
  const notes: string[] = [];
  const chunks = (async function* () {
    yield Buffer.from(text);
  })();
  const options = { recipe, say: (line: string) => void notes.push(line) };
  const rows = (await Array.fromAsync(readerOfFile(name)?.read(tableOf(table), chunks, name, options) ?? [])).flat();
  const values = rows.map((row) => (row.reasons.length > 0 ? row.reasons.map(({ code }) => code) : [...row.values]));
  return { rows: values, notes, recipe: rows[0]?.recipe };
}

async function refusal(text: string, recipe?: FileRecipe): Promise<string> {
  const { code, message } = await read(text, recipe).catch((error) => error);
  expect(code).toBe("refused");
  return message;
}

test.each<[FileRecipe, FileRecipe]>([
  [{ dialect: "mysql" }, { delimiter: "\t", quote: "", escape: "\\", null: ["\\N"] }],
  [
    { dialect: "mysql", delimiter: ",", quote: '"' },
    { delimiter: ",", quote: '"', escape: "\\", null: ["\\N", "NULL"] },
  ],
  [
    { dialect: "mysql", escape: "" },
    { delimiter: "\t", quote: "", escape: "", null: ["NULL"] },
  ],
  [
    { dialect: "mysql", null: ["-"] },
    { delimiter: "\t", quote: "", escape: "\\", null: ["-"] },
  ],
  [
    { dialect: "tsv", quote: "'" },
    { delimiter: "\t", quote: "'" },
  ],
  [{ format: "tsv" }, { delimiter: "\t" }],
  [{ format: "tsv", dialect: "excel", delimiter: ";" }, { delimiter: ";" }],
  [{ dialect: "excel" }, {}],
  [
    { dialect: "pandas", ignore: ["x"] },
    { wholeDecimals: true, null: ["NaN", "nan", "NaT", "<NA>"], ignore: ["x", "", "Unnamed: 0"] },
  ],
  [{ delimiter: ";" }, { delimiter: ";" }],
])("the recipe %j stands for %j, and its own parts win", (recipe, parts) => {
  expect(resolved(recipe)).toEqual({ ...recipe, ...parts });
  expect(resolved(resolved(recipe))).toEqual({ ...recipe, ...parts });
});

const BAKER = [[1, "Baker"]];

test.each<[string, string, FileRecipe]>([
  ["sep=;\r\nid;job\r\n1;Baker\r\n", "a.csv", { dialect: "excel" }],
  ['\uFEFF"sep=;"\r\n1;Baker\r\n', "a.csv", { dialect: "excel" }],
  ["SEP=\t\njob\tid\nBaker\t1", "a.csv", { dialect: "excel" }],
  ["sep=,,,,\nid,job\n1,Baker\n", "a.csv", { dialect: "excel", skip: 1 }],
  ["id;job\n1;Baker\n", "a.csv", { dialect: "excel", delimiter: ";" }],
  ["id\tjob\n1\tBaker\n", "a.csv", { dialect: "excel", format: "tsv" }],
  ["id,job\n1,Baker\n", "a.csv", { dialect: "excel" }],
  ["id\tjob\n1\tBaker\n", "a.tsv", {}],
  ["id\tjob\n1\tBaker\n", "a.csv", { dialect: "tsv" }],
  ["id|job\n1|Baker\n", "a.tsv", { delimiter: "|" }],
  ["1\tBaker\n", "a.txt", { dialect: "mysql" }],
  [",id,job\n0,1,Baker\n", "a.csv", { dialect: "pandas" }],
  ["Unnamed: 0,id,job\n0,1,Baker\n", "a.csv", { dialect: "pandas" }],
])("%j, named %s, is read by %j", async (text, name, recipe) => {
  expect((await read(text, recipe, name)).rows).toEqual(BAKER);
});

test("Excel's rows without any value are skipped, counted and said", async () => {
  const { rows, notes, recipe } = await read("sep=;\n;\nid;job\n;\n1;Baker\n ; \n;x\n;\n", { dialect: "excel" });
  expect(rows).toEqual([...BAKER, ["missing"]]);
  expect(notes).toEqual(["a.csv: skipped 4 rows without any value (the first is line 2)"]);
  expect(recipe).toEqual({ dialect: "excel", delimiter: ";", skip: 1 });
  expect((await read(",\n1,Baker\n")).rows).toEqual([["missing", "missing"], ...BAKER]);
});

test("a separator line that names no character is refused", async () => {
  expect(await refusal("sep=\n1,Baker\n", { dialect: "excel" })).toMatch(/line 1, "sep=", does not name one character/);
  expect(await refusal("sep=é\n1,Baker\n", { dialect: "excel" })).toMatch(/line 1, "sep=é", does not name one/);
});

test("pandas' missing values are no values, and its ids may be floats", async () => {
  const text = ",id,name,datetime,department_id,job_id\n0,1.0,Ana,2021-11-07T02:48:42Z,2.0,NaN\n1,2.5,<NA>,NaT,nan,1\n";
  const { rows } = await read(text, { dialect: "pandas" }, "a.csv", "hired_employees");
  expect(rows).toEqual([["missing"], ["wrong_type", "missing", "missing", "missing"]]);
});

test.each<[string, FileRecipe | undefined, RegExp]>([
  [
    "1,Clerk\n2,\\N\n",
    undefined,
    /line 2 has \\N, .*: read it with --dialect mysql --delimiter , --quote '"' \(HTTP: dialect=mysql&/,
  ],
  ['1;"a\\"b"\n2;c\n', { delimiter: ";" }, /has \\", .* --dialect mysql --delimiter ';' --quote '"'/],
  [
    "1\ta\\\\b\n",
    { delimiter: "\t", quote: "" },
    /may be text, .* read it with --dialect mysql \(HTTP: dialect=mysql\) if/,
  ],
  [
    "1,Clerk \\\\ archive\n",
    undefined,
    /may be text, or an escape .* --dialect mysql .* if they are escapes, with --escape none/,
  ],
  ["1,Clerk \\\\ archive\n2,\\N\n", { null: ["\\N"] }, /may be text, or an escape/],
])("%j, read by %j, may be MySQL's, and the option is named", async (text, recipe, why) => {
  expect(await refusal(text, recipe)).toMatch(why);
});

test("with --escape none backslashes are text, with an escape they are none", async () => {
  expect((await read("1,Clerk \\\\ archive\n", { escape: "" })).rows).toEqual([[1, "Clerk \\\\ archive"]]);
  expect((await read("1,Clerk \\\\ archive\n", { escape: "\\" })).rows).toEqual([[1, "Clerk \\ archive"]]);
  expect((await read("1,C:\\temp\n", { escape: "\\" })).rows).toEqual([["malformed_csv"]]);
});

const caseOf = (name: string) => readFileSync(join(CASES, name), "utf8");

test.skipIf(withoutCases !== "")(
  `collected exports of MySQL and Excel are read by their dialects${withoutCases}`,
  async () => {
    const outfile = await read(caseOf("11-mysql-export/plain/jobs.csv"), {
      dialect: "mysql",
      delimiter: ",",
      quote: '"',
    });
    expect(outfile.rows).toEqual([[1, "Clerk \\ archive"], [2, "Tool, die maker"], [3, "Two\nlines"], ["missing"]]);
    for (const name of ["in", "semi"]) {
      const { rows } = await read(caseOf(`08-excel-sep-line/${name}/jobs.csv`), { dialect: "excel" });
      expect(rows.length).toBeGreaterThan(0);
      expect(rows.every(([id]) => typeof id === "number")).toBeTrue();
    }
  },
);
