import { fromCsv, headerOf } from "../codecs/csv.ts";
import { type CsvRecord, parseCsv } from "../codecs/csv-parser.ts";
import type { Row, Table } from "../codecs/tables.ts";
import { addRejections, type NewRejection } from "../repositories/rejections.ts";
import { noRows } from "../repositories/runs.ts";
import type { Import } from "./import.ts";
import { type Candidate, judge } from "./judge.ts";
import type { SourceFile } from "./source.ts";

/** A row of a file on its way: `position` is its first physical line, 1-based; `raw` its bytes. */
interface FileRow extends Candidate {
  file: string;
  position: number;
  raw: Uint8Array;
}

/** Reads a table's files: good rows go to its stage, bad ones are logged, and both are counted. */
export async function readTable(state: Import, table: Table): Promise<void> {
  const { world, source, report } = state;
  const counts = noRows();
  state.counts[table.name] = counts;
  await world.open(table);
  const files = source.files.filter((file) => file.table === table.name);
  const of = files.reduce((sum, file) => sum + file.bytes, 0);
  let bytes = 0;
  for (const file of files) {
    for await (const rows of fileRows(table, file, (read) => (bytes += read))) {
      report.signal?.throwIfAborted();
      await judge(table, rows, world);
      await settle(state, table, rows);
      report.progress?.({ table: table.name, phase: "reading", bytes, of, rows: counts.received });
    }
  }
  await world.finish(table);
}

/**
 * The rows of one file, in blocks, as their shape alone judges them; its header is read and left out.
 * @throws MusterError `refused` where the first row looks like a header in other words
 */
export async function* fileRows(
  table: Table,
  file: SourceFile,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<FileRow[]> {
  let order: readonly number[] | undefined;
  let first = true;
  for await (const records of parseCsv(counted(file.open(), onBytes))) {
    const rows: FileRow[] = [];
    for (const record of records) {
      if (first) {
        first = false;
        order = record.malformed === undefined ? header(table, file, record) : undefined;
        if (order) continue;
      }
      rows.push(shaped(table, file, record, order));
    }
    yield rows;
  }
}

function header(table: Table, file: SourceFile, record: CsvRecord): readonly number[] | undefined {
  try {
    return headerOf(table, record.cells);
  } catch (error) {
    if (error instanceof Error) error.message = `${file.name}: ${error.message}`;
    throw error;
  }
}

function shaped(table: Table, file: SourceFile, record: CsvRecord, order: readonly number[] | undefined): FileRow {
  const { line, raw, cells, malformed } = record;
  const shape =
    malformed === undefined
      ? fromCsv(table, cells, order)
      : { values: [], reasons: [{ code: "malformed_csv" as const, detail: malformed }] };
  return { ...shape, file: file.name, position: line, raw };
}

async function* counted(chunks: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void) {
  for await (const chunk of chunks) {
    onBytes(chunk.length);
    yield chunk;
  }
}

async function settle(state: Import, table: Table, rows: readonly FileRow[]): Promise<void> {
  const { world, run, database, dryRun, report } = state;
  const counts = state.counts[table.name] ?? noRows();
  const fresh: Row[] = [];
  const refused: NewRejection[] = [];
  for (const { values, reasons, unchanged, file, position, raw } of rows) {
    counts.received++;
    if (reasons.length > 0) {
      counts.rejected++;
      refused.push({ table: table.name, file, position, raw, reasons });
    } else if (unchanged) {
      counts.unchanged++;
    } else {
      counts.inserted++;
      fresh.push(values as Row);
    }
  }
  await world.stage(table, fresh);
  for (const rejection of refused) report.rejected?.(rejection);
  if (!dryRun && refused.length > 0) await addRejections(database.db, run.id, refused);
}
