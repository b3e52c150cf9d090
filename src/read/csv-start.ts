/** Where the rows of a CSV document begin, and in which order their cells stand: a header is never taken for a row. */
import { columnsNamed, headerFaults, isHeaderAgain, looseCells, shapeOf, splitLine } from "../codecs/csv-header.ts";
import type { CsvRecord } from "../codecs/csv-parser.ts";
import type { Table } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { shown } from "../shown.ts";

/** Lines above the first row that is one for certain may be titles or comments. After so many they are bad rows. */
const LINES_ABOVE_MAX = 1_000;
/** Between the cells of files that are called CSV. */
export const OTHER_DELIMITERS = [";", "\t", "|"];
/** What a spreadsheet writes above the rows to say how they are separated. */
const SEPARATOR_LINE = /^"?sep=.?"?[,;\s]*$/i;

export class CsvHead {
  /** For each cell the index of its column; undefined is the dictionary's order. */
  order: readonly number[] | undefined;
  /** The names of the cells. */
  columns: string[];
  /** Whether a record may still be the header. */
  isOpen = true;
  /** How many lines were skipped since they repeat the header, and which was the first. */
  readonly repeated = { lines: 0, first: 0 };
  #above: { line: number; text: string; why: string | undefined } | undefined;
  #linesAbove = 0;

  /** @param name says in an error which document it was */
  constructor(
    private readonly table: Table,
    private readonly name: string,
  ) {
    this.columns = this.table.columns.map((column) => column.name);
  }

  /**
   * Looks at a record while the header may still come.
   * @returns whether it is the header
   * @throws MusterError `refused` for a header that does not fit, and for lines above the header or the first row
   */
  take(record: CsvRecord): boolean {
    const cells = looseCells(record);
    const named = columnsNamed(this.table, cells);
    if (named.some((column) => column !== -1)) {
      this.#header(record, cells, named);
      return true;
    }
    const { line } = record;
    const shape = shapeOf(this.table, cells);
    if (shape.is === "no row") this.#refuseAnotherDialect(record);
    if (shape.is === "row") {
      this.isOpen = false;
      if (this.#above?.why !== undefined) throw this.#noRow(this.#above.line, this.#above.why, this.#above.text);
      return false;
    }
    const why = shape.is === "no row" ? shape.why : undefined;
    if (!this.#above || (this.#above.why === undefined && why !== undefined)) {
      this.#above = { line, text: textOf(record), why };
    }
    this.isOpen = ++this.#linesAbove < LINES_ABOVE_MAX;
    return false;
  }

  /**
   * Whether a record that cannot be stored is the header once more, as in files that were joined.
   * @throws MusterError `refused` for another header: the rows under it have another order
   */
  isRepeatedBy(record: CsvRecord): boolean {
    const cells = looseCells(record);
    const named = columnsNamed(this.table, cells);
    if (!isHeaderAgain(this.table, cells, named, this.order)) return false;
    const order = this.order ?? this.table.columns.map((_, index) => index);
    const isSame = named.length === order.length && named.every((column, index) => column === order[index]);
    if (!isSame || record.malformed !== undefined) {
      const rows = `the rows above it are ${this.columns}`;
      throw this.#refused(
        `line ${record.line} is another header, and ${rows}: ${textOf(record)}; split the file there`,
      );
    }
    if (this.repeated.lines++ === 0) this.repeated.first = record.line;
    return true;
  }

  /** @throws MusterError `refused` if the first rows all end in a comma that the header does not have */
  refuseTrailingCommas(records: readonly CsvRecord[]): void {
    const width = this.columns.length;
    const rows = this.order === undefined ? records : records.slice(1);
    const [row, another] = rows;
    if (!row || !another || !rows.every((each) => each.length === width + 1 && each.cell(width) === "")) return;
    throw this.#refused(
      `each row ends in a comma behind its last field (line ${row.line}: ${textOf(row)}): remove the commas, or name the field`,
    );
  }

  #noRow(line: number, why: string, text: string): MusterError {
    const what = `line ${line} is neither a header nor a row (${why}): ${text}`;
    return this.#refused(`${what}; remove it, or make it a header of ${this.columns}`);
  }

  #header(record: CsvRecord, cells: readonly string[], named: number[]): void {
    const { line, malformed } = record;
    const text = textOf(record);
    if (malformed !== undefined)
      throw this.#refused(`the header on line ${line} cannot be read, ${malformed}: ${text}`);
    if (this.#above) {
      const above = `line ${this.#above.line} stands above it: ${this.#above.text}`;
      throw this.#refused(`line ${line} is a header, and ${above}; remove all that is above the header`);
    }
    const faults = headerFaults(this.table, cells, named);
    if (faults !== "") {
      const isRow = shapeOf(this.table, cells).is !== "no row";
      const what = isRow ? `line ${line} could be a header or a row` : `the header on line ${line} does not fit`;
      const mend = isRow ? "write a header above it" : "mend it";
      throw this.#refused(`${what} (${faults}): ${text}; ${mend}: the columns are ${this.columns}`);
    }
    this.order = named;
    this.columns = named.map((column) => this.table.columns[column]?.name ?? "");
    this.isOpen = false;
  }

  #refuseAnotherDialect(record: CsvRecord): void {
    const line = Buffer.from(record.raw).toString();
    if (SEPARATOR_LINE.test(line))
      throw this.#refused(`line ${record.line} is no row but names a separator, ${shown(line)}: remove it`);
    for (const delimiter of OTHER_DELIMITERS) {
      const cells = splitLine(line, delimiter);
      if (cells.length === 1) continue;
      const isHeader = columnsNamed(this.table, cells).some((column) => column !== -1);
      if (!isHeader && shapeOf(this.table, cells).is === "no row") continue;
      const kind = delimiter === "\t" ? "tabs" : `"${delimiter}"`;
      throw this.#refused(
        `cells are separated by ${kind} (line ${record.line}: ${textOf(record)}): save it with commas between them`,
      );
    }
  }

  #refused(problem: string): MusterError {
    return new MusterError("refused", `${this.name}: ${problem}`);
  }
}

const textOf = (record: CsvRecord) => shown(Buffer.from(record.raw).toString().trimEnd());
