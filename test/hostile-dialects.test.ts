/** CSV by a recipe that is damaged, or made to do harm: what becomes of it, and how long that takes. */
import { expect, test } from "bun:test";
import type { CsvDialect } from "../src/codecs/csv-format.ts";
import { parseCsv } from "../src/codecs/csv-parser.ts";
import { resolved } from "../src/read/dialects.ts";

const MYSQL = resolved({ dialect: "mysql" });

async function* chunked(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** The line of each record, and its cells or, for a malformed one, its raw input. */
async function read(text: string, dialect: CsvDialect) {
  const of = async (size: number) => {
    const batches = await Array.fromAsync(parseCsv(chunked(Buffer.from(text), size), dialect));
    return batches.flat().map(({ line, cells, malformed, raw }) => [line, malformed ? `${raw}` : cells]);
  };
  const records = await of(1 << 20);
  for (let size = 1; size < 12; size++) expect(await of(size)).toEqual(records);
  return records;
}

test("the rest of a malformed record is not taken for a row if its line end was escaped", async () => {
  expect(await read("1;a\\q\\\n5;x\n2;b\n", { delimiter: ";", escape: "\\" })).toEqual([
    [1, "1;a\\q\\\n5;x"],
    [3, ["2", "b"]],
  ]);
  expect(await read('1,"a" b\\\r\n5,x\n2,b\n', { escape: "\\" })).toEqual([
    [1, '1,"a" b\\\r\n5,x'],
    [3, ["2", "b"]],
  ]);
});

test("the lines of a quoted cell with a wrong escape are not taken for rows", async () => {
  expect(await read('1,"a\\q\n5,x\nb"\n2,b\n', { escape: "\\" })).toEqual([
    [1, '1,"a\\q\n5,x\nb"'],
    [4, ["2", "b"]],
  ]);
  // The cell is not closed: only its first line is lost.
  expect(await read('1,"a\\q\n5,x\n', { escape: "\\" })).toEqual([
    [1, '1,"a\\q'],
    [2, ["5", "x"]],
  ]);
  expect(await read("\\N,a\\q\n\\N,b\n", { escape: "\\", null: ["\\N"] })).toEqual([
    [1, "\\N,a\\q"],
    [2, ["", "b"]],
  ]);
});

test("a file of escaped line ends takes time in proportion to its size", async () => {
  const lines = 400_000;
  const text = `${"\\\n".repeat(lines)}\\`;
  const started = performance.now();
  const batches = await Array.fromAsync(parseCsv(chunked(Buffer.from(text), 1 << 16), MYSQL));
  const records = batches.flat();
  expect(records.map(({ line, malformed }) => [line, malformed])).toEqual([
    [1, "an escape character at the end of the file"],
  ]);
  // It took minutes when the parser went on at each of the lines.
  expect(performance.now() - started).toBeLessThan(10_000);
});
