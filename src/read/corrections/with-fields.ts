/** A rejected row with new texts for some of its columns. Its other fields are read as they came, by the recipe of its file. */
import { isUtf8 } from "node:buffer";
import { Fault, isBlank } from "../../codecs/codec.ts";
import { csvLine, fromCsv, LEFT_OUT } from "../../codecs/csv.ts";
import { isObject } from "../../codecs/json.ts";
import { JsonText } from "../../codecs/json-text.ts";
import type { Table } from "../../codecs/tables.ts";
import type { FileRow } from "../file-row.ts";
import { jsonFields } from "../formats/json-fields.ts";
import { rowOfJson } from "../formats/ndjson-rows.ts";
import { readingTable } from "../recipes/reading-table.ts";
import type { FileRecipe } from "../recipes/recipe.ts";
import { valueRecipe } from "../recipes/recipe-parts.ts";
import { recordsOf } from "./rejection-sheet.ts";

interface RowAsItCame {
  /** The columns of its cells if it is a CSV record, null if it is JSON. */
  columns: readonly string[] | null;
  file: string | null;
  recipe: object | undefined;
}

/** @returns undefined if the row cannot be split into fields */
export async function withFields(
  table: Table,
  row: RowAsItCame,
  raw: Buffer,
  fields: Readonly<Record<string, string>>,
): Promise<Pick<FileRow, "values" | "reasons" | "raw" | "columns" | "recipe"> | undefined> {
  if (!isUtf8(raw)) return undefined;
  return row.columns === null
    ? jsonWith(table, row, raw.toString(), fields)
    : recordWith(table, { ...row, columns: row.columns }, raw, fields);
}

/** The record becomes RFC 4180's. Its numbers and dates stay as they are written in its file. */
async function recordWith(
  table: Table,
  row: RowAsItCame & { columns: readonly string[] },
  raw: Buffer,
  fields: Readonly<Record<string, string>>,
) {
  const read = row.recipe as FileRecipe | undefined;
  const [record, another] = await recordsOf(raw, read);
  if (!record || another || record.malformed !== undefined || record.length !== row.columns.length) return undefined;
  // After the delimiter that ends each row there may be a value, which is no field.
  if (read?.trailingColumn && record.cell(record.length - 1) !== "") return undefined;
  const texts = new Map<string, string>();
  for (const [index, name] of row.columns.entries()) if (name !== "") texts.set(name, record.cell(index));
  for (const [name, text] of Object.entries(fields)) if (texts.has(name) || !isBlank(text)) texts.set(name, text);
  const recipe = valueRecipe(read);
  const columns = [...texts.keys()];
  const cells = [...texts.values()];
  const reading = readingTable(table, recipe);
  const order = columns.map((name) => indexIn(reading, name));
  return { ...fromCsv(reading, cells, order), raw: Buffer.from(csvLine(cells).slice(0, -2)), columns, recipe };
}

const indexIn = ({ columns }: Table, name: string): number => {
  const index = columns.findIndex((column) => column.name === name);
  return index === -1 ? LEFT_OUT : index;
};

/** The members of the object stay as they are written, except those of the columns that are new. */
function jsonWith(table: Table, row: RowAsItCame, text: string, fields: Readonly<Record<string, string>>) {
  const recipe = row.recipe as FileRecipe | undefined;
  const json = objectIn(text);
  if (!json) return undefined;
  const reading = readingTable(table, recipe);
  const names = jsonFields(reading, row.file ?? "", { recipe });
  const written = new Map<string, string>();
  const members: string[] = [];
  for (const field of Object.keys(json.value)) {
    const name = names ? names.columnOf(field) : field;
    if (name !== undefined && Object.hasOwn(fields, name)) written.set(name, field);
    else members.push(`${JSON.stringify(field)}:${json.source([field])}`);
  }
  for (const [name, given] of Object.entries(fields)) {
    const column = reading.columns.find((each) => each.name === name);
    const field = written.get(name) ?? fieldFor(name, recipe);
    if (!column || isBlank(given)) continue;
    const value = column.codec.fromCsv(given);
    members.push(
      `${JSON.stringify(field)}:${JSON.stringify(value instanceof Fault ? given : column.codec.toJson(value))}`,
    );
  }
  const raw = `{${members.join(",")}}`;
  // A row that came from a file must have an id, as it must in the file.
  const read = rowOfJson(reading, raw, { keyOptional: row.file === null, fields: names });
  return { ...read, raw: Buffer.from(raw), recipe };
}

/** What a file calls a column that this row lacks. */
function fieldFor(name: string, recipe: FileRecipe | undefined): string {
  const named = Object.entries(recipe?.columns ?? {}).find(([, column]) => column === name);
  return named?.[0] ?? name;
}

/** Undefined if the text is no object, or has a field twice: which of the two holds is not known. */
function objectIn(text: string): { value: Record<string, unknown>; source: JsonText["source"] } | undefined {
  try {
    const json = new JsonText(text);
    const { value } = json;
    if (!isObject(value) || json.repeatedIn([]).length > 0) return undefined;
    return { value, source: (path) => json.source(path) };
  } catch {
    return undefined;
  }
}
