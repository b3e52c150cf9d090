import { escaped } from "../shown.ts";

/** Where the rows of a table's files are, by their numbers, which ascend. A place takes eight bytes. */
export class Places {
  readonly #files: { name: string; first: number }[] = [];
  #positions = new Float64Array(1024);

  add(number: number, file: string, position: number): void {
    if (this.#files.at(-1)?.name !== file) this.#files.push({ name: file, first: number });
    if (number >= this.#positions.length) {
      const larger = new Float64Array(2 * number);
      larger.set(this.#positions);
      this.#positions = larger;
    }
    this.#positions[number] = position;
  }

  /** As text for a message: `in people.csv:3`. */
  of(number: number): string {
    const file = this.#files.findLast(({ first }) => first <= number)?.name ?? "";
    return `in ${escaped(file)}:${this.#positions[number]}`;
  }
}
