import type { RowMap } from "../publish/row-map.ts";
import { escaped } from "../shown.ts";

/** Where some rows of a table's files are, by their numbers, which ascend. */
export class Places {
  readonly #files: { name: string; first: number }[] = [];

  /** @param positions has the rows whose place will be asked for */
  constructor(private readonly positions: RowMap) {}

  add(number: number, file: string, position: number): void {
    if (this.#files.at(-1)?.name !== file) this.#files.push({ name: file, first: number });
    if (this.positions.has(number)) this.positions.set(number, position);
  }

  /** As text for a message: `in people.csv:3`. */
  of(number: number): string {
    const file = this.#files.findLast(({ first }) => first <= number)?.name ?? "";
    return `in ${escaped(file)}:${this.positions.get(number)}`;
  }
}
