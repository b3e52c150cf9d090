/** Files in other encodings than UTF-8. */
import { expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { decoded } from "../src/read/formats/decode.ts";
import { encodingOf } from "../src/read/formats/encodings.ts";
import { readerOfFile } from "../src/read/formats/file-formats.ts";
import { FileRecipe } from "../src/read/recipes/recipe.ts";
// Written by Python's codecs, but for x-user-defined, which Python does not have. The labels are those of the standard.
import encodings from "./golden/encodings.json";
import { tableOf } from "./support/dictionary.ts";

async function* chunked(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const decode = async (bytes: Uint8Array, label: string, size = Number.POSITIVE_INFINITY) =>
  Buffer.concat(await Array.fromAsync(decoded(chunked(bytes, size), label, "a.csv")));

async function read(name: string, bytes: Uint8Array, recipe?: FileRecipe) {
  const blocks = readerOfFile(name)?.read(tableOf("jobs"), chunked(bytes, 7), name, { recipe }) ?? [];
  const rows = (await Array.fromAsync(blocks)).flat();
  return rows.map(({ values, reasons }) => (reasons.length > 0 ? reasons.map(({ code }) => code) : [...values]));
}

test.each(encodings)(
  "$name is decoded, by all its labels, wherever the chunks are cut",
  async ({ name, labels, text, bytes }) => {
    const written = Buffer.from(bytes, "hex");
    for (const label of [name, name.toUpperCase(), ...labels]) {
      expect([label, FileRecipe.parse({ encoding: label }).encoding]).toEqual([label, label]);
      expect([label, (await decode(written, label)).toString()]).toEqual([label, text]);
    }
    // The start of a file is looked at in one piece, so only what comes later is decoded in pieces.
    const start = await decode(Buffer.concat([written, ...Array(99).fill(written)]), name);
    for (let size = 1; size < 9; size++) {
      const whole = Buffer.concat([written, ...Array(99).fill(written)]);
      expect((await decode(whole, name, size)).equals(start)).toBeTrue();
    }
    expect(start.toString()).toBe(text.repeat(100));
  },
);

test.each([
  ["windows1252", /such as windows-1252, .*, not "windows1252"/],
  ["utf16", /such as utf-16/],
  ["latin-1", /such as latin1/],
  ["shift-jiss", /such as shift_jis/],
  ["ebcdic", /such as utf-16le, windows-1252, shift_jis, not "ebcdic"/],
  ["", /such as/],
  ["UTF-32LE", /UTF-32 is not: convert the file to UTF-8/],
  ["replacement", /must be an encoding/],
])("the encoding %j is refused, and close names are named", (encoding, why) => {
  expect(encodingOf(encoding)).toBeUndefined();
  expect(FileRecipe.safeParse({ encoding }).error?.issues).toMatchObject([
    { path: ["encoding"], message: expect.stringMatching(why) },
  ]);
});

const utf16 = (text: string) => Buffer.from(text, "utf16le");
const CSV = "id,job\n1,Bäcker\n2,部门😀\n";
const ROWS = [
  [1, "Bäcker"],
  [2, "部门😀"],
];

test.each<[string, string, Buffer, FileRecipe]>([
  ["little-endian CSV with a byte order mark", "a.csv", utf16(`\uFEFF${CSV}`), { encoding: "utf-16" }],
  ["big-endian CSV with a byte order mark", "a.csv", utf16(`\uFEFF${CSV}`).swap16(), { encoding: "UTF-16" }],
  ["CSV without a byte order mark, which is little-endian", "a.csv", utf16(CSV), { encoding: "utf-16" }],
  ["big-endian CSV by its name", "a.csv", utf16(CSV).swap16(), { encoding: "utf-16be" }],
  [
    "Excel's Unicode text",
    "a.txt",
    utf16(`\uFEFF${CSV.replaceAll(",", "\t")}`),
    { encoding: "utf-16", delimiter: "\t" },
  ],
  ["NDJSON", "a.ndjson", utf16('\uFEFF{"id":1,"job":"Bäcker"}\n{"id":2,"job":"部门😀"}\n'), { encoding: "utf-16le" }],
  [
    "a JSON array",
    "a.json",
    utf16('\uFEFF[{"id":1,"job":"Bäcker"},{"id":2,"job":"部门😀"}]'),
    { encoding: "utf-16le" },
  ],
  ["packed CSV", "a.csv.gz", gzipSync(utf16(CSV)), { encoding: "utf-16le" }],
  ["UTF-8 by its name", "a.csv", Buffer.from(`\uFEFF${CSV}`), { encoding: "utf8" }],
  [
    "Excel's separator line",
    "a.csv",
    utf16(`\uFEFFsep=;\r\n${CSV.replaceAll(",", ";")}`),
    { encoding: "utf-16", dialect: "excel" },
  ],
])("%s is read", async (_, name, bytes, recipe) => {
  expect(await read(name, bytes, recipe)).toEqual(ROWS);
});

test("what cannot be decoded rejects its row alone, as invalid_text", async () => {
  const bad = (text: string) => Buffer.from(text, "latin1");
  expect(await read("a.csv", bad("1,a\xff\n2,b\n3,\x81\n"), { encoding: "shift_jis" })).toEqual([
    ["invalid_text"],
    [2, "b"],
    ["invalid_text"],
  ]);
  expect(await read("a.csv", bad("1,\xff\n2,b\n"), { encoding: "windows-1253" })).toEqual([["invalid_text"], [2, "b"]]);
  const lone = utf16("1,a\uD800\n2,\uDC00b\n3,c\uFFFD\n4,d");
  expect(await read("a.csv", lone, { encoding: "utf-16le" })).toEqual([
    ["invalid_text"],
    ["invalid_text"],
    [3, "c\uFFFD"],
    [4, "d"],
  ]);
  expect(await read("a.csv", Buffer.concat([utf16("1,a"), bad("x")]), { encoding: "utf-16le" })).toEqual([
    ["invalid_text"],
  ]);
  expect(await read("a.ndjson", bad('{"id":1,"job":"\xff"}\n{"id":2,"job":"b"}\n'), { encoding: "euc-kr" })).toEqual([
    ["invalid_text"],
    [2, "b"],
  ]);
  expect(
    await read("a.csv", bad("1,\x84\x31\xa4\x37\n2,\xff\n3,\x84\x31\xa4\x37\x81\n"), { encoding: "gb18030" }),
  ).toEqual([[1, "\uFFFD"], ["invalid_text"], ["invalid_text"]]);
});

test("any UTF-16 is decoded, wherever the chunks are cut; lone surrogates become a byte that is not UTF-8", async () => {
  const ofUnits = fc.array(fc.constantFrom("a", "é", "部", "\uD83D", "\uDE00", "\uFFFD", "\n"), { maxLength: 900 });
  await fc.assert(
    fc.asyncProperty(ofUnits, fc.integer({ min: 1, max: 700 }), fc.boolean(), async (units, size, isBig) => {
      const text = `a${units.join("")}`;
      const bytes = isBig ? utf16(text).swap16() : utf16(text);
      const wanted = [...text].map((each) => (each.isWellFormed() ? Buffer.from(each) : Buffer.of(0xff)));
      const found = await decode(bytes, isBig ? "utf-16be" : "utf-16le", size);
      expect(found.equals(Buffer.concat(wanted))).toBeTrue();
    }),
    { numRuns: 300 },
  );
});

test.each<[string, Buffer, string, RegExp]>([
  [
    "UTF-8's mark",
    Buffer.from(`\uFEFF${CSV}`),
    "windows-1252",
    /byte order mark of UTF-8, and is to be read as windows-1252: read it with --encoding utf-8/,
  ],
  ["UTF-16's mark", utf16(`\uFEFF${CSV}`), "latin1", /mark of UTF-16LE, .* --encoding utf-16le/],
  ["the other UTF-16's mark", utf16(`\uFEFF${CSV}`), "utf-16be", /mark of UTF-16LE, .* --encoding utf-16le/],
  ["UTF-32's mark", Buffer.from("fffe000031000000", "hex"), "utf-16le", /mark of UTF-32, .* convert it to UTF-8/],
  ["a gzip file", gzipSync(CSV), "windows-1252", /it is packed with gzip/],
  [
    "ASCII",
    Buffer.from("id,job\n1,Baker\n"),
    "utf-16",
    /it is ASCII, and is to be read as utf-16le: read it without an encoding/,
  ],
  ["JSON", utf16('{"id":1}\n'), "utf-16le", /it is JSON/],
])("%s contradicts the encoding of the recipe, and is refused", async (_, bytes, encoding, why) => {
  await expect(read("a.csv", bytes, { encoding })).rejects.toMatchObject({
    code: "refused",
    message: expect.stringMatching(why),
  });
});

test.each<[string, Buffer, RegExp]>([
  [
    "little-endian UTF-16",
    utf16(CSV),
    /it is UTF-16LE: read it with --encoding utf-16le \(HTTP: encoding=utf-16le\), or save it as UTF-8/,
  ],
  ["big-endian UTF-16", utf16(CSV).swap16(), /it is UTF-16BE: read it with --encoding utf-16be/],
  ["UTF-32", Buffer.from("fffe000031000000", "hex"), /it is UTF-32: convert it to UTF-8/],
])("without an encoding %s is refused, and the option is named", async (_, bytes, why) => {
  await expect(read("a.csv", bytes)).rejects.toMatchObject({ code: "refused", message: expect.stringMatching(why) });
});

test("text that may be UTF-8 is read by a single-byte encoding as the recipe says, and a line says so", async () => {
  const notes = async (text: string, form: "utf8" | "latin1") => {
    const said: string[] = [];
    const chunks = decoded(chunked(Buffer.from(text, form), 600), "latin1", "a.csv", (line) => void said.push(line));
    expect((await Array.fromAsync(chunks)).length).toBeGreaterThan(0);
    return said;
  };
  const may = "a.csv is read as windows-1252, but may be UTF-8: if it is, import it without an encoding";
  expect(await notes("1,Müller\n2,é\n", "utf8")).toEqual([may]);
  expect(await notes(`${"1,Muller\n".repeat(99)}2,Müller\n`, "utf8")).toEqual([may]);
  expect(await notes("1,Müller\n2,é\n", "latin1")).toEqual([]);
  expect(await notes("1,Café", "latin1")).toEqual([]);
});
