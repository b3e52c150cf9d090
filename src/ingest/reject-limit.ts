/** How many rejected rows an import may have. */
import type { Counts } from "../db/ledger.ts";

export type RejectLimit = { rows: number } | { share: number };

/** Reads a limit of rejected rows, `20` or `5%`; undefined where the text is none. */
export function rejectLimit(text: string): RejectLimit | undefined {
  const [, number, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? [];
  const value = Number(number);
  if (percent && value <= 100) return { share: value / 100 };
  if (number !== undefined && !percent && Number.isSafeInteger(value)) return { rows: value };
  return undefined;
}

/** Says that more rows are rejected than the limit allows; undefined if they are not. */
export function tooManyRejects(counts: readonly Counts[], limit: RejectLimit | undefined): string | undefined {
  if (limit === undefined) return undefined;
  let received = 0;
  let rejected = 0;
  for (const each of counts) {
    received += each.received;
    rejected += each.rejected;
  }
  const [most, asked] =
    "rows" in limit ? [limit.rows, `${limit.rows}`] : [limit.share * received, `${limit.share * 100} %`];
  return rejected > most ? `${rejected} of ${received} rows are rejected, more than the ${asked} allowed` : undefined;
}

/** Whether more rows are rejected than are kept. */
export function arePastRejectsKept(counts: readonly Counts[], rejectsKept: number): boolean {
  return counts.reduce((sum, { rejected }) => sum + rejected, 0) > rejectsKept;
}

/** What an import allows: rejected rows, and rejected rows that are kept. */
interface Limits {
  maxRejects: RejectLimit | undefined;
  rejectsKept: number;
}

/** Whether more rows are rejected than one of the two limits allows. */
export function arePastLimits({ maxRejects, rejectsKept }: Limits, counts: readonly Counts[]): boolean {
  return tooManyRejects(counts, maxRejects) !== undefined || arePastRejectsKept(counts, rejectsKept);
}

/** Says which limit the rows have passed that turned out wrong at the publish. */
export function lateExcess({ maxRejects, rejectsKept }: Limits, counts: readonly Counts[]): string {
  const kept = `more rows are rejected than the ${rejectsKept} that are kept, mend the file or ask for a higher max_rejects`;
  return tooManyRejects(counts, maxRejects) ?? kept;
}
