import { fromRecord, headerOf } from "../codecs/csv.ts";
import { type CsvRecord, parseCsv } from "../codecs/csv-parser.ts";
import type { Table } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { ROWS_PER_TURN, turn } from "../turn.ts";
import type { Candidate } from "./judge.ts";

/** A row of a table's file as its shape alone judges it. */
export interface FileRow extends Candidate {
  /** The first physical line of a CSV record, the line of a row of JSON, the number of an Avro record: 1-based. */
  readonly position: number;
  /** Its bytes as they came; an Avro record as JSON. Made where it is asked for. */
  readonly raw: Uint8Array;
  /** The columns of its cells, where it is a CSV record. */
  columns?: string[];
}

class CsvRow implements FileRow {
  unchanged = false;

  constructor(
    readonly values: FileRow["values"],
    readonly reasons: FileRow["reasons"],
    private readonly record: CsvRecord,
    readonly columns: string[],
  ) {}

  get position(): number {
    return this.record.line;
  }

  get raw(): Uint8Array {
    return this.record.raw;
  }
}

/**
 * The rows of a CSV document in blocks; a header row is read and left out.
 * @param name says in an error which document it was
 * @throws MusterError `refused` where the first row looks like a header in other words
 */
export async function* csvRows(
  table: Table,
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<CsvRow[]> {
  const names = table.columns.map((column) => column.name);
  let order: readonly number[] | undefined;
  let columns = names;
  let first = true;
  for await (const records of parseCsv(chunks)) {
    if (records.length === 0) await turn();
    const rows: CsvRow[] = [];
    for (const record of records) {
      if (rows.length % ROWS_PER_TURN === ROWS_PER_TURN - 1) await turn();
      if (first) {
        first = false;
        order = header(table, record, name);
        columns = order?.map((column) => names[column] ?? "") ?? names;
        if (order) continue;
      }
      const { values, reasons } = fromRecord(table, record, order);
      rows.push(new CsvRow(values, reasons, record, columns));
    }
    yield rows;
  }
}

function header(table: Table, record: CsvRecord, name: string): readonly number[] | undefined {
  if (record.malformed !== undefined) return undefined;
  try {
    return headerOf(table, record.cells);
  } catch (error) {
    throw error instanceof MusterError ? new MusterError(error.code, `${name}: ${error.message}`) : error;
  }
}
