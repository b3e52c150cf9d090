/** Packed files: each packing of each format, and files that are damaged, cut off or made to do harm. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { SNAPPY_BYTES_MAX } from "../src/codecs/snappy.ts";
import { folderOf } from "./support/files.ts";
import { missing } from "./support/missing.ts";
import { readJobs, refusalOf } from "./support/read-file.ts";
import { zipOf } from "./support/zip.ts";

const CSV = "id,job\r\n1,Baker\r\n2,Judge\r\n";
const LINES = '{"id":1,"job":"Baker"}\n{"id":2,"job":"Judge"}\n';
/** Two rows, written by fastavro 1.12 with the codec snappy. */
const SNAPPY_AVRO = Buffer.from(
  "T2JqAQQUYXZyby5jb2RlYwxzbmFwcHkWYXZyby5zY2hlbWHgAXsidHlwZSI6ICJyZWNvcmQiLCAibmFtZSI6ICJqb2JzIiwgImZpZWxkcyI6IFt7Im5hbWUiOiAiaWQiLCAidHlwZSI6ICJpbnQifSwgeyJuYW1lIjogImpvYiIsICJ0eXBlIjogInN0cmluZyJ9XX0AMDEyMzQ1Njc4OWFiY2RlZgQyIBwCLkJha2VyIEIGABgECkp1ZGdlh6jEOjAxMjM0NTY3ODlhYmNkZWY=",
  "base64",
);
/** No checksum covers the header of an Avro file. */
const AVRO_HEADER_BYTES = SNAPPY_AVRO.indexOf("0123456789abcdef") + 16;
const ROWS = [
  [1, "Baker"],
  [2, "Judge"],
];
const valuesOf = async (...file: Parameters<typeof readJobs>) => (await readJobs(...file)).map(({ values }) => values);

const FORMATS: [ending: string, content: string][] = [
  [".csv", CSV],
  [".TXT", CSV],
  [".ndjson", LINES],
  [".jsonl", LINES],
  [".Json", '[{"id":1,"job":"Baker"},\n {"id":2,"job":"Judge"}]'],
];
const PACKINGS: [ending: string, pack: (content: string) => Uint8Array][] = [
  ["", Buffer.from],
  [".gz", gzipSync],
  [".GZ", (content) => Buffer.concat([...content].map((each) => gzipSync(each)))],
  [".zst", zstdCompressSync],
  [".zst", (content) => Buffer.concat([SKIPPABLE, ...[...content].map((each) => zstdCompressSync(each)), SKIPPABLE])],
  [".zip", (content) => zipOf({ name: "jobs", content })],
  [".Zip", (content) => zipOf({ name: "data/", content: "", method: 0 }, { name: "data/x", content, method: 0 })],
];
/** A frame of zstd that holds no data. */
const SKIPPABLE = Buffer.from("522a4d1803000000616263", "hex");

test.each(FORMATS)("a file that ends in %s is read, packed in any way", async (ending, content) => {
  for (const [packing, pack] of PACKINGS)
    expect([packing, await valuesOf(`jobs${ending}${packing}`, pack(content))]).toEqual([packing, ROWS]);
});

/** Programs that pack a file, by the ending that they give it. */
const PROGRAMS: [program: string, ending: string, args: string[]][] = [
  ["gzip", ".gz", ["-k"]],
  ["zstd", ".zst", ["-q", "--long=25"]],
  ["zip", ".zip", ["-q", "jobs.csv.zip"]],
];
for (const [program, ending, args] of PROGRAMS) {
  const without = missing(program, Bun.which(program) !== null);
  test.skipIf(without !== "")(`a file that ${program} has packed is read${without}`, async () => {
    const cwd = await folderOf({ "jobs.csv": CSV });
    expect(Bun.spawnSync([program, ...args, "jobs.csv"], { cwd }).exitCode).toBe(0);
    expect(await valuesOf(`jobs.csv${ending}`, await Bun.file(join(cwd, `jobs.csv${ending}`)).bytes())).toEqual(ROWS);
  });
}

test.each([
  ["jobs.csv.gz", gzipSync(CSV)],
  ["jobs.csv.zst", zstdCompressSync(CSV)],
  ["jobs.csv.zip", zipOf({ name: "jobs.csv", content: CSV })],
])("%s is refused wherever it is cut, and if anything comes after it", async (name, whole) => {
  for (let length = 0; length < whole.length; length++) await refusalOf(name, whole.subarray(0, length));
  for (const more of ["\0", "\0\0\0\0\0\0\0\0", "\n", "garbage"])
    await refusalOf(name, Buffer.concat([whole, Buffer.from(more)]));
});

test.each([
  ["jobs.csv.gz", gzipSync(CSV)],
  ["jobs.csv.zip", zipOf({ name: "jobs.csv", content: CSV })],
  ["jobs.avro", SNAPPY_AVRO],
])("a changed bit in %s never changes a row", async (name, whole) => {
  const right = JSON.stringify(await valuesOf(name, whole));
  for (let bit = name === "jobs.avro" ? AVRO_HEADER_BYTES * 8 : 0; bit < whole.length * 8; bit++) {
    const changed = Buffer.from(whole);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const read = await valuesOf(name, changed, { chunkBytes: 1024 }).then(JSON.stringify, ({ code }) => code);
    expect([bit, [right, "refused"].includes(read) || read]).toEqual([bit, true]);
  }
});

