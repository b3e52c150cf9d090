/** Logs rows that turned out wrong when their table was published. Reads their files again, to find their lines. */
import { numberKeyOf, sameRow, type Table } from "../codecs/tables.ts";
import type { Counts } from "../db/ledger.ts";
import { type LateVerdicts, stagedRows } from "../publish/set-aside.ts";
import type { FileRow } from "../read/file-row.ts";
import type { NewRejection } from "../repositories/rejection-log.ts";
import type { Import } from "./import-state.ts";
import { filesOf } from "./provisional-ids.ts";
import { RejectedRows } from "./rejected-rows.ts";

/** How many late rejections are reported one by one. A terminal shows fewer. */
const TOLD_MAX = 100;

interface LateRejections {
  rows: number;
  /** How many of them only repeat another of them. A repeated row had been judged unchanged. */
  repeated: number;
  /** The first of them. */
  first: NewRejection[];
}

/** The counts of a table with its late rejections, each of which had been counted as inserted or unchanged. */
export const withLate = (judged: Counts, { rows, repeated }: LateRejections): Counts => ({
  ...judged,
  inserted: judged.inserted - (rows - repeated),
  unchanged: judged.unchanged - repeated,
  rejected: judged.rejected + rows,
});

/**
 * Logs the late rejections of a table in the open transaction of the run's connection.
 * @param stage as the publish has left it, or as it was before a publish that was undone
 */
export async function logLate(
  state: Import,
  { table, stage }: { table: Table; stage: string },
  { rejected: late }: LateVerdicts,
): Promise<LateRejections> {
  const { run, source, report } = state;
  const key = numberKeyOf(table);
  const idOf = ({ values }: FileRow) => Number(values[key]);
  const logged: LateRejections = { rows: 0, repeated: 0, first: [] };
  if (late.size === 0) return logged;
  const found = new Set<number>();
  const rejected = new RejectedRows(state, table);
  for (const file of filesOf(source, table)) {
    for await (const rows of file.rows(() => report.signal?.throwIfAborted())) {
      report.signal?.throwIfAborted();
      const wanted = rows.filter((row) => late.has(idOf(row)));
      const staged = await stagedRows(run.connection, table, stage, wanted.map(idOf));
      for (const row of wanted) {
        const id = idOf(row);
        // A row with this id and other values was rejected when it was read.
        if (!sameRow(staged.get(id) ?? [], row.values)) continue;
        const rejection = await rejected.add(file.name, row, late.get(id) ?? []);
        logged.rows++;
        if (logged.first.length < TOLD_MAX) logged.first.push(rejection);
        found.add(id);
      }
      await rejected.writeMany();
    }
  }
  await rejected.write();
  const lost = late.size - found.size;
  if (lost > 0) throw new Error(`${table.name}: ${lost} rows are not in their files any more`);
  return { ...logged, repeated: logged.rows - found.size };
}
