/** What the name of a file or folder says: which table it is for, or why it is not read and what to do. */
import { type TableName, tableNames } from "../codecs/tables.ts";
import { escaped } from "../shown.ts";
import { READ_ENDINGS, readerOfFile } from "./file-formats.ts";

/** How many skipped things are named one by one. */
const SKIPPED_NAMED_MAX = 20;
const SIDE_FILES_NAMED_MAX = 5;

/** `jobs.csv`, `jobs-2021.csv.gz` and `jobs/any.avro` are for jobs. Undefined if the name is for no table. */
export function tableOfFile(name: string): TableName | undefined {
  const { folder, file } = partsOf(name);
  const { stem } = readerOfFile(file) ?? {};
  if (stem === undefined || file.startsWith(".")) return undefined;
  if (folder !== "") return isTableFolder(folder) ? folder : undefined;
  return tableNames.find((table) => stem === table || stem.startsWith(`${table}-`));
}

export const isTableFolder = (name: string): name is TableName => tableNames.some((table) => table === name);

function partsOf(path: string): { folder: string; file: string } {
  const slash = path.lastIndexOf("/");
  return { folder: path.slice(0, Math.max(0, slash)), file: path.slice(slash + 1) };
}

/** A file or folder of a source that is not read. */
export interface Skipped {
  /** Relative to the source. */
  name: string;
  /** Why, and what to do about it. */
  why: string;
}

/** One line for each skipped thing; hidden files and checksums share one. */
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

/** Why a file is not read, if tableOfFile finds no table. */
export function whyFileSkipped(name: string): string {
  const { file } = partsOf(name);
  const reader = readerOfFile(file);
  if (reader === undefined) return whyEndingSkipped(file);
  const nearest = nearestTable(reader.stem);
  const [table, ending] = [nearest ?? "TABLE", file.slice(reader.stem.length)];
  const tables = nearest === undefined ? ` (${tableNames.join(", ")})` : `, the nearest is ${nearest}`;
  return `it is named for no table${tables}: name it ${table}${ending} or ${table}-2021${ending}, or put it into a folder ${table}`;
}

/** Why a folder is not read. @param path relative to the source */
export function whyFolderSkipped(path: string): string {
  const { folder, file } = partsOf(path);
  if (folder !== "") return `folders inside ${folder} are not read (move its files up into ${folder})`;
  const table = tableOfFile(file);
  if (table !== undefined) return `it is a folder (name it ${table} to have its files read)`;
  const nearest = nearestTable(file);
  const tables = nearest === undefined ? "" : `, the nearest is ${nearest}`;
  return `it is a folder named for no table${tables} (import it by itself, or name it exactly ${nearest ?? tableNames.join(", ")})`;
}

/** The table that a name means: job, JOBS and old_jobs mean jobs. */
function nearestTable(name: string): TableName | undefined {
  const words = name.toLowerCase().match(/[a-z]{3,}/g) ?? [];
  const isNear = (table: string) => name.toLowerCase().includes(table) || words.some((word) => table.includes(word));
  return tableNames.find((table) => isNear(table.toLowerCase()));
}

/** What to do with files of other endings. */
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

function whyEndingSkipped(file: string): string {
  const [ending] = /(?:\.[^.]*)?\.gz$|\.[^.]*$/i.exec(file) ?? [];
  const read = `files that are read end in ${READ_ENDINGS.join(", ")}`;
  if (ending === undefined) return `it has no ending (${read})`;
  const [, advice] = ADVICE.find(([endings]) => endings.split(" ").includes(ending.toLowerCase())) ?? [];
  return `${escaped(ending)} files are not read (${advice ?? read})`;
}
