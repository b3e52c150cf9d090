/** Where the rows of a CSV file begin, and the order of their cells. */
import { type CellOrder, LEFT_OUT } from "../../codecs/csv.ts";
import type { CsvRecord } from "../../codecs/csv-parser.ts";
import type { Table } from "../../codecs/tables.ts";
import { MusterError } from "../../errors.ts";
import { firstOf, shown } from "../../shown.ts";
import type { ReadOptions } from "../file-row.ts";
import { bare } from "../recipes/field-names.ts";
import { option } from "../recipes/option-text.ts";
import {
  headerMissing,
  headerUnwanted,
  lastLineOf,
  linesAbove,
  noRow,
  otherEnds,
  rawOf,
  textOf,
  toReadHeader,
} from "./csv-advice.ts";
import { type Marks, otherDialect, STRICT } from "./csv-dialect.ts";
import { hasTyped, headerFaults, isHeaderAgain, looseCells, type Shape, shapeOf } from "./csv-header.ts";
import { headerCells, isInOrder, type Layout, layoutOf } from "./csv-layout.ts";

/** How many titles or comments may come before the first certain row. After so many lines, no header is expected any more. */
const LINES_ABOVE_MAX = 1_000;

/** Looks for a header in the first records, and for copies of it further down. A header is never taken for a row. */
export class CsvStart {
  /** For each cell the index of its column. Undefined if the cells are in the order of the dictionary. */
  order: CellOrder;
  /** What gives this order, if not the dictionary. */
  orderedBy = "the recipe";
  /** The column names of the cells; "" for a cell that is left out. */
  columns: string[];
  /** Whether the next record may be the header. */
  mayBeHeader = true;
  /** Whether a copy of the header could be stored as a row, because all columns of the file hold text. */
  canHideHeader: boolean;
  /** How many copies of the header were skipped, and the line of the first. */
  readonly repeated = { lines: 0, first: 0 };
  readonly #layout: Layout;
  readonly #marks: Marks;
  /** The bare names of the header's cells. */
  #header: readonly string[] | undefined;
  /** The first line above the header or the first row. `why` says why it is not a row, if that is certain. */
  #above: { record: CsvRecord; why: string | undefined; hasOtherCount?: boolean | undefined } | undefined;
  /** The last line of what is certainly no row. */
  #lastAbove = 0;
  #linesAbove = 0;

  /**
   * @param table as the recipe reads it
   * @param name what the file is called in an error
   * @throws MusterError `refused` if the recipe does not fit the table
   */
  constructor(
    private readonly table: Table,
    private readonly name: string,
    private readonly options: Pick<ReadOptions, "recipe" | "say"> = {},
  ) {
    const { delimiter = STRICT.delimiter, quote = STRICT.quote } = options.recipe ?? {};
    this.#marks = { delimiter, quote };
    this.#layout = layoutOf(table, options.recipe, name);
    this.order = this.#layout.order;
    this.columns = (this.order ?? [...table.columns.keys()]).map((index) => table.columns[index]?.name ?? "");
    this.canHideHeader = !hasTyped(table, this.order);
  }

