/** Rows to show in documents, made from the dictionary like all else. */
import { z } from "zod";
import { Fault, type SqlValue } from "./codec.ts";
import type { Column, Row, Table } from "./tables.ts";

/**
 * A row that the table's rules accept where each table that it refers to has the id 1.
 * @param id null where the database shall assign it
 */
export function exampleRow(table: Table, id: number | null = null): Row {
  return table.columns.map((column) => (column.isKey ? id : exampleOf(column)));
}

function exampleOf({ name, codec, fallback }: Column): SqlValue {
  const allowed = codec.schema instanceof z.ZodEnum ? codec.schema.options : [];
  // The first that the column takes. Text takes an instant too, so it comes before.
  for (const value of [...allowed, 1, true, `${name} 1`, "a", "2021-11-07T02:48:42Z", "2021-11-07"]) {
    const accepted = codec.fromJson(value);
    if (!(accepted instanceof Fault)) return accepted;
  }
  return fallback;
}
