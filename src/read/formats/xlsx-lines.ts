/** Turns the rows of a sheet into strict CSV, and back into rows with their numbers in the sheet. */
import { csvLine } from "../../codecs/csv.ts";
import { CHUNK_BYTES, turn } from "../../event-loop.ts";
import type { FileRow } from "../file-row.ts";
import type { SheetRow } from "./xlsx-sheet.ts";

/** The widest of so many rows says how many cells each row has. A later row has more only if they are not empty. */
const WIDTH_ROWS = 100;

/** Makes the lines of CSV. The line of a row is its number, until a cell has a line end. */
export class SheetLines {
  #width = 0;
  /** The last row that was written. */
  #row = 0;
  /** For each row with line ends in its cells the line after it, and how many lines more than rows there are by then. */
  readonly #longer: { line: number; extra: number }[] = [];
  #extra = 0;
  #placed = 0;

  async *of(batches: AsyncIterable<SheetRow[]>): AsyncGenerator<Uint8Array> {
    let first: SheetRow[] | undefined = [];
    let text = "";
    for await (const batch of batches) {
      if (first) first.push(...batch);
      if (first && first.length < WIDTH_ROWS) continue;
      const rows: SheetRow[] = first ?? batch;
      if (first) this.#measure(first);
      first = undefined;
      for (const row of rows) {
        text += this.#line(row);
        if (text.length < CHUNK_BYTES) continue;
        yield Buffer.from(text);
        text = "";
        await turn();
      }
    }
    if (first) this.#measure(first);
    for (const row of first ?? []) text += this.#line(row);
    if (text !== "") yield Buffer.from(text);
  }

  /** The row with its number in the sheet as its position. */
  placed(row: FileRow): FileRow {
    if (this.#longer.length === 0) return row;
    while ((this.#longer[this.#placed + 1]?.line ?? Number.POSITIVE_INFINITY) <= row.position) this.#placed++;
    const { line, extra } = this.#longer[this.#placed] ?? { line: 0, extra: 0 };
    const position = row.position - (row.position >= line ? extra : 0);
    return new PlacedRow(row, position);
  }

  #measure(rows: readonly SheetRow[]): void {
    for (const { cells } of rows.slice(0, WIDTH_ROWS)) this.#width = Math.max(this.#width, cells.length);
  }

  #line({ number, cells }: SheetRow): string {
    const empty = "\r\n".repeat(number - this.#row - 1);
    this.#row = number;
    if (cells.length === 0) return `${empty}\r\n`;
    while (cells.length < this.#width) cells.push("");
    const line = csvLine(cells);
    const ends = line.split("\n").length - 2;
    if (ends > 0) {
      this.#extra += ends;
      this.#longer.push({ line: number + this.#extra + 1, extra: this.#extra });
    }
    return empty + line;
  }
}

/** A row at another position than that of its line. */
class PlacedRow implements FileRow {
  readonly values: FileRow["values"];
  readonly reasons: FileRow["reasons"];
  readonly recipe: FileRow["recipe"];
  readonly columns: string[];

  constructor(
    private readonly row: FileRow,
    readonly position: number,
  ) {
    this.values = row.values;
    this.reasons = row.reasons;
    this.recipe = row.recipe;
    this.columns = row.columns ?? [];
  }

  get raw(): Uint8Array {
    return this.row.raw;
  }
}
