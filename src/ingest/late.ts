/** Rows that turned out wrong when their table was published: their files are read again for their lines. */
import { sameRow, type Table } from "../codecs/tables.ts";
import type { Counts } from "../db/ledger.ts";
import { type LateVerdicts, stagedRows } from "../publish/set-aside.ts";
import type { FileRow } from "../read/file-row.ts";
import type { NewRejection } from "../repositories/rejection-log.ts";
import type { Import } from "./import-state.ts";
import { Refused } from "./rejected-rows.ts";

/** How many late rejections are reported one by one. A terminal shows fewer. */
const TOLD_MAX = 100;

export interface LateRejections {
  rows: number;
  /** How many of them are the same row once more, which was judged unchanged. */
  repeated: number;
  /** The first of them. */
  first: NewRejection[];
}

/** The counts of a table whose late rejections are logged. Before that each was counted as inserted, or as unchanged. */
export const withLate = (judged: Counts, { rows, repeated }: LateRejections): Counts => ({
  ...judged,
  inserted: judged.inserted - (rows - repeated),
  unchanged: judged.unchanged - repeated,
  rejected: judged.rejected + rows,
});

/**
 * Logs the late rejections of a table in the transaction that the run's connection has open.
 * @param stage as the publish has left it, or as it was before a publish that was undone
 */
export async function logLate(
  state: Import,
  { table, stage }: { table: Table; stage: string },
  { rejected }: LateVerdicts,
): Promise<LateRejections> {
  const { run, source, report } = state;
  const idOf = ({ values }: FileRow) => Number(values[table.key]);
  const logged: LateRejections = { rows: 0, repeated: 0, first: [] };
  const found = new Set<number>();
  const refused = new Refused(state, table);
  for (const file of rejected.size > 0 ? source.files.filter((each) => each.table === table.name) : []) {
    for await (const rows of file.rows(() => report.signal?.throwIfAborted())) {
      report.signal?.throwIfAborted();
      const wanted = rows.filter((row) => rejected.has(idOf(row)));
      const staged = await stagedRows(run.connection, table, stage, wanted.map(idOf));
      for (const row of wanted) {
        const id = idOf(row);
        // Another row with this id was rejected when it was read.
        if (!sameRow(staged.get(id) ?? [], row.values)) continue;
        const rejection = await refused.add(file.name, row, rejected.get(id) ?? []);
        logged.rows++;
        if (logged.first.length < TOLD_MAX) logged.first.push(rejection);
        found.add(id);
      }
      if (refused.isLong) await refused.write();
    }
  }
  await refused.write();
  const lost = rejected.size - found.size;
  if (lost > 0) throw new Error(`${table.name}: ${lost} rows are not in their files any more`);
  return { ...logged, repeated: logged.rows - found.size };
}
