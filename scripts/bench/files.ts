/** The files of every bench: once with bad rows, and once with the good rows only, in the form that LOAD DATA needs. */
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeSample } from "../../src/ingest/sample.ts";

export interface Files {
  /** The folder for our import. */
  folder: string;
  /** The folder for LOAD DATA: without the bad rows, and with instants as MySQL writes them. */
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
  if (good !== rows - bad) throw new Error(`${good} of ${rows} rows look good, but ${bad} should be bad`);
  return { folder, clean, rows, good };
}

/** A good row of the sample. The only impossible date in it is 30 February. */
const GOOD = /^(\d+,[^,]+,)(?!\d{4}-02-30)(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)Z(,\d+,\d+)$/;
/** A bad row whose department does not exist. */
const ORPHAN = /,999,\d+$/;

/** Writes the good rows of one file to another. @returns how many there are */
async function writeGood(from: string, to: string): Promise<number> {
  const lines = (await Bun.file(from).text()).split("\n");
  const good = lines.filter((line) => GOOD.test(line) && !ORPHAN.test(line));
  await Bun.write(to, good.map((line) => `${line.replace(GOOD, "$1$2 $3$4")}\n`).join(""));
  return good.length;
}

/** Options that read what writeDialect writes. */
export const DIALECT_FLAGS = [
  ...["--delimiter", ";", "--encoding", "windows-1252"],
  ...["--datetime", "dd/MM/yyyy HH:mm:ss", "--zone", "America/Bogota"],
];

/** Writes the files of a folder again as a spreadsheet program in another country does, with a letter outside ASCII in each row. */
export async function writeDialect(from: string, folder: string): Promise<void> {
  await mkdir(folder);
  for (const name of ["departments.csv", "jobs.csv", "hired_employees.csv"]) {
    const text = (await Bun.file(join(from, name)).text()).replace(INSTANT, inBogota).replaceAll(",", ";");
    await Bun.write(join(folder, name), Buffer.from(text.replaceAll("a", "\u00E1"), "latin1"));
  }
}

const INSTANT = /(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d:\d\d)Z/g;
const HOURS_BEHIND_UTC = 5;

function inBogota(instant: string, year: string, month: string, day: string, time: string): string {
  if (`${month}-${day}` === "02-30") return `${day}/${month}/${year} ${time}`;
  const local = new Date(Date.parse(instant) - HOURS_BEHIND_UTC * 3_600_000).toISOString();
  return `${local.slice(8, 10)}/${local.slice(5, 7)}/${local.slice(0, 4)} ${local.slice(11, 19)}`;
}
