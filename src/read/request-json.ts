/** Reads the rows of a JSON body, for several tables or for one. */

import type { Dictionary } from "../codecs/dictionary.ts";
import { isObject } from "../codecs/json.ts";
import { JsonText } from "../codecs/json-text.ts";
import { pointerTo, shownPointer } from "../codecs/pointer.ts";
import type { Table, TableName } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { readJson } from "./formats/json-fields.ts";
import { addRow, type BatchRow, notEmpty, type Path, pointerAt } from "./request-rows.ts";

/**
 * Reads an object that has a list of rows for each table, or an array of such objects.
 * @param only if given, the body is instead a list of this table's rows, or one row
 * @throws MusterError `invalid` if the body is not JSON, has another shape, or has no row; `too_large` for more than
 * ROWS_PER_REQUEST_MAX rows
 */
export function rowsOfJson(text: string, dictionary: Dictionary, only?: Table): BatchRow[] {
  const body = new JsonText(text);
  const rows = new JsonRows(body, dictionary);
  const value = body.takeValue();
  if (only !== undefined && Array.isArray(value)) rows.addList(only, value, []);
  else if (only !== undefined) rows.add(only, value, placesIn(body, []));
  else if (Array.isArray(value)) value.forEach((part, index) => void rows.addLists(part, [index]));
  else rows.addLists(value, []);
  return notEmpty(rows.all);
}

/** A field of a row whose fields come as separate objects: the field's value, and the path of the object that holds it. */
interface Fragment {
  value: unknown;
  path: Path;
}

/** Collects rows in the order of the body. */
class JsonRows {
  readonly all: BatchRow[] = [];
  readonly #counts = new Map<TableName, number>();

  constructor(
    private readonly body: JsonText,
    private readonly dictionary: Dictionary,
  ) {}

  /** Adds the rows of an object that has a list of rows for each table. */
  addLists(part: unknown, path: Path): void {
    if (!isObject(part)) throw wrongShape(path, "must be an object of lists of rows, each named for its table");
    const [twice] = this.body.repeatedIn(path);
    if (twice !== undefined) throw wrongShape([...path, twice], "is given twice");
    for (const [name, list] of Object.entries(part)) {
      const here = [...path, name];
      if (!this.dictionary.has(name))
        throw wrongShape(here, `is not a table: the tables are ${this.dictionary.names.join(", ")}`);
      if (!Array.isArray(list)) throw wrongShape(here, "must be a list of rows");
      this.addList(this.dictionary.of(name), list, here);
    }
  }

  /** Adds the rows of a list. Consecutive objects with one key each are joined to one row, until a key repeats. */
  addList(table: Table, list: readonly unknown[], path: Path): void {
    let fragments = new Map<string, Fragment>();
    const places = placesIn(this.body, path);
    const end = () => {
      if (fragments.size === 0) return; // most rows are whole, and need no new map
      this.#addFragments(table, fragments);
      fragments = new Map();
    };
    list.forEach((element, index) => {
      const key = onlyKeyOf(element);
      if (key === undefined || fragments.has(key)) end();
      if (key === undefined) this.add(table, element, places, index);
      else fragments.set(key, { value: (element as Record<string, unknown>)[key], path: [...path, index] });
    });
    end();
  }

  /** @param at the row's index in its list, if it stands in one */
  add(table: Table, row: unknown, placeOf: PlaceOf, at?: number): void {
    const index = this.#counts.get(table.name) ?? 0;
    this.#counts.set(table.name, index + 1);
    const repeated = this.body.mayRepeat ? placeOf(at).paths.flatMap((path) => this.body.repeatedIn(path)) : [];
    const { values, reasons } = readJson(table, row, { keyOptional: true }, repeated);
    addRow(this.all, new BodyRow(table.name, index, values, reasons, placeOf, at));
  }

  #addFragments(table: Table, fragments: Map<string, Fragment>): void {
    // Object.fromEntries makes even a key like __proto__ a plain field.
    const row = Object.fromEntries([...fragments].map(([key, { value }]) => [key, value]));
    const paths = [...fragments.values()].map(({ path }) => path);
    const pointer = (field?: string) => {
      const fragment = field === undefined ? undefined : fragments.get(field);
      return fragment && field !== undefined ? pointerTo([...fragment.path, field]) : pointerTo(paths[0] ?? []);
    };
    const source = () => `{${paths.map((path) => this.body.source(path).slice(1, -1).trim()).join(", ")}}`;
    this.add(table, row, () => ({ paths, pointer, source }));
  }
}

/** Where a row stands in the body. */
interface Place {
  /** The path of the row's object, or of each object if its fields come as separate objects. */
  paths: readonly Path[];
  pointer(field?: string): string;
  /** The row as it was written. */
  source(): string;
}

/**
 * Makes a row's place from its index in its list. Few rows need their place, and if all had one, the places would take as much
 * memory as the rows.
 */
type PlaceOf = (at?: number) => Place;

/** The places of rows that are one object each: in the list at a path, or at the path itself. */
const placesIn =
  (body: JsonText, list: Path): PlaceOf =>
  (at) => {
    const path = at === undefined ? list : [...list, at];
    return { paths: [path], pointer: pointerAt(path), source: () => body.source(path) };
  };

class BodyRow implements BatchRow {
  constructor(
    readonly table: TableName,
    readonly index: number,
    readonly values: BatchRow["values"],
    readonly reasons: BatchRow["reasons"],
    private readonly placeOf: PlaceOf,
    private readonly at: number | undefined,
  ) {}

  get position(): number {
    return this.index;
  }

  get raw(): Uint8Array {
    return Buffer.from(this.placeOf(this.at).source());
  }

  pointer(field?: string): string {
    return this.placeOf(this.at).pointer(field);
  }
}

/** The key of an object that has exactly one. */
function onlyKeyOf(value: unknown): string | undefined {
  if (!isObject(value)) return undefined;
  let only: string | undefined;
  for (const key in value) {
    if (only !== undefined) return undefined;
    only = key;
  }
  return only;
}

const wrongShape = (path: Path, problem: string) =>
  new MusterError("invalid", `${path.length > 0 ? shownPointer(path) : "the body"} ${problem}`);
