/** The lines of a corrected export of rejections: CSV or newline-delimited JSON. */

import { RECORD_BYTES_MAX } from "../codecs/codec.ts";
import { bare, splitLine } from "../codecs/csv-header.ts";
import { type CsvRecord, parseCsv } from "../codecs/csv-parser.ts";
import { isObject } from "../codecs/json.ts";
import { JsonText } from "../codecs/json-text.ts";
import { MusterError } from "../errors.ts";
import { shown } from "../shown.ts";
import { OTHER_DELIMITERS } from "./csv-start.ts";
import { expecting } from "./file-type.ts";
import { givenBack, REJECTION_ID } from "./mending-sheet.ts";

/** A rejection to be replayed: with a whole new row, with text or cells in the form in which its row came, or as it is. */
export interface Correction {
  id: number;
  /** A JSON object, as it was written. */
  row?: string;
  raw?: string;
  /** The cells of a sheet by the names of their columns. */
  cells?: Record<string, string>;
}

/** One rejection of the file, or why the line cannot be used. */
export type CorrectionLine = { line: number } & Corrected;
type Corrected = { correction: Correction; fault?: never } | { correction?: never; fault: string };

/**
 * Reads a file's lines in blocks.
 * @param name says in an error which file it was
 * @param say is told in one line what of the file is left out
 * @throws MusterError `invalid` or `refused` for a file that is something else, or whose header does not name the columns
 */
export type ReadLines = (
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  say?: (line: string) => void,
) => AsyncGenerator<CorrectionLine[]>;

const REJECTION_ID_MAX = Number.MAX_SAFE_INTEGER;

export async function* csvLines(...[chunks, name, say]: Parameters<ReadLines>): ReturnType<ReadLines> {
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
      const verdict = malformed === undefined ? ofCells(cells, columns) : { fault: malformed };
      if ("fault" in verdict && isHeader(cells, columns)) headers++;
      else lines.push({ line, ...verdict });
    }
    yield lines;
  }
  if (columns === undefined) throw invalid(`${name}: it has no line: give the export with its header`);
  if (headers > 0) say?.(`${name}: skipped ${headers === 1 ? "a header" : `${headers} headers`} among the lines`);
}

interface Columns {
  names: readonly string[];
  id: number;
  /** -1 for a sheet, which has a column for each field. */
  raw: number;
  base64: number;
}

/** The columns that are read, as an export calls them. Blanks, case and characters that nobody sees do not count. */
const READ = new Map(["id", "raw", "raw_base64", REJECTION_ID].map((each) => [bare(each), each]));
const namesOf = (cells: readonly string[]) => cells.map((cell) => READ.get(bare(cell)) ?? cell);
const isSheet = (names: readonly string[]) => names.includes(REJECTION_ID);

function columnsOf(record: CsvRecord, name: string): Columns {
  const { line, malformed } = record;
  const text = Buffer.from(record.raw).toString();
  if (malformed !== undefined)
    throw invalid(`${name}: the header on line ${line} cannot be read, ${malformed}: ${shown(text)}`);
  const names = namesOf(record.cells);
  const wanted = isSheet(names) ? [REJECTION_ID] : ["id", "raw"];
  const missing = wanted.filter((each) => !names.includes(each));
  if (missing.length > 0) throw invalid(`${name}: ${whyNoHeader(text, line, missing)}`);
  const read = isSheet(names) ? names : wanted;
  const twice = read.find((each) => names.indexOf(each) !== names.lastIndexOf(each));
  if (twice !== undefined) throw invalid(`${name}: the header names the column ${shown(twice)} twice: remove one`);
  const raw = isSheet(names) ? -1 : names.indexOf("raw");
  return { names, id: names.indexOf(isSheet(names) ? REJECTION_ID : "id"), raw, base64: names.indexOf("raw_base64") };
}

