/**
 * Cells for a spreadsheet program. It takes a cell that begins with one of these characters for a formula, which may send
 * what is in the sheet elsewhere (OWASP, CSV Injection); an apostrophe before it makes it text. Exports are exact by default,
 * and have the apostrophe only if the request asks for it.
 */
const FORMULA = /^'*[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/;
const GUARDED = /^'+[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/;
const NUMBER = /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i;

/** Every row of a file for spreadsheets has "yes" in this column. It tells a reader of the file what apostrophes mean. */
export const SPREADSHEET_COLUMN = "spreadsheet form";
export const SPREADSHEET_YES = "yes";

/** The cell with an apostrophe before what looks like a formula, or like one that has its apostrophe already. */
export function guarded(cell: string): string {
  return FORMULA.test(cell) && !NUMBER.test(cell) ? `'${cell}` : cell;
}

/** Whether a cell may have come from `guarded`. */
export const isGuarded = (cell: string): boolean => GUARDED.test(cell);

/** The cell that `guarded` was given. */
export const unguarded = (cell: string): string => (isGuarded(cell) ? cell.slice(1) : cell);
