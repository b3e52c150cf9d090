/** Rows of CSV files. */
import { fromRecord } from "../codecs/csv.ts";
import { type CsvRecord, parseCsv } from "../codecs/csv-parser.ts";
import type { Table } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { ROWS_PER_TURN, turn } from "../event-loop.ts";
import { Backslashes } from "./csv-backslashes.ts";
import { CsvStart } from "./csv-start.ts";
import type { FileRow, ReadOptions } from "./file-row.ts";
import { expecting } from "./file-type.ts";

/**
 * The ReadRows of CSV. A header gives the order of the cells. The header is not a row, nor is a copy of it further down. A
 * file in another dialect is refused (docs/importing.md).
 */
export async function* csvRows(
  table: Table,
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  { say }: ReadOptions = {},
): AsyncGenerator<CsvRow[]> {
  const start = new CsvStart(table, name);
  const backslashes = new Backslashes();
  let { mayBeHeader, order, columns } = start;
  let isFirst = true;
  let count = 0;
  for await (const records of parseCsv(expecting("csv", chunks, name))) {
    if (records.length === 0) await turn();
    refuse(name, backslashes.look(records));
    const rows: CsvRow[] = [];
    let looked = 0;
    for (const record of records) {
      if (++looked % ROWS_PER_TURN === 0) await turn();
      if (mayBeHeader) {
        const isHeader = start.take(record);
        ({ mayBeHeader, order, columns } = start);
        if (isHeader) continue;
      }
      const { values, reasons } = fromRecord(table, record, order);
      if (reasons.length > 0 && start.isRepeatedBy(record)) continue;
      rows.push(new CsvRow(values, reasons, record, columns));
    }
    if (isFirst) start.refuseTrailingCommas(records);
    isFirst = false;
    count += rows.length;
    yield rows;
  }
  refuse(name, backslashes.end());
  const { lines, first } = start.repeated;
  if (lines === 1) say?.(`${name}: skipped line ${first}, a header among the rows`);
  if (lines > 1) say?.(`${name}: skipped ${lines} headers among the rows (the first is line ${first})`);
  if (count === 0) say?.(`${name} has no rows`);
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

function refuse(name: string, why: string | undefined): void {
  if (why !== undefined) throw new MusterError("refused", `${name}: ${why}`);
}
