/** Makes rows of values from the text that the server sends. */
import { lengthAt, SHORT_LENGTH_END, type TextRow } from "../db/text-rows.ts";
import type { SqlValue } from "./codec.ts";
import type { Row, Table } from "./tables.ts";

/** Makes the row of a statement that selects the table's columns in their order. */
export function fromText({ columns }: Table, { buffer, offset }: TextRow): Row {
  const row: SqlValue[] = [];
  let at = offset;
  for (const { codec } of columns) {
    let start = at + 1;
    let length = buffer[at];
    if (length === undefined || length >= SHORT_LENGTH_END) ({ length, start } = lengthAt(buffer, at));
    at = start + (length ?? 0);
    if (length === undefined) row.push(null);
    else row.push(codec.fromBytes?.(buffer, start, at) ?? codec.fromSql(buffer.toString("utf8", start, at)));
  }
  return row;
}
