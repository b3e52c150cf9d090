import { expect, test } from "bun:test";
import { parse } from "csv-parse/sync";
import { int, mysqlTable, varchar } from "drizzle-orm/mysql-core";
import fc from "fast-check";
import { INVALID_UTF8, NOT_UTF8, RECORD_BYTES_MAX } from "../src/codecs/codec.ts";
import { csvHeader, csvLine, fromCsv, fromRecord, toCsv } from "../src/codecs/csv.ts";
import { CELLS_MAX, type CsvRecord, parseCsv } from "../src/codecs/csv-parser.ts";
import { FieldNames } from "../src/read/recipes/field-names.ts";
import { tableOf } from "./support/dictionary.ts";
import { only, rows, things } from "./support/things.ts";

const employees = tableOf("hired_employees");
const departments = tableOf("departments");

test("rows end in LF or CRLF, with or without BOM and final newline; empty lines are skipped and still counted as lines", async () => {
  const expected = [
    [1, ["1", "Ana"]],
    [4, ["2", "Eva"]],
  ];
  for (const end of ["\n", "\r\n"]) {
    for (const text of [`1,Ana${end}${end} \t${end}2,Eva`, `\uFEFF1,Ana${end}${end}${end}2,Eva${end}${end}`]) {
      expect((await everyChunking(text)).map(({ line, cells }) => [line, cells])).toEqual(expected);
    }
  }
  expect(await everyChunking("")).toEqual([]);
  expect(await everyChunking("\uFEFF")).toEqual([]);
  expect(await everyChunking("1,Ana\r")).toMatchObject([{ cells: ["1", "Ana"] }]);
});

test.each([
  ["a,b c,d", ["a", "b c", "d"]],
  [",,", ["", "", ""]],
  ["a,", ["a", ""]],
  [" a ,\tb\t, ", ["a", "b", ""]],
  ['"a","b, c",""', ["a", "b, c", ""]],
  ['"say ""hi""",""""', ['say "hi"', '"']],
  ['  "a"\t,"  b  " ', ["a", "  b  "]],
  ['"two\nlines","and\r\nmore"', ["two\nlines", "and\r\nmore"]],
  ['"a\rb"\t,"\rc"', ["a\rb", "\rc"]],
  ["O'Hearn,né,😀", ["O'Hearn", "né", "😀"]],
  ['"né ""😀"""', ['né "😀"']],
  ["a\0b", ["a\0b"]],
  ['""', [""]],
])("%j is one row with the cells of RFC 4180", async (text, cells) => {
  for (const end of ["", "\n", "\r\n"]) {
    expect(await everyChunking(`${text}${end}`)).toEqual([{ line: 1, cells, malformed: undefined, raw: text }]);
  }
});

test("a row's line number is where it begins, also after cells of several lines", async () => {
  const records = await everyChunking('1,"a\n\nb"\n\n2,"c\r\n"\r\n3,d');
  expect(records.map(({ line, raw }) => [line, raw])).toEqual([
    [1, '1,"a\n\nb"'],
    [5, '2,"c\r\n"'],
    [7, "3,d"],
  ]);
});

test("bytes that are not UTF-8 reject only their own cell", async () => {
  const bytes = Buffer.concat([
    Buffer.from("1,"),
    Buffer.from([0xe9]), // é in Latin-1
    Buffer.from(',né\n2,"'),
    Buffer.from([0xed, 0xa0, 0x80]), // a surrogate
    Buffer.from('",\uFFFD\n'),
  ]);
  const records = await everyChunking(bytes);
  expect(records.map(({ cells }) => cells)).toEqual([
    ["1", INVALID_UTF8, "né"],
    ["2", INVALID_UTF8, "\uFFFD"],
  ]);
  const table = only({
    words: mysqlTable("words", { id: id(), word: varchar("word", { length: 9 }), count: int("count") }),
  });
  const reasons = ["1", INVALID_UTF8, INVALID_UTF8];
  expect(fromCsv(table, reasons, undefined).reasons).toEqual([
    { code: "invalid_text", field: "word", detail: `word ${NOT_UTF8.detail}` },
    { code: "invalid_text", field: "count", detail: `count ${NOT_UTF8.detail}` },
  ]);
});