function whyNoHeader(text: string, line: number, missing: readonly string[]): string {
  for (const delimiter of OTHER_DELIMITERS) {
    const names = namesOf(splitLine(text, delimiter));
    if (!isSheet(names) && !(names.includes("id") && names.includes("raw"))) continue;
    const kind = delimiter === "\t" ? "tabs" : `"${delimiter}"`;
    return `cells are separated by ${kind} (line ${line}: ${shown(text)}): save it with commas between them`;
  }
  const columns = missing.length === 1 ? `column ${missing}` : `columns ${missing.join(" and ")}`;
  return `line ${line} must name the columns, and has no ${columns}: ${shown(text)}; give an export of rejections, or use import.ts for the rows of a table`;
}

const isHeader = (cells: readonly string[], { names }: Columns) =>
  cells.length === names.length && namesOf(cells).every((name, index) => name === names[index]);

function ofCells(sent: readonly string[], columns: Columns): Corrected {
  const { names } = columns;
  if (sent.length !== names.length) return { fault: `has ${sent.length} cells, and the header ${names.length}` };
  const id = sent[columns.id] ?? "";
  const number = /^\d{1,16}$/.test(id) ? Number(id) : id;
  if (!isId(number)) return { fault: badId(id) };
  const back = givenBack(names, sent, (name) => (isSheet(names) ? !name.includes(" ") : name === "raw"));
  if ("fault" in back) return back;
  const { cells } = back;
  if (isSheet(names))
    return { correction: { id: number, cells: Object.fromEntries(names.map((name, at) => [name, cells[at] ?? ""])) } };
  const raw = cells[columns.raw] ?? "";
  if (raw !== "") return { correction: { id: number, raw } };
  return cells[columns.base64] ? { correction: { id: number } } : { fault: "its raw is blank" };
}

export async function* jsonLines(...[chunks, name]: Parameters<ReadLines>): ReturnType<ReadLines> {
  let line = 0;
  for await (const texts of textLines(expecting("ndjson", chunks, name))) {
    const lines: CorrectionLine[] = [];
    for (const text of texts) {
      line++;
      if (text === undefined || text.trim() !== "") lines.push({ line, ...ofText(text) });
    }
    yield lines;
  }
}

function ofText(text: string | undefined): Corrected {
  if (text === undefined) return { fault: "is not UTF-8" };
  let json: JsonText;
  try {
    json = new JsonText(text);
  } catch {
    return { fault: "is not JSON" };
  }
  const { value } = json;
  if (!isObject(value)) return { fault: "is not an object" };
  const [repeated] = [...json.repeatedIn([]), ...json.repeatedIn(["row"])];
  if (repeated !== undefined) return { fault: `gives ${shown(repeated)} twice` };
  const { id, row, raw, raw_base64 } = value;
  if (!isId(id)) return { fault: badId(id) };
  if (row !== undefined)
    return isObject(row) ? { correction: { id, row: json.source(["row"]) } } : { fault: "its row is not an object" };
  if (typeof raw === "string" && raw !== "") return { correction: { id, raw } };
  return raw_base64 ? { correction: { id } } : { fault: "it has neither a row nor a raw" };
}

/** Undefined stands for a line whose bytes are not UTF-8. */
async function* textLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<(string | undefined)[]> {
  let rest: Uint8Array = new Uint8Array();
  for await (const chunk of chunks) {
    const block = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    const texts: (string | undefined)[] = [];
    let start = 0;
    for (let end = block.indexOf(LF); end !== -1; end = block.indexOf(LF, start)) {
      texts.push(decoded(block.subarray(start, end)));
      start = end + 1;
    }
    rest = block.subarray(start);
    if (rest.length > RECORD_BYTES_MAX) throw invalid(`a line of the file is longer than ${RECORD_BYTES_MAX} bytes`);
    yield texts;
  }
  yield [decoded(rest)];
}

const LF = 10;
const utf8 = new TextDecoder("utf-8", { fatal: true });

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

const isId = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= REJECTION_ID_MAX;

const badId = (id: unknown) =>
  id === undefined || id === "" ? "it has no id" : `its id ${shown(id)} is not a rejection's`;

const invalid = (problem: string) => new MusterError("invalid", problem);
