/** A corrected export of rejections, line by line: CSV or newline-delimited JSON (design section 3). */
import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { parseCsv, RECORD_BYTES_MAX } from "../codecs/csv-parser.ts";
import { JsonText } from "../codecs/json-text.ts";
import { MusterError } from "../errors.ts";
import { shown } from "../shown.ts";
import { givenBack, REJECTION_ID } from "./mending-sheet.ts";
import type { Mended } from "./replay.ts";

/** One rejection of the file, or why the line cannot be used. */
export type FileLine = { line: number } & ({ mended: Mended; fault?: never } | { mended?: never; fault: string });

export interface CorrectedFile {
  /** The one spelling of its path. */
  name: string;
  bytes: number;
  /** Its lines from the beginning, block by block; they may be read more than once. */
  lines(): AsyncGenerator<FileLine[]>;
}

/** Bytes read at a time. */
const CHUNK_BYTES = 512 * 1024;
/** The column that keeps a run's source. */
const NAME_LENGTH_MAX = 700;
const REJECTION_ID_MAX = Number.MAX_SAFE_INTEGER;

/**
 * Finds the file; its name says its form. CSV needs a header with `id` and `raw`, or with `rejection id` and the fields. A line of JSON has an `id` and the whole
 * new `row`, or the text `raw`. A blank `raw` beside a `raw_base64` stands for the input as it came. All else is ignored.
 * @throws MusterError `invalid` where there is no such file, or its name ends otherwise
 */
export async function openCorrected(location: string): Promise<CorrectedFile> {
  const [, ending = ""] = /\.([a-z]+)$/i.exec(location) ?? [];
  const read = READERS[ending.toLowerCase()];
  if (!read) throw invalid(`${location}: the name must end in ${Object.keys(READERS).join(", ")}`);
  const name = await realpath(location).catch(() => {
    throw invalid(`there is no file ${location}`);
  });
  const { size, isFile } = await stat(name).then((found) => ({ size: found.size, isFile: found.isFile() }));
  if (!isFile) throw invalid(`${location} is not a file`);
  if (name.length > NAME_LENGTH_MAX) throw invalid(`the path is over ${NAME_LENGTH_MAX} characters long`);
  const lines = () => read(createReadStream(name, { highWaterMark: CHUNK_BYTES }));
  return { name, bytes: size, lines };
}

const READERS: Record<string, (chunks: AsyncIterable<Buffer>) => AsyncGenerator<FileLine[]>> = {
  csv: csvLines,
  ndjson: jsonLines,
  jsonl: jsonLines,
};

async function* csvLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<FileLine[]> {
  let columns: Columns | undefined;
  for await (const records of parseCsv(chunks)) {
    const lines: FileLine[] = [];
    for (const { line, cells, malformed } of records) {
      if (columns === undefined) columns = columnsOf(cells);
      else lines.push({ line, ...(malformed === undefined ? ofCells(cells, columns) : { fault: malformed }) });
    }
    yield lines;
  }
  if (columns === undefined) columnsOf([]);
}

interface Columns {
  names: readonly string[];
  id: number;
  /** -1 for a sheet, which has a column for each field. */
  raw: number;
  base64: number;
}

function columnsOf(cells: readonly string[]): Columns {
  if (cells.includes(REJECTION_ID)) {
    const twice = cells.find((cell, at) => cells.indexOf(cell) !== at);
    if (twice !== undefined) throw invalid(`the first line names the column ${shown(twice)} twice: remove one`);
    return { names: cells, id: cells.indexOf(REJECTION_ID), raw: -1, base64: -1 };
  }
  for (const name of ["id", "raw"]) {
    const found = cells.filter((cell) => cell === name).length;
    if (found !== 1)
      throw invalid(`the first line must name the columns, separated by commas, and among them ${name} once`);
  }
  const [id, raw, base64] = ["id", "raw", "raw_base64"].map((name) => cells.indexOf(name));
  return { names: cells, id: id ?? -1, raw: raw ?? -1, base64: base64 ?? -1 };
}

type Verdict = { mended: Mended } | { fault: string };

function ofCells(sent: readonly string[], columns: Columns): Verdict {
  const { names } = columns;
  if (sent.length !== names.length) return { fault: `has ${sent.length} cells, and the header ${names.length}` };
  const id = sent[columns.id] ?? "";
  const number = /^\d{1,16}$/.test(id) ? Number(id) : id;
  if (!isId(number)) return { fault: badId(id) };
  const isSheet = columns.raw === -1;
  const back = givenBack(names, sent, (name) => (isSheet ? !name.includes(" ") : name === "raw"));
  if ("fault" in back) return back;
  const { cells } = back;
  if (isSheet) return { mended: { id: number, cells: new Map(names.map((name, at) => [name, cells[at] ?? ""])) } };
  const raw = cells[columns.raw] ?? "";
  if (raw !== "") return { mended: { id: number, raw } };
  return cells[columns.base64] ? { mended: { id: number } } : { fault: "its raw is blank" };
}

async function* jsonLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<FileLine[]> {
  let line = 0;
  for await (const texts of textLines(chunks)) {
    const lines: FileLine[] = [];
    for (const text of texts) {
      line++;
      if (text === undefined || text.trim() !== "") lines.push({ line, ...ofText(text) });
    }
    yield lines;
  }
}

function ofText(text: string | undefined): Verdict {
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
  if (repeated !== undefined) return { fault: `gives ${repeated} twice` };
  const { id, row, raw, raw_base64 } = value;
  if (!isId(id)) return { fault: badId(id) };
  if (row !== undefined)
    return isObject(row)
      ? { mended: { id, row, source: json.source(["row"]) } }
      : { fault: "its row is not an object" };
  if (typeof raw === "string" && raw !== "") return { mended: { id, raw } };
  return raw_base64 ? { mended: { id } } : { fault: "it has neither a row nor a raw" };
}

/** Undefined stands for a line whose bytes are not UTF-8. */
async function* textLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<(string | undefined)[]> {
  let rest: Buffer = Buffer.alloc(0);
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

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const invalid = (problem: string) => new MusterError("invalid", problem);
