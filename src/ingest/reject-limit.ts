/** How many rejected rows an import may have. */
import type { Counts } from "../db/ledger.ts";

export type RejectLimit = { rows: number } | { share: number };

/** Reads a limit such as `20` or `5%`. Undefined if the text is neither. */
export function rejectLimit(text: string): RejectLimit | undefined {
  const [, number, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? [];
  const value = Number(number);
  if (percent) return value <= 100 ? { share: value / 100 } : undefined;
  return number !== undefined && Number.isSafeInteger(value) ? { rows: value } : undefined;
}

export interface Limits {
  maxRejects: RejectLimit | undefined;
  /**
   * How many rejected rows are kept. One more ends the reading at once, and the import is refused: a small packed file can
   * have a billion of them.
   */
  rejectsKept: number;
}

/** Says which limit is exceeded. Undefined if none is. */
export function excessOf({ maxRejects, rejectsKept }: Limits, counts: readonly Counts[]): string | undefined {
  const received = counts.reduce((sum, each) => sum + each.received, 0);
  const rejected = counts.reduce((sum, each) => sum + each.rejected, 0);
  if (rejected > rejectsKept) {
    const advice = "correct the file, or ask for a higher max_rejects";
    return `more rows are rejected than the ${rejectsKept} that are kept (${advice})`;
  }
  if (maxRejects === undefined) return undefined;
  const [most, allowed] =
    "rows" in maxRejects
      ? [maxRejects.rows, `${maxRejects.rows}`]
      : [maxRejects.share * received, `${maxRejects.share * 100} %`];
  return rejected > most ? `${rejected} of ${received} rows are rejected, more than the ${allowed} allowed` : undefined;
}

/** Whether more rows are rejected than are kept. */
export const isPastKept = ({ rejectsKept }: Limits, counts: readonly Counts[]): boolean =>
  excessOf({ maxRejects: undefined, rejectsKept }, counts) !== undefined;