test("what zstd unpacks to is held to its window, its checksum and its frames", async () => {
  const huge = Buffer.from("28b52ffd 04 f8 0d0000 616263".replaceAll(" ", ""), "hex");
  expect(await refusalOf("jobs.csv.zst", huge)).toContain("needs over 32 MiB of memory: pack it without --ultra");
  expect(await refusalOf("jobs.csv.zst", SKIPPABLE)).toContain("jobs.csv.zst");
  expect(await refusalOf("jobs.csv.zst", Buffer.concat([zstdCompressSync(CSV), Buffer.from(CSV)]))).toContain(
    "it goes on after its end",
  );
});

const one = { name: "jobs.csv", content: CSV };
test.each<[string, Uint8Array, string]>([
  [
    "two files",
    zipOf(one, { ...one, name: "a.csv" }),
    "holds 2 files (jobs.csv, a.csv), and only archives of one are read",
  ],
  ["no file", zipOf({ name: "data/", content: "", method: 0 }), "holds no file"],
  ["an encrypted file", zipOf({ ...one, flags: 1 }), "holds jobs.csv, which is encrypted: unpack it with its password"],
  ["a file packed otherwise", zipOf({ ...one, method: 14 }), "packed by the method 14, not deflate: unpack it"],
  ["a packed file", zipOf({ name: "jobs.csv.gz", content: gzipSync(CSV) }), "jobs.csv.gz, which is itself packed"],
  ["a path out of it", zipOf({ ...one, name: "../../etc/jobs.csv" }), "invalid relative path"],
  ["an absolute path", zipOf({ ...one, name: "/etc/jobs.csv" }), "absolute path"],
  ["a file that is longer than it says", zipOf({ ...one, claimed: { size: 5 } }), "another size than the 5 bytes"],
  [
    "a file that is shorter than it says",
    zipOf({ ...one, claimed: { size: 9999 } }),
    "another size than the 9999 bytes",
  ],
  ["a file with another CRC", zipOf({ ...one, claimed: { crc: 1 } }), "the CRC differs"],
  [
    "two archives one after the other",
    Buffer.concat([zipOf(one), zipOf(one)]),
    "bytes that belong to none of its files",
  ],
  [
    "a workbook",
    zipOf({ name: "a.xml", content: "" }, { name: "xl/workbook.xml", content: "" }),
    "is an Excel workbook",
  ],
  ["1,001 files", zipOf(...Array.from({ length: 1_001 }, (_, i) => ({ ...one, name: `${i}` }))), "over 1000 entries"],
])("a zip archive with %s is refused", async (_, archive, why) => {
  expect(await refusalOf("jobs.csv.zip", archive)).toContain(why);
});

test("what macOS and hidden files add to an archive is skipped and named", async () => {
  const said: string[] = [];
  const archive = zipOf(one, { name: "__MACOSX/._jobs.csv", content: "x" }, { name: ".DS_Store", content: "x" });
  expect(await valuesOf("jobs.csv.zip", archive, { say: (line) => void said.push(line) })).toEqual(ROWS);
  expect(said).toEqual(["jobs.csv.zip: skipped entries without data: __MACOSX/._jobs.csv, .DS_Store"]);
});

test("the file in an archive says what it is, if the archive does not", async () => {
  expect(await valuesOf("jobs.zip", zipOf({ name: "x/jobs 1.NDJSON", content: LINES }))).toEqual(ROWS);
  expect(await valuesOf("jobs.ndjson.zip", zipOf({ name: "export", content: LINES }))).toEqual(ROWS);
  expect(await refusalOf("jobs.zip", zipOf({ name: "export", content: CSV }))).toContain(
    "holds export, whose name does not say what it is: name the archive by it, for example to end in .csv.zip",
  );
  expect(await refusalOf("jobs.csv.zip", zipOf({ name: "jobs.json", content: "[]" }))).toContain(
    "holds jobs.json, and is named for .csv: end its name in .json.zip",
  );
});

test("Avro blocks packed with snappy are read, and a block that claims too much is refused", async () => {
  expect(await valuesOf("jobs.avro", SNAPPY_AVRO)).toEqual([
    [1, "Baker Baker Baker Baker"],
    [2, "Judge"],
  ]);
  const block = Buffer.from([...[0xff, 0xff, 0xff, 0xff, 0x0f], 0, 0, 0, 0, 0]);
  const header = SNAPPY_AVRO.subarray(0, AVRO_HEADER_BYTES);
  const file = Buffer.concat([header, Buffer.from([2, block.length * 2]), block, Buffer.from("0123456789abcdef")]);
  expect(await refusalOf("jobs.avro", file)).toContain(`a block of snappy is longer than ${SNAPPY_BYTES_MAX} bytes`);
});
