/** Awkward files, collected beside the repository, and the outcome of importing each. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { importSource } from "../src/ingest/import.ts";
import { freshDatabase } from "./support/database.ts";
import { CASES, withoutCases } from "./support/missing.ts";

const database = await freshDatabase();
afterAll(() => database.close());
beforeEach(database.empty);

/** The line that refuses the file; or how many rows of each table are inserted and rejected, and a line that is said. */
type Outcome = RegExp | { jobs?: [number, number]; hired_employees?: [number, number]; says?: RegExp };

test.skipIf(withoutCases !== "").each<[string, Outcome]>([
  ["01-header-trailing-comma-other-order/in", /cell 6 has no name.* --trailing-column/],
  ["01-header-trailing-comma-other-order/empty-name", /cell 2 has no name.* --skip 1 --columns id,COLUMN,datetime,/],
  ["01-header-trailing-comma-other-order/both", /cell 3 has no name.* --trailing-column/],
  ["01-header-trailing-comma-other-order/rows", /each row ends in a comma .* --trailing-column/],
  ["02-title-row-above-header/in", /line 2 is a header, and line 1 stands above it.* --skip 1/],
  ["02-title-row-above-header/year-above", /line 2 is a header, and line 1 stands above it.* --skip 1/],
  ["02-title-row-above-header/broken-quote-header", /the header on line 1 cannot be read/],
  ["02-title-row-above-header/mended", { hired_employees: [2, 0] }],
  ["04-crcrlf-line-ends/in", /its lines end in \\r\\r\\n/],
  ["04-crcrlf-line-ends/header", /its lines end in \\r\\r\\n/],
  ["06-utf16-from-excel/in", /it is UTF-16/],
  ["06-utf16-from-excel/tab", /it is UTF-16/],
  ["06-utf16-from-excel/nobom", /it is UTF-16/],
  ["08-excel-sep-line/in", /names a separator, "sep=,".* --dialect excel/],
  ["08-excel-sep-line/semi", /names a separator, "sep=;".* --dialect excel/],
  ["08-excel-sep-line/other-order", /names a separator.* --dialect excel/],
  ["09-semicolon-delimiter/in", /cells are separated by ";".* --delimiter ';'/],
  ["09-semicolon-delimiter/noheader", /cells are separated by ";".* --delimiter ';'/],
  ["09-semicolon-delimiter/comma-in-text", /cells are separated by ";".* --delimiter ';'/],
  ["11-mysql-export/plain", /as MySQL|by which MySQL/],
  ["15-header-case-and-spaces/in", { jobs: [1, 0] }],
  ["15-header-case-and-spaces/spaces", { jobs: [1, 0] }],
  ["15-header-case-and-spaces/names", /line 1 is neither a header nor a row .* --columns employee_id=COLUMN,/],
  ["16-extra-column/in", /"updated_at" is not a column.* --ignore updated_at/],
  ["16-extra-column/later", { jobs: [1, 1] }],
  ["18-datetime-spellings/in", { hired_employees: [9, 15] }],
  ["20-spark-directories/in", { jobs: [3, 0], hired_employees: [1, 0], says: /hired_employees\.csv\/_SUCCESS/ }],
  [
    "20-spark-directories/partitioned",
    { hired_employees: [2, 0], says: /such as hired_employees\/year=2021, are not read/ },
  ],
  ["20-spark-directories/onlydir", { jobs: [1, 0] }],
  ["21-hidden-and-checksums/in", { jobs: [3, 0], says: /Skipped hidden files and checksums/ }],
  [
    "22-file-names/in",
    { jobs: [2, 0], says: /Skipped jobs \(1\)\.csv: it is named for no table, the nearest is jobs: name it jobs\.csv/ },
  ],
  ["22-file-names/folder", { says: /Skipped Jobs\/a\.csv: .* the nearest is jobs: name the folder Jobs exactly jobs/ }],
  ["22-file-names/none", /no file that is read.*Skipped Jobs\.csv/],
  ["23-json-forms/array", /it is a JSON array: read it with --format json/],
  ["23-json-forms/arraylines", /it is a JSON array: read it with --format json/],
  ["23-json-forms/pretty", /it is JSON over several lines/],
  ["23-json-forms/jsonl", { jobs: [1, 0] }],
  ["23-json-forms/values", { jobs: [3, 8] }],
  ["24-other-compressions/in", { jobs: [3, 0], says: /Skipped jobs\.csv\.xz: \.xz files are not read \(unpack it\)/ }],
  ["25-multi-member-gzip/in", { jobs: [3, 0] }],
  ["25-multi-member-gzip/headers", { jobs: [2, 0], says: /skipped line 3, a header among the rows/ }],
  ["35-empty-files/in", { jobs: [0, 0], says: /jobs\.csv has no rows/ }],
  ["37-number-spellings/in", { jobs: [2, 12] }],
  ["40-quoted-newlines/in", { jobs: [4, 0] }],
  ["41-stray-quotes/in", { jobs: [4, 4] }],
  ["45-header-forms/bomquoted", { jobs: [1, 0] }],
  ["45-header-forms/dup", /id stands 2 times, job is missing/],
  ["45-header-forms/missingcol", /job_id is missing/],
  ["45-header-forms/oddorder", { hired_employees: [1, 0] }],
])(`%s has the outcome that is written beside it${withoutCases}`, async (name, outcome) => {
  const said: string[] = [];
  const report = { say: (line: string) => void said.push(line) };
  const done = await importSource(database, { source: join(CASES, name), report }).catch((error) => error);
  if (outcome instanceof RegExp) {
    expect(done.message).toMatch(outcome);
    for (const table of ["departments", "jobs", "hired_employees"])
      expect((await database.pool.query(`SELECT * FROM ${table}`))[0]).toEqual([]);
    return;
  }
  const { says, ...tables } = outcome;
  for (const [table, [inserted, rejected]] of Object.entries(tables))
    expect([table, done.tables[table]]).toEqual([table, expect.objectContaining({ inserted, rejected })]);
  if (says) expect(said).toContainEqual(expect.stringMatching(says));
});
