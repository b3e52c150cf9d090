/** What is said about small texts, and that a dialect is proposed right or called doubtful. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { TableName } from "../src/codecs/tables.ts";
import { type Detection, detect } from "../src/read/detect/detect.ts";
import { joined } from "../src/read/detect/detection.ts";
import { readerOfFormat } from "../src/read/formats/file-formats.ts";
import type { FileRecipe } from "../src/read/recipes/recipe.ts";
import { dictionary, tableOf } from "./support/dictionary.ts";

interface Given {
  table?: TableName;
  given?: FileRecipe;
}

function detected(text: string | Buffer, { table = "jobs", given = {} }: Given = {}): Promise<Detection> {
  const head = typeof text === "string" ? Buffer.from(text) : text;
  return detect({ head, isWhole: true }, { dictionary, table: tableOf(table), byName: "csv", given });
}

const certainOf = ({ findings }: Detection) =>
  joined(findings.map(({ doubt, recipe }) => (doubt === undefined ? recipe : undefined)));
const doubtsOf = ({ findings }: Detection) =>
  findings.flatMap(({ part, doubt }) => (doubt === undefined ? [] : [part]));
const utf16 = (text: string) => Buffer.from(`\uFEFF${text}`, "utf16le");
const rows = (datetime: string[], ids = ["1", "2"]) =>
  `id,name,datetime,department_id,job_id\n${datetime.map((each, at) => `${at + 1},Ana,"${each}",${ids.join()}`).join("\n")}\n`;

/** The text, what of it is certain, and which parts are doubtful. */
const CASES: [string, string | Buffer, FileRecipe, string[]][] = [
  ["commas with a header", "id,job\n1,Baker\n", {}, []],
  ["commas without a header", "1,Baker\n2,Judge\n", {}, []],
  ["semicolons", "id;job\n1;Baker\n", { delimiter: ";" }, []],
  ["tabs", "id\tjob\n1\tBaker\n", { delimiter: "\t" }, []],
  ["blanks between cells", "id job\n1 Baker\n", { delimiter: " " }, []],
  ["Hive's ^A", "1\x01Baker\n2\x01Judge\n", { delimiter: "\x01" }, []],
  ["pipes", "1|Baker\n2|Judge\n", { delimiter: "|" }, []],
  ["semicolons, and commas in the text", "1;Baker, night\n2;Judge, day\n", { delimiter: ";" }, []],
  ["commas, and semicolons in the text", "1,Baker; night\n2,Judge; day\n", {}, []],
  ["a delimiter inside quotes", '1;"Baker; night"\n2;"Judge; day"\n', { delimiter: ";" }, []],
  ["Excel's sep=", "sep=;\r\nid;job\r\n1;Baker\r\n", { dialect: "excel" }, []],
  ["blank rows of Excel", "id,job\n1,Baker\n,\n,\n", { dialect: "excel" }, []],
  ["a title above the header", "Jobs of 2021\n\nid,job\n1,Baker\n", { skip: 2 }, []],
  ["comments above the header", "# made today\nid,job\n1,Baker\n", { comment: "#" }, []],
  ["a title above rows", "Jobs of 2021\n1,Baker\n2,Judge\n", {}, ["lines above"]],
  ["a delimiter after each row", "id,job,\n1,Baker,\n2,Judge,\n", { trailingColumn: true }, []],
  ["a delimiter after each row but the header", "id,job\n1,Baker,\n2,Judge,\n", { trailingColumn: true }, []],
  ["a delimiter after the header alone", "id,job,\n1,Baker\n2,Judge\n", {}, ["trailing delimiter"]],
  ["MySQL's NULL", "1,Baker\n2,\\N\n", { dialect: "mysql", delimiter: "," }, []],
  ["escaped quotes", '1,"the ""good"" one"\n2,"the \\"bad\\" one"\n', { escape: "\\" }, []],
  ["backslashes that are text", "1,C:\\data\n2,Judge\n", {}, []],
  ["backslashes that may be either", "1,a\\\\b\n2,Judge\n", {}, ["escape"]],
  ["single quotes", "1,'Baker'\n2,'Judge'\n", {}, ["quote"]],
  ["a quote in the middle of a cell", 'id,job\n1,5" nails\n2,Judge\n', {}, ["quote"]],
  ["UTF-16 with a mark", utf16("id\tjob\n1\tBäcker\n"), { encoding: "utf-16le", delimiter: "\t" }, []],
  ["UTF-16 without a mark", utf16("1,Bäcker\n2,Judge\n").subarray(2), { encoding: "utf-16le" }, []],
  ["UTF-32", Buffer.from("\0\0\xfe\xff\0\0\x001\0\0\0,\0\0\0B", "latin1"), {}, ["encoding"]],
  ["a byte order mark", "\uFEFFid,job\n1,Baker\n", {}, []],
  ["bytes that are not UTF-8", Buffer.from("id,job\n1,B\xe4cker\n", "latin1"), {}, ["encoding"]],
  ["bytes that windows-1252 lacks", Buffer.from("id,job\n1,B\x81cker\n", "latin1"), {}, ["encoding"]],
  ["lines that end in CR", "id,job\r1,Baker\r", {}, ["line ends"]],
  ["a column that the table lacks", "id,job,Obs\n1,Baker,x\n", {}, ["left out"]],
  ["a name near a column's", "Id,Job title\n1,Baker\n", {}, ["columns"]],
  ["no ids", "job,job_code\nBaker,x\n", {}, ["left out", "ids"]],
  ["nothing", "", {}, []],
];

