import type { Row, Table } from "../codecs/tables.ts";
import { addRejections, type NewRejection, RAW_BYTES_MAX } from "../repositories/rejections.ts";
import { noRows } from "../repositories/runs.ts";
import type { FileRow } from "./csv-rows.ts";
import type { Import } from "./import-state.ts";
import { judge } from "./judge.ts";

/** Rejections that are held until they are written: a block of a file has few, and each statement is a commit. */
const REJECTIONS_PER_WRITE = 500;
const RAW_BYTES_PER_WRITE = 4 * 1024 * 1024;

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
  const refused: Refused = { rows: [], rawBytes: 0 };
  // While the database answers about one block the next is read.
  let settled = Promise.resolve();
  try {
    for (const file of files) {
      if (isPastRejectsKept(state)) break;
      for await (const rows of file.rows(onBytes, report.say)) {
        await settled;
        report.signal?.throwIfAborted();
        if (rows.length === 0) continue;
        if (isPastRejectsKept(state)) break;
        settled = settle(state, table, file.name, rows, refused);
        settled.catch(() => {}); // reported where it is awaited
        read.rows += rows.length;
        tell();
      }
    }
  } finally {
    await settled;
  }
  tell();
  await log(state, refused);
  await world.finish(table);
}

/** Whether more rows are rejected than are kept. */
export function isPastRejectsKept({ counts, rejectsKept }: Import): boolean {
  return Object.values(counts).reduce((sum, { rejected }) => sum + rejected, 0) > rejectsKept;
}

/** Rejections that are not written yet, and the bytes of their rows. */
interface Refused {
  rows: NewRejection[];
  rawBytes: number;
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
  await judge(table, rows, world);
  const counts = state.counts[table.name] ?? noRows();
  const fresh: Row[] = [];
  for (const row of rows) {
    const { values, reasons, unchanged } = row;
    counts.received++;
    if (reasons.length > 0) {
      counts.rejected++;
      const { position, columns } = row;
      const raw = Buffer.from(row.raw.subarray(0, RAW_BYTES_MAX)); // a copy, or all of its block stays with it
      const rejection = { table: table.name, file, position, raw, ...(columns && { columns }), reasons };
      refused.rows.push(rejection);
      refused.rawBytes += raw.length;
      report.rejected?.(rejection);
      if (refused.rawBytes >= RAW_BYTES_PER_WRITE) await log(state, refused);
    } else if (unchanged) {
      counts.unchanged++;
    } else {
      counts.inserted++;
      fresh.push(values as Row);
    }
  }
  await world.stage(table, fresh);
  if (refused.rows.length >= REJECTIONS_PER_WRITE) await log(state, refused);
}

/** By the run's own connection, so that none comes behind whoever clears a dead run. */
async function log({ run, dryRun }: Import, refused: Refused): Promise<void> {
  const rows = refused.rows.splice(0);
  refused.rawBytes = 0;
  if (!dryRun && rows.length > 0) await addRejections(run.db, run.id, rows);
}