test.each([
  ["a quote inside an unquoted cell", '1,a"b,c\r\n2,d\r\n'],
  ["a quote inside an unquoted cell", '1,a"b\n2,d'],
  ["a quote inside an unquoted cell", ' x "y"\n2,d'],
  ["text after a closing quote", '1,"a"b\n2,d'],
  ["text after a closing quote", '1,"a" "b"\n2,d\n'],
  ["a carriage return without a line feed, outside of quotes", "1,a\rb\n2,d\n"],
  ["a carriage return without a line feed, outside of quotes", "1,a\r\r\n2,d\r\n"],
  ["text after a closing quote", '"a"\rb\n2,d\n'],
  ["a quote that is not closed", '1,"a\n2,d\n'],
  ["a quote that is not closed", '1,"a""\r\n2,d'],
])("%s costs only its own line: %j", async (malformed, text) => {
  const [bad, ...others] = await everyChunking(text);
  expect(bad).toEqual({ line: 1, cells: [], malformed, raw: text.split(/\r?\n/)[0] ?? "" });
  const line = text.split(/\r?\n/).indexOf("2,d") + 1;
  expect(others.at(-1)).toEqual({ line, cells: ["2", "d"], malformed: undefined, raw: "2,d" });
});

test("a quote that only the next row's quote closes is reported as unclosed", async () => {
  const records = await everyChunking('3,"Tailor\n4,Cook\n5,"Smith" senior\n');
  expect(records.map(({ malformed }) => malformed)).toEqual([
    "a quote that is not closed",
    undefined,
    "text after a closing quote",
  ]);
});

test("an unclosed quote does not swallow the rows after it, however many follow", async () => {
  const lines = Array.from({ length: 60_000 }, (_, index) => `${index + 2},Ana,2021-11-07T02:48:42Z`);
  const text = `1,"Ana\n${lines.join("\n")}\n`;
  expect(text.length).toBeGreaterThan(RECORD_BYTES_MAX);
  for (const size of [65_536, text.length]) {
    const records = await collect(chunked(Buffer.from(text), size));
    expect(records).toHaveLength(60_001);
    expect(records[0]).toMatchObject({ line: 1, raw: '1,"Ana' });
    expect(records[0]?.malformed).toContain("a quote that is not closed");
    expect(records.at(-1)).toMatchObject({ line: 60_001, cells: ["60001", "Ana", "2021-11-07T02:48:42Z"] });
  }
});

test("a row of up to 1 MiB is read, a longer one is malformed and kept to its first 64 KiB", async () => {
  const longest = `${"x".repeat(RECORD_BYTES_MAX - 2)},y`;
  for (const size of [65_536, 1_000_003, 4 * RECORD_BYTES_MAX]) {
    const records = await collect(chunked(Buffer.from(`${longest}\n1${longest}\n2,z\n"${longest}"\n${longest}`), size));
    expect(
      records.map(({ line, cells, malformed, raw }) => [line, cells.length, typeof malformed, raw.length]),
    ).toEqual([
      [1, 2, "undefined", RECORD_BYTES_MAX],
      [2, 0, "string", 65_536],
      [3, 2, "undefined", 3],
      [4, 0, "string", 65_536],
      [5, 2, "undefined", RECORD_BYTES_MAX],
    ]);
  }
});

test("an endless line is reported long before the file ends, and is not held in memory", async () => {
  const chunk = new Uint8Array(65_536).fill(120);
  let sent = 0;
  async function* endless() {
    for (; sent < 4096; sent++) yield chunk;
    yield Buffer.from("\n1,a\n");
  }
  const batches = parseCsv(endless());
  const { value } = await batches.next();
  expect(sent * chunk.length).toBeLessThan(3 * RECORD_BYTES_MAX);
  expect((value as CsvRecord[])[0]?.raw).toHaveLength(65_536);
  const rest = await plain(batches);
  expect(rest.map(({ line, cells }) => [line, cells])).toEqual([[2, ["1", "a"]]]);
});

test("a row of a million cells is counted, and only as many cells as a table can have are kept", async () => {
  const [record] = (await Array.fromAsync(parseCsv(chunked(Buffer.from(`${",".repeat(999_999)}\n`), 65_536)))).flat();
  expect(record).toMatchObject({ length: 1_000_000, malformed: undefined });
  expect(record?.bounds).toHaveLength(3 * CELLS_MAX);
  const detail = "departments has 2 fields, and this row has 1000000";
  expect(fromRecord(departments, record as CsvRecord, undefined).reasons).toEqual([
    { code: "wrong_field_count", detail },
  ]);
});