describe("what is certain and what is doubtful about", () => {
  test.each(CASES)("%s", async (_, text, certain, doubtful) => {
    const found = await detected(text);
    expect([certainOf(found), doubtsOf(found)]).toEqual([certain, doubtful]);
  });

  /** Values of hires: the dates, the two ids, what is certain, and which parts are doubtful. */
  const VALUES: [string, string[], string[], FileRecipe, string[]][] = [
    ["RFC 3339", ["2021-03-01T08:00:00Z"], ["1", "2"], {}, []],
    ["dates without a zone", ["2021-03-01 08:00:00"], ["1", "2"], {}, ["zone"]],
    ["a day over 12", ["31/12/2021 08:00"], ["1", "2"], { datetime: { formats: ["dd/MM/yyyy HH:mm"] } }, ["zone"]],
    ["a month first", ["3/31/2021 8:00 AM"], ["1", "2"], { datetime: { formats: ["M/d/yyyy h:mm a"] } }, ["zone"]],
    ["days and months that may be either", ["03/04/2021", "01/02/2021"], ["1", "2"], {}, ["dates", "zone"]],
    ["both orders in one file", ["31/12/2021", "12/31/2021"], ["1", "2"], {}, ["dates", "zone"]],
    ["months by name", ["01-Mar-2021"], ["1", "2"], { datetime: { formats: ["dd-MMM-yyyy"] } }, ["zone"]],
    ["years of two digits", ["31/12/21"], ["1", "2"], {}, ["dates", "zone"]],
    ["seconds since 1970", ["1614585600"], ["1", "2"], { datetime: { formats: ["epoch"] } }, []],
    [
      "a zone in the dates",
      ["31.12.2021 08:00 +01:00"],
      ["1", "2"],
      { datetime: { formats: ["dd.MM.yyyy HH:mm XXX"] } },
      [],
    ],
    ["whole numbers as floats", ["2021-03-01T08:00:00Z"], ["1.0", "2.0"], { wholeDecimals: true }, []],
    ["words for no value", ["2021-03-01T08:00:00Z"], ["NaN", "2"], { null: ["NaN"] }, []],
    ["one kind of mark and three digits", ["2021-03-01T08:00:00Z"], ["1.234", "2"], {}, ["numbers"]],
    ["groups of digits", ["2021-03-01T08:00:00Z"], ["1.234.567", "2"], { decimal: ",", group: "." }, []],
    ["decimal commas", ["2021-03-01T08:00:00Z"], ['"1,0"', '"2,0"'], { decimal: ",", wholeDecimals: true }, []],
    [
      "groups and decimals",
      ["2021-03-01T08:00:00Z"],
      ['"1.234,0"', "2"],
      { decimal: ",", group: ".", wholeDecimals: true },
      [],
    ],
  ];
  test.each(VALUES)("%s", async (_, dates, ids, certain, doubtful) => {
    const found = await detected(rows(dates, ids), { table: "hired_employees" });
    expect([certainOf(found), doubtsOf(found)]).toEqual([certain, doubtful]);
  });

  test("what the user says is not looked for", async () => {
    const given: FileRecipe = { delimiter: ";", encoding: "latin1", ignore: ["Obs"] };
    const found = await detected(Buffer.from("id;job;Obs\n1;B\xe4cker;x\n", "latin1"), { given });
    expect([certainOf(found), doubtsOf(found)]).toEqual([{}, []]);
  });

  test("day or month first: both are named, and neither is proposed", async () => {
    const found = await detected(rows(["03/04/2021 8:05"]), { table: "hired_employees" });
    const dates = found.findings.find(({ part }) => part === "dates");
    expect(dates?.choices).toEqual([
      { datetime: { formats: ["d/M/yyyy H:mm"] } },
      { datetime: { formats: ["M/d/yyyy H:mm"] } },
    ]);
    expect(joined(found.findings.map(({ recipe }) => recipe))).toEqual({});
  });
});

