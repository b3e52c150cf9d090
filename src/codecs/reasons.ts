/** Reasons that need the database, in the words in which every way in gives them. */
import type { Reason } from "../db/ledger.ts";
import type { SqlValue } from "./columns.ts";
import type { Table } from "./tables.ts";

export const duplicateId = (table: Table, id: SqlValue | undefined): Reason => ({
  code: "duplicate_id",
  field: table.columns[table.key]?.name ?? "",
  detail: `id ${id} is taken by a row with other values`,
});

/** @param column by its index, one that refers to `parent` */
export const unknownReference = (
  table: Table,
  { column, table: parent }: Table["references"][number],
  id: SqlValue,
): Reason => ({
  code: "unknown_reference",
  field: table.columns[column]?.name ?? "",
  detail: `${parent} has no id ${id}`,
});
