/** Rows of CSV files. */
import { type CellOrder, fromRecord } from "../../codecs/csv.ts";
import { type CsvRecord, parseCsv } from "../../codecs/csv-parser.ts";
import { valueAfterLast } from "../../codecs/reasons.ts";
import type { ReadRow, Table } from "../../codecs/tables.ts";
import { MusterError } from "../../errors.ts";
import { ROWS_PER_TURN, turn } from "../../event-loop.ts";
import type { FileRow, ReadOptions } from "../file-row.ts";
import { expecting } from "../formats/file-type.ts";
import { readingTable } from "../recipes/reading-table.ts";
import type { FileRecipe } from "../recipes/recipe.ts";
import { Backslashes } from "./csv-backslashes.ts";
import { CsvStart } from "./csv-start.ts";

/**
 * The ReadRows of CSV. A header gives the order of the cells. Neither the header nor a copy of it further down is a row. A
 * file in another dialect is refused (docs/importing.md).
 */
export async function* csvRows(
  table: Table,
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  { recipe, say }: ReadOptions = {},
): AsyncGenerator<CsvRow[]> {
  const reading = readingTable(table, recipe);
  const start = new CsvStart(reading, name, { recipe, say });
  const backslashes = recipe?.escape === undefined ? new Backslashes(recipe) : undefined;
  let { mayBeHeader, order, orderedBy, columns, canHideHeader } = start;
  const blank = { rows: 0, first: 0 };
  const comments = { lines: 0, first: 0 };
  const onComment = (line: number) => {
    if (comments.lines++ === 0) comments.first = line;
  };
  let isFirst = true;
  let count = 0;
  for await (const records of parseCsv(expecting("csv", chunks, name), recipe, onComment)) {
    if (records.length === 0) await turn();
    refuse(name, backslashes?.look(records));
    const rows: CsvRow[] = [];
    let looked = 0;
    for (const record of records) {
      if (++looked % ROWS_PER_TURN === 0) await turn();
      if (recipe?.dialect === "excel" && isBlankRecord(record)) {
        if (blank.rows++ === 0) blank.first = record.line;
        continue;
      }
      if (mayBeHeader) {
        const isHeader = start.take(record);
        ({ mayBeHeader, order, orderedBy, columns, canHideHeader } = start);
        if (isHeader) continue;
      }
      const { values, reasons } = rowOfRecord(reading, record, order, recipe, orderedBy);
      if ((reasons.length > 0 || canHideHeader) && start.isRepeatedBy(record)) continue;
      rows.push(new CsvRow(values, reasons, record, columns, recipe));
    }
    if (isFirst) start.refuseOtherEnds(records);
    isFirst = false;
    count += rows.length;
    yield rows;
  }
  start.end();
  refuse(name, backslashes?.end());
  const { lines, first } = start.repeated;
  if (lines === 1) say?.(`${name}: skipped line ${first}, a header among the rows`);
  if (lines > 1) say?.(`${name}: skipped ${lines} headers among the rows (the first is line ${first})`);
  if (comments.lines > 0) say?.(`${name}: skipped ${commentsOf(comments)}`);
  if (blank.rows > 0)
    say?.(
      `${name}: skipped ${blank.rows === 1 ? "1 row" : `${blank.rows} rows`} without any value (the first is line ${blank.first})`,
    );
  const after = recipe?.skip ? ` after the lines that are skipped (${recipe.skip})` : "";
  if (count === 0) say?.(`${name} has no rows${after}`);
}

const commentsOf = ({ lines, first }: { lines: number; first: number }) =>
  lines === 1 ? `line ${first}, a comment` : `${lines} comments (the first is line ${first})`;

/** Excel writes a row of delimiters for each row of a sheet that has a format and no value. */
const isBlankRecord = (record: CsvRecord) =>
  record.malformed === undefined && record.cell(0) === "" && record.cells.every((cell) => cell === "");

/** Judges one record of a file by its shape alone. */
export function rowOfRecord(
  table: Table,
  record: CsvRecord,
  order: CellOrder,
  recipe?: FileRecipe,
  orderedBy?: string,
): ReadRow {
  const row = fromRecord(table, record, order, orderedBy);
  if (!recipe?.trailingColumn || record.length !== order?.length) return row;
  const last = record.cell(record.length - 1);
  if (last === "") return row;
  return { ...row, reasons: [...row.reasons, valueAfterLast(last)] };
}

class CsvRow implements FileRow {
  constructor(
    readonly values: FileRow["values"],
    readonly reasons: FileRow["reasons"],
    private readonly record: CsvRecord,
    readonly columns: string[],
    readonly recipe: FileRow["recipe"],
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
