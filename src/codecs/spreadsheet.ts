/**
 * Cells for spreadsheet programs. If a cell begins with one of these characters, the programs take it for a formula, and a
 * formula can send the sheet's content elsewhere (OWASP, CSV Injection). With an apostrophe before it, the cell is text.
 * Exports are exact by default: they have apostrophes only if the request asks for them.
 */
import { cellText, csvLine } from "./csv.ts";

const FORMULA = /^'*[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/;
const GUARDED = /^'+[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/;
const NUMBER = /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i;

/** A column with "yes" in every row of a file for spreadsheets: it says that the apostrophes are not part of the values. */
export const SPREADSHEET_COLUMN = "spreadsheet form";
export const SPREADSHEET_YES = "yes";

/** Puts an apostrophe before a formula. Also before a formula that has one already, so that `unguarded` gives the cell back. */
export function guarded(cell: string): string {
  return FORMULA.test(cell) && !NUMBER.test(cell) ? `'${cell}` : cell;
}

/** The start of a sheet. Without the byte order mark, some programs read UTF-8 as an old code page. */
export const sheetStart = (header: readonly string[]): string => `\uFEFF${csvLine([...header, SPREADSHEET_COLUMN])}`;

/** A line of a sheet. */
export const sheetLine = (cells: readonly unknown[]): string =>
  csvLine([...cells.map((cell) => guarded(cellText(cell))), SPREADSHEET_YES]);

/** Whether `guarded` may have made the cell. */
export const isGuarded = (cell: string): boolean => GUARDED.test(cell);

/** Undoes `guarded`. */
export const unguarded = (cell: string): string => (isGuarded(cell) ? cell.slice(1) : cell);
