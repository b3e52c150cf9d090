/** The counts of a run in words. */
import type { RunCounts } from "../db/ledger.ts";

/** In words, such as `jobs 2 inserted, 1 rejected; departments 3 unchanged`. A backup has only `received`. */
export function countsText(counts: RunCounts): string {
  const text = (each: RunCounts[string]) => verdictsOf(each).map(([verdict, rows]) => `${rows} ${verdict}`);
  return Object.entries(counts)
    .map(([table, each]) => `${table} ${text(each).join(", ")}`)
    .join("; ");
}

/** The verdicts that at least one row got, with the number of rows; `received` if there is no verdict. */
export function verdictsOf({
  received,
  ...verdicts
}: RunCounts[string] | ReturnType<typeof sumOf>): [verdict: string, rows: number][] {
  const some = Object.entries(verdicts).filter(([, rows]) => rows > 0);
  return some.length === 0 ? [["received", received]] : some;
}

const VERDICTS = ["inserted", "updated", "unchanged", "rejected", "withheld", "deleted"];

/** The counts of all tables of a run together: the rows by verdict, always in the same order, and `received`. */
export function sumOf(counts: RunCounts): Record<string, number> & { received: number } {
  const tables: Record<string, number>[] = Object.values(counts).map((each) => ({ ...each }));
  const sum = (verdict: string) => tables.reduce((rows, each) => rows + (each[verdict] ?? 0), 0);
  const verdicts = VERDICTS.filter((verdict) => tables.some((each) => verdict in each));
  return { received: sum("received"), ...Object.fromEntries(verdicts.map((verdict) => [verdict, sum(verdict)])) };
}

/** The tables whose rows were all rejected: the run has succeeded, but stored nothing in them. */
export function whollyRejected(counts: RunCounts): string[] {
  return Object.entries(counts).flatMap(([table, each]) =>
    "rejected" in each && each.received > 0 && each.rejected === each.received ? [table] : [],
  );
}
