/**
 * Rejections of one table as a sheet to be mended in a spreadsheet program: a column for each field. What is not a field has a
 * name with a blank in it, which no column of a table can have.
 */
import { INVALID_UTF8 } from "../codecs/codec.ts";
import { type CsvRecord, parseCsv } from "../codecs/csv-parser.ts";
import { isObject } from "../codecs/json.ts";
import { JsonText } from "../codecs/json-text.ts";
import { isGuarded, SPREADSHEET_COLUMN, SPREADSHEET_YES, unguarded } from "../codecs/spreadsheet.ts";
import type { Table } from "../codecs/tables.ts";
import { RAW_BYTES_MAX } from "../db/ledger.ts";
import type { RejectionRecord } from "../repositories/rejection-log.ts";
import { shown } from "../shown.ts";

export const REJECTION_ID = "rejection id";
/** Of a row as it came so much is shown: spreadsheet programs cut longer cells. */
const RAW_CHARACTERS_MAX = 1_000;

export const sheetHeader = (table: Table): string[] => [
  ...[REJECTION_ID, "why refused", "in file", "at position"],
  ...table.columns.map(({ name }) => name),
  "as it came",
];

/** The cells of one rejection. The fields of a row that cannot be told apart are blank: `as it came` has what there is. */
export async function sheetCells(table: Table, rejection: RejectionRecord): Promise<unknown[]> {
  const { id, reasons, file, position, raw = "(not UTF-8)" } = rejection;
  const why = reasons.map(({ code, field, detail }) => `${code}${field ? ` (${field})` : ""}: ${detail}`).join("; ");
  const fields = await fieldsOf(table, rejection);
  const asItCame = raw.length > RAW_CHARACTERS_MAX ? `${raw.slice(0, RAW_CHARACTERS_MAX)}...` : raw;
  return [id, why, file, position, ...table.columns.map(({ name }) => fields?.get(name)), asItCame];
}

async function fieldsOf(table: Table, { raw, columns }: RejectionRecord): Promise<Map<string, string> | undefined> {
  if (raw === undefined || Buffer.byteLength(raw) >= RAW_BYTES_MAX) return undefined;
  return columns ? ofRecord(raw, columns) : ofJson(table, raw);
}

async function ofRecord(raw: string, columns: readonly string[]): Promise<Map<string, string> | undefined> {
  const [record, another] = await recordsOf(Buffer.from(raw));
  if (!record || another || record.malformed !== undefined || record.length !== columns.length) return undefined;
  return new Map(columns.map((name, index) => [name, record.cell(index)]));
}

/** The CSV records in the raw input of a rejection, which should be one. */
export async function recordsOf(raw: Uint8Array): Promise<CsvRecord[]> {
  const records: CsvRecord[] = [];
  for await (const block of parseCsv(asLine(raw))) records.push(...block);
  return records;
}

/** Behind an empty line, so that bytes which look like a BOM are the cell's as they were in its file. */
async function* asLine(bytes: Uint8Array) {
  yield Buffer.concat([Buffer.from("\n"), bytes]);
}

/** Text as it is, null as a blank, anything else as it was written. */
function ofJson(table: Table, raw: string): Map<string, string> | undefined {
  let json: JsonText;
  try {
    json = new JsonText(raw);
  } catch {
    return undefined;
  }
  const { value } = json;
  if (!isObject(value)) return undefined;
  const fields = new Map<string, string>();
  for (const { name } of table.columns) {
    if (!Object.hasOwn(value, name)) continue;
    const field: unknown = value[name];
    if (field !== null) fields.set(name, typeof field === "string" ? field : json.source([name]));
  }
  return fields;
}

/**
 * Makes what a spreadsheet program gave back what it was before, or says why a line cannot be used.
 * @param header the names of the cells
 * @param isRead whether a cell of that name is used
 */
export function givenBack(
  header: readonly string[],
  cells: readonly string[],
  isRead: (name: string) => boolean,
): { cells: readonly string[] } | { fault: string } {
  const read = header.flatMap((name, at) => (isRead(name) ? [{ name, cell: cells[at] ?? "" }] : []));
  const bad = read.find(({ cell }) => cell === INVALID_UTF8);
  if (bad) return { fault: `its ${bad.name} is not UTF-8` };
  if (cells[header.indexOf(SPREADSHEET_COLUMN)] === SPREADSHEET_YES) return { cells: cells.map(unguarded) };
  const doubtful = read.find(({ cell }) => isGuarded(cell));
  if (!doubtful) return { cells };
  const { name, cell } = doubtful;
  const ways = `keep the column "${SPREADSHEET_COLUMN}" of the export, or give the row in an .ndjson file`;
  return { fault: `its ${name} ${shown(cell)} begins with an apostrophe, which may be an export's: ${ways}` };
}
