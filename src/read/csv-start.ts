/** Where the rows of a CSV file begin, and the order of their cells. */
import type { CsvRecord } from "../codecs/csv-parser.ts";
import type { Table } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { shown } from "../shown.ts";
import { whyOtherDialect } from "./csv-dialect.ts";
import { columnsNamed, headerFaults, isHeaderAgain, looseCells, shapeOf } from "./csv-header.ts";

/** How many titles or comments may come before the first certain row. After so many lines, no header is expected any more. */
const LINES_ABOVE_MAX = 1_000;

/** Looks for a header in the first records, and for copies of it further down. A header is never taken for a row. */
export class CsvStart {
  /** For each cell the index of its column. Undefined if the cells are in the order of the dictionary. */
  order: readonly number[] | undefined;
  /** The column names of the cells. */
  columns: string[];
  /** Whether the next record may be the header. */
  mayBeHeader = true;
  /** How many copies of the header were skipped, and the line of the first. */
  readonly repeated = { lines: 0, first: 0 };
  /** The first line above the header or the first row. `why` says why it is not a row, if that is certain. */
  #above: { line: number; text: string; why: string | undefined } | undefined;
  #linesAbove = 0;

  /** @param name what the file is called in an error */
  constructor(
    private readonly table: Table,
    private readonly name: string,
  ) {
    this.columns = this.table.columns.map((column) => column.name);
  }

  /**
   * Looks at a record while the header may still come.
   * @returns whether it is the header
   * @throws MusterError `refused` for a header that does not fit, another dialect, and lines above the header or the first
   * row
   */
  take(record: CsvRecord): boolean {
    const cells = looseCells(record);
    const named = columnsNamed(this.table, cells);
    if (named.some((column) => column !== -1)) {
      this.#takeHeader(record, cells, named);
      return true;
    }
    const { line } = record;
    const shape = shapeOf(this.table, cells);
    if (shape.is === "row") {
      this.mayBeHeader = false;
      if (this.#above?.why !== undefined) throw this.#noRow(this.#above.line, this.#above.why, this.#above.text);
      return false;
    }
    if (shape.is === "no row") this.#refuseOtherDialect(record);
    const why = shape.is === "no row" ? shape.why : undefined;
    if (!this.#above || (this.#above.why === undefined && why !== undefined)) {
      this.#above = { line, text: textOf(record), why };
    }
    this.mayBeHeader = ++this.#linesAbove < LINES_ABOVE_MAX;
    return false;
  }

  /**
   * Whether a record that cannot be stored is a copy of the header. Files that were joined have such copies.
   * @throws MusterError `refused` if it is another header: the cells below it would have another order
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
      `each row ends in a comma after its last field (line ${row.line}: ${textOf(row)}): remove the commas, or name the field`,
    );
  }

  #takeHeader(record: CsvRecord, cells: readonly string[], named: number[]): void {
    const { line, malformed } = record;
    const text = textOf(record);
    if (malformed !== undefined)
      throw this.#refused(`the header on line ${line} cannot be read, ${malformed}: ${text}`);
    if (this.#above) {
      const above = `line ${this.#above.line} stands above it: ${this.#above.text}`;
      throw this.#refused(`line ${line} is a header, and ${above}; remove all lines above the header`);
    }
    const faults = headerFaults(this.table, cells, named);
    if (faults !== "") {
      const isRow = shapeOf(this.table, cells).is !== "no row";
      const what = isRow ? `line ${line} could be a header or a row` : `the header on line ${line} does not fit`;
      const fix = isRow ? "write a header above it" : "correct it";
      throw this.#refused(`${what} (${faults}): ${text}; ${fix}: the columns are ${this.columns}`);
    }
    this.order = named;
    this.columns = named.map((column) => this.table.columns[column]?.name ?? "");
    this.mayBeHeader = false;
  }

  #refuseOtherDialect({ raw, line }: CsvRecord): void {
    const isKnown = (cells: string[]) =>
      columnsNamed(this.table, cells).some((column) => column !== -1) || shapeOf(this.table, cells).is !== "no row";
    const why = whyOtherDialect(line, Buffer.from(raw).toString(), isKnown);
    if (why !== undefined) throw this.#refused(why);
  }

  #noRow(line: number, why: string, text: string): MusterError {
    const what = `line ${line} is neither a header nor a row (${why}): ${text}`;
    return this.#refused(`${what}; remove it, or make it a header of ${this.columns}`);
  }

  #refused(problem: string): MusterError {
    return new MusterError("refused", `${this.name}: ${problem}`);
  }
}

const textOf = (record: CsvRecord) => shown(Buffer.from(record.raw).toString().trimEnd());
