/** Example rows for documents, made from the dictionary. */
import { z } from "zod";
import { Fault, type SqlValue } from "./codec.ts";
import type { Column, Row, Table } from "./tables.ts";

/**
 * A row that the table's rules accept, if each table that it refers to has its example row, with the id 1.
 * @param id null if the database shall assign it
 */
export function exampleRow(table: Table, id: number | null = null): Row {
  return table.columns.map((column, at) => (column.isAssigned ? id : exampleAt(table, at)));
}

/** A column that refers to a parent has the value of the parent's example row. The example row refers to no row of its own table. */
function exampleAt(table: Table, at: number): SqlValue {
  const column = table.columns[at];
  if (!column) return null;
  if (column.isAssigned) return 1;
  for (const { parent, columns, parentColumns } of table.references) {
    const parentColumn = parentColumns[columns.indexOf(at)];
    if (parentColumn === undefined) continue;
    if (parent !== table) return exampleAt(parent, parentColumn);
    if (column.nullable) return null;
  }
  return exampleOf(column);
}

const TIMES = ["2021-11-07T02:48:42Z", "2021-11-07", "08:30:00", 2021];

function exampleOf({ name, codec, fallback }: Column): SqlValue {
  const { schema, avro } = codec;
  const allowed = schema instanceof z.ZodEnum ? schema.options : [];
  const member = schema instanceof z.ZodArray && schema.element instanceof z.ZodEnum ? schema.element.options[0] : "";
  const bytes = Buffer.alloc(typeof avro.type === "object" && "size" in avro.type ? avro.type.size : 1);
  // The first value that the column accepts. Texts come before the instant, since a text column would accept that too.
  for (const value of [
    ...allowed,
    { [name]: 1 },
    1,
    true,
    `${name} 1`,
    "a",
    ...TIMES,
    0,
    [member],
    bytes.toString("base64"),
  ]) {
    const accepted = codec.fromJson(value);
    if (!(accepted instanceof Fault)) return accepted;
  }
  return fallback;
}
