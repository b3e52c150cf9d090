/** Writes rows as Avro records straight from the text that the server sends. */
import { lengthAt, SHORT_LENGTH_END, type TextRow } from "../db/text-rows.ts";
import { MusterError } from "../errors.ts";
import { isNullFirst, typeOf } from "./avro.ts";
import { writeLong } from "./avro-bytes.ts";
import type { CopyText } from "./codec.ts";
import type { Column, Table } from "./tables.ts";

/** How many bytes longer a value can be in Avro than in the server's answer, each with the length before it. */
const LONGER_BYTES_MAX = 16;

/**
 * Makes the encoder of a table's rows. It writes a row as a record of avroSchema(table) at `position`, and returns the position
 * after it. It returns a negative number if the buffer may be too short by that many bytes.
 * @param invalid called for each value that the table's present rules refuse
 * @throws MusterError (the encoder) `refused` for a NULL that the schema does not allow
 */
export function textEncoder(
  table: Table,
  invalid?: (row: TextRow, column: Column) => void,
): (row: TextRow, buffer: Buffer, position: number) => number {
  const fields = table.columns.map((column) => ({ copy: copyOf(column), writeNull: writeNullOf(table, column) }));
  const growth = Math.max(...table.columns.map(({ codec }) => codec.avro.growth ?? 1));
  const check = invalid && checkerOf(table, invalid);
  return ({ buffer: text, offset, end }, buffer, position) => {
    const needed = (end - offset) * growth + fields.length * LONGER_BYTES_MAX;
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

/** Looks for values that their columns' rules refuse. Decodes only the values that mayBreak suspects. */
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

/** Whether a restore would refuse the value, or store another one. */
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
    throw new MusterError("refused", `${table.name} has a row without ${column.name}: correct it first`);
  };
}
