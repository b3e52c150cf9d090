/** A table as a recipe reads it: a copy for readers alone. Everything else takes the dictionary's own table. */
import type { Table } from "../codecs/tables.ts";
import type { FileRecipe } from "./recipe.ts";

export function readingTable(table: Table, recipe: FileRecipe | undefined): Table {
  if (recipe?.ids !== "database") return table;
  return { ...table, columns: table.columns.map((column) => (column.isKey ? { ...column, required: false } : column)) };
}
