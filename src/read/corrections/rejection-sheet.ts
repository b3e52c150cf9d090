/** Rejections as a sheet for a spreadsheet program: a column for each field of their tables, to be corrected and replayed. */
import { type CsvRecord, parseCsv } from "../../codecs/csv-parser.ts";
import { isObject } from "../../codecs/json.ts";
import { JsonText } from "../../codecs/json-text.ts";
import type { Table } from "../../codecs/tables.ts";
import { RAW_BYTES_MAX } from "../../db/ledger.ts";
import type { RejectionRecord } from "../../repositories/rejection-log.ts";
import { jsonFields } from "../formats/json-fields.ts";
import type { FileRecipe } from "../recipes/recipe.ts";

/** Columns that are not the table's have a blank in their name, which no table's column can have. */
export const REJECTION_ID = "rejection id";
/** How many characters of a row's input the sheet shows. Spreadsheet programs cut cells that are much longer. */
const RAW_CHARACTERS_MAX = 1_000;
const CR = 13;

/** The columns of a sheet for rejections of these tables. Columns of one name are one column. */
export const sheetHeader = (tables: readonly Table[]): string[] => [
  ...[REJECTION_ID, "why refused", ...(tables.length > 1 ? ["of table"] : []), "in file", "at position"],
  ...fieldNames(tables),
  "as it came",
];

const fieldNames = (tables: readonly Table[]) => [
  ...new Set(tables.flatMap(({ columns }) => columns.map(({ name }) => name))),
];

/**
 * The cells of one rejection. If its input cannot be split into fields, the fields are blank; `as it came` shows the input.
 * @param tables those of the sheet's header
 */
export async function sheetCells(tables: readonly Table[], rejection: RejectionRecord): Promise<unknown[]> {
  const { id, reasons, file, position, raw = "(not UTF-8)" } = rejection;
  const table = tables.find(({ name }) => name === rejection.table);
  const why = reasons.map(({ code, field, detail }) => `${code}${field ? ` (${field})` : ""}: ${detail}`).join("; ");
  const fields = table && (await fieldsOf(table, rejection));
  const asItCame = raw.length > RAW_CHARACTERS_MAX ? `${raw.slice(0, RAW_CHARACTERS_MAX)}...` : raw;
  const place = [...(tables.length > 1 ? [rejection.table] : []), file, position];
  return [id, why, ...place, ...fieldNames(tables).map((name) => fields?.get(name)), asItCame];
}

/** The texts of a rejection's fields by the names of their columns. Undefined if its input cannot be split into fields. */
export async function fieldsOf(
  table: Table,
  rejection: Pick<RejectionRecord, "raw" | "columns" | "recipe">,
): Promise<Map<string, string> | undefined> {
  const { raw, columns } = rejection;
  const recipe = rejection.recipe as FileRecipe | undefined;
  if (raw === undefined || Buffer.byteLength(raw) >= RAW_BYTES_MAX) return undefined;
  return columns ? fieldsOfRecord(raw, columns, recipe) : fieldsOfJson(table, raw, recipe);
}

/** A cell that the recipe leaves out has no name in `columns`, and no column in the sheet. */
async function fieldsOfRecord(
  raw: string,
  columns: readonly string[],
  recipe: FileRecipe | undefined,
): Promise<Map<string, string> | undefined> {
  const [record, another] = await recordsOf(Buffer.from(raw), recipe);
  if (!record || another || record.malformed !== undefined || record.length !== columns.length) return undefined;
  return new Map(columns.map((name, index) => [name, record.cell(index)]));
}

/**
 * Parses a rejection's raw input as CSV. There should be one record.
 * @param recipe of its file. The raw input has neither the file's encoding nor the lines that it skipped
 */
export async function recordsOf(raw: Uint8Array, recipe?: FileRecipe): Promise<CsvRecord[]> {
  // parseCsv drops a BOM at the start of its input. A row with a BOM came from further down in its file, where a BOM is part of
  // the cell. So that it stays, a line end goes before it. A carriage return at its end was not part of a line end either.
  const chunks = (async function* () {
    yield Buffer.concat([Buffer.from("\n"), raw, Buffer.from(raw.at(-1) === CR ? "\r\n" : "")]);
  })();
  return (await Array.fromAsync(parseCsv(chunks, recipe && { ...recipe, skip: 0 }))).flat();
}

/** Text as it is, null as a blank, any other value as it was written. */
function fieldsOfJson(table: Table, raw: string, recipe: FileRecipe | undefined): Map<string, string> | undefined {
  let json: JsonText;
  try {
    json = new JsonText(raw);
  } catch {
    return undefined;
  }
  const { value } = json;
  if (!isObject(value)) return undefined;
  const named = jsonFields(table, "", { recipe });
  const fields = new Map<string, string>();
  for (const [field, given] of Object.entries(value)) {
    const name = named ? named.columnOf(field) : field;
    if (name === undefined || given === null || !table.columns.some((column) => column.name === name)) continue;
    fields.set(name, typeof given === "string" ? given : asWritten(json.source([field]), recipe));
  }
  return fields;
}

/** A JSON number with the recipe's decimal mark, because the sheet's cells are read by the recipe. */
const asWritten = (source: string, recipe: FileRecipe | undefined) =>
  recipe?.decimal === "," && /^-?[\d.eE+-]+$/.test(source) ? source.replace(".", ",") : source;
