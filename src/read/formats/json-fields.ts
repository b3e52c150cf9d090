/** Rows of JSON, Avro and Parquet under a recipe: their fields have other names, or are left out. */
import { isBlank } from "../../codecs/codec.ts";
import { fromJson, isObject } from "../../codecs/json.ts";
import { assignedId, repeatedField } from "../../codecs/reasons.ts";
import type { ReadRow, Table } from "../../codecs/tables.ts";
import type { Reason } from "../../db/ledger.ts";
import { shown } from "../../shown.ts";
import type { ReadOptions } from "../file-row.ts";
import { FieldNames, IGNORED, UNKNOWN, unfit } from "../recipes/field-names.ts";
import type { FileRecipe } from "../recipes/recipe.ts";

/** How many names of fields are remembered, and how many of those that are left out are said one by one. */
const NAMES_KEPT_MAX = 10_000;
const NAMES_SAID_MAX = 20;

export interface JsonOptions {
  /** The id may be left out, so that the database assigns one. */
  keyOptional: boolean;
  /** What the recipe says about fields; undefined if it says nothing. */
  fields?: JsonFields | undefined;
}

/**
 * What a recipe says about the fields of rows; undefined if it says nothing.
 * @param table as the recipe reads it (reading-table.ts)
 * @param name what the file is called in a message
 * @throws MusterError `refused` if the recipe does not fit the table
 */
export function jsonFields(table: Table, name: string, { recipe, say }: ReadOptions = {}): JsonFields | undefined {
  if (!recipe) return undefined;
  const { columns, ignore = [], ignoreOtherColumns, ids } = recipe;
  if (Array.isArray(columns))
    throw unfit(table, "columns", name, "columns are given by position, and the fields of this file have names");
  if (!columns && ignore.length === 0 && !ignoreOtherColumns && ids !== "database") return undefined;
  return new JsonFields(table, recipe, name, say);
}

/**
 * Judges one row by its shape alone: the row that JSON.parse, Avro or Parquet gives.
 * @param repeated the names that stand twice in its JSON text
 */
export function readJson(
  table: Table,
  row: unknown,
  { keyOptional, fields }: JsonOptions,
  repeated: readonly string[] = [],
): ReadRow {
  if (!fields && repeated.length === 0) return fromJson(table, row, { keyOptional });
  const found = fields && isObject(row) ? fields.named(row) : { row, reasons: [] };
  const read = fromJson(table, found.row, { keyOptional });
  const twice = fields ? repeated.filter((field) => !fields.leavesOut(field)) : repeated;
  if (twice.length === 0 && found.reasons.length === 0) return read;
  return { ...read, reasons: [...read.reasons, ...found.reasons, ...twice.map(repeatedField)] };
}

export class JsonFields {
  readonly #names: FieldNames;
  readonly #known = new Map<string, number>();
  readonly #said = new Set<string>();

  constructor(
    private readonly table: Table,
    private readonly recipe: FileRecipe,
    private readonly file: string,
    private readonly say: ReadOptions["say"],
  ) {
    this.#names = new FieldNames(table, recipe, file);
  }

  /** Whether a field is not read. */
  leavesOut(field: string): boolean {
    const column = this.#columnOf(field);
    return column === IGNORED || (column === UNKNOWN && this.#names.leavesOutOthers);
  }

  /** The name of the column that a field means; its own name if it means none. Undefined if it is left out. */
  columnOf(field: string): string | undefined {
    return this.leavesOut(field) ? undefined : (this.table.columns[this.#columnOf(field)]?.name ?? field);
  }

  /** A row with the names of the table's columns, without the fields that are left out. */
  named(row: Record<string, unknown>): { row: Record<string, unknown>; reasons: Reason[] } {
    // Without a prototype, so that a field called __proto__ is one like any other.
    const named: Record<string, unknown> = Object.create(null);
    const reasons: Reason[] = [];
    for (const [field, value] of Object.entries(row)) {
      if (this.leavesOut(field)) {
        this.sayLeftOut(field);
        continue;
      }
      const index = this.#columnOf(field);
      const name = this.table.columns[index]?.name ?? field;
      if (index === this.table.assigned && this.recipe.ids === "database") {
        if (value !== null && !(typeof value === "string" && isBlank(value))) reasons.push(assignedId(field));
      } else if (Object.hasOwn(named, name)) reasons.push(repeatedField(name));
      else named[name] = value;
    }
    return { row: named, reasons };
  }

  #columnOf(field: string): number {
    const known = this.#known.get(field);
    if (known !== undefined) return known;
    const column = this.#names.ofField(field);
    if (this.#known.size < NAMES_KEPT_MAX) this.#known.set(field, column);
    return column;
  }

  /** Says once that a field is left out. */
  sayLeftOut(field: string): void {
    if (!this.say || this.#said.has(field) || this.#said.size > NAMES_SAID_MAX) return;
    this.#said.add(field);
    const what = this.#said.size > NAMES_SAID_MAX ? "more fields" : `the field ${shown(field)}`;
    this.say(`${this.file}: left out ${what}`);
  }
}
