/** A file whose content does not fit its name is refused, with what it is and what to do. */
import { expect, test } from "bun:test";
import { deflateRawSync, gzipSync, zstdCompressSync } from "node:zlib";
import { writeContainer } from "../src/codecs/avro-container.ts";
import { readerOfFile } from "../src/read/formats/file-formats.ts";
import { tableOf } from "./support/dictionary.ts";

const jobs = tableOf("jobs");
const CSV = "id,job\r\n1,Baker\r\n2,Judge\r\n";

async function read(name: string, content: string | Uint8Array, chunkBytes = 7) {
  const bytes = Buffer.from(content);
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  }
  const rows = [];
  for await (const block of readerOfFile(name)?.read(jobs, chunks(), name) ?? []) rows.push(...block);
  return rows;
}

async function refusal(name: string, content: string | Uint8Array): Promise<string> {
  const { code, message } = await read(name, content).then(
    (rows) => ({ code: "", message: JSON.stringify(rows.map(({ values }) => values)) }),
    (error) => error,
  );
  expect([code, message]).toEqual(["refused", expect.stringMatching(new RegExp(`^${name}: it`))]);
  return message;
}

const hex = (digits: string) => Buffer.from(digits.replaceAll(" ", ""), "hex");
const utf16 = (text: string, mark = "") => Buffer.from(mark + text, "utf16le");
const big = (bytes: Buffer) => Buffer.from(bytes).swap16();
const utf32 = (text: string) => Buffer.concat([...text].map((each) => Buffer.from([each.charCodeAt(0), 0, 0, 0])));
const padded = (at: number, text: string) => Buffer.concat([Buffer.alloc(at), Buffer.from(text), Buffer.alloc(40)]);
const zip = (entry: string) =>
  Buffer.concat([
    hex("504b0304 14000000 0000aab5 795d075d 86182000 00002000 0000"),
    Buffer.from([entry.length, 0, 0, 0]),
    Buffer.from(entry),
  ]);
async function avro() {
  const schema = { type: "record" as const, name: "jobs", fields: [{ name: "id", type: "int" }] };
  async function* blocks() {
    yield { count: 1, data: Buffer.from([2]) };
  }
  return Buffer.concat(await Array.fromAsync(writeContainer(schema, "null", blocks())));
}
const AVRO = await avro();

test.each<[string, Uint8Array, string]>([
  [
    "UTF-16",
    utf16(CSV, "\uFEFF"),
    "it is UTF-16LE: read it with --encoding utf-16le (HTTP: encoding=utf-16le), or save it as UTF-8",
  ],
  ["UTF-16 with tabs", utf16(CSV.replaceAll(",", "\t"), "\uFEFF"), "UTF-16"],
  ["UTF-16 without a byte order mark", utf16("1,Bäcker\n2,部门\n"), "UTF-16"],
  ["big-endian UTF-16", big(utf16(CSV, "\uFEFF")), "UTF-16"],
  ["big-endian UTF-16 without a byte order mark", big(utf16(CSV)), "UTF-16"],
  ["UTF-32", Buffer.concat([hex("fffe0000"), utf32(CSV)]), "UTF-32"],
  ["UTF-32 without a byte order mark", utf32(CSV), "UTF-32"],
  ["big-endian UTF-32", utf32(CSV).swap32(), "UTF-32"],
  ["gzip", gzipSync(CSV), "packed with gzip: end its name in .gz"],
  ["zstd", zstdCompressSync(CSV), "packed with zstd: end its name in .zst"],
  ["bzip2", hex("425a6839314159265359 2cde e82e00000b5f8000 1000043800101004"), "packed with bzip2"],
  ["xz", hex("fd377a585a000004e6d6b446"), "packed with xz"],
  ["lz4", hex("04224d1864407f00"), "packed with lz4"],
  ["zip", zip("jobs.csv"), "a zip archive"],
  ["a workbook", zip("[Content_Types].xml"), "an Excel workbook (.xlsx): end its name in .xlsx"],
  [
    "an old workbook",
    hex("d0cf11e0a1b11ae1"),
    "an Excel workbook (.xls, or one with a password): save it as CSV in UTF-8",
  ],
  ["tar", padded(257, "ustar"), "a tar archive"],
  ["Parquet", Buffer.from("PAR1\x15\x04\x15\x10"), "a Parquet file"],
  ["ORC", Buffer.from("ORC\x0a\x05\x00"), "an ORC file"],
  ["Avro", AVRO, "an Avro file: end its name in .avro"],
  ["HTML", Buffer.from("\uFEFF \n<!DOCTYPE html>\n<html>"), "it is HTML or XML, and begins with"],
  ["S3's XML error", Buffer.from('<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>'), "it is HTML or XML"],
  ["JSON", Buffer.from('{"id": 1, "job": "Baker"}\n'), "it is JSON: read it with --format ndjson"],
  ["a JSON array", Buffer.from('[\n  {"id": 1, "job": "Baker"}\n]\n'), "it is a JSON array"],
  ["lines that end in CR", Buffer.from(CSV.replaceAll("\r\n", "\r")), "its lines end in \\r alone"],
  ["lines that end in CR CR LF", Buffer.from(CSV.replaceAll("\n", "\r\n")), "its lines end in \\r\\r\\n"],
  [
    "quoted cells in lines that end in CR CR LF",
    Buffer.from('1,"Baker"\r\r\n2,"Judge"\r\r\n'),
    "its lines end in \\r\\r\\n",
  ],
])("a file named .csv or .csv.gz that holds %s is refused, with what it is", async (_, content, what) => {
  expect(await refusal("jobs.csv", content)).toContain(what);
  expect(await refusal("jobs.csv.gz", gzipSync(content))).toContain(what);
});