/** Reads the jobs of a file by a recipe. */
async function jobsBy(recipe: FileRecipe, bytes: Buffer): Promise<unknown[]> {
  const chunks = (async function* () {
    yield bytes;
  })();
  const jobs: unknown[] = [];
  const read = readerOfFormat("csv", "jobs.csv")(tableOf("jobs"), chunks, "jobs.csv", { recipe });
  for await (const batch of read) jobs.push(...batch.map(({ values: [, job], reasons }) => reasons[0] ?? job));
  return jobs;
}

test("any dialect with a header is proposed right, or called doubtful", async () => {
  const text = fc.string({ unit: fc.constantFrom(..."abz019 .,;|\t'\"-#ñé\\"), minLength: 1, maxLength: 12 });
  const file = fc.record({
    delimiter: fc.constantFrom(",", ";", "\t", "|"),
    encoding: fc.constantFrom("utf-8", "windows-1252", "utf-16le"),
    isQuoted: fc.boolean(),
    end: fc.constantFrom("\n", "\r\n"),
    jobs: fc.array(
      text.filter((job) => job.trim() !== ""),
      { minLength: 1, maxLength: 12 },
    ),
  });
  await fc.assert(
    fc.asyncProperty(file, async ({ delimiter, encoding, isQuoted, end, jobs }) => {
      const isNeeded = (cell: string) => isQuoted || /["\r\n]|^\s|\s$/.test(cell) || cell.includes(delimiter);
      const written = (cell: string) => (isNeeded(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
      const lines = [["id", "job"], ...jobs.map((job, at) => [`${at + 1}`, job])];
      const all = lines.map((cells) => cells.map(written).join(delimiter) + end).join("");
      const bytes = encoding === "utf-16le" ? utf16(all) : Buffer.from(all, encoding === "utf-8" ? "utf8" : "latin1");
      const found = await detected(bytes);
      // An escape that no backslash shows cannot be wrong. The readers refuse what they are in doubt about themselves.
      if (doubtsOf(found).length > 0) return;
      const read = await jobsBy(certainOf(found), bytes).catch((error: Error) => error.message);
      if (typeof read === "string") expect(read).toContain("backslash");
      else expect(read).toEqual(jobs);
    }),
    { numRuns: 2000 },
  );
});
