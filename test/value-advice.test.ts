/** A file whose dates or numbers are rejected is told which option reads them. */
import { expect, test } from "bun:test";
import { date, datetime, decimal, int, mysqlTable } from "drizzle-orm/mysql-core";
import { readerOfFormat } from "../src/read/formats/file-formats.ts";
import { FileRecipe } from "../src/read/recipes/recipe.ts";
import { only } from "./support/things.ts";

const things = only({
  things: mysqlTable("things", {
    id: int("id").autoincrement().primaryKey(),
    size: int("size"),
    price: decimal("price", { precision: 12, scale: 2 }),
    at: datetime("at", { mode: "string" }),
    day: date("day", { mode: "string" }),
  }),
});

/** What is said about a file, and how many of its rows are rejected. */
async function read(format: "csv" | "ndjson", text: string, recipe: object = {}) {
  async function* chunks() {
    yield Buffer.from(text);
  }
  const said: string[] = [];
  const options = { recipe: FileRecipe.parse(recipe), say: (line: string) => said.push(line) };
  let rejected = 0;
  for await (const rows of readerOfFormat(format, "a.csv")(things, chunks(), "a.csv", options))
    rejected += rows.filter(({ reasons }) => reasons.length > 0).length;
  return { said, rejected };
}

const cells = (column: string, ...values: string[]) =>
  `id,${column}\n${values.map((value, index) => `${index + 1},"${value}"\n`).join("")}`;
const lines = (column: string, ...values: unknown[]) =>
  values.map((value, id) => JSON.stringify({ id: id + 1, [column]: value })).join("\n");

const ZONE = "--zone America/Bogota (HTTP: zone=America/Bogota)";
const FORM =
  "--datetime 'dd/MM/yyyy HH:mm' --zone America/Bogota (HTTP: datetime=dd/MM/yyyy%20HH:mm&zone=America/Bogota)";

test.each([
  [
    "at",
    ["2021-11-07 02:48:42", "2021-11-07T02:48"],
    `2 values are rejected like "2021-11-07 02:48:42": name the zone`,
  ],
  ["at", ["2021-11-07 02:48:42"], ZONE],
  ["at", ["31/12/2021 21:30"], FORM],
  ["at", ["12/31/2021 2:30 PM", "1/5/2021 11:05 AM"], "--datetime 'M/d/yyyy h:mm a' --zone America/Bogota (HTTP: "],
  ["at", ["01/05/2021"], "--datetime dd/MM/yyyy --zone America/Bogota"],
  ["at", ["01/05/2021"], "if the day comes first, or with --datetime MM/dd/yyyy"],
  ["at", ["31-Dez-2021"], "--datetime 'dd/MM/yyyy HH:mm'"],
  ["at", ["7-Nov-2021"], "name the form of these dates"],
  ["at", ["20211107"], "name the form of these dates"],
  ["at", ["1636253322"], "--datetime epoch (HTTP: datetime=epoch)"],
  ["day", ["31.12.2021"], `1 value is rejected like "31.12.2021": name the form of these dates`],
  ["size", ["8.0"], "--whole-decimals (HTTP: whole_decimals=true)"],
  ["price", ["1.234,50"], "--decimal , --group . (HTTP: decimal=,&group=.)"],
  ["size", ["2.001", "2.002,0"], "--decimal , --group . --whole-decimals"],
  ["size", ["2.001"], "between groups of three digits: read them with --decimal , --group ."],
  ["price", ["1,5"], "--decimal , (HTTP: decimal=,)"],
  ["size", ["1\u00A0234"], "--group ' '"],
])("%s with %j is told: %s", async (column, values, wanted) => {
  const { said, rejected } = await read("csv", cells(column, ...values));
  expect(rejected).toBe(values.length);
  expect(said).toEqual([expect.stringContaining(wanted)]);
  expect(said[0]).toStartWith("a.csv: ");
});

test.each([
  ["at", "soon"],
  ["at", "2021-02-30T10:00:00Z"],
  ["size", "8.5"],
  ["size", "eight"],
  ["size", "99999999999"],
])("%s with %j is given no advice: no option reads it", async (column, value) => {
  expect(await read("csv", cells(column, value))).toEqual({ said: [], rejected: 1 });
});

test("8,0 is a whole number's decimals if the recipe has a decimal comma, and 8.000 can be eight thousand", async () => {
  expect((await read("csv", cells("size", "8,0"), { decimal: "," })).said[0]).toContain("--whole-decimals");
  expect((await read("csv", cells("size", "8,0"))).said[0]).toContain("--decimal ,");
  expect((await read("csv", cells("size", "8.000"))).said[0]).toContain("--group");
});

test("each kind of value is told once, and what the recipe says already is not", async () => {
  const text = "id,size,at\n1,8.0,2021-11-07 02:48:42\n2,8.0,2021-11-07 02:48:42\n";
  expect((await read("csv", text)).said).toHaveLength(2);
  expect((await read("csv", text, { datetime: { zone: "UTC" } })).said).toHaveLength(1);
  expect(await read("csv", text, { datetime: { zone: "UTC" }, dialect: "pandas" })).toEqual({ said: [], rejected: 0 });
});

test("NDJSON is given advice for dates only, because its numbers have a type", async () => {
  expect((await read("ndjson", lines("at", "2021-11-07 02:48:42"))).said).toEqual([expect.stringContaining(ZONE)]);
  expect(await read("ndjson", lines("size", "8.0"))).toEqual({ said: [], rejected: 1 });
});
