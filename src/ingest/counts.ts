/** What the counts of a run say in words. */
import type { RunCounts } from "../db/ledger.ts";

/** By table what became of its rows, such as `jobs 2 inserted, 1 rejected`; of a backup the rows that it has. */
export function countsText(counts: RunCounts): string {
  return Object.entries(counts)
    .map(([table, { received, ...verdicts }]) => {
      const some = Object.entries(verdicts).filter(([, rows]) => rows > 0);
      return `${table} ${some.map(([verdict, rows]) => `${rows} ${verdict}`).join(", ") || `${received} received`}`;
    })
    .join("; ");
}

/** The tables of which every row was rejected: a run with one has succeeded, and yet brought nothing of that table. */
export function whollyRejected(counts: RunCounts): string[] {
  return Object.entries(counts).flatMap(([table, each]) =>
    "rejected" in each && each.received > 0 && each.rejected === each.received ? [table] : [],
  );
}
