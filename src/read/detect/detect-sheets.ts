/** Finds which sheet of a workbook is to be read, if it has several. */
import type { Finding } from "./detection.ts";

/** How many sheets are named to choose from. */
const SHEETS_MAX = 20;

/** Which sheet is to be read is never guessed. */
export function severalSheets(names: readonly string[]): Finding[] {
  if (names.length < 2) return [];
  const choices = names.slice(0, SHEETS_MAX).map((sheet) => ({ sheet }));
  const evidence = `the workbook has ${names.length} sheets`;
  return [{ part: "sheet", is: "unknown", evidence, doubt: "only one can be read: give --sheet", choices }];
}
