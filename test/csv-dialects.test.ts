/** CSV in other dialects than RFC 4180 with commas. */
import { afterAll, expect, test } from "bun:test";
import { chmod, readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import type { RowDataPacket } from "mysql2";
import { RECORD_BYTES_MAX } from "../src/codecs/codec.ts";
import type { CsvDialect } from "../src/codecs/csv-format.ts";
import { parseCsv } from "../src/codecs/csv-parser.ts";
import { recordsOf } from "../src/read/corrections/rejection-sheet.ts";
import { resolved } from "../src/read/recipes/dialects.ts";
import type { FileRecipe } from "../src/read/recipes/recipe.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { ownServer } from "./support/own-server.ts";

async function* chunked(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function parse(text: string, dialect?: CsvDialect, size = Number.POSITIVE_INFINITY) {
  const batches = await Array.fromAsync(parseCsv(chunked(Buffer.from(text), size), dialect));
  return batches.flat().map(({ line, cells, malformed, raw }) => ({ line, cells, malformed, raw: Buffer.from(raw) }));
}

/** The cells of each record; what is wrong with a malformed one. */
async function cells(text: string, dialect?: CsvDialect) {
  const records = await parse(text, dialect);
  for (let size = 1; size < 12; size++) expect(await parse(text, dialect, size)).toEqual(records);
  return records.map((record) => record.malformed ?? record.cells);
}

const ESCAPE = { escape: "\\" };
const MYSQL = resolved({ dialect: "mysql" });
const MYSQL_CSV = resolved({ dialect: "mysql", delimiter: ",", quote: '"' });

test.each<[string, CsvDialect, string[][]]>([
  ["a;b,c\n", { delimiter: ";" }, [["a", "b,c"]]],
  ["a|'b|''c'''|\"d\"\n", { delimiter: "|", quote: "'" }, [["a", "b|'c'", '"d"']]],
  [' a\t "b" \t\t c\n', { delimiter: "\t" }, [["a", "b", "", "c"]]],
  ["a \tb c\n", { delimiter: " " }, [["a", "b", "c"]]],
  ['a"b,"c"\n', { quote: "" }, [['a"b', '"c"']]],
  ["a\x01b\n", { delimiter: "\x01" }, [["a", "b"]]],
  ['a\\,b,"c\\"d",e\\\\\n', ESCAPE, [["a,b", 'c"d', "e\\"]]],
  ["a\\\nb,c\\\r\nd\n", ESCAPE, [["a\nb", "c\r\nd"]]],
  ["a\\,,b\r\n", ESCAPE, [["a,", "b"]]],
  ['"a""b","\\""\n', ESCAPE, [['a"b', '"']]],
  ["a^;b;^^\n", { delimiter: ";", escape: "^" }, [["a;b", "^"]]],
  ['"a""b"\n', { escape: '"' }, [['a"b']]],
  [
    '#x,y\na,#b\n# "\nc,d\n',
    { comment: "#" },
    [
      ["a", "#b"],
      ["c", "d"],
    ],
  ],
  ['"#a",b\n#\n', { comment: "#" }, [["#a", "b"]]],
  ['title "\n\na,b\n', { skip: 2 }, [["a", "b"]]],
  ["a,b\n", { skip: 3 }, []],
  ['NULL,n/a, NULL ,"NULL",NULLS\n', { null: ["NULL", "n/a"] }, [["", "", "", "NULL", "NULLS"]]],
  ["\\N,x\n", { ...ESCAPE, null: ["\\N"] }, [["", "x"]]],
  ["\\N\n\nx\n", { ...ESCAPE, null: ["\\N"] }, [[""], ["x"]]],
  ["a\\tb\t\\N\t\\\\N\t\\q\\,\n", MYSQL, [["a\tb", "", "\\N", "q,"]]],
  [' a \t"b"\tx\ry\n', MYSQL, [[" a ", '"b"', "x\ry"]]],
  ["\\0\\b\\n\\r\\t\\Z\ta\\\tb\n", MYSQL, [["\0\b\n\r\t\x1a", "a\tb"]]],
  ["NULL\tNULLS\n", MYSQL, [["NULL", "NULLS"]]],
  ['NULL,"NULL",\\N,"a\\"b,""c"""\r\n', MYSQL_CSV, [["", "NULL", "", 'a"b,"c"']]],
  ["NULL\t\\N\n", resolved({ dialect: "mysql", escape: "" }), [["", "\\N"]]],
])("%j is read as %j says", async (text, dialect, expected) => {
  expect(await cells(text, dialect)).toEqual(expected);
});

test.each<[string, CsvDialect, (string[] | RegExp)[]]>([
  ["a\\b,c\nd,e\n", ESCAPE, [/the escape "\\" before "b", which needs none/, ["d", "e"]]],
  ['"a\\b",c\nd,e\n', ESCAPE, [/the escape "\\" before "b"/, ["d", "e"]]],
  ["a\\é\nd,e\n", ESCAPE, [/before a letter outside ASCII/, ["d", "e"]]],
  ["a\n\\", ESCAPE, [["a"], /an escape character at the end of the file/]],
  ["a,'b\nc\nd\n", { quote: "'" }, [/a quote that is not closed/, ["c"], ["d"]]],
  ["a\nb\r\nc\n", MYSQL, [["a"], /its line end differs from the first line's/, ["c"]]],
  ["a\r\nb\nc\r\nd", MYSQL, [["a"], /its line end differs from the first line's/, ["c"], ["d"]]],
])("%j is malformed as %j is read, and the next line is not lost", async (text, dialect, expected) => {
  const found = await cells(text, dialect);
  expect(found).toHaveLength(expected.length);
  for (const [index, each] of expected.entries()) {
    if (each instanceof RegExp) expect(found[index]).toMatch(each);
    else expect(found[index]).toEqual(each);
  }
});

test("lines that are skipped, comments and escaped line ends are counted", async () => {
  const records = await parse("title\n#\na\\\nb\n#x\n\nc\n", { skip: 1, comment: "#", escape: "\\" });
  expect(records.map(({ line, cells: [cell] }) => [line, cell])).toEqual([
    [3, "a\nb"],
    [7, "c"],
  ]);
});

test("a comment longer than any row is skipped", async () => {
  const long = `#${"x".repeat(RECORD_BYTES_MAX + 70_000)}\na,b\n`;
  expect(await parse(long, { comment: "#" }, 65_536)).toMatchObject([{ line: 2, cells: ["a", "b"] }]);
  expect(await parse(long, { skip: 1 }, 65_536)).toMatchObject([{ line: 2, cells: ["a", "b"] }]);
});

test.each<[CsvDialect, RegExp]>([
  [{ delimiter: ";", quote: ";" }, /delimiter and quote are the same character/],
  [{ comment: "\\", escape: "\\" }, /escape and comment are the same character/],
  [{ quote: " " }, /quote must be one ASCII character/],
  [{ delimiter: ";;" }, /delimiter must be one ASCII character/],
  [{ delimiter: "é" }, /delimiter must be one ASCII character/],
])("the dialect %j is refused", async (dialect, why) => {
  await expect(parse("a\n", dialect)).rejects.toMatchObject({ code: "invalid", message: expect.stringMatching(why) });
});

/** Writes a cell in a dialect; undefined if the dialect cannot write it. */
function written(cell: string | null, dialect: FileRecipe, isFirst: boolean): string | undefined {
  const { delimiter = ",", quote = '"', escape: escaper = "", comment, null: nulls = [] } = dialect;
  const isMysql = dialect.dialect === "mysql";
  if (cell === null) return nulls.find((word) => !word.includes(delimiter) && (quote === "" || !word.includes(quote)));
  const ofMysql: Record<string, string> = isMysql && escaper !== "" ? { "\0": "0" } : {};
  const escapedBy = (marks: string[]) =>
    [...cell]
      .map((each) => (each in ofMysql ? escaper + ofMysql[each] : marks.includes(each) ? escaper + each : each))
      .join("");
  if (quote !== "" && (cell.length % 2 === 0 || cell.includes("\r") || nulls.includes(cell))) {
    const inside = escaper === "" ? cell : escapedBy([escaper, quote]);
    return quote + (escaper === "" ? inside.replaceAll(quote, quote + quote) : inside) + quote;
  }
  const text = escaper === "" ? cell : escapedBy([escaper, quote, delimiter, "\n", ...(isMysql ? [] : ["\r"])]);
  const marks = [delimiter, quote, "\n", "\r"].filter((mark) => mark !== "" && mark !== escaper);
  const isSafe =
    (escaper !== "" || !marks.some((mark) => cell.includes(mark))) &&
    (isMysql || text === text.trim()) &&
    !nulls.includes(text) &&
    !(isFirst && (text === "" || /^\uFEFF/.test(text) || (comment !== undefined && text.startsWith(comment))));
  if (isSafe) return text;
  if (quote === "") return undefined;
  return quote + (escaper === "" ? cell.replaceAll(quote, quote + quote) : escapedBy([escaper, quote])) + quote;
}

const ofDialect = fc
  .record({
    delimiter: fc.constantFrom(",", ";", "\t", "|", " ", ":", "\x01", "~", "&"),
    quote: fc.constantFrom('"', "'", "", "^"),
    escape: fc.constantFrom(undefined, "", "\\", "!"),
    comment: fc.constantFrom(undefined, "#", "%"),
    null: fc.constantFrom(undefined, ["NULL"], ["\\N"], ["-", "NaN", "é"]),
    dialect: fc.constantFrom<("mysql" | undefined)[]>(undefined, undefined, "mysql"),
  })
  .map(({ dialect, ...parts }) => {
    const given = Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined));
    return dialect ? resolved({ dialect, ...given }) : (given as FileRecipe);
  });
const ofText = fc.string({
  unit: fc.constantFrom(..." \t\r\n,;|:'\"\\!^#%NUL-ané部😀\uFEFF\0\x01", "NULL", "\\N"),
  maxLength: 8,
});

test("any dialect that is written is read back, wherever the chunks are cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      ofDialect,
      fc.array(fc.array(fc.option(ofText, { freq: 9 }), { minLength: 1, maxLength: 5 }), { maxLength: 6 }),
      fc.constantFrom("\n", "\r\n"),
      fc.integer({ min: 1, max: 40 }),
      async (dialect, rows, lineEnd, size) => {
        const lines: string[] = [];
        const expected: string[][] = [];
        for (const row of rows) {
          const cellTexts = row.map((cell, index) => written(cell, dialect, index === 0));
          if (cellTexts.some((text) => text === undefined)) continue;
          const line = cellTexts.join(dialect.delimiter ?? ",");
          // A carriage return at the end of a line would be part of the line end.
          if (line.endsWith("\r") || (dialect.dialect === "mysql" && lineEnd === "\r\n" && /\\\n|!\n/.test(line)))
            continue;
          lines.push(line + lineEnd);
          expected.push(row.map((cell) => cell ?? ""));
        }
        const records = await parse(lines.join(""), dialect, size);
        expect(records.map((record) => record.malformed ?? record.cells)).toEqual(expected);
        for (const [index, { raw }] of records.entries()) {
          const again = await recordsOf(raw, { ...dialect, skip: 5 });
          expect(again.map((record) => record.malformed ?? record.cells)).toEqual([expected[index] ?? []]);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

const directory = await folderOf({});
await chmod(directory, 0o777);
const server = await ownServer([`--secure-file-priv=${directory}`]);
const { root } = server;
const [[writes]] = await root.query<RowDataPacket[]>("SELECT @@secure_file_priv = 'NULL' AS never");
const without = writes?.never ? " (skipped: the server may not write files, secure_file_priv is NULL)" : "";
await root.query("CREATE DATABASE exports CHARACTER SET utf8mb4");
afterAll(async () => {
  await server.stop();
  await removeFolders();
});

test.skipIf(without !== "").each<[string, FileRecipe]>([
  ["", { dialect: "mysql" }],
  [`FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '"'`, { dialect: "mysql", delimiter: ",", quote: '"' }],
  [`FIELDS TERMINATED BY ';' ENCLOSED BY "'"`, { dialect: "mysql", delimiter: ";", quote: "'" }],
  ["FIELDS ESCAPED BY '^'", { dialect: "mysql", escape: "^" }],
  [`FIELDS ENCLOSED BY '"' ESCAPED BY ''`, { dialect: "mysql", quote: '"', escape: "" }],
])(`what the server writes by INTO OUTFILE %s is read back${without}`, async (fields, recipe) => {
  const texts = fc.sample(ofText, { numRuns: 300, seed: 7 });
  const values: [number, string | null, string][] = texts.map((text, id) => [id, id % 7 ? text : null, `${text}.`]);
  // Without escapes the server leaves quotes in quotes as they are, and cannot read them back itself.
  if (recipe.escape === "") for (const row of values) [row[1], row[2]] = [row[1]?.replaceAll('"', "") ?? null, "b"];
  await root.query("DROP TABLE IF EXISTS exports.t");
  await root.query("CREATE TABLE exports.t (id INT, a VARCHAR(99), b VARCHAR(99)) DEFAULT CHARSET utf8mb4");
  await root.query("INSERT INTO exports.t VALUES ?", [values]);
  const file = join(directory, `${Bun.hash(fields)}.csv`);
  await root.query(`SELECT * FROM exports.t ORDER BY id INTO OUTFILE ? CHARACTER SET utf8mb4 ${fields}`, [file]);
  const records = await parse(await readFile(file, "utf8"), resolved(recipe), 1_000);
  expect(records.map((record) => record.malformed ?? record.cells)).toEqual(
    values.map(([id, a, b]) => [String(id), a ?? "", b]),
  );
});

test.skipIf(without !== "")(`a quoted NULL or \\N means to the server what it means here${without}`, async () => {
  const file = join(directory, "null.csv");
  await Bun.write(file, '1,"NULL",NULL\n2,"\\\\N",\\N\n3,"a\\Nb",a\\Nb\n4,"\\N",x\n');
  await root.query("CREATE TABLE exports.nulls (id INT, a VARCHAR(9), b VARCHAR(9))");
  await root.query("LOAD DATA INFILE ? INTO TABLE exports.nulls FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"'", [
    file,
  ]);
  const [rows] = await root.query<RowDataPacket[]>("SELECT a, b FROM exports.nulls ORDER BY id");
  const records = await parse(await readFile(file, "utf8"), MYSQL_CSV);
  expect(records.map((record) => record.cells.slice(1))).toEqual(rows.map(({ a, b }) => [a ?? "", b ?? ""]));
  expect(rows.at(-1)?.a).toBeNull();
});
