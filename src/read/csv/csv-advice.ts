/** Why a CSV file is refused at its first records, and what to do: the option that reads the file. */
import { isBlank } from "../../codecs/codec.ts";
import type { CsvRecord } from "../../codecs/csv-parser.ts";
import { shown } from "../../shown.ts";
import { option, options } from "../recipes/option-text.ts";
import type { HeaderFaults, Shape } from "./csv-header.ts";
import type { Layout } from "./csv-layout.ts";

const COMMENT = "#";

export const rawOf = (record: CsvRecord) => Buffer.from(record.raw).toString();
export const textOf = (record: CsvRecord) => shown(rawOf(record).trimEnd());

/** The physical line on which a record ends. */
export const lastLineOf = (record: CsvRecord) => record.line + rawOf(record).split("\n").length - 1;

/** A header at `line` that other lines stand above. */
export function linesAbove(line: number, above: CsvRecord): string {
  const fix = isComment(above) ? skipComments : `skip what stands above it with ${option("skip", line - 1)}`;
  return `line ${line} is a header, and line ${above.line} stands above it: ${textOf(above)}; ${fix}`;
}

/** A first record that is no row, as the record after it shows. @param last the last line that is no row */
export function noRow({ header, names }: Layout, record: CsvRecord, why: string, last: number): string {
  const what = header === "none" ? "no row" : "neither a header nor a row";
  const isHeader = header !== "none" && mayBeHeader(record);
  const skip = `if it is a title, skip it with ${option("skip", last)}; if not, correct it`;
  const fix = isComment(record)
    ? skipComments
    : isHeader
      ? `if it is a header, ${nameColumns(record.cells)}; ${skip}`
      : skip;
  return `line ${record.line} is ${what} (${why}): ${textOf(record)}; ${fix}: the columns are ${names.expected}`;
}

/** A header, although the recipe says that the file has none. */
export function headerUnwanted({ why }: Layout, record: CsvRecord): string {
  const skip = `skip it with ${option("skip", lastLineOf(record))}`;
  return `${why}, and line ${record.line} is a header: ${textOf(record)}; ${skip}`;
}

/** No header in the first record, although the recipe says that the file has one. */
export function headerMissing({ why, names }: Layout, record: CsvRecord, shape: Shape["is"]): string {
  const columns = names.table.columns.map(({ name }) => name).join(",");
  let fix = `if it is a title, skip it with ${option("skip", lastLineOf(record))}`;
  if (shape === "row") fix = `if it is a row, name the columns by their position with ${option("columns", columns)}`;
  else if (isComment(record)) fix = skipComments;
  else if (mayBeHeader(record)) fix = `if it is a header, ${nameColumns(record.cells)}; ${fix}`;
  return `${why}, and line ${record.line} is no header: ${textOf(record)}; ${fix}: the names are ${names.expected}`;
}

/** What to do about a header with faults: leave cells out, or name their columns. @param line on which the header ends */
export function toReadHeader(faults: HeaderFaults, cells: readonly string[], line: number): string {
  const { unknown, missing, assigned, key, columns } = faults;
  if (assigned !== undefined) return `leave it out with ${option("ignore", listed([assigned]))}`;
  if (unknown.length === 0)
    return missing.length === 1 && missing[0] === key
      ? `if the database shall give the ids, read it with ${option("ids", "database")}; if not, correct it`
      : "correct it";
  const names = unknown.map(({ cell }) => cell);
  const blank = unknown.filter(({ cell }) => isBlank(cell));
  if (missing.length > 0 && blank.length < names.length) {
    const ways = nameColumns(names.filter((name) => !isBlank(name)));
    return `${ways}, and leave other cells out with ${option("ignoreOtherColumns")}`;
  }
  if (missing.length > 0) {
    const byPosition = cells.map((_, index) => columns[index] ?? "COLUMN").join(",");
    return `name the columns by their position with ${options({ skip: line, columns: byPosition })}`;
  }
  const ignore = `leave ${names.length === 1 ? "the cell" : "the cells"} out with ${option("ignore", listed(names))}`;
  const isLast = blank.length === 1 && blank[0]?.index === cells.length - 1 && cells.length > 1;
  if (names.length === 1 && unknown[0]?.index === 0 && (blank.length === 1 || names[0] === "Unnamed: 0"))
    return `if pandas has written it, read it with ${option("dialect", "pandas")}; if not, ${ignore}`;
  return isLast ? `if each row ends in a delimiter, read it with ${option("trailingColumn")}, or ${ignore}` : ignore;
}

/**
 * If the first rows all end in a delimiter and the header does not, or the other way round, says so.
 * @param columns of the cells; "" for a cell that is left out
 * @param header the names of its cells and its line, if there is one
 */
export function otherEnds(
  columns: readonly string[],
  rows: readonly CsvRecord[],
  header: { names: readonly string[]; line: number } | undefined,
  delimiter: string,
): string | undefined {
  const [row, another] = rows;
  if (!row || !another) return undefined;
  const width = columns.length;
  if (rows.every((each) => each.length === width + 1 && each.cell(width) === "")) {
    const what = `each row ends in ${delimiter === "," ? "a comma" : shown(delimiter)} after its last field (line ${row.line}: ${textOf(row)})`;
    return `${what}: read it with ${option("trailingColumn")}`;
  }
  // The last cell is left out: its name is blank, or it is the one of trailingColumn, which a header need not have.
  const isOpen = header && columns.at(-1) === "" && (header.names.length < width || header.names.at(-1) === "");
  if (!isOpen || !rows.every((each) => each.length === width - 1)) return undefined;
  const byPosition = options({
    skip: header.line,
    columns: columns
      .slice(0, -1)
      .map((name) => name || "-")
      .join(","),
  });
  const what = `no row ends in a delimiter after its last field (line ${row.line}: ${textOf(row)}), as the header or the recipe says`;
  return `${what}: name the columns by their position with ${byPosition}`;
}

const isComment = (record: CsvRecord) => rawOf(record).trimStart().startsWith(COMMENT);
const skipComments = `skip lines that begin so with ${option("comment", COMMENT)}`;

/** Whether a record could be a header of unknown names. */
const mayBeHeader = ({ cells }: CsvRecord) => cells.length > 1 && cells.every((cell) => /^[^\d\s]/.test(cell));

/** How the option takes a list. A name with a comma cannot be given by the option, only in a recipe. */
const listed = (names: readonly string[]) => (names.some((name) => name.includes(",")) ? "..." : names.join(","));

function nameColumns(names: readonly string[]): string {
  const [first = "", ...others] = names;
  const pairs = first.includes(",") ? "..." : `${first}=COLUMN${others.length > 0 ? ",..." : ""}`;
  return `name its columns with ${option("columns", pairs)}`;
}
