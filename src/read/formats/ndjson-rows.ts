/** Rows of newline-delimited JSON: one object on each line. */
import { JsonText } from "../../codecs/json-text.ts";
import { rowNotJson, rowNotUtf8, rowTooLong } from "../../codecs/reasons.ts";
import type { ReadRow, Table } from "../../codecs/tables.ts";
import { MusterError } from "../../errors.ts";
import { ROWS_PER_TURN, turn } from "../../event-loop.ts";
import type { FileRow, ReadOptions, ReadRows } from "../file-row.ts";
import { readingTable } from "../recipes/reading-table.ts";
import { expecting } from "./file-type.ts";
import { type JsonOptions, jsonFields, readJson } from "./json-fields.ts";
import { type Line, linesOf, textOfLine } from "./lines.ts";

/** The ReadRows of NDJSON. A line that is not JSON becomes a row with a reason to reject it. Blank lines are skipped. */
export const ndjsonRows: ReadRows = (table, chunks, name, options) =>
  rowsOfTexts(table, linesOf(expecting("ndjson", chunks, name)), name, options);

/** Makes rows of the texts of their objects: the lines of NDJSON, or the elements of a JSON array. */
export async function* rowsOfTexts(
  table: Table,
  batches: AsyncIterable<Line[]>,
  name: string,
  options: ReadOptions = {},
): AsyncGenerator<FileRow[]> {
  const { recipe, keyOptional = false } = options;
  const reading = readingTable(table, recipe);
  const fields = jsonFields(reading, name, options);
  for await (const texts of batches) {
    await turn();
    const rows: FileRow[] = [];
    for (const { number: position, bytes: raw, isTooLong } of texts) {
      if (position % ROWS_PER_TURN === 0) await turn();
      const row = isTooLong ? TOO_LONG : rowOfLine(reading, raw, { keyOptional, fields });
      if (row) rows.push({ values: row.values, reasons: row.reasons, position, raw, recipe });
    }
    yield rows;
  }
}

const TOO_LONG: ReadRow = { values: [], reasons: [rowTooLong] };

/** Reads one line, and checks it without looking at other rows. Undefined if the line is blank. */
export function rowOfLine(table: Table, bytes: Uint8Array, options: JsonOptions): ReadRow | undefined {
  const text = textOfLine(bytes)?.trim();
  if (text === undefined) return { values: [], reasons: [rowNotUtf8] };
  return text === "" ? undefined : rowOfJson(table, text, options);
}

/** Reads the JSON text of one row, and checks it without looking at other rows. */
export function rowOfJson(table: Table, text: string, options: JsonOptions = { keyOptional: true }): ReadRow {
  let json: JsonText;
  try {
    json = new JsonText(text, "the row");
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    return { values: table.columns.map(() => undefined), reasons: [rowNotJson(error.message)] };
  }
  return readJson(table, json.value, options, json.repeatedIn([]));
}
