import type { Row, Table } from "../codecs/tables.ts";
import { addRejections, type NewRejection, RAW_BYTES_MAX } from "../repositories/rejections.ts";
import { noRows } from "../repositories/runs.ts";
import type { FileRow } from "./csv-rows.ts";
import type { Import } from "./import-state.ts";
import { judge } from "./judge.ts";

/** Rejections that are written at once: a block of a file has few, and each statement is a commit. */
const REJECTIONS_PER_WRITE = 500;

/** Reads a table's files: good rows go to its stage, bad ones are logged, and both are counted. */
export async function readTable(state: Import, table: Table): Promise<void> {
  const { world, source, report, read } = state;
  const counts = noRows();
  state.counts[table.name] = counts;
  await world.open(table);
  const files = source.files.filter((file) => file.table === table.name);
  const onBytes = (bytes: number) => {
    read.bytes += bytes;
  };
  const tell = () => report.progress?.({ table: table.name, phase: "reading", ...read });
  tell();
  const refused: NewRejection[] = [];
  // While the database answers about one block the next is read.
  let settled = Promise.resolve();
  try {
    for (const file of files) {
      for await (const rows of file.rows(onBytes)) {
        await settled;
        report.signal?.throwIfAborted();
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

/** Judges a block and stages what is good. @param refused is added to, and written when it is long */
async function settle(
  state: Import,
  table: Table,
  file: string,
  rows: readonly FileRow[],
  refused: NewRejection[],
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
      refused.push(rejection);
      report.rejected?.(rejection);
    } else if (unchanged) {
      counts.unchanged++;
    } else {
      counts.inserted++;
      fresh.push(values as Row);
    }
  }
  await world.stage(table, fresh);
  if (refused.length >= REJECTIONS_PER_WRITE) await log(state, refused);
}

/** By the run's own connection, so that none comes behind whoever clears a dead run. */
async function log({ run, dryRun }: Import, refused: NewRejection[]): Promise<void> {
  const rows = refused.splice(0);
  if (!dryRun && rows.length > 0) await addRejections(run.db, run.id, rows);
}
