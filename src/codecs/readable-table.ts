/** A table as it is read: with the columns that the server generates. */
import type { Column, Table } from "./tables.ts";

const made = new WeakMap<Table, Table>();

/**
 * The same table, but its columns are all that can be read. It serves to select rows and to write them out; no row is inserted by
 * it. A table without generated columns is returned as it is.
 */
export function readable(table: Table): Table {
  if (table.readable === table.columns) return table;
  const known = made.get(table);
  if (known) return known;
  const at = (index: number) => table.readable.indexOf(table.columns[index] as Column);
  const view: Table = {
    ...table,
    columns: table.readable,
    key: table.key.map(at),
    numberKey: table.numberKey === undefined ? undefined : at(table.numberKey),
    assigned: table.assigned === undefined ? undefined : at(table.assigned),
    ...{ references: [], uniques: [] },
  };
  made.set(table, view);
  return view;
}
