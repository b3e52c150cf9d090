/** Reads the cells of a sheet, row by row. */
import { RECORD_BYTES_MAX } from "../../codecs/codec.ts";
import { MusterError } from "../../errors.ts";
import { cut, escaped } from "../../shown.ts";
import { dateText, numberText } from "./xlsx-dates.ts";
import { isTrue, type Sheet, type Workbook } from "./xlsx-parts.ts";
import { joined, type SharedStrings, unescaped } from "./xlsx-strings.ts";
import type { XmlAttributes, XmlHandler } from "./xml.ts";

/** The most rows and columns of a sheet, as in Excel. */
const [ROWS_MAX, COLUMNS_MAX] = [1_048_576, 16_384];

export interface SheetRow {
  /** Its number in the sheet, 1-based. */
  number: number;
  /** The text of its cells up to the last that has any. */
  cells: string[];
}

/** Reads a sheet in batches. What is hidden is read, too. */
export class SheetReader implements XmlHandler {
  hiddenRows = 0;
  hiddenColumns = 0;
  mergedRanges = 0;
  /** Formulas whose results the program that wrote them has not kept. */
  openFormulas = 0;
  #rows: SheetRow[] = [];
  #row: SheetRow = { number: 0, cells: [] };
  #column = -1;
  #type = "n";
  #style = 0;
  #value = "";
  /** The kind of text that is being read: a cell's value, or its own text. */
  #reading: "v" | "t" | undefined;
  #isInline = false;
  #isFormula = false;
  #isPhonetic = false;
  #bytes = 0;

  constructor(
    private readonly workbook: Workbook,
    private readonly strings: SharedStrings,
  ) {}

  /** @throws MusterError `refused` if the sheet is damaged or larger than Excel's own limits */
  async *read({ entry }: Sheet): AsyncGenerator<SheetRow[]> {
    for await (const _ of this.workbook.parse(entry, this)) {
      if (this.#rows.length > 0) yield this.#rows;
      this.#rows = [];
    }
  }

  open(name: string, attributes: XmlAttributes): void {
    if (name === "c") this.#openCell(attributes);
    else if (name === "v") this.#reading = "v";
    else if (name === "f") this.#isFormula = true;
    else if (name === "is") this.#isInline = true;
    else if (name === "t" && this.#isInline && !this.#isPhonetic) this.#reading = "t";
    else if (name === "rPh") this.#isPhonetic = true;
    else if (name === "row") this.#openRow(attributes);
    else if (name === "col") this.#lookAtColumns(attributes);
    else if (name === "mergeCell") this.mergedRanges++;
  }

  text(text: string): void {
    if (this.#reading) this.#value = joined(this.#value, text);
  }

  close(name: string): void {
    if (name === "v" || name === "t") this.#reading = undefined;
    else if (name === "is") this.#isInline = false;
    else if (name === "rPh") this.#isPhonetic = false;
    else if (name === "c") this.#closeCell();
    else if (name === "row") this.#rows.push(this.#row);
  }

  #openRow({ r, hidden }: XmlAttributes): void {
    const number = r === undefined ? this.#row.number + 1 : Number(r);
    if (!(Number.isInteger(number) && number > this.#row.number && number <= ROWS_MAX))
      throw this.workbook.damaged(`after row ${this.#row.number} comes row ${escaped(cut(r ?? String(number)))}`);
    if (isTrue(hidden)) this.hiddenRows++;
    this.#row = { number, cells: [] };
    this.#column = -1;
    this.#bytes = 0;
  }

  #openCell({ r, t = "n", s = "0" }: XmlAttributes): void {
    this.#column = r === undefined ? this.#column + 1 : columnOf(r);
    if (!(this.#column >= 0 && this.#column < COLUMNS_MAX))
      throw this.workbook.damaged(`row ${this.#row.number} has a cell ${escaped(cut(r ?? String(this.#column)))}`);
    this.#type = t;
    this.#style = Number(s);
    this.#value = "";
    this.#isFormula = false;
  }

  #closeCell(): void {
    const text = this.#cellText();
    if (this.#isFormula && this.#value === "" && this.#type !== "str") this.openFormulas++;
    if (text === "") return;
    const { number, cells } = this.#row;
    this.#bytes += text.length;
    if (this.#bytes > RECORD_BYTES_MAX)
      throw new MusterError("refused", `row ${number} has over ${RECORD_BYTES_MAX} characters: shorten its cells`);
    if (cells[this.#column]) throw this.workbook.damaged(`row ${number} has a cell twice`);
    while (cells.length < this.#column) cells.push("");
    cells[this.#column] = text;
  }

  #cellText(): string {
    const value = this.#value;
    if (value === "") return "";
    switch (this.#type) {
      case "s":
        return this.#shared(value);
      case "b":
        return isTrue(value) ? "true" : "false";
      case "n":
        return this.#number(value);
      case "inlineStr":
      case "str":
        return unescaped(value);
      default:
        // Errors such as #N/A, and dates in ISO 8601.
        return value;
    }
  }

  #shared(value: string): string {
    const text = this.strings.get(/^\d+$/.test(value) ? Number(value) : -1);
    if (text !== undefined) return text;
    throw this.workbook.damaged(`row ${this.#row.number} names a text that is missing: ${escaped(cut(value))}`);
  }

  #number(value: string): string {
    const kind = this.workbook.styles[this.#style] ?? "number";
    const date = kind === "number" ? undefined : dateText(Number(value), kind, this.workbook.is1904);
    const text = date ?? numberText(value);
    if (text !== undefined) return text;
    throw this.workbook.damaged(`row ${this.#row.number} has a number ${escaped(cut(value))}`);
  }

  #lookAtColumns({ min = "1", max = min, hidden }: XmlAttributes): void {
    const columns = Math.min(Number(max), COLUMNS_MAX) - Number(min) + 1;
    // All columns up to the last possible are often hidden behind those that are used.
    if (isTrue(hidden) && columns > 0 && Number(max) < COLUMNS_MAX) this.hiddenColumns += columns;
  }
}

/** The index of a cell's column: 0 for A7, 26 for AA7. -1 if it is no cell. */
function columnOf(reference: string): number {
  const [, letters = ""] = /^([A-Z]{1,3})\d{1,7}$/.exec(reference) ?? [];
  let column = 0;
  for (const letter of letters) column = column * 26 + letter.charCodeAt(0) - 64;
  return column - 1;
}
