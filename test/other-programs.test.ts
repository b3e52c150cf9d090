/** CSV and Avro as other programs write them: Python's csv, pandas, DuckDB, fastavro. */
import { afterAll, expect, test } from "bun:test";
import type { FileRecipe } from "../src/read/recipes/recipe.ts";
import { removeFolders } from "./support/files.ts";
import { missing } from "./support/missing.ts";
import { withoutPython, written } from "./support/python.ts";
import { readJobs } from "./support/read-file.ts";

afterAll(removeFolders);

/** Texts that a writer must quote or escape in one dialect or the other. */
const JOBS = ["Baker", "Cook, head", 'The "Boss"', "Tab\tsheet", "Zoë; Müller", "two\nlines", "'quoted'", "pipe|line"];
const LIST = JSON.stringify(JOBS);
const ROWS = JOBS.map((job, index): [number, string] => [index + 1, job]);

async function expectRows(name: string, content: Uint8Array, recipe?: FileRecipe) {
  const found = await readJobs(name, content, { recipe });
  expect([name, found.map(({ values }) => values)]).toEqual([name, ROWS]);
}

const withoutCsv = missing("python3", Bun.which("python3") !== null);
test.skipIf(withoutCsv !== "")(`what Python's csv writes in many dialects is read back${withoutCsv}`, async () => {
  const file = await written(`
import csv
jobs = ${LIST}
def write(name, encoding="utf-8", rows=None, **options):
  with open(name, "w", newline="", encoding=encoding) as out:
    writer = csv.writer(out, **options)
    writer.writerow(["id", "job"])
    writer.writerows(enumerate(jobs, 1))
write("plain.csv")
write("unix.csv", dialect="unix")
write("semicolons.csv", delimiter=";")
write("tabs.tsv", dialect="excel-tab")
write("pipes.csv", delimiter="|", quotechar="'")
write("escapes.csv", quoting=csv.QUOTE_NONE, escapechar="\\\\")
write("doublequote.csv", doublequote=False, escapechar="\\\\")
write("utf16.csv", encoding="utf-16")
write("latin1.csv", encoding="latin-1", delimiter=";")
write("bom.csv", encoding="utf-8-sig")`);
  const recipes: [string, FileRecipe?][] = [
    ["plain.csv"],
    ["unix.csv"],
    ["bom.csv"],
    ["tabs.tsv"],
    ["semicolons.csv", { delimiter: ";" }],
    ["pipes.csv", { delimiter: "|", quote: "'" }],
    ["escapes.csv", { escape: "\\" }],
    ["doublequote.csv", { escape: "\\" }],
    ["utf16.csv", { encoding: "utf-16" }],
    ["latin1.csv", { encoding: "latin1", delimiter: ";" }],
  ];
  for (const [name, recipe] of recipes) await expectRows(name, await file(name), recipe);
});

const withoutPandas = withoutPython("pandas");
test.skipIf(withoutPandas !== "")(
  `what pandas writes with its index and whole numbers as floats is read as its dialect${withoutPandas}`,
  async () => {
    const file = await written(`
import pandas as pd
jobs = ${LIST}
pd.DataFrame({"id": [float(i) for i in range(1, len(jobs) + 1)], "job": jobs}).to_csv("index.csv")
pd.DataFrame({"id": [1.0, None], "job": ["a", None]}).to_csv("missing.csv", na_rep="NaN")
pd.DataFrame({"id": range(1, len(jobs) + 1), "job": jobs}).to_json("lines.ndjson", orient="records", lines=True)
pd.DataFrame({"id": range(1, len(jobs) + 1), "job": jobs}).to_json("array.json", orient="records")
pd.DataFrame({"id": range(1, len(jobs) + 1), "job": jobs}).to_csv("packed.csv.zip", index=False)
pd.DataFrame({"id": range(1, len(jobs) + 1), "job": jobs}).to_csv("packed.csv.gz", index=False)`);
    await expectRows("index.csv", await file("index.csv"), { dialect: "pandas" });
    const [, second] = await readJobs("missing.csv", await file("missing.csv"), { recipe: { dialect: "pandas" } });
    expect(second?.reasons.map(({ code, field }) => [code, field])).toEqual([
      ["missing", "id"],
      ["missing", "job"],
    ]);
    for (const name of ["lines.ndjson", "array.json", "packed.csv.zip", "packed.csv.gz"])
      await expectRows(name, await file(name));
  },
);

const withoutDuckdb = withoutPython("duckdb");
test.skipIf(withoutDuckdb !== "")(`what DuckDB writes is read back${withoutDuckdb}`, async () => {
  const file = await written(`
import duckdb
jobs = ${LIST}
duckdb.sql("create table jobs (id int, job varchar)")
duckdb.executemany("insert into jobs values (?, ?)", list(enumerate(jobs, 1)))
duckdb.sql("copy jobs to 'plain.csv'")
duckdb.sql("copy jobs to 'pipes.csv' (delimiter '|', quote '''', escape '''')")
duckdb.sql("copy jobs to 'packed.csv.gz' (compression gzip)")
duckdb.sql("copy jobs to 'lines.ndjson' (format json)")
duckdb.sql("copy jobs to 'array.json' (format json, array true)")`);
  for (const name of ["plain.csv", "packed.csv.gz", "lines.ndjson", "array.json"])
    await expectRows(name, await file(name));
  await expectRows("pipes.csv", await file("pipes.csv"), { delimiter: "|", quote: "'" });
});

const withoutAvro = withoutPython("fastavro", "cramjam");
test.skipIf(withoutAvro !== "")(`what fastavro writes with each codec is read back${withoutAvro}`, async () => {
  const file = await written(`
import fastavro
schema = {"type": "record", "name": "jobs", "fields": [{"name": "id", "type": "int"}, {"name": "job", "type": ["null", "string"]}]}
rows = [{"id": i, "job": job} for i, job in enumerate(${LIST}, 1)]
for codec in ["null", "deflate", "snappy"]:
  with open(codec + ".avro", "wb") as out: fastavro.writer(out, schema, rows, codec=codec)`);
  for (const codec of ["null", "deflate", "snappy"]) await expectRows(`${codec}.avro`, await file(`${codec}.avro`));
});
