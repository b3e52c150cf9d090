/** What the line about a file says to do reads the file at once. The options are taken from the line, as a user copies them. */
import { expect, test } from "bun:test";
import { readerOfFormat } from "../src/read/formats/file-formats.ts";
import type { FileRecipe } from "../src/read/recipes/recipe.ts";
import { recipeOfOptions } from "../src/read/recipes/recipe-options.ts";
import { tableOf } from "./support/dictionary.ts";

/** The values of the rows, undefined for a rejected one, and the line that names an option, if there is one. */
async function read(format: "csv" | "ndjson", table: string, text: string, recipe?: FileRecipe) {
  const said: string[] = [];
  const options = { ...(recipe && { recipe }), say: (line: string) => said.push(line) };
  async function* chunks() {
    yield Buffer.from(text);
  }
  const rows: unknown[] = [];
  try {
    for await (const batch of readerOfFormat(format, "a")(tableOf(table as "jobs"), chunks(), "a", options))
      rows.push(...batch.map(({ values, reasons }) => (reasons.length > 0 ? undefined : values)));
  } catch (error) {
    said.push(String(error));
  }
  return { rows, line: said.find((line) => line.includes("(HTTP: ")) ?? "" };
}

/** The recipe that the first options in a line are. */
function recipeIn(line: string): FileRecipe | undefined {
  const query = /\(HTTP: (.*?)\)/.exec(line)?.[1] ?? "";
  return recipeOfOptions(Object.fromEntries(new URLSearchParams(query)), "_", () => new Error(`no options: ${query}`));
}

const HIRES = "id,name,datetime,department_id,job_id";

test.each([
  ["an export of MySQL with tabs, with NULL", "jobs", "1\tBaker\n2\tTwo\\\nlines\n3\t\\N\n", [1, 2], 2],
  ["an export of MySQL with commas and quotes", "jobs", '1,"Tool, die"\n2,"Lift \\"A\\""\n', [1, 2], 1],
  ["a file of pandas with its index", "hired_employees", `,${HIRES}\n0,1,A,2021-01-01T00:00:00Z,1.0,2.0\n`, [1], 1],
  ["a file without ids", "jobs", "job\nBaker\nJudge\n", [undefined, undefined], 1],
  [
    "dates of the USA",
    "hired_employees",
    `${HIRES}\n1,A,12/31/2021 2:30 PM,1,1\n2,B,1/5/2021 9:05 AM,1,1\n`,
    [1, 2],
    1,
  ],
  ["seconds since 1970", "hired_employees", `${HIRES}\n1,A,1640995200,1,1\n`, [1], 1],
  ["points between thousands", "jobs", "id,job\n2.001,Baker\n2.002,Judge\n", [2001, 2002], 1],
])("%s", async (_, table, text, ids, steps) => {
  let recipe: FileRecipe | undefined;
  for (let step = 0; step < steps; step++) {
    const { line } = await read("csv", table, text, recipe);
    recipe = recipeIn(line);
    expect(recipe).toBeDefined();
  }
  const { rows } = await read("csv", table, text, recipe);
  expect(rows.flatMap((values) => (Array.isArray(values) ? [values[0]] : []))).toEqual(ids);
});

test("NDJSON with other names: the line names the options, once for the file", async () => {
  const row = { Nr: 1, Puesto: "Baker" };
  const { rows, line } = await read("ndjson", "jobs", `${JSON.stringify(row)}\n${JSON.stringify({ ...row, Nr: 2 })}\n`);
  expect(rows).toEqual([undefined, undefined]);
  expect(line).toContain('a: 2 fields are no column, such as "Nr": name their columns with --columns Nr=COLUMN,...');
  const named = await read("ndjson", "jobs", JSON.stringify(row), { columns: { Nr: "id", Puesto: "job" } });
  expect(named.rows).toEqual([[1, "Baker"]]);
});
