import type { Table } from "../../codecs/tables.ts";

/** The names of some of a table's columns, such as those of a key: `code, day`. */
export const columnNames = ({ columns }: Table, indices: readonly number[]): string =>
  indices.map((index) => columns[index]?.name).join(", ");
