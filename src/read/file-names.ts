/** What the name of a file or folder says: which table it is for, or why it is not read and what to do. */
import { type TableName, tableNames } from "../codecs/tables.ts";
import { escaped } from "../shown.ts";
import { formOf, READ_ENDINGS } from "./file-formats.ts";

/** Things that are not read are named one by one up to so many. */
const SKIPPED_NAMED_MAX = 20;
const SIDE_FILES_NAMED_MAX = 5;

/** `jobs.csv`, `jobs-2021.csv.gz` and `jobs/any.avro` are for jobs; undefined if the name says no table. */
export function tableOfFile(name: string): TableName | undefined {
  const { folder, file } = partsOf(name);
  const { stem } = formOf(file) ?? {};
  if (stem === undefined || file.startsWith(".")) return undefined;
  if (folder !== "") return isTableFolder(folder) ? folder : undefined;
  return tableNames.find((table) => stem === table || stem.startsWith(`${table}-`));
}

export const isTableFolder = (name: string): name is TableName => tableNames.some((table) => table === name);

function partsOf(path: string): { folder: string; file: string } {
  const slash = path.lastIndexOf("/");
  return { folder: path.slice(0, Math.max(0, slash)), file: path.slice(slash + 1) };
}

/** Something of a source that is not read. */
export interface Skipped {
  /** Relative to the source. */
  name: string;
  /** Why, and what to do about it. */
  why: string;
}

/** One line for each that is not read; hidden files and checksums share one. */
export function skippedLines(skipped: readonly Skipped[]): string[] {
  const sides = skipped.filter(({ name }) => isSideFile(name));
  const others = skipped.filter(({ name }) => !isSideFile(name));
  const lines = others.slice(0, SKIPPED_NAMED_MAX).map(({ name, why }) => `Skipped ${escaped(name)}: ${why}`);
  const more = others.length - lines.length;
  if (more > 0) lines.push(`Skipped ${more} more`);
  if (sides.length > 0) {
    const named = sides.slice(0, SIDE_FILES_NAMED_MAX).map(({ name }) => escaped(name));
    const rest = sides.length > named.length ? `, ... (${sides.length} in all)` : "";
    lines.push(`Skipped hidden files and checksums: ${named.join(", ")}${rest}`);
  }
  return lines;
}

/** Files that programs put beside the data: hidden ones, checksums, Spark's and Hive's markers. */
function isSideFile(name: string): boolean {
  const { file } = partsOf(name);
  return /^\.|^_[^.]*$|\.(?:crc|md5|sha\d+|asc|sig)$|^(?:thumbs\.db|desktop\.ini)$/i.test(file);
}

/** Why a file is not read that tableOfFile knows no table of. */
export function whyFileSkipped(name: string): string {
  const { file } = partsOf(name);
  const form = formOf(file);
  if (form === undefined) return whyEnding(file);
  const near = tableNames.find((table) => form.stem.toLowerCase().includes(table.toLowerCase()));
  const [table, ending] = [near ?? "TABLE", file.slice(form.stem.length)];
  const tables = near === undefined ? ` (${tableNames.join(", ")})` : "";
  return `it is not named for a table${tables}: name it ${table}${ending} or ${table}-2021${ending}, or put it into a folder ${table}`;
}

/** Why a folder is not read. @param path relative to the source */
export function whyFolderSkipped(path: string): string {
  const { folder, file } = partsOf(path);
  if (folder !== "") return `folders inside ${folder} are not read (move its files up into ${folder})`;
  const spark = tableOfFile(file);
  if (spark !== undefined) return `it is a folder (name it ${spark} to have its files read)`;
  const near = tableNames.find((table) => table.toLowerCase() === file.toLowerCase());
  if (near !== undefined) return `a folder must be named exactly for its table (name it ${near})`;
  return `it is a folder that is not named for a table (import it by itself, or name it ${tableNames.join(", ")})`;
}

/** By what ends a name, in small letters: what to do with such a file. */
const ADVICE: [endings: string, advice: string][] = [
  [".tsv .tab .psv", "save it with commas between the cells, and end its name in .csv"],
  [".txt .dat .data .text", "end its name in .csv if it is CSV"],
  [".jsonl .jsonlines .ldjson", "end its name in .ndjson"],
  [".json", "write an object on each line, and end its name in .ndjson"],
  [".zip .bz2 .xz .zst .zstd .7z .rar .tar .tgz .lz4 .lzma .sz .br .z", "unpack it"],
  [".xlsx .xls .xlsm .xlsb .ods .numbers", "save it as CSV in UTF-8"],
  [".parquet .orc .feather .arrow", "write it as CSV, NDJSON or Avro"],
  [".sql .dump", "export its rows as CSV"],
];

function whyEnding(file: string): string {
  const [ending] = /(?:\.[^.]*)?\.gz$|\.[^.]*$/i.exec(file) ?? [];
  if (ending === undefined) return `it has no ending (files that are read end in ${READ_ENDINGS.join(", ")})`;
  const [, advice] = ADVICE.find(([endings]) => endings.split(" ").includes(ending.toLowerCase())) ?? [];
  return `${escaped(ending)} files are not read (${advice ?? `files that are read end in ${READ_ENDINGS.join(", ")}`})`;
}
