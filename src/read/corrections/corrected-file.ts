/** Reads a corrected export of rejections from a file on this machine: which rejections it corrects, and how. */
import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { NOT_UTF8, RECORD_BYTES_MAX } from "../../codecs/codec.ts";
import { isObject } from "../../codecs/json.ts";
import { JsonText } from "../../codecs/json-text.ts";
import { SOURCE_LENGTH_MAX } from "../../db/ledger.ts";
import { MusterError } from "../../errors.ts";
import { escaped, shown } from "../../shown.ts";
import { expecting } from "../formats/file-type.ts";
import { type Line, linesOf, textOfLine } from "../formats/lines.ts";
import { lookAt, readUnchanged } from "../sources/local-file.ts";
import { correctedCsv, isRejectionId, whyNoId } from "./corrected-csv.ts";

export interface CorrectedFile {
  /** The real path, so that a file has the same name each time, however the user spells its path. */
  name: string;
  bytes: number;
  /**
   * Reads its lines from the beginning, in batches; can be called again.
   * @param say called with one line of text if something is skipped in the file
   * @throws MusterError `invalid` or `refused` if the file changes, is of another type, or its header does not name the
   * columns
   */
  lines(say?: (line: string) => void): AsyncGenerator<CorrectionLine[]>;
}

/** A rejection to replay, with a new `row`, `raw`, `cells` or `fields`. If it has none of them, its input is replayed as it came. */
export interface Correction {
  id: number;
  /** A JSON object, as it was written. */
  row?: string;
  /** Text in the format in which the row came. */
  raw?: string;
  /** The cells of a sheet by the names of their columns. */
  cells?: Record<string, string>;
  /** New texts for some columns, as they would be written in the row's file; blank for no value. The others stay as they came. */
  fields?: Record<string, string>;
}

/** The correction on a line, or why the line cannot be used. */
export type Corrected = { correction: Correction; fault?: never } | { correction?: never; fault: string };
export type CorrectionLine = { line: number } & Corrected;

/** @param name what the file is called in an error */
type ReadLines = (
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  say?: (line: string) => void,
) => AsyncGenerator<CorrectionLine[]>;

const READERS: Record<string, ReadLines> = { csv: correctedCsv, ndjson: correctedJson, jsonl: correctedJson };

/**
 * Finds the file, and chooses its reader by the ending of its name. CSV needs a header with `id` and `raw`, or with
 * `rejection id` and the table's columns. A line of JSON has an `id`, and the whole new `row` or the text `raw`. If `raw` is
 * blank beside a `raw_base64`, the input is replayed as it came. Everything else is ignored.
 * @throws MusterError `invalid` if there is no such file, or its name has another ending
 */
export async function openCorrected(location: string): Promise<CorrectedFile> {
  const given = escaped(location);
  const [, ending = ""] = /\.([^./]*)$/.exec(location) ?? [];
  const read = READERS[ending.toLowerCase()];
  if (!read) throw invalid(`${given} is not read by its name: it must end in .csv, .ndjson or .jsonl`);
  const found = await lookAt(resolve(location), location);
  if (!found) throw invalid(`there is no file ${given}`);
  if (found.is !== "file") throw invalid(`${given} is not a file: give the corrected export`);
  const name = await realpath(location);
  if (name.length > SOURCE_LENGTH_MAX) throw invalid(`the path is over ${SOURCE_LENGTH_MAX} characters long`);
  const lines = (say?: (line: string) => void) => read(readUnchanged(name, location, found.state), given, say);
  return { name, bytes: found.state.bytes, lines };
}

async function* correctedJson(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<CorrectionLine[]> {
  for await (const lines of linesOf(expecting("ndjson", chunks, name))) {
    yield lines.flatMap((line) => {
      const corrected = correctionOf(line);
      return corrected ? [{ line: line.number, ...corrected }] : [];
    });
  }
}

/** Undefined if the line is blank. */
function correctionOf({ bytes, isTooLong }: Line): Corrected | undefined {
  if (isTooLong) return { fault: `is longer than ${RECORD_BYTES_MAX} bytes` };
  const text = textOfLine(bytes);
  if (text === undefined) return { fault: NOT_UTF8.detail };
  if (text.trim() === "") return undefined;
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
  if (!isRejectionId(id)) return { fault: whyNoId(id) };
  if (row !== undefined)
    return isObject(row) ? { correction: { id, row: json.source(["row"]) } } : { fault: "its row is not an object" };
  if (typeof raw === "string" && raw !== "") return { correction: { id, raw } };
  return raw_base64 ? { correction: { id } } : { fault: "it has neither a row nor a raw" };
}

const invalid = (problem: string) => new MusterError("invalid", problem);