test.each<[string, string, Uint8Array | string, string]>([
  ["jobs.ndjson", "a JSON array", '[{"id":1,"job":"Baker"}]\n', "it is a JSON array: read it with --format json"],
  ["jobs.ndjson", "a JSON array over several lines", '[\n{"id":1,"job":"Baker"}\n]\n', "it is a JSON array"],
  ["jobs.ndjson", "an empty JSON array", " \n[]\n", "it is a JSON array"],
  ["jobs.ndjson", "indented JSON", '{\n  "id": 1,\n  "job": "Baker"\n}\n', "it is JSON over several lines"],
  ["jobs.ndjson", "JSON over two lines", '{"id": 1,\n"job": "Baker"}\n', "it is JSON over several lines"],
  ["jobs.ndjson", "CSV", CSV, 'it is not JSON, and begins with "id,job": end its name in .csv if it is CSV'],
  ["jobs.ndjson", "CSV without a header", "1,Baker\n2,Judge\n", "it is not JSON"],
  ["jobs.ndjson", "lines that end in CR", '{"id":1}\r{"id":2}\r', "its lines end in \\r alone"],
  ["jobs.ndjson", "UTF-16", utf16('{"id":1}\n', "\uFEFF"), "it is UTF-16"],
  ["jobs.ndjson", "Avro", AVRO, "it is an Avro file"],
  ["jobs.avro", "CSV", CSV, 'it is not an Avro file, and begins with "id,job\\r\\n1,Baker'],
  ["jobs.avro", "gzip", gzipSync(AVRO), "it is packed with gzip"],
  ["jobs.avro", "NDJSON", '{"id":1}\n', "it is not an Avro file"],
  ["jobs.csv.gz", "CSV", CSV, "it is not a gzip file, and begins with"],
  ["jobs.csv.gz", "zstd", zstdCompressSync(CSV), "it is packed with zstd"],
  ["jobs.csv.gz", "deflate without gzip's header", deflateRawSync(CSV), "it is not a gzip file"],
  ["jobs.csv.gz", "a zip archive", zip("jobs.csv"), "it is a zip archive"],
])("a file named %s that holds %s is refused, with what it is", async (name, _, content, what) => {
  expect(await refusal(name, content)).toContain(what);
});

test("an Avro file with an unknown codec is refused for its codec, not as damaged", async () => {
  const xz = Buffer.from(AVRO.toString("latin1").replace("\x08null", "\x04xz"), "latin1");
  await expect(read("jobs.avro", xz)).rejects.toThrow(
    'jobs.avro: the Avro file is packed with "xz", which is not read: write it with one of deflate, zstandard, null, snappy',
  );
});

test.each<[string, string, string, number]>([
  ["jobs.csv", "cells that begin like other formats", "1,PAR1\n2,<html>\n3,{x}\n4,[1]\n5,BZh91AY\n", 5],
  ["jobs.csv", "line ends inside quotes", '1,"two\rlines"\n2,"a\r\r\nb"\n', 2],
  ["jobs.csv", "one line that ends in CR", "1,Baker\r", 1],
  ["jobs.csv", "a first row that begins like another format", "job,id\nORC,1\n%PDF-,2\n", 2],
  ["jobs.ndjson", "lines that are no objects", '{"id":1,"job":"[{"}\n[2]\n"3,x"\n4\nnull\n{"id":5,\n', 6],
  ["jobs.ndjson", "one list as its only line", '[7, "Judge"]\n', 1],
  ["jobs.ndjson", "one line that is cut off", '{"id": 2, "job": "b",', 1],
])("a file named %s with %s is read row by row", async (name, _, content, count) => {
  expect(await read(name, content)).toHaveLength(count);
});
