/** How a text looks if it is cut at one delimiter. */
import { type CutMarks, type TextRecord, textRecordsOf } from "./detect-records.ts";

/** A header stands in the first records, if there is one. */
export const HEADER_WITHIN = 20;
/** How many records must have the most frequent number of cells, so that a delimiter can be it at all. */
const SHARE_MIN = 0.6;

/** Whether a cell names a column of the table, or of any table if it is not known. */
export type NamesColumn = (cell: string) => boolean;

/** What is known about the rows of a file without a header. */
export interface Expected {
  /** How many columns the table has, if it is known. */
  width?: number | undefined;
  /** Whether cells have the types of the table's columns, in their order. */
  areRow?: ((cells: readonly string[]) => boolean) | undefined;
  /** The delimiter that needs no recipe. */
  usual?: string | undefined;
}

/** How the text looks if it is cut at one delimiter. */
export interface Trial {
  marks: CutMarks;
  records: TextRecord[];
  /** The most frequent number of cells, and how many records have it. */
  cells: number;
  fitting: number;
  /** How many cells of the best record near the start name columns. */
  named: number;
  /** How many records have the types of the table's columns. */
  rows: number;
}

export const PLAIN: CutMarks = { delimiter: ",", quote: '"', escape: "" };

export function trial(text: string, marks: CutMarks, namesColumn: NamesColumn, { areRow }: Expected = {}): Trial {
  const records = textRecordsOf(text, marks);
  const counts = new Map<number, number>();
  for (const { cells, isMalformed } of records)
    if (!isMalformed) counts.set(cells.length, (counts.get(cells.length) ?? 0) + 1);
  const [cells = 1, fitting = 0] = [...counts].toSorted(([a, m], [b, n]) => n - m || b - a)[0] ?? [];
  const named = records.slice(0, HEADER_WITHIN).map((record) => record.cells.filter(namesColumn).length);
  const rows = areRow ? records.filter((record) => areRow(record.cells)).length : 0;
  return { marks, records, cells, fitting, named: Math.max(0, ...named), rows };
}

export const fits = ({ cells, fitting, records }: Trial) => cells > 1 && fitting >= SHARE_MIN * records.length;

/** Names of columns count most, then the number of the table's columns, then how many records have the same number of cells. */
export function rank(tried: Trial, width: number | undefined): number {
  const { named, cells, fitting, records, rows } = tried;
  const isNamed = named > 1 ? 100 * named : 0;
  if (!fits(tried)) return isNamed / 2;
  return (
    isNamed +
    (cells === width ? 10 : 0) +
    (20 * rows + fitting) / Math.max(1, records.length) +
    Math.min(cells, 100) / 1000
  );
}

/** How many records are well-formed and have the most frequent number of cells. Fewer, longer records count as well as many. */
export const sound = ({ records, fitting, cells }: Trial) =>
  cells > 1 ? fitting - (records.length - fitting) : -records.length;

/** A delimiter as people call it. */
export const nameOf = (mark: string): string => (mark === "\t" ? "tab" : mark === "" ? "none" : `\`${mark}\``);
