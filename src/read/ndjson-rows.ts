/** Rows of newline-delimited JSON: one object on each line. */
import { fromJson } from "../codecs/json.ts";
import { JsonText } from "../codecs/json-text.ts";
import { repeatedField, rowNotJson, rowNotUtf8, rowTooLong } from "../codecs/reasons.ts";
import type { ReadRow, Table } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { ROWS_PER_TURN, turn } from "../event-loop.ts";
import type { FileRow, ReadOptions } from "./file-row.ts";
import { expecting } from "./file-type.ts";
import { linesOf, textOfLine } from "./lines.ts";

/** The ReadRows of NDJSON. A line that is not JSON becomes a row with a reason to reject it. Blank lines are skipped. */
export async function* ndjsonRows(
  table: Table,
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  { keyOptional = false }: ReadOptions = {},
): AsyncGenerator<FileRow[]> {
  for await (const lines of linesOf(expecting("ndjson", chunks, name))) {
    await turn();
    const rows: FileRow[] = [];
    for (const { number: position, bytes: raw, isTooLong } of lines) {
      if (position % ROWS_PER_TURN === 0) await turn();
      const row = isTooLong ? TOO_LONG : rowOfLine(table, raw, { keyOptional });
      if (row) rows.push({ values: row.values, reasons: row.reasons, position, raw });
    }
    yield rows;
  }
}

const TOO_LONG: ReadRow = { values: [], reasons: [rowTooLong] };

/** Reads one line, and checks it without looking at other rows. Undefined if the line is blank. */
export function rowOfLine(table: Table, bytes: Uint8Array, options: { keyOptional: boolean }): ReadRow | undefined {
  const text = textOfLine(bytes)?.trim();
  if (text === undefined) return { values: [], reasons: [rowNotUtf8] };
  return text === "" ? undefined : rowOfJson(table, text, options);
}

/** Reads the JSON text of one row, and checks it without looking at other rows. */
export function rowOfJson(table: Table, text: string, options = { keyOptional: true }): ReadRow {
  let json: JsonText;
  try {
    json = new JsonText(text, "the row");
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    return { values: table.columns.map(() => undefined), reasons: [rowNotJson(error.message)] };
  }
  return withRepeated(fromJson(table, json.value, options), json.repeatedIn([]));
}

/** Adds to the row one reason for each key that stands twice in its JSON text. */
export function withRepeated(row: ReadRow, fields: readonly string[]): ReadRow {
  return fields.length === 0 ? row : { ...row, reasons: [...row.reasons, ...fields.map(repeatedField)] };
}
