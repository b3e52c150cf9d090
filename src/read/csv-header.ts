/** Tells a CSV header from a row: which columns the cells name, and whether they could be a row's values. */
import { Fault, INVALID_UTF8, isBlank, NOT_UTF8 } from "../codecs/codec.ts";
import type { CsvRecord } from "../codecs/csv-parser.ts";
import type { Column, Table } from "../codecs/tables.ts";
import { shown } from "../shown.ts";
import { splitLine } from "./csv-dialect.ts";

/** How many faults of a header an error names. */
const FAULTS_NAMED_MAX = 5;
/** A longer cell is not looked up: no column's name is that long, even with blanks around it. */
const NAME_LENGTH_MAX = 256;

/**
 * For each cell the index of the column that it names, or -1. Aliases name columns too. Blanks, letter case and invisible
 * characters do not count.
 */
export function columnsNamed(table: Table, cells: readonly string[]): number[] {
  const names = namesOf(table);
  return cells.map((cell) => (cell.length > NAME_LENGTH_MAX ? -1 : (names.get(bare(cell)) ?? -1)));
}

/** A name in lower case, without blanks, control characters and format characters such as a byte order mark. */
export const bare = (text: string): string => text.replace(/[\s\p{Cc}\p{Cf}]/gu, "").toLowerCase();

const namesByTable = new WeakMap<Table, Map<string, number>>();

function namesOf(table: Table): Map<string, number> {
  const known = namesByTable.get(table);
  if (known) return known;
  const { columns } = table;
  const aliases = columns.flatMap((column, index) => column.aliases.map((alias) => [bare(alias), index] as const));
  // Names come last: if a column's name is also another column's alias, the name wins.
  const names = new Map([...aliases, ...columns.map(({ name }, index) => [bare(name), index] as const)]);
  namesByTable.set(table, names);
  return names;
}

/**
 * What is wrong with a header: unknown names, columns named twice, and required columns that are missing.
 * @param named what columnsNamed answers for the cells
 * @returns "" if nothing is wrong
 */
export function headerFaults({ columns }: Table, cells: readonly string[], named: readonly number[]): string {
  const faults: string[] = [];
  for (const [index, cell] of cells.entries()) {
    if (isBlank(cell)) faults.push(`cell ${index + 1} has no name`);
    else if (named[index] === -1) faults.push(`${shown(cell)} is not a column`);
  }
  for (const [index, { name, required }] of columns.entries()) {
    const times = named.filter((each) => each === index).length;
    if (times > 1) faults.push(`${name} stands ${times} times`);
    if (times === 0 && required) faults.push(`${name} is missing`);
  }
  const more = faults.length - FAULTS_NAMED_MAX;
  return faults.slice(0, FAULTS_NAMED_MAX).join(", ") + (more > 0 ? `, and ${more} more` : "");
}

/**
 * Whether a record among the rows is a header. It is one if all its cells name columns, or if a name stands in a column of
 * numbers or dates. If it has the wrong number of cells, two names are enough.
 */
export function isHeaderAgain(
  { columns }: Table,
  cells: readonly string[],
  named: readonly number[],
  order: readonly number[] | undefined,
): boolean {
  const names = named.filter((each) => each !== -1).length;
  if (names === 0) return false;
  if (names === cells.filter((cell) => !isBlank(cell)).length) return true;
  if (cells.length !== (order ?? columns).length) return names > 1;
  return named.some((each, index) => each !== -1 && isTyped(columns[order?.[index] ?? index]));
}

/** Whether a cell can be of the wrong type. A text column accepts any text, so its cells prove nothing. */
const isTyped = (column: Column | undefined) => column !== undefined && column.codec.avro.type !== "string";

/** What a record looks like when its cells are read as a row, in the dictionary's order. */
export type Shape =
  | { is: "row" }
  /** The cells fit their columns, but the row would be rejected. It could also be a title. */
  | { is: "doubtful" }
  | { is: "no row"; why: string };

/** Tells whether cells can be a row, by their number and their types. */
export function shapeOf({ name, columns }: Table, cells: readonly string[]): Shape {
  if (cells.length !== columns.length) {
    const count = cells.length === 1 ? "1 cell" : `${cells.length} cells`;
    return { is: "no row", why: `it has ${count}, and ${name} has ${columns.length} columns` };
  }
  let isComplete = true;
  for (const [index, column] of columns.entries()) {
    const cell = cells[index] ?? "";
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
export const looseCells = (record: CsvRecord): string[] =>
  record.malformed === undefined ? record.cells : splitLine(Buffer.from(record.raw).toString(), ",");
