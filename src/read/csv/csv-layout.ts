/** Where a recipe expects a header and which cells a record has. The strict default expects neither. */
import { type CellOrder, LEFT_OUT } from "../../codecs/csv.ts";
import type { Table } from "../../codecs/tables.ts";
import { columnCalled, FieldNames, unfit } from "../recipes/field-names.ts";
import { contradictionIn, type FileRecipe } from "../recipes/recipe.ts";

export interface Layout {
  names: FieldNames;
  /** Whether the first record is the header. If it "may" be, its cells decide. */
  header: "must" | "may" | "none";
  /** Why the header must be there, or cannot be there: the part of the recipe that says so. */
  why: string;
  /** The columns of the cells, if there is no header. */
  order: CellOrder;
  /** Each row ends in a delimiter, so that its last cell is blank. */
  hasTrailing: boolean;
}

/**
 * @param file what the file is called in an error
 * @throws MusterError `refused` if the recipe does not fit the table
 */
export function layoutOf(table: Table, recipe: FileRecipe = {}, file = ""): Layout {
  const { trailingColumn: hasTrailing = false } = recipe;
  // A recipe file has been checked for this, but options of the command may have changed parts of it.
  const found = contradictionIn({ ...recipe, ignore: [] }); // a dialect has names to ignore, with a header or without
  if (found) throw unfit(table, found.part, file, `${found.part} ${found.why}`);
  const names = new FieldNames(table, recipe, file);
  const cells = cellsWithoutHeader(table, recipe, file);
  const order = hasTrailing ? [...(cells ?? table.columns.keys()), LEFT_OUT] : cells;
  return { names, ...headerOf(recipe), order, hasTrailing };
}

/** The cells of a header. It may end in a delimiter as the rows do, or not. */
export const headerCells = ({ hasTrailing }: Layout, cells: readonly string[]): readonly string[] =>
  hasTrailing && cells.at(-1) === "" ? cells.slice(0, -1) : cells;

/**
 * Whether a header further down names the columns of the rows in their order. A cell that is left out by its position may have
 * any name.
 * @param order of the rows
 * @param named the columns that the header's cells name
 */
export function isInOrder({ names, header, hasTrailing }: Layout, order: CellOrder, named: readonly number[]): boolean {
  const all = order ?? [...names.table.columns.keys()];
  const ofHeader = hasTrailing ? all.slice(0, -1) : all;
  const isLeftOut = (column: number) => header === "none" || column < 0;
  return (
    named.length === ofHeader.length &&
    named.every((column, index) => (ofHeader[index] === LEFT_OUT ? isLeftOut(column) : column === ofHeader[index]))
  );
}

/** Names to ignore do not ask for a header: without one, nothing is under these names. */
function headerOf({ header, columns, ignoreOtherColumns }: FileRecipe): Pick<Layout, "header" | "why"> {
  if (Array.isArray(columns)) return { header: "none", why: "columns are given by position" };
  if (header === false) return { header: "none", why: "header is false" };
  if (header === true) return { header: "must", why: "header is true" };
  if (columns) return { header: "must", why: "columns are given by name" };
  return ignoreOtherColumns ? { header: "must", why: "ignoreOtherColumns goes by names" } : { header: "may", why: "" };
}

/** The order of the cells if no header gives it: the recipe's, or else the dictionary's. */
function cellsWithoutHeader(table: Table, { columns, ids }: FileRecipe, file: string): CellOrder {
  const isAssigned = (index: number) => ids === "database" && index === table.assigned;
  if (!Array.isArray(columns)) {
    const indexes = [...table.columns.keys()];
    return ids === "database" ? indexes.filter((index) => !isAssigned(index)) : undefined;
  }
  const order = columns.map((column) => (column === null ? LEFT_OUT : columnCalled(table, column, "columns", file)));
  for (const [index, { name, required }] of table.columns.entries()) {
    const times = order.filter((each) => each === index).length;
    if (times > 1) throw unfit(table, "columns", file, `${name} stands ${times} times`);
    if (times === 0 && required) throw unfit(table, "columns", file, `${name} is missing`);
    if (times > 0 && isAssigned(index))
      throw unfit(table, "columns", file, `the database assigns ${name}: leave it out`);
  }
  return order;
}
