import type { Row, Table } from "../codecs/tables.ts";
import { addRejections, type NewRejection } from "../repositories/rejections.ts";
import { noRows } from "../repositories/runs.ts";
import type { FileRow } from "./csv-rows.ts";
import type { Import } from "./import-state.ts";
import { judge } from "./judge.ts";

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
  // While the database answers about one block the next is read.
  let settled = Promise.resolve();
  try {
    for (const file of files) {
      for await (const rows of file.rows(onBytes)) {
        await settled;
        report.signal?.throwIfAborted();
        settled = settle(state, table, file.name, rows);
        settled.catch(() => {}); // reported where it is awaited
        read.rows += rows.length;
        tell();
      }
    }
  } finally {
    await settled;
  }
  await world.finish(table);
}

async function settle(state: Import, table: Table, file: string, rows: readonly FileRow[]): Promise<void> {
  const { world, run, database, dryRun, report } = state;
  await judge(table, rows, world);
  const counts = state.counts[table.name] ?? noRows();
  const fresh: Row[] = [];
  const refused: NewRejection[] = [];
  for (const row of rows) {
    const { values, reasons, unchanged } = row;
    counts.received++;
    if (reasons.length > 0) {
      counts.rejected++;
      const { position, raw, columns } = row;
      refused.push({ table: table.name, file, position, raw, ...(columns && { columns }), reasons });
    } else if (unchanged) {
      counts.unchanged++;
    } else {
      counts.inserted++;
      fresh.push(values as Row);
    }
  }
  await world.stage(table, fresh);
  for (const rejection of refused) report.rejected?.(rejection);
  // By the run's own connection, so that none comes behind whoever clears a dead run.
  if (!dryRun && refused.length > 0) await addRejections(run.db, run.id, refused, database.server.idStep);
}
