import type { Row, Table } from "../codecs/tables.ts";
import type { FileRow } from "../read/file-row.ts";
import { noRows } from "../repositories/run-log.ts";
import type { Import } from "./import-state.ts";
import { judge } from "./judge.ts";
import { arePastRejectsKept } from "./reject-limit.ts";
import { Refused } from "./rejected-rows.ts";

/**
 * Reads a table's files: good rows go to its stage, bad ones are logged, and both are counted. Ends early if more rows are
 * rejected than are kept.
 */
export async function readTable(state: Import, table: Table): Promise<void> {
  const { world, source, report, read } = state;
  const counts = noRows();
  state.counts[table.name] = counts;
  await world.open(table);
  const files = source.files.filter((file) => file.table === table.name);
  const onBytes = (bytes: number) => {
    // A packed file of nothing but empty members or lines has no row for a long time.
    report.signal?.throwIfAborted();
    read.bytes += bytes;
  };
  const tell = () => report.progress?.({ table: table.name, phase: "reading", ...read });
  tell();
  const refused = new Refused(state, table);
  // While the database answers about one block the next is read.
  let settled = Promise.resolve();
  try {
    for (const file of files) {
      if (arePastRejectsKept(Object.values(state.counts), state.rejectsKept)) break;
      for await (const rows of file.rows(onBytes, report.say)) {
        await settled;
        report.signal?.throwIfAborted();
        if (arePastRejectsKept(Object.values(state.counts), state.rejectsKept)) break;
        read.rows += rows.length;
        tell();
        if (rows.length === 0) continue;
        settled = settle(state, table, file.name, rows, refused);
        settled.catch(() => {}); // reported where it is awaited
      }
    }
  } finally {
    await settled;
  }
  tell();
  await refused.write();
  await world.finish(table);
}

/** Judges a block and stages what is good. @param refused is added to, and written when it is long */
async function settle(
  state: Import,
  table: Table,
  file: string,
  rows: readonly FileRow[],
  refused: Refused,
): Promise<void> {
  const { world, report } = state;
  const verdicts = await judge(table, rows, world);
  const counts = state.counts[table.name] ?? noRows();
  const fresh: Row[] = [];
  for (const [index, row] of rows.entries()) {
    const verdict = verdicts[index];
    counts.received++;
    if (verdict?.is === "new") {
      counts.inserted++;
      fresh.push(row.values as Row);
    } else if (verdict?.is === "unchanged") {
      counts.unchanged++;
    } else if (verdict) {
      counts.rejected++;
      const rejection = await refused.add(file, row, verdict.reasons);
      report.rejected?.(rejection);
    }
  }
  await world.stage(table, fresh);
  if (refused.isLong) await refused.write();
}
