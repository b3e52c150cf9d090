/** The rows that every bench works with: files as they come in, and the good rows alone as the server's own loader takes them. */
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeSample } from "../../src/ingest/sample.ts";

export interface Files {
  /** A folder for our import, with bad rows. */
  folder: string;
  /** A folder of the same files for LOAD DATA: without the bad rows, instants as MySQL writes them. */
  clean: string;
  /** Rows of hired_employees.csv, and how many of them are good. */
  rows: number;
  good: number;
}

const BAD_SHARE = 0.005;

/** Writes both folders below `root`. */
export async function writeFiles(root: string, rows: number): Promise<Files> {
  const [folder, clean] = [join(root, "csv"), join(root, "clean")];
  const bad = await writeSample(folder, { rows, seed: 1, badShare: BAD_SHARE });
  await mkdir(clean);
  for (const parents of ["departments.csv", "jobs.csv"]) await copyFile(join(folder, parents), join(clean, parents));
  const good = await writeGood(join(folder, "hired_employees.csv"), join(clean, "hired_employees.csv"));
  if (good !== rows - bad) throw new Error(`of ${rows} rows ${bad} should be bad, and ${good} look good`);
  return { folder, clean, rows, good };
}

/** A good row of the sample; its only date that does not exist is 30 February. */
const GOOD = /^(\d+,[^,]+,)(?!\d{4}-02-30)(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)Z(,\d+,\d+)$/;
/** The sample's departments are fewer; a bad row names the 999th. */
const ORPHAN = /,999,\d+$/;

async function writeGood(from: string, to: string): Promise<number> {
  const out = Bun.file(to).writer();
  let rows = 0;
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of Bun.file(from).stream()) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    const good = lines.filter((line) => GOOD.test(line) && !ORPHAN.test(line));
    for (const line of good) out.write(`${line.replace(GOOD, "$1$2 $3$4")}\n`);
    rows += good.length;
    await out.flush();
  }
  await out.end();
  return rows;
}
