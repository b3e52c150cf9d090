import { fromRecord } from "../codecs/csv.ts";
import { Backslashes } from "../codecs/csv-backslashes.ts";
import { type CsvRecord, parseCsv } from "../codecs/csv-parser.ts";
import type { ReadRow, Table } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { ROWS_PER_TURN, turn } from "../event-loop.ts";
import { CsvHead } from "./csv-start.ts";
import { expecting } from "./file-type.ts";

/** A row of a file, with what is logged if it is rejected. */
export interface FileRow extends ReadRow {
  /** The first physical line of a CSV record, the line of a row of JSON, the number of an Avro record: 1-based. */
  readonly position: number;
  /** Its bytes as they came; an Avro record as JSON. Often a getter: few rows need it. */
  readonly raw: Uint8Array;
  /** The columns of its cells, if it is a CSV record. */
  readonly columns?: string[];
}

class CsvRow implements FileRow {
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
 * The rows of a CSV document in blocks. A header is read and left out, wherever it stands.
 * @param name says in an error which document it was
 * @param say is told in one line each what was left out
 * @throws MusterError `refused` for a document whose cells cannot be told from each other, or from their names
 */
export async function* csvRows(
  table: Table,
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  say?: (line: string) => void,
): AsyncGenerator<CsvRow[]> {
  const head = new CsvHead(table, name);
  const backslashes = new Backslashes();
  let { isOpen, order, columns } = head;
  let isFirst = true;
  let count = 0;
  for await (const records of parseCsv(expecting("csv", chunks, name))) {
    if (records.length === 0) await turn();
    refuse(name, backslashes.look(records));
    const rows: CsvRow[] = [];
    let looked = 0;
    for (const record of records) {
      if (++looked % ROWS_PER_TURN === 0) await turn();
      if (isOpen) {
        const isHeader = head.take(record);
        ({ isOpen, order, columns } = head);
        if (isHeader) continue;
      }
      const { values, reasons } = fromRecord(table, record, order);
      if (reasons.length > 0 && head.isRepeatedBy(record)) continue;
      rows.push(new CsvRow(values, reasons, record, columns));
    }
    if (isFirst) head.refuseTrailingCommas(records);
    isFirst = false;
    count += rows.length;
    yield rows;
  }
  refuse(name, backslashes.end());
  const { lines, first } = head.repeated;
  if (lines === 1) say?.(`${name}: skipped line ${first}, a header among the rows`);
  if (lines > 1) say?.(`${name}: skipped ${lines} headers among the rows (the first is line ${first})`);
  if (count === 0) say?.(`${name} has no rows`);
}

function refuse(name: string, why: string | undefined): void {
  if (why !== undefined) throw new MusterError("refused", `${name}: ${why}`);
}