test("tiny rows and empty lines come in small batches, so a reader can stop between them", async () => {
  const megabyte = Buffer.from(`1,"${"x".repeat(900_000)}"\n${"a\n".repeat(30_000)}${"\n".repeat(500_000)}`);
  const batches = await Array.fromAsync(parseCsv(chunked(megabyte, megabyte.length)));
  expect(batches.flat()).toHaveLength(30_001);
  expect(Math.max(...batches.map((batch) => batch.length))).toBeLessThanOrEqual(2_000);
  expect(batches.filter((batch) => batch.length === 0).length).toBeGreaterThan(5);
});

test("a row in very many chunks is read in linear time", async () => {
  const text = `1,"${"a line\n".repeat(149_000)}"\n2,b\n`;
  const records = await collect(chunked(Buffer.from(text), 16));
  expect(records.map(({ line }) => line)).toEqual([1, 149_002]);
});

test("csv-parse reads the same rows, whatever the chunks", async () => {
  const plain = fc.string({ unit: fc.constantFrom("a", "7", " ", "é", "😀", "'", "\0", "\t"), maxLength: 4 });
  const quoted = fc
    .string({ unit: fc.constantFrom("a", ",", '"', "\n", "\r", " ", "é", "\t"), maxLength: 4 })
    .map((text) => `"${text.replaceAll('"', '""')}"`);
  const blanks = fc.constantFrom("", "", "", " ", "\t ");
  const cell = fc.oneof(
    plain,
    fc.tuple(blanks, quoted, blanks).map((parts) => parts.join("")),
  );
  const line = fc.tuple(fc.array(cell, { maxLength: 3 }), fc.constantFrom("\n", "\r\n"));
  const document = fc.tuple(fc.constantFrom("", "", "\uFEFF"), fc.array(line, { maxLength: 4 }), fc.boolean());
  const options = {
    bom: true,
    record_delimiter: ["\r\n", "\n"],
    skip_empty_lines: true,
    relax_column_count: true,
    trim: true,
  };
  await fc.assert(
    fc.asyncProperty(document, async ([bom, lines, cutsLastEnd]) => {
      const whole = bom + lines.map(([cells, end]) => cells.join(",") + end).join("");
      const text = cutsLastEnd ? whole.replace(/\r?\n$/, "") : whole;
      const records = await everyChunking(text);
      expect(records.map(({ cells }) => cells)).toEqual(parse(text, options));
    }),
    { numRuns: 4_000 },
  );
});

test("random bytes give the same rows with every size of chunk, and no line is lost", async () => {
  const soup = fc.string({ unit: fc.constantFrom("a", ",", '"', "\n", "\r\n", "\r", " ", "é"), maxLength: 24 });
  await fc.assert(
    fc.asyncProperty(soup, async (text) => {
      const records = await everyChunking(text);
      const raw = records.map((record) => record.raw.replaceAll(/\r?\n|\s+$/g, "")).join("");
      const blankLines = /^[ \t]*\r?(\n|$)/gm;
      expect(raw.replaceAll(/\s/g, "")).toBe(text.replaceAll(blankLines, "").replaceAll(/\s/g, ""));
    }),
    { numRuns: 4_000 },
  );
});

test("cells become a row in the order of the columns, or of the file's header", () => {
  const cells = ["7", "Pablo", "2021-11-07T02:48:42Z", "1", "2"];
  const expected = { values: [7, "Pablo", "2021-11-07 02:48:42.000", 1, 2], reasons: [] };
  expect(fromCsv(employees, cells, undefined)).toEqual(expected);
  const order = new FieldNames(employees).ofAll(["job_id", "department_id", "datetime", "name", "id"]);
  expect(fromCsv(employees, cells.toReversed(), order)).toEqual(expected);
});

test("a record judged from its bytes gets the same verdict as one judged from its cells", async () => {
  const cell = fc.constantFrom(
    ...["7", "007", '"7"', " 7 ", "-7", "+7", "0", "7.0", "2147483647", "2147483648", "99999999999999999999", "", '""'],
    ...["2021-11-07T02:48:42Z", '"2021-11-07T02:48:42Z"', "2021-11-07t02:48:42Z", "2021-11-07 02:48:42Z"],
    ...["2021-11-07T02:48:42.5Z", "2021-02-30T02:48:42Z", "2021-11-07T24:00:00Z", "0999-11-07T02:48:42Z", "2021-11-07"],
    ...["Ana", "né", '"two ""words"""', "\u00a0", '"a\nb"', "\0", "x".repeat(256)],
  );
  const order = fc.constantFrom(undefined, [4, 2, 0, 1, 3]);
  await fc.assert(
    fc.asyncProperty(fc.array(cell, { minLength: 4, maxLength: 6 }), order, async (cells, order) => {
      for await (const [record] of parseCsv(chunked(Buffer.from(`${cells.join(",")}\n`), 9999))) {
        if (record) expect(fromRecord(employees, record, order)).toEqual(fromCsv(employees, record.cells, order));
      }
    }),
    { numRuns: 3000 },
  );
});

