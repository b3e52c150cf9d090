/** Reads a rejected row again: as it came, or as a person has corrected it. Its file's recipe holds for what came from the file. */
import { Fault, isBlank } from "../../codecs/codec.ts";
import { csvLine, fromCsv } from "../../codecs/csv.ts";
import { malformedCsv } from "../../codecs/reasons.ts";
import type { ReadRow, Table } from "../../codecs/tables.ts";
import { RAW_BYTES_MAX } from "../../db/ledger.ts";
import { MusterError } from "../../errors.ts";
import type { HeldRejection } from "../../repositories/open-rejections.ts";
import { rowOfRecord } from "../csv/csv-rows.ts";
import type { FileRow } from "../file-row.ts";
import { jsonFields } from "../formats/json-fields.ts";
import { rowOfJson, rowOfLine } from "../formats/ndjson-rows.ts";
import { readingTable } from "../recipes/reading-table.ts";
import type { FileRecipe } from "../recipes/recipe.ts";
import { valueRecipe } from "../recipes/recipe-parts.ts";
import type { Correction } from "./corrected-file.ts";
import { recordsOf } from "./rejection-sheet.ts";
import { withFields } from "./with-fields.ts";

export type RowRead = Pick<FileRow, "values" | "reasons" | "raw" | "columns" | "recipe">;

/**
 * @param stored its raw input, if it is replayed as it came
 * @throws MusterError `conflict` if the log keeps only a part of the input
 */
export async function readAgain(
  table: Table,
  rejection: HeldRejection,
  { row, raw, cells, fields }: Correction,
  stored: Buffer | undefined,
): Promise<RowRead> {
  if (row !== undefined) return { ...rowOfJson(table, row), raw: Buffer.from(row) };
  if (cells) return readCells(table, rejection, cells);
  const bytes = raw === undefined ? wholeRaw(rejection, stored) : Buffer.from(raw);
  if (fields) return readChanged(table, rejection, bytes, fields);
  const { columns, file } = rejection;
  const recipe = rejection.recipe as FileRecipe | undefined;
  const reading = readingTable(table, recipe);
  if (columns !== null) return { ...(await readRecord(reading, bytes, columns, recipe)), raw: bytes, columns, recipe };
  // A row that came from a file must have an id, as it must in the file.
  const options = { keyOptional: file === null, fields: jsonFields(reading, file ?? "", { recipe }) };
  return { ...(rowOfLine(reading, bytes, options) ?? rowOfJson(table, "")), raw: bytes, recipe };
}

/**
 * Reads the cells of a sheet in the form in which the row came: as a CSV record or as JSON. JSON has types, and a row that came
 * in a request may have no id. Numbers and dates are written as in the row's file.
 */
function readCells(table: Table, rejection: HeldRejection, cells: Record<string, string>): RowRead {
  const recipe = valueRecipe(rejection.recipe as FileRecipe | undefined);
  const reading = readingTable(table, recipe);
  if (rejection.columns === null) return readCellsAsJson(table, reading, rejection, cells);
  // The cell of an id that the database assigns is blank, and is then not part of the record.
  const given = reading.columns.filter(
    ({ name, isKey, required }) => !isKey || required || !isBlank(cells[name] ?? ""),
  );
  const columns = given.map(({ name }) => name);
  const texts = columns.map((name) => cells[name] ?? "");
  const order = given.map((column) => reading.columns.indexOf(column));
  return { ...fromCsv(reading, texts, order), raw: Buffer.from(csvLine(texts).slice(0, -2)), columns, recipe };
}

/** The values become JSON as Muster writes it. The only part of the recipe that still counts is `ids`. */
function readCellsAsJson(
  table: Table,
  reading: Table,
  { file, recipe }: HeldRejection,
  cells: Record<string, string>,
): RowRead {
  const row: Record<string, unknown> = {};
  for (const { name, codec } of reading.columns) {
    const cell = cells[name] ?? "";
    if (isBlank(cell)) continue;
    const value = codec.fromCsv(cell);
    row[name] = value instanceof Fault ? cell : codec.toJson(value);
  }
  const { ids } = (recipe ?? {}) as FileRecipe;
  const text = JSON.stringify(row);
  const isAssigned = ids === "database";
  const read = rowOfJson(table, text, { keyOptional: file === null || isAssigned });
  return {
    ...read,
    raw: Buffer.from(text),
    ...(isAssigned && !Object.hasOwn(row, assignedOf(table)) && { recipe: { ids } }),
  };
}

const assignedOf = ({ columns, assigned = -1 }: Table) => columns[assigned]?.name ?? "";

/** Reads a row again with new texts for some of its columns. */
async function readChanged(
  table: Table,
  rejection: HeldRejection,
  bytes: Buffer,
  fields: Record<string, string>,
): Promise<RowRead> {
  const changed = await withFields(table, rejection, bytes, fields);
  if (!changed)
    throw new MusterError("conflict", `rejection ${rejection.id} cannot be split into fields: send the whole row`);
  return changed;
}

/** The raw input. If the log has cut it, it is refused: what is left of the row could be taken for another row. */
function wholeRaw({ id, bytes }: HeldRejection, stored: Buffer | undefined): Buffer {
  if (stored !== undefined && bytes < RAW_BYTES_MAX) return stored;
  throw new MusterError(
    "conflict",
    `rejection ${id} keeps only the first ${RAW_BYTES_MAX} bytes of its row: send the whole row`,
  );
}

async function readRecord(
  table: Table,
  bytes: Uint8Array,
  columns: readonly string[],
  recipe: FileRecipe | undefined,
): Promise<ReadRow> {
  // A cell without a name was left out by the recipe: findIndex answers -1, which is LEFT_OUT.
  const order = columns.map((name) => table.columns.findIndex((column) => column.name === name));
  const [record, another] = await recordsOf(bytes, recipe);
  if (another) return { values: [], reasons: [malformedCsv("the text has more than one record")] };
  if (!record) return fromCsv(table, [], order);
  const row = rowOfRecord(table, record, order, recipe);
  // fromRecord takes for granted that no required column is missing, but one can be new since the row was rejected.
  return row.reasons.length > 0 ? row : fromCsv(table, record.cells, order);
}
