/** The files and folders of a source that are not read. Each is named in a line, or counted if there are many. */
import { escaped } from "../../shown.ts";
import { isSideName, partsOf } from "./file-names.ts";

/** How many lines name skipped things. */
const LINES_MAX = 20;
const SIDE_FILES_NAMED_MAX = 5;

export class SkippedThings {
  readonly #lines = new Map<string, { first: string; folder: string; why: string; count: number }>();
  #more = 0;
  readonly #sides: string[] = [];
  #sideCount = 0;

  /**
   * Files of one folder that are skipped for the same reason share a line, except in the source's own folder.
   * @param name relative to the source. A hidden folder's ends in a slash
   * @param why what is wrong with it, and what to do about it
   */
  add(name: string, why: string): void {
    const { folder, file } = partsOf(name.replace(/\/$/, ""));
    if (isSideName(file)) {
      this.#sideCount++;
      if (this.#sides.length < SIDE_FILES_NAMED_MAX) this.#sides.push(name);
      return;
    }
    const key = folder === "" ? name : `${folder}/\0${why}`;
    const line = this.#lines.get(key);
    if (line) line.count++;
    else if (this.#lines.size < LINES_MAX) this.#lines.set(key, { first: name, folder, why, count: 1 });
    else this.#more++;
  }

  /** @param source put before the names, if there are several sources */
  lines(source = ""): string[] {
    const named = (name: string) => escaped(source + name);
    const lines = [...this.#lines.values()].map(({ first, folder, why, count }) => {
      const others = count > 1 ? ` and ${count - 1} more in ${named(folder)}` : "";
      return `Skipped ${named(first)}${others}: ${why}`;
    });
    if (this.#more > 0) lines.push(`Skipped ${this.#more} more`);
    if (this.#sideCount > 0) {
      const rest = this.#sideCount > this.#sides.length ? `, ... (${this.#sideCount} in all)` : "";
      lines.push(`Skipped hidden files and checksums: ${this.#sides.map(named).join(", ")}${rest}`);
    }
    return lines;
  }
}