test("a blank cell is missing, also the id's, and a row is told all its reasons", () => {
  expect(fromCsv(employees, ["", " ", "soon", "0", "8.0"], undefined)).toEqual({
    values: Array(5).fill(undefined),
    reasons: [
      { code: "missing", field: "id", detail: "id is required and is missing" },
      { code: "missing", field: "name", detail: "name is required and is missing" },
      expect.objectContaining({ code: "invalid_datetime", field: "datetime" }),
      expect.objectContaining({ code: "out_of_range", field: "department_id" }),
      expect.objectContaining({ code: "wrong_type", field: "job_id" }),
    ],
  });
  expect(fromCsv(employees, ["7", "Pablo", "2021-11-07T02:48:42Z", "", "2"], undefined)).toEqual({
    values: [7, "Pablo", "2021-11-07 02:48:42.000", undefined, 2],
    reasons: [{ code: "missing", field: "department_id", detail: "department_id is required and is missing" }],
  });
});

test("a blank cell takes the column's default, or is null if the column is nullable", () => {
  const table = only({
    notes: mysqlTable("notes", {
      id: id(),
      stars: int("stars").notNull().default(3),
      text: varchar("text", { length: 9 }),
    }),
  });
  expect(fromCsv(table, ["1", "", ""], undefined)).toEqual({ values: [1, 3, null], reasons: [] });
});

test.each([[["7"]], [["7", "Legal", ""]], [[""]]])(
  "a row with the wrong number of cells, %j, has that one reason",
  (cells) => {
    expect(fromCsv(departments, cells, undefined)).toEqual({
      values: [undefined, undefined],
      reasons: [{ code: "wrong_field_count", detail: `departments has 2 fields, and this row has ${cells.length}` }],
    });
  },
);

test("text that would be misread without quotes is written in quotes", () => {
  expect(csvLine(["a", 1, null, undefined, true, "b c"])).toBe("a,1,,,true,b c\r\n");
  expect(csvLine(["a,b", 'say "hi"', "x\ny", "x\ry", " a", "a\t", "\uFEFFa"])).toBe(
    '"a,b","say ""hi""","x\ny","x\ry"," a","a\t","\uFEFFa"\r\n',
  );
  expect(csvHeader(employees)).toBe("id,name,datetime,department_id,job_id\r\n");
  expect(toCsv(employees, [7, "O'Hearn, Ty", "2021-11-07 02:48:42.000", 1, 2])).toBe(
    '7,"O\'Hearn, Ty",2021-11-07T02:48:42Z,1,2\r\n',
  );
});

test("rows written as CSV are read back unchanged", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(rows, { minLength: 1, maxLength: 4 }), async (stored) => {
      const text = csvHeader(things) + stored.map((row) => toCsv(things, row)).join("");
      const [header, ...records] = await collect(chunked(Buffer.from(text), 100));
      const order = new FieldNames(things).ofAll(header?.cells ?? []);
      expect(records.map(({ cells }) => fromCsv(things, cells, order))).toStrictEqual(
        stored.map((row) => ({ values: [...row], reasons: [] })),
      );
    }),
    { numRuns: 300 },
  );
});

const id = () => int("id").autoincrement().primaryKey();

/** A record in the form that tests compare. */
interface Plain {
  line: number;
  cells: string[];
  malformed: string | undefined;
  raw: string;
}

/** The records of a text. @throws if the size of the chunks makes a difference */
async function everyChunking(text: string | Uint8Array): Promise<Plain[]> {
  const bytes = Buffer.from(text);
  const whole = await collect(chunked(bytes, Number.POSITIVE_INFINITY));
  const shown = JSON.stringify(whole);
  for (let size = 1; size < bytes.length; size++) {
    const records = await collect(chunked(bytes, size));
    if (JSON.stringify(records) !== shown) expect(records).toEqual(whole); // which takes its time
  }
  return whole;
}

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Plain[]> {
  return plain(parseCsv(chunks));
}

async function plain(batches: AsyncIterable<CsvRecord[]>): Promise<Plain[]> {
  const records: Plain[] = [];
  for await (const batch of batches) {
    for (const { line, cells, malformed, raw } of batch) {
      records.push({ line, cells, malformed, raw: Buffer.from(raw).toString() });
    }
  }
  return records;
}
