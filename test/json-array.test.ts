/** JSON files: an array of objects, read piece by piece. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { RECORD_BYTES_MAX } from "../src/codecs/codec.ts";
import { elementsOf } from "../src/read/formats/json-elements.ts";
import { readJobs, refusalOf } from "./support/read-file.ts";

test("rows are numbered by their place in the array, and kept as they stand", async () => {
  const rows = await readJobs(
    "jobs.json",
    '\uFEFF [ {"id" : 1, "job":"a ]},{\\"[ é"},\n\n{"job":null,"id":2.0} ,{"id":3,"job":"c"}\n]\n',
  );
  expect(rows.map(({ position, values, reasons }) => [position, values, reasons.map(({ code }) => code)])).toEqual([
    [1, [1, 'a ]},{"[ é'], []],
    [2, [2, undefined], ["missing"]],
    [3, [3, "c"], []],
  ]);
  expect(Buffer.from(rows[1]?.raw ?? []).toString()).toBe('{"job":null,"id":2.0}');
});

test.each([
  ["a word", '{"id":2,"job":Judge}'],
  ["a comma too many", '{"id":2,"job":"Judge",}'],
  ["a comma too few", '{"id":2 "job":"Judge"}'],
  ["a line end in a string", '{"id":2,"job":"Ju\ndge"}'],
  ["a number", "7"],
  ["null", "null"],
  ["text", '"Judge"'],
  ["a list", '[2, "Judge"]'],
  ["deep nesting", `{"id":2,"job":${"[".repeat(5000)}${"]".repeat(5000)}}`],
  ["over a mebibyte", `{"id":2,"job":"${"x".repeat(RECORD_BYTES_MAX)}"}`],
  ["a field twice", '{"id":2,"job":"Judge","job":"Clerk"}'],
])("an element with %s is rejected alone", async (_, element) => {
  const rows = await readJobs("jobs.json", `[{"id":1,"job":"Baker"},${element},{"id":3,"job":"Clerk"}]`, {
    chunkBytes: 999,
  });
  expect(rows.map(({ position, reasons }) => [position, reasons.length > 0])).toEqual([
    [1, false],
    [2, true],
    [3, false],
  ]);
});

test.each([
  ["that is not closed", '[\n{"id":1,"job":"a"},\n', "it is cut off: the array that begins on line 1 is not closed"],
  ["with text after it", "[]\n\nx", 'line 3 is not JSON: "x" stands after the end of the array'],
  ["followed by another", "[][]", "after the end of the array"],
  ["with a comma too many", '[{"id":1,"job":"a"},\n]', 'line 2 is not JSON: "]" stands in place of an element'],
  [
    "with a comma too few",
    '[{"id":1,"job":"a"}\n{"id":2,"job":"b"}]',
    'line 2 is not JSON: "{" stands in place of a comma',
  ],
  ["with a quote too few", '[{"id":1,"job":"a},\n{"id":2,"job":"b"}]', 'line 2 is not JSON: "i" stands after a string'],
  ["with a wrong bracket", '[{"id":1,"job":"a"],{"id":2}]', '"]" stands in place of "}"'],
  ["of nothing", " \n", "it is empty, and no JSON array: an array without rows is []"],
])("an array %s refuses the file", async (_, text, why) => {
  expect(await refusalOf("jobs.json", text)).toContain(why);
});

test.each([
  [
    "one object a line",
    '{"id":1,"job":"a"}\n{"id":2,"job":"b"}\n',
    "it has an object on each line: read it with --format ndjson",
  ],
  ["an object around the array", '{"rows": [\n{"id":1}]}', "write only the array that has them"],
  ["an object over lines", '{\n"id": 1}', "it is a JSON object, and rows are read from an array"],
  ["CSV", "id,job\n1,a\n", 'it is no JSON array, and begins with "id,job"'],
])("a .json file of %s is refused, with how to read it", async (_, text, why) => {
  expect(await refusalOf("jobs.json", text)).toContain(why);
});

test("an array without rows has none", async () => {
  expect(await readJobs("jobs.json", " [\n]\n")).toEqual([]);
});

test("any array is cut into its elements, however it is written and wherever its bytes are cut", async () => {
  const written = fc.tuple(
    fc.array(fc.jsonValue()),
    fc.constantFrom(undefined, 1, "\t"),
    fc.integer({ min: 1, max: 40 }),
  );
  await fc.assert(
    fc.asyncProperty(written, async ([values, indent, chunkBytes]) => {
      const bytes = Buffer.from(JSON.stringify(values, null, indent));
      async function* chunks() {
        for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
      }
      const elements = (await Array.fromAsync(elementsOf(chunks(), "x.json"))).flat();
      expect(elements.map((each) => JSON.parse(Buffer.from(each.bytes).toString()))).toEqual(
        values.map((each) => JSON.parse(JSON.stringify(each))),
      );
      expect(elements.map(({ number }) => number)).toEqual(values.map((_, index) => index + 1));
    }),
  );
});