  /**
   * Looks at a record while the header may still come.
   * @returns whether it is the header, or stands above a header that must come
   * @throws MusterError `refused` for a header that does not fit or is missing, another dialect, and lines above the header
   * or the first row
   */
  take(record: CsvRecord): boolean {
    const { header, names } = this.#layout;
    const cells = looseCells(record, this.#marks);
    const named = names.ofAll(cells);
    const isNamed = named.some((column) => column >= 0);
    if (isNamed && header !== "none") {
      this.#takeHeader(record, cells, named);
      return true;
    }
    const shape = shapeOf(this.table, cells, this.order);
    if (isNamed && shape.is !== "row" && isHeaderAgain(this.table, cells, named, this.order))
      throw this.#refused(headerUnwanted(this.#layout, record));
    if (shape.is === "no row") this.#refuseOtherDialect(record);
    if (header === "must" && (shape.is === "row" || this.#linesAbove === LINES_ABOVE_MAX))
      throw this.#headerMissing(record, shape.is);
    if (shape.is === "row") {
      this.mayBeHeader = false;
      if (this.#above?.why !== undefined) throw this.#noRow(this.#above.record, this.#above.why);
      return false;
    }
    const { why, hasOtherCount } = shape.is === "no row" ? shape : { why: undefined };
    if (!this.#above || (this.#above.why === undefined && why !== undefined))
      this.#above = { record, why, hasOtherCount };
    if (why !== undefined) this.#lastAbove = lastLineOf(record);
    if (header === "none" && this.#linesAbove === 0) this.#refuseOtherCount();
    this.#linesAbove++;
    this.mayBeHeader = header === "must" || this.#linesAbove < LINES_ABOVE_MAX;
    if (!this.mayBeHeader) this.#refuseOtherCount();
    return header === "must";
  }

  /** Called after the last record. @throws MusterError `refused` if what the recipe says did not come, a header or a row */
  end(): void {
    if (!this.mayBeHeader || !this.#above) return;
    if (this.#layout.header === "must") throw this.#headerMissing(this.#above.record, "no row");
    this.#refuseOtherCount();
  }

  /**
   * Whether a record that cannot be stored is a copy of the header. Files that were joined have such copies.
   * @throws MusterError `refused` if it is another header: the cells below it would have another order
   */
  isRepeatedBy(record: CsvRecord): boolean {
    const cells = headerCells(this.#layout, looseCells(record, this.#marks));
    const named = this.#layout.names.ofAll(cells);
    const isCopy =
      this.#header?.length === cells.length && this.#header.every((name, at) => name === bare(cells[at] ?? ""));
    if (!isCopy && !isHeaderAgain(this.table, cells, named, this.order)) return false;
    if ((!isCopy && !isInOrder(this.#layout, this.order, named)) || record.malformed !== undefined) {
      const rows = `the rows above it are ${this.columns}`;
      throw this.#refused(
        `line ${record.line} is another header, and ${rows}: ${textOf(record)}; split the file there`,
      );
    }
    if (this.repeated.lines++ === 0) this.repeated.first = record.line;
    return true;
  }

  /** @throws MusterError `refused` if the first rows all end in a delimiter and the header does not, or the other way round */
  refuseOtherEnds(records: readonly CsvRecord[]): void {
    const rows = this.#header === undefined ? records : records.slice(1);
    const header = this.#header && { names: this.#header, line: records[0]?.line ?? 1 };
    const why = otherEnds(this.columns, rows, header, this.#marks.delimiter);
    if (why !== undefined) throw this.#refused(why);
  }

  #takeHeader(record: CsvRecord, all: readonly string[], allNamed: readonly number[]): void {
    const { line, malformed } = record;
    const { names, hasTrailing } = this.#layout;
    const text = textOf(record);
    if (malformed !== undefined)
      throw this.#refused(`the header on line ${line} cannot be read, ${malformed}: ${text}`);
    if (this.#above) throw this.#refused(linesAbove(line, this.#above.record));
    const cells = headerCells(this.#layout, all);
    const named = allNamed.slice(0, cells.length);
    const faults = headerFaults(names, cells, named);
    if (faults.text !== "") {
      const isRow = this.#layout.header === "may" && shapeOf(this.table, all, this.order).is !== "no row";
      const what = isRow ? `line ${line} could be a header or a row` : `the header on line ${line} does not fit`;
      const fix = isRow
        ? `if it is a row, read it with ${option("header", "no")}; if not, correct it`
        : toReadHeader(faults, cells, lastLineOf(record));
      throw this.#refused(`${what} (${faults.text}): ${text}; ${fix}: the columns are ${names.expected}`);
    }
    this.#header = cells.map(bare);
    this.orderedBy = hasTrailing ? "the header with its last delimiter" : "the header";
    const order = named.map((column) => (column < 0 ? LEFT_OUT : column));
    this.order = hasTrailing ? [...order, LEFT_OUT] : order;
    this.columns = this.order.map((column) => this.table.columns[column]?.name ?? "");
    this.canHideHeader = !hasTyped(this.table, order);
    this.mayBeHeader = false;
    const leftOut = cells.filter((_, index) => order[index] === LEFT_OUT);
    if (leftOut.length > 0)
      this.options.say?.(`${this.name}: left out the cells under ${firstOf(leftOut.map((cell) => shown(cell)))}`);
  }

  /** Refuses a file whose first record has another number of cells than the recipe says. */
  #refuseOtherCount(): void {
    const { record, why, hasOtherCount } = this.#above ?? {};
    if (this.order && record && why !== undefined && hasOtherCount && record.malformed === undefined)
      throw this.#noRow(record, why);
  }

  #refuseOtherDialect(record: CsvRecord): void {
    const isKnown = (cells: string[]) =>
      cells.some((cell) => this.#layout.names.of(cell) >= 0) || shapeOf(this.table, cells, this.order).is !== "no row";
    const other = otherDialect(record.line, rawOf(record), isKnown, this.#marks);
    if (other) throw this.#refused(`${other.seen}: read it with ${other.option}`);
  }

  #headerMissing(record: CsvRecord, shape: Shape["is"]): MusterError {
    const { record: first } = this.#above ?? {};
    return this.#refused(headerMissing(this.#layout, first ?? record, first ? "no row" : shape));
  }

  #noRow(record: CsvRecord, why: string): MusterError {
    return this.#refused(noRow(this.#layout, record, why, this.#lastAbove));
  }

  #refused(problem: string): MusterError {
    return new MusterError("refused", `${this.name}: ${problem}`);
  }
}
