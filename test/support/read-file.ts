/** Reads a file's rows as an import does, without a database. */
import { expect } from "bun:test";
import type { Table } from "../../src/codecs/tables.ts";
import type { FileRow, ReadOptions } from "../../src/read/file-row.ts";
import { readerOfFile } from "../../src/read/formats/file-formats.ts";
import { tableOf } from "./dictionary.ts";

export const jobs = tableOf("jobs");

interface ReadFile extends ReadOptions {
  chunkBytes?: number;
  table?: Table;
}

/** The rows of a file of jobs, or of another table. Its name says how it is read. */
export async function readJobs(
  name: string,
  content: string | Uint8Array,
  { chunkBytes = 7, table = jobs, ...options }: ReadFile = {},
): Promise<FileRow[]> {
  const bytes = Buffer.from(content);
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  }
  const rows: FileRow[] = [];
  for await (const block of readerOfFile(name)?.read(table, chunks(), name, options) ?? []) rows.push(...block);
  return rows;
}

/** The line that refuses a file. */
export async function refusalOf(name: string, content: string | Uint8Array, options?: ReadFile): Promise<string> {
  const { code, message } = await readJobs(name, content, { chunkBytes: 1024, ...options }).then(
    (rows) => ({ code: "", message: JSON.stringify(rows.map(({ values }) => values)) }),
    (error) => error,
  );
  expect([code, message]).toEqual(["refused", expect.stringMatching(/./)]);
  return message;
}
