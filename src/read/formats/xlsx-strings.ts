/** The texts of a workbook's cells. Cells name them by their number. */
import type { Entry } from "yauzl";
import { MusterError } from "../../errors.ts";
import type { Workbook } from "./xlsx-parts.ts";
import type { XmlHandler } from "./xml.ts";

/** The most bytes of all shared texts of a workbook: they are held in memory. */
const STRINGS_BYTES_MAX = 256 * 1024 * 1024;
/** What a text takes besides its own bytes. */
const PLACE_BYTES = 8;
/** The most characters of a cell, as in Excel. An escaped character takes seven. */
const CELL_LENGTH_MAX = 32_767;
const ESCAPED_LENGTH = 7;

/** Holds texts as bytes one after the other: millions of them would take several times as much as strings. */
export class SharedStrings {
  #bytes = Buffer.allocUnsafe(64 * 1024);
  #length = 0;
  readonly #ends: number[] = [];

  /** @throws MusterError `refused` if they are larger than the limit */
  static async read(workbook: Workbook, entry: Entry | undefined, name: string): Promise<SharedStrings> {
    const strings = new SharedStrings();
    if (!entry) return strings;
    const text = new TextOf("si", (found) => strings.#add(found, name));
    for await (const _ of workbook.parse(entry, text));
    return strings;
  }

  get(index: number): string | undefined {
    const end = this.#ends[index];
    if (end === undefined) return undefined;
    return this.#bytes.toString("utf8", index === 0 ? 0 : this.#ends[index - 1], end);
  }

  #add(text: string, name: string): void {
    const bytes = Buffer.byteLength(text);
    const total = this.#length + bytes + PLACE_BYTES * (this.#ends.length + 1);
    if (total > STRINGS_BYTES_MAX) {
      const limit = `its texts take over ${STRINGS_BYTES_MAX} bytes`;
      throw new MusterError("refused", `${name}: ${limit}: split the workbook, or save its sheet as CSV in UTF-8`);
    }
    if (this.#length + bytes > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(2 * (this.#length + bytes));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#length += this.#bytes.write(text, this.#length);
    this.#ends.push(this.#length);
  }
}

/** Joins the text of an element with formats inside it. What helps to pronounce it (rPh) is no part of it. */
export class TextOf implements XmlHandler {
  #text = "";
  #isInText = false;
  #isPhonetic = false;

  constructor(
    private readonly element: string,
    private readonly found: (text: string) => void,
  ) {}

  open(name: string): void {
    if (name === this.element) this.#text = "";
    else if (name === "rPh") this.#isPhonetic = true;
    else if (name === "t") this.#isInText = !this.#isPhonetic;
  }

  text(text: string): void {
    if (this.#isInText) this.#text = joined(this.#text, text);
  }

  close(name: string): void {
    if (name === "t") this.#isInText = false;
    else if (name === "rPh") this.#isPhonetic = false;
    else if (name === this.element) this.found(unescaped(this.#text));
  }
}

/** @throws MusterError `refused` if the text is longer than a cell may be */
export function joined(text: string, more: string): string {
  if (text.length + more.length <= ESCAPED_LENGTH * CELL_LENGTH_MAX) return text + more;
  throw new MusterError("refused", `a cell has more than the ${CELL_LENGTH_MAX} characters that Excel allows`);
}

/** Characters that XML does not allow are written as _x000D_ (ECMA-376, Part 1, 22.9.2.19). */
export const unescaped = (text: string): string =>
  text.includes("_x")
    ? text.replace(/_x([0-9A-Fa-f]{4})_/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    : text;
