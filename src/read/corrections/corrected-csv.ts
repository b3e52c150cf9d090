/**
 * Reads a corrected export of rejections from CSV. The export is a listing with `id` and `raw`, or a table's sheet with a
 * column for each field.
 */
import { INVALID_UTF8, NOT_UTF8 } from "../../codecs/codec.ts";
import { type CsvRecord, parseCsv } from "../../codecs/csv-parser.ts";
import { isGuarded, SPREADSHEET_COLUMN, SPREADSHEET_YES, unguarded } from "../../codecs/spreadsheet.ts";
import { MusterError } from "../../errors.ts";
import { shown } from "../../shown.ts";
import { otherDialect } from "../csv/csv-dialect.ts";
import { expecting } from "../formats/file-type.ts";
import { bare } from "../recipes/field-names.ts";
import type { Corrected, CorrectionLine } from "./corrected-file.ts";
import { REJECTION_ID } from "./rejection-sheet.ts";

/**
 * Reads the corrections, in batches. A copy of the header is skipped.
 * @param name what the file is called in an error
 * @param say called with one line of text if headers were skipped
 * @throws MusterError `invalid` if the header does not name the columns, `refused` if the file is of another type
 */
export async function* correctedCsv(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  say?: (line: string) => void,
): AsyncGenerator<CorrectionLine[]> {
  let columns: Columns | undefined;
  let headers = 0;
  for await (const records of parseCsv(expecting("csv", chunks, name))) {
    const lines: CorrectionLine[] = [];
    for (const record of records) {
      if (columns === undefined) {
        columns = columnsOf(record, name);
        continue;
      }
      const { line, cells, malformed } = record;
      const corrected = malformed === undefined ? correctionOf(cells, columns) : { fault: malformed };
      if ("fault" in corrected && isHeader(cells, columns)) headers++;
      else lines.push({ line, ...corrected });
    }
    yield lines;
  }
  if (columns === undefined) throw invalid(`${name}: it has no header: give the export with its header line`);
  if (headers > 0) say?.(`${name}: skipped ${headers === 1 ? "a header" : `${headers} headers`} among the lines`);
}

/** The columns that a header names. */
interface Columns {
  names: readonly string[];
  isSheet: boolean;
  /** Indexes of columns; -1 if the header lacks the column. */
  id: number;
  raw: number;
  base64: number;
}

/** Finds the columns of an export by their bare names (field-names.ts), so that letter case and blanks do not matter. */
const EXPORT_COLUMNS = new Map(["id", "raw", "raw_base64", REJECTION_ID].map((each) => [bare(each), each]));
const namesOf = (cells: readonly string[]) => cells.map((cell) => EXPORT_COLUMNS.get(bare(cell)) ?? cell);

/** The required columns that a header lacks. A sheet is only required to have its rejection id. */
function missingIn(names: readonly string[]): string[] {
  return names.includes(REJECTION_ID) ? [] : ["id", "raw"].filter((each) => !names.includes(each));
}

function columnsOf(record: CsvRecord, name: string): Columns {
  const { line, malformed } = record;
  const text = Buffer.from(record.raw).toString();
  if (malformed !== undefined)
    throw invalid(`${name}: the header on line ${line} cannot be read, ${malformed}: ${shown(text)}`);
  const names = namesOf(record.cells);
  const missing = missingIn(names);
  if (missing.length > 0) {
    const dialect = otherDialect(line, text, (cells) => missingIn(namesOf(cells)).length === 0);
    const toDo = "save it with commas between cells, and nothing above the header";
    throw invalid(`${name}: ${dialect ? `${dialect.seen}: ${toDo}` : whyNoHeader(text, line, missing)}`);
  }
  const isSheet = names.includes(REJECTION_ID);
  const read = isSheet ? names : ["id", "raw"];
  const twice = read.find((each) => names.indexOf(each) !== names.lastIndexOf(each));
  if (twice !== undefined) throw invalid(`${name}: the header names the column ${shown(twice)} twice: remove one`);
  const id = names.indexOf(isSheet ? REJECTION_ID : "id");
  return { names, isSheet, id, raw: names.indexOf("raw"), base64: names.indexOf("raw_base64") };
}

function whyNoHeader(text: string, line: number, missing: readonly string[]): string {
  const columns = missing.length === 1 ? `column ${missing}` : `columns ${missing.join(" and ")}`;
  return `line ${line} must name the columns, and has no ${columns}: ${shown(text)}; give an export of rejections, or import the rows of a table instead`;
}

const isHeader = (cells: readonly string[], { names }: Columns) =>
  cells.length === names.length && namesOf(cells).every((name, index) => name === names[index]);

function correctionOf(sent: readonly string[], columns: Columns): Corrected {
  const { names, isSheet } = columns;
  if (sent.length !== names.length) return { fault: `has ${sent.length} cells, and the header ${names.length}` };
  const text = sent[columns.id] ?? "";
  const id = /^\d{1,16}$/.test(text) ? Number(text) : text;
  if (!isRejectionId(id)) return { fault: whyNoId(text) };
  const exported = asExported(columns, sent);
  if ("fault" in exported) return exported;
  const { cells } = exported;
  if (isSheet)
    return { correction: { id, cells: Object.fromEntries(names.map((name, at) => [name, cells[at] ?? ""])) } };
  const raw = cells[columns.raw] ?? "";
  if (raw !== "") return { correction: { id, raw } };
  return cells[columns.base64] ? { correction: { id } } : { fault: "its raw is blank" };
}

/** Undoes the guard of an export for spreadsheets, which puts an apostrophe before cells that look like a formula. */
function asExported(
  { names, isSheet }: Columns,
  cells: readonly string[],
): { cells: readonly string[] } | { fault: string } {
  // No column of a table has a blank in its name. A column with a blank is a note for people: ignore it.
  const isRead = (name: string) => (isSheet ? !name.includes(" ") : name === "raw");
  const read = names.flatMap((name, at) => (isRead(name) ? [{ name, cell: cells[at] ?? "" }] : []));
  const bad = read.find(({ cell }) => cell === INVALID_UTF8);
  if (bad) return { fault: `its ${bad.name} ${NOT_UTF8.detail}` };
  if (cells[names.indexOf(SPREADSHEET_COLUMN)] === SPREADSHEET_YES) return { cells: cells.map(unguarded) };
  const doubtful = read.find(({ cell }) => isGuarded(cell));
  if (!doubtful) return { cells };
  const { name, cell } = doubtful;
  const ways = `keep the column "${SPREADSHEET_COLUMN}" of the export, or give the row in an .ndjson file`;
  return { fault: `its ${name} ${shown(cell)} begins with an apostrophe, which an export may have added: ${ways}` };
}

export const isRejectionId = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 1;

export const whyNoId = (id: unknown) =>
  id === undefined || id === "" ? "it has no id" : `its id ${shown(id)} is not a rejection's`;

const invalid = (problem: string) => new MusterError("invalid", problem);
