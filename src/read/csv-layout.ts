/** Where a recipe expects a header and which cells a record has. The strict default expects neither. */
import { type CellOrder, LEFT_OUT } from "../codecs/csv.ts";
import type { Table } from "../codecs/tables.ts";
import { columnCalled, FieldNames, unfit } from "./field-names.ts";
import { contradictionIn, type FileRecipe } from "./recipe.ts";

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
  const found = contradictionIn(recipe);
  if (found) throw unfit(table, found.part, file, `${found.part} ${found.why}`);
  const names = new FieldNames(table, recipe, file);
  const cells = cellsWithoutHeader(table, recipe, file);
  const order = hasTrailing ? [...(cells ?? table.columns.keys()), LEFT_OUT] : cells;
  return { names, ...headerOf(recipe), order, hasTrailing };
}

function headerOf({ header, columns, ignore = [], ignoreOtherColumns }: FileRecipe): Pick<Layout, "header" | "why"> {
  if (Array.isArray(columns)) return { header: "none", why: "columns are given by position" };
  if (header === false) return { header: "none", why: "header is false" };
  if (header === true) return { header: "must", why: "header is true" };
  if (columns) return { header: "must", why: "columns are given by name" };
  if (ignore.length > 0) return { header: "must", why: "ignore names cells" };
  return ignoreOtherColumns ? { header: "must", why: "ignoreOtherColumns goes by names" } : { header: "may", why: "" };
}

/** The order of the cells if no header gives it: that of the recipe, or the dictionary's. */
function cellsWithoutHeader(table: Table, { columns, ids }: FileRecipe, file: string): CellOrder {
  const isAssigned = (index: number) => ids === "database" && index === table.key;
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
