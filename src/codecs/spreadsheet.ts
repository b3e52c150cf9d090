/**
 * Cells for spreadsheet programs. They take a cell that begins with one of these characters for a formula, and a formula can
 * send the sheet's content elsewhere (OWASP, CSV Injection). An apostrophe before it makes it text. Exports are exact by
 * default, and have apostrophes only if the request asks for them.
 */
const FORMULA = /^'*[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/;
const GUARDED = /^'+[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/;
const NUMBER = /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i;

/** A column with "yes" in every row of a file for spreadsheets: it says that the apostrophes are not part of the values. */
export const SPREADSHEET_COLUMN = "spreadsheet form";
export const SPREADSHEET_YES = "yes";

/** Puts an apostrophe before a cell that looks like a formula, or like one with an apostrophe before it already. */
export function guarded(cell: string): string {
  return FORMULA.test(cell) && !NUMBER.test(cell) ? `'${cell}` : cell;
}

/** Whether `guarded` may have made the cell. */
export const isGuarded = (cell: string): boolean => GUARDED.test(cell);

/** The cell before `guarded`. */
export const unguarded = (cell: string): string => (isGuarded(cell) ? cell.slice(1) : cell);
