/** What the name of a file or folder says: which table it is for, or why it is not read and what to do. */
import type { TableName } from "../../codecs/tables.ts";
import { escaped } from "../../shown.ts";
import { READ_ENDINGS, readerOfFile } from "../formats/file-formats.ts";
import { option } from "../recipes/option-text.ts";

/** The names of the dictionary's tables. */
type Names = readonly TableName[];

/** `jobs.csv` and `jobs-2021.csv.gz` are for jobs. Undefined if the name is for no table. @param anyEnding not only those that are read */
export function tableOfFile(tables: Names, file: string, anyEnding = false): TableName | undefined {
  const stem = readerOfFile(file)?.stem ?? (anyEnding ? file.replace(/\.[^.]*$/, "") : undefined);
  if (stem === undefined || file.startsWith(".")) return undefined;
  return tables.find((table) => stem === table || stem.startsWith(`${table}-`));
}

/** A folder is for jobs if it is called `jobs`, or as Spark calls what it writes, `jobs.csv` or `jobs-2021.parquet`. */
export function tableOfFolder(tables: Names, folder: string): TableName | undefined {
  return tables.find((table) => table === folder) ?? tableOfFile(tables, folder);
}

/** The tables that a file's name and the folders in its path are named for, each once. */
export function tablesOfPath(tables: Names, path: string, anyEnding = false): TableName[] {
  const { folder, file } = partsOf(path);
  const named = [...folder.split("/").map((each) => tableOfFolder(tables, each)), tableOfFile(tables, file, anyEnding)];
  return [...new Set(named.filter((table) => table !== undefined))];
}

export function partsOf(path: string): { folder: string; file: string } {
  const slash = path.lastIndexOf("/");
  return { folder: path.slice(0, Math.max(0, slash)), file: path.slice(slash + 1) };
}

/** Files that programs put beside the data: hidden ones, checksums, Spark's and Hive's markers. Such folders are left out too. */
export function isSideName(name: string): boolean {
  return /^\.|^_[^.]*$|\.(?:crc|md5|sha\d+|asc|sig)$|^(?:thumbs\.db|desktop\.ini)$/i.test(name);
}

/** Why a file is not read that is for no table, or has an ending that is not read. @param path relative to the source */
export function whyFileSkipped(tables: Names, path: string): string {
  const { folder, file } = partsOf(path);
  const reader = readerOfFile(file);
  if (reader === undefined) return whyEndingSkipped(file);
  const near = folder
    .split("/")
    .reverse()
    .find((name) => nearestTable(tables, name) !== undefined);
  if (near !== undefined) {
    const table = nearestTable(tables, near);
    return `neither its name nor its folder's is a table's, the nearest is ${table}: name the folder ${escaped(near)} exactly ${table}`;
  }
  const nearest = nearestTable(tables, reader.stem);
  const [table, ending] = [nearest ?? "TABLE", file.slice(reader.stem.length)];
  const known = nearest === undefined ? ` (${tables.join(", ")})` : `, the nearest is ${nearest}`;
  return `it is named for no table${known}: name it ${table}${ending} or ${table}-2021${ending}, or put it into a folder ${table}`;
}

/** The table that a name means: job, JOBS and old_jobs mean jobs. */
function nearestTable(tables: Names, name: string): TableName | undefined {
  const words = name.toLowerCase().match(/[a-z]{3,}/g) ?? [];
  const isNear = (table: string) =>
    name.toLowerCase().includes(table) || words.some((word) => `_${table}`.includes(`_${word}`));
  return tables.find((table) => isNear(table.toLowerCase()));
}

/** What to do with files of other endings. */
const ADVICE: [endings: string, advice: string][] = [
  [".tab", "end its name in .tsv"],
  [".psv", `end its name in .csv, and read it with ${option("delimiter", "|")}`],
  [".dat .data .text", "end its name in .csv if it is CSV"],
  [".jsonlines .ldjson", "end its name in .ndjson"],
  [".bz2 .xz .zstd .7z .rar .tar .tgz .lz4 .lzma .sz .br .z", "unpack it"],
  [".gz .zst", "say in its name what is inside, for example jobs.csv.gz"],
  [".xls .xlsm .xlsb .ods .numbers", "save it as .xlsx, or as CSV in UTF-8"],
  [".orc .feather .arrow", "write it as CSV, NDJSON or Avro"],
  [".sql .dump", "export its rows as CSV"],
];

function whyEndingSkipped(file: string): string {
  const [ending] = /(?:\.[^.]*)?\.(?:gz|zst|zip)$|\.[^.]*$/i.exec(file) ?? [];
  const read = `names of files that are read end ${READ_ENDINGS}`;
  if (ending === undefined) return `it has no ending (${read})`;
  const last = ending.slice(ending.lastIndexOf(".")).toLowerCase();
  const inner = ending.slice(0, -last.length).toLowerCase();
  const adviceFor = (each: string) => ADVICE.find(([endings]) => endings.split(" ").includes(each))?.[1];
  const advice = inner === "" ? adviceFor(last) : (adviceFor(inner) ?? adviceFor(last));
  return `${escaped(ending)} files are not read (${advice ?? read})`;
}
