/** A corrected export of rejections, as a file of this machine. */
import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { SOURCE_LENGTH_MAX } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import { escaped } from "../shown.ts";
import { lookAt, readUnchanged } from "./local-file.ts";
import { type CorrectionLine, csvLines, jsonLines, type ReadLines } from "./mended-lines.ts";

export interface CorrectedFile {
  /** The one spelling of its path. */
  name: string;
  bytes: number;
  /**
   * Its lines from the beginning, block by block; they may be read more than once.
   * @param say is told in one line what of the file is left out
   * @throws MusterError `refused` if the file changes, and what ReadLines throws
   */
  lines(say?: (line: string) => void): AsyncGenerator<CorrectionLine[]>;
}

/**
 * Finds the file; its name says its form. CSV needs a header with `id` and `raw`, or with `rejection id` and the fields. A
 * line of JSON has an `id` and the whole new `row`, or the text `raw`. A blank `raw` beside a `raw_base64` stands for the
 * input as it came. All else is ignored.
 * @throws MusterError `invalid` if there is no such file, or its name ends otherwise
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
  return { name, bytes: Number(found.state.size), lines };
}

const READERS: Record<string, ReadLines> = { csv: csvLines, ndjson: jsonLines, jsonl: jsonLines };

const invalid = (problem: string) => new MusterError("invalid", problem);
