/** The names above a CSV document's rows: whether a record is a header, what it says, and whether it could be a row instead. */
import { shown } from "../shown.ts";
import { Fault, INVALID_UTF8, isBlank, NOT_UTF8 } from "./codec.ts";
import { CELLS_MAX, type CsvRecord } from "./csv-parser.ts";
import type { Column, Table } from "./tables.ts";

/** Faults of a header that are named one by one. */
const FAULTS_NAMED_MAX = 5;

/**
 * For each cell the index of the column that it names, or -1. Blanks, case and characters that nobody sees do not count.
 */
export function columnsNamed(table: Table, cells: readonly string[]): number[] {
  const named = namesOf(table);
  return cells.map((cell) => (cell.length > NAME_LENGTH_MAX ? -1 : (named.get(bare(cell)) ?? -1)));
}

/** Longer than any column's name with what may surround it. */
const NAME_LENGTH_MAX = 256;

/** A name without what nobody sees: blanks, control and format characters such as a byte order mark, case. */
export const bare = (text: string): string => text.replace(/[\s\p{Cc}\p{Cf}]/gu, "").toLowerCase();

const known = new WeakMap<Table, Map<string, number>>();

function namesOf(table: Table): Map<string, number> {
  const made = known.get(table);
  if (made) return made;
  const names = new Map<string, number>();
  for (const [index, column] of table.columns.entries()) {
    for (const alias of column.aliases) names.set(bare(alias), index);
  }
  for (const [index, column] of table.columns.entries()) names.set(bare(column.name), index);
  known.set(table, names);
  return names;
}

/**
 * What is wrong with a header: cells that name no column, columns that are named twice, required columns that are missing.
 * @param named what columnsNamed says of the cells
 * @returns "" if every cell is a column's name, once, and no required column is missing
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

/** Whether a record further down is a header: nothing else has a column's name in the place of a number or a date. */
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

/** Text takes anything: its cells say nothing of where they belong. */
const isTyped = (column: Column | undefined) => column !== undefined && column.codec.avro.type !== "string";

/** How a record looks as a row in the dictionary's order. */
export type Shape =
  | { is: "row" }
  /** It may be a bad row, or something else: it lacks what a row must have. */
  | { is: "doubtful" }
  | { is: "no row"; why: string };

/** Whether a record is a row by its shape: as many cells as columns, and none of another type than its column's. */
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

/** A number that is out of range, or written in another way, is a number all the same; and so for days and instants. */
function isOfAnotherType({ code }: Fault, cell: string): boolean {
  if (code === "invalid_text") return true;
  if (code === "invalid_datetime") return !/\d/.test(cell);
  return code === "wrong_type" && !/^[+-]?[\d.,eE]*\d[\d.,eE]*$/.test(cell);
}

/** The cells of a record; of a malformed one what they look like. */
export function looseCells(record: CsvRecord): string[] {
  if (record.malformed === undefined) return record.cells;
  return splitLine(Buffer.from(record.raw).toString(), ",");
}

/** A line cut at each delimiter outside of quotes, however its quotes are. */
export function splitLine(line: string, delimiter: string): string[] {
  const cells: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at <= line.length && cells.length < CELLS_MAX; at++) {
    const character = line[at];
    if (character === '"') isQuoted = !isQuoted;
    if (character !== undefined && (isQuoted || character !== delimiter)) continue;
    cells.push(line.slice(start, at).replaceAll('"', "").trim());
    start = at + 1;
  }
  return cells;
}
