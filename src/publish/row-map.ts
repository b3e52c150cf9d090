/** A number for each of some rows of a stage, by the rows' numbers. It takes eight bytes a row at most, a Map about fifty. */
export class RowMap {
  readonly #pages = new Map<number, Float64Array>();

  get(row: number): number | undefined {
    const value = this.#pages.get(Math.floor(row / PAGE_ROWS))?.[row % PAGE_ROWS];
    return value === undefined || Number.isNaN(value) ? undefined : value;
  }

  has(row: number): boolean {
    return this.get(row) !== undefined;
  }

  set(row: number, value: number): void {
    const at = Math.floor(row / PAGE_ROWS);
    const page = this.#pages.get(at) ?? new Float64Array(PAGE_ROWS).fill(Number.NaN);
    page[row % PAGE_ROWS] = value;
    this.#pages.set(at, page);
  }
}

const PAGE_ROWS = 1024;
