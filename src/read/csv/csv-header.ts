/** Tells a CSV header from a row: which columns the cells name, and whether they could be a row's values. */
import { Fault, INVALID_UTF8, isBlank, NOT_UTF8 } from "../../codecs/codec.ts";
import type { CellOrder } from "../../codecs/csv.ts";
import type { CsvRecord } from "../../codecs/csv-parser.ts";
import type { Column, Table } from "../../codecs/tables.ts";
import { shown } from "../../shown.ts";
import { type FieldNames, UNKNOWN } from "../recipes/field-names.ts";
import { type Marks, splitLine } from "./csv-dialect.ts";

/** How many faults of a header an error names. */
const FAULTS_NAMED_MAX = 5;
/** What is wrong with a header. */
export interface HeaderFaults {
  /** The cells that name no column, and that nothing says to leave out. */
  unknown: { index: number; cell: string }[];
  /** The columns that are missing, by what the header should call them. */
  missing: string[];
  /** The column that each cell names; undefined for a cell that names none. */
  columns: (string | undefined)[];
  /** The key's cell, which must be left out if the database assigns ids. */
  assigned: string | undefined;
  /** The name of the key. */
  key: string | undefined;
  /** All faults as one text; "" if there are none. */
  text: string;
}

/**
 * Looks for unknown names, columns named twice, and missing columns. A column that the recipe names must be there, also if
 * a row may leave it out.
 * @param named what FieldNames.of answers for the cells
 */
export function headerFaults(
  { table: { columns, assigned: id = -1 }, mapped, leavesOutOthers }: FieldNames,
  cells: readonly string[],
  named: readonly number[],
): HeaderFaults {
  const unknown = leavesOutOthers
    ? []
    : cells.flatMap((cell, index) => (named[index] === UNKNOWN ? [{ index, cell }] : []));
  const faults = unknown.map(({ cell, index }) =>
    isBlank(cell) ? `cell ${index + 1} has no name` : `${shown(cell)} is not a column`,
  );
  const missing: string[] = [];
  let assigned: string | undefined;
  for (const [index, { name, required, isAssigned }] of columns.entries()) {
    const times = named.filter((each) => each === index).length;
    const names = mapped.get(index)?.map(shown).join(" or ");
    if (times > 1) faults.push(`${name} stands ${times} times`);
    // The key is not required if the database assigns it (reading-table.ts).
    if (times > 0 && isAssigned && !required) {
      assigned = cells[named.indexOf(index)];
      faults.push(`${name} is there, but the database assigns ids`);
    }
    if (times > 0 || !(required || names)) continue;
    missing.push(name);
    faults.push(names ? `${names} is missing, for ${name}` : `${name} is missing`);
  }
  const more = faults.length - FAULTS_NAMED_MAX;
  const text = faults.slice(0, FAULTS_NAMED_MAX).join(", ") + (more > 0 ? `, and ${more} more` : "");
  return {
    unknown,
    missing,
    assigned,
    key: columns[id]?.name,
    text,
    columns: named.map((index) => columns[index]?.name),
  };
}

/**
 * Whether a record among the rows is a header. It is one if all its cells name columns, or if a name stands in a column of
 * numbers or dates. If it has the wrong number of cells, two names are enough.
 */
export function isHeaderAgain(
  { columns }: Table,
  cells: readonly string[],
  named: readonly number[],
  order: CellOrder,
): boolean {
  const names = named.filter((each) => each >= 0).length;
  if (names === 0) return false;
  if (cells.every((cell, index) => isBlank(cell) || named[index] !== UNKNOWN)) return true;
  if (cells.length !== (order ?? columns).length) return names > 1;
  return named.some((each, index) => each >= 0 && isTyped(columns[order?.[index] ?? index]));
}

/** Whether a cell can be of the wrong type. A text column accepts any text, so its cells prove nothing. */
export const isTyped = (column: Column | undefined) => column !== undefined && column.codec.avro.type !== "string";

/** Whether any cell can be of the wrong type. If none can, no row can be told from a header by its types. */
export const hasTyped = ({ columns }: Table, order: CellOrder): boolean =>
  (order ?? [...columns.keys()]).some((index) => isTyped(columns[index]));

/** What a record looks like when its cells are read as a row. */
export type Shape =
  | { is: "row" }
  /** The cells fit their columns, but the row would be rejected. It could also be a title. */
  | { is: "doubtful" }
  | { is: "no row"; why: string; hasOtherCount?: boolean };

/** Tells whether cells can be a row, by their number and their types. */
export function shapeOf({ name, columns }: Table, cells: readonly string[], order: CellOrder): Shape {
  if (cells.length !== (order ?? columns).length) {
    const wanted = order ? `the recipe says ${order.length}` : `${name} has ${columns.length} columns`;
    const why = `it has ${cells.length === 1 ? "1 cell" : `${cells.length} cells`}, and ${wanted}`;
    return { is: "no row", why, hasOtherCount: true };
  }
  let isComplete = true;
  for (const [index, cell] of cells.entries()) {
    const column = columns[order?.[index] ?? index];
    if (!column) continue;
    if (isBlank(cell)) isComplete &&= !column.required;
    if (isBlank(cell) || !isTyped(column)) continue;
    const value = cell === INVALID_UTF8 ? NOT_UTF8 : column.codec.fromCsv(cell);
    if (!(value instanceof Fault)) continue;
    if (isOfAnotherType(value, cell)) return { is: "no row", why: `${column.name} ${value.detail}` };
    isComplete = false;
  }
  return { is: isComplete ? "row" : "doubtful" };
}

/** Whether a refused cell is not even a badly written number or date. */
function isOfAnotherType({ code }: Fault, cell: string): boolean {
  if (code === "invalid_datetime") return !/\d/.test(cell);
  return code === "invalid_text" || (code === "wrong_type" && !/^[+-]?[\d.,eE]*\d[\d.,eE]*$/.test(cell));
}

/** The cells of a record. For a malformed record they are a guess. */
export const looseCells = (record: CsvRecord, marks: Marks): string[] =>
  record.malformed === undefined ? record.cells : splitLine(Buffer.from(record.raw).toString(), marks);
