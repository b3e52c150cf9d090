/** Rows as Avro records straight from the text in which the server sends them. */
import { lengthAt, SHORT_LENGTH_END, type TextRow } from "../db/text-rows.ts";
import { MusterError } from "../errors.ts";
import { isNullFirst, typeOf } from "./avro.ts";
import { writeLong } from "./avro-bytes.ts";
import type { CopyText } from "./codec.ts";
import type { Column, Table } from "./tables.ts";

/** Bytes by which a column's value may be longer in Avro than with its length in the server's answer. */
const LONGER_BYTES_MAX = 16;

/**
 * What writes a row, whose columns are the table's, as a record of avroSchema(table) at `position`: it returns where the
 * record ends, or a negative number if the buffer may be too short by that much.
 * @param invalid is told of each value that the present rules refuse
 * @throws MusterError `refused` for a NULL if the schema allows none
 */
export function textEncoder(
  table: Table,
  invalid?: (row: TextRow, column: Column) => void,
): (row: TextRow, buffer: Buffer, position: number) => number {
  const fields = table.columns.map((column) => ({ copy: copyOf(column), writeNull: writeNullOf(table, column) }));
  const check = invalid && checkerOf(table, invalid);
  return ({ buffer: text, offset, end }, buffer, position) => {
    const needed = end - offset + fields.length * LONGER_BYTES_MAX;
    if (buffer.length - position < needed) return buffer.length - position - needed;
    check?.({ buffer: text, offset, end });
    let from = offset;
    let at = position;
    for (const { copy, writeNull } of fields) {
      const first = text[from] ?? 0;
      if (first < SHORT_LENGTH_END) {
        at = copy(text, from + 1, from + 1 + first, buffer, at);
        from += 1 + first;
      } else {
        const { length, start } = lengthAt(text, from);
        from = start + (length ?? 0);
        at = length === undefined ? writeNull(buffer, at) : copy(text, start, from, buffer, at);
      }
    }
    return at;
  };
}

/** Tells of the values of a row that its columns' rules refuse: few are looked at more closely than by mayBreak. */
function checkerOf({ columns }: Table, invalid: (row: TextRow, column: Column) => void): (row: TextRow) => void {
  return (row) => {
    let from = row.offset;
    for (const column of columns) {
      const { length, start } = lengthAt(row.buffer, from);
      from = start + (length ?? 0);
      if (length === undefined || !column.codec.mayBreak?.(row.buffer, start, from)) continue;
      if (isInvalid(column, row.buffer.toString("utf8", start, from))) invalid(row, column);
    }
  };
}

/** Whether a restore would refuse the value, or get another one back. */
function isInvalid({ codec }: Column, text: string): boolean {
  const value = codec.fromSql(text);
  return codec.avro.read(codec.avro.write(value)) !== value;
}

function copyOf(column: Column): CopyText {
  const copy = column.codec.avro.copy ?? byValue(column);
  if (!column.nullable) return copy;
  const branch = isNullFirst(column) ? 1 : 0;
  return (text, start, end, out, position) => copy(text, start, end, out, writeLong(branch, out, position));
}

function byValue({ codec }: Column): CopyText {
  const type = typeOf(codec.avro.type);
  return (text, start, end, out, position) =>
    type.encode(codec.avro.write(codec.fromSql(text.toString("utf8", start, end))), out, position);
}

function writeNullOf(table: Table, column: Column): (out: Buffer, position: number) => number {
  if (column.nullable) return (out, position) => writeLong(isNullFirst(column) ? 0 : 1, out, position);
  return () => {
    throw new MusterError("refused", `${table.name} has a row without ${column.name}: mend it first`);
  };
}
