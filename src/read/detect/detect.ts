/** Finds how a file is written by its start: every detector in its turn. Nothing is applied by itself. */
import type { Dictionary } from "../../codecs/dictionary.ts";
import type { Table, TableName } from "../../codecs/tables.ts";
import { hasTyped, shapeOf } from "../csv/csv-header.ts";
import { TEXT_PARTS } from "../formats/xlsx-rows.ts";
import { resolved } from "../recipes/dialects.ts";
import { FieldNames } from "../recipes/field-names.ts";
import type { FileRecipe, FormatName } from "../recipes/recipe.ts";
import { detectColumns } from "./detect-columns.ts";
import { detectDialect } from "./detect-dialect.ts";
import { detectEncoding } from "./detect-encoding.ts";
import { detectFormat } from "./detect-format.ts";
import { detectHeader } from "./detect-header.ts";
import { namesOfJson, namesOfObjects } from "./detect-json.ts";
import { severalSheets } from "./detect-sheets.ts";
import { detectTable } from "./detect-table.ts";
import { type ColumnCells, detectValues } from "./detect-values.ts";
import { count, type Finding, said } from "./detection.ts";
import type { NamesColumn } from "./dialect-trial.ts";

/** The start of a file. */
export interface Start {
  /** The first bytes, unpacked. */
  head: Buffer;
  /** Whether they are the whole file. */
  isWhole: boolean;
}

export interface Known {
  dictionary: Dictionary;
  /** The table, if the name or the user says it. */
  table: Table | undefined;
  /** The format that the name says. */
  byName: FormatName | undefined;
  /** The parts of a recipe that the user names. They are not looked for. */
  given: FileRecipe;
  /** The first records of a binary file, as JSON. */
  records?: ((format: FormatName) => AsyncIterable<string>) | undefined;
  /** The start of a workbook's sheet, as strict CSV; undefined if it cannot be read. */
  sheet?: (() => Promise<string | undefined>) | undefined;
  /** The names of its sheets; none if it cannot be read. */
  sheets?: (() => Promise<readonly string[]>) | undefined;
}

export interface Detection {
  findings: Finding[];
  /** The table, known or proposed. */
  table: Table | undefined;
  /** The tables to choose from, if it is not known. */
  tables: readonly TableName[];
  /** The names in the file and the columns that they mean. */
  columns: { name: string; column: string | undefined }[];
}

/** How many bytes are looked at. */
const LOOKED_BYTES_MAX = 256 * 1024;

export async function detect(start: Start, known: Known): Promise<Detection> {
  const head = start.head.subarray(0, LOOKED_BYTES_MAX);
  const isWhole = start.isWhole && head.length === start.head.length;
  const given = resolved(known.given);
  const encoding = detectEncoding(head, isWhole, given.encoding);
  const { format, finding } = detectFormat(head, encoding.text, known.byName, known.given.format);
  const findings: Finding[] = [finding];
  if (format === "xlsx") {
    const text = (await known.sheet?.()) ?? "";
    if (text === "" && given.sheet === undefined) findings.push(...severalSheets((await known.sheets?.()) ?? []));
    return ofWorkbook(text, { ...known, given }, findings);
  }
  if (format === "avro" || format === "parquet") {
    const names = await namesOfObjects(known.records?.(format) ?? []);
    return withColumns({ ...names, isExact: true }, { ...known, given }, findings);
  }
  findings.push(encoding.finding);
  const text = isWhole ? encoding.text : withoutCutLine(encoding.text);
  if (format === "csv" || format === "tsv") return ofCsv(text, { ...known, given, format }, findings);
  const { names, samples } = await namesOfJson(text, format === "json");
  return withColumns({ names, samples, isExact: true }, { ...known, given }, findings);
}

/** A sheet is CSV whose dialect is known. So what is found about the dialect is left out. */
function ofWorkbook(text: string, known: Known, findings: Finding[]): Detection {
  const { table, given } = known;
  if (given.sheet !== undefined) findings.push(said("sheet", given.sheet));
  if (text === "") return { findings, table, tables: known.dictionary.names, columns: [] };
  const dialect = { delimiter: ",", quote: '"', escape: "" };
  const found = ofCsv(text, { ...known, given: { ...given, ...dialect }, format: "csv" }, []);
  const isOfText = (recipe: FileRecipe) => TEXT_PARTS.some((part) => recipe[part] !== undefined);
  const fits = ({ part, recipe = {}, choices = [] }: Finding) =>
    !DIALECT_PARTS.includes(part) && ![recipe, ...choices].some(isOfText);
  return { ...found, findings: [...findings, ...found.findings.filter(fits)] };
}

/** What a finding about the dialect of a text is called. */
const DIALECT_PARTS = ["delimiter", "quote", "escape", "line ends", "comment"];

/** The last line of the start may go on behind it. */
function withoutCutLine(text: string): string {
  const end = text.lastIndexOf("\n");
  return end === -1 ? text : text.slice(0, end + 1);
}

function ofCsv(text: string, known: Known & { format: FormatName }, findings: Finding[]): Detection {
  const candidates = known.table ? [known.table] : known.dictionary.tables;
  const namings = candidates.map((table) => new FieldNames(table, ofTable(known.given, table)));
  const namesColumn: NamesColumn = (cell) => namings.some((naming) => naming.of(cell) >= 0);
  const dialect = detectDialect(text, known.given, namesColumn, {
    width: known.table?.columns.length,
    areRow: (cells) => candidates.some((table) => areRow(table, cells)),
    usual: known.format === "tsv" ? "\t" : ",",
  });
  const header = detectHeader(dialect.records, known.given, namesColumn);
  findings.push(...dialect.findings, ...header.findings);
  const cells = (at: number) => header.rows.map((row) => row.cells[at] ?? "");
  if (header.names) {
    const samples = header.names.map((_, at) => cells(at));
    return withColumns({ names: header.names, samples, isExact: false }, known, findings);
  }
  const { table, finding, names } = detectTable([], known.table, known.dictionary);
  if (finding) findings.push(finding);
  if (!table) return { findings, table, tables: names, columns: [] };
  return byPosition(
    table,
    header.rows.map((row) => row.cells),
    known.given,
    findings,
  );
}

/** Whether the types of cells show that they are a row of a table. A table of texts alone has no types. */
const areRow = (table: Table, cells: readonly string[]): boolean =>
  hasTyped(table, undefined) && shapeOf(table, cells, undefined).is === "row";

/** Columns that are given by name are those of one table only. */
function ofTable(given: FileRecipe, { columns }: Table): FileRecipe {
  if (!given.columns || Array.isArray(given.columns)) return {};
  const names = new Set(columns.map(({ name }) => name));
  return { columns: Object.fromEntries(Object.entries(given.columns).filter(([, column]) => names.has(column))) };
}

interface Names {
  names: readonly string[];
  samples: readonly (readonly string[])[];
  /** Whether letter case and blanks count. */
  isExact: boolean;
}

function withColumns({ names, samples, isExact }: Names, known: Known, findings: Finding[]): Detection {
  const found = detectTable(names, known.table, known.dictionary);
  if (found.finding) findings.push(found.finding);
  const { table } = found;
  if (!table) return { findings, table, tables: found.names, columns: [] };
  if (names.length === 0) return { findings, table, tables: [table.name], columns: [] };
  const { findings: ofColumns, order } = detectColumns(table, names, samples, known.given, isExact);
  const cells = order.flatMap((index, at): ColumnCells[] => {
    const column = table.columns[index];
    return column ? [{ column, cells: samples[at] ?? [] }] : [];
  });
  // The dialect pandas says numbers and null words, too.
  const isPandas = ofColumns.some(({ recipe }) => recipe?.dialect === "pandas");
  const given: FileRecipe = isPandas ? { dialect: "pandas", ...known.given } : known.given;
  // JSON has its own numbers and null.
  const values = detectValues(cells, given).filter(({ part }) => !isExact || part === "dates" || part === "zone");
  const columns = names.map((name, at) => ({ name, column: table.columns[order[at] ?? -1]?.name }));
  return { findings: [...findings, ...ofColumns, ...values], table, tables: [table.name], columns };
}

/** Rows without a header: the order of the columns is the dictionary's, or the one given. */
function byPosition(
  table: Table,
  rows: readonly (readonly string[])[],
  given: FileRecipe,
  findings: Finding[],
): Detection {
  const all = table.columns.map(({ name }) => name);
  const isAssigned = given.ids === "database";
  const own = isAssigned ? all.filter((_, index) => index !== table.assigned) : all;
  const order = Array.isArray(given.columns) ? given.columns : own;
  const part = "columns";
  const width = Math.max(0, ...rows.slice(0, 100).map(({ length }) => length));
  const told = Array.isArray(given.columns);
  const wide = given.trailingColumn ? order.length + 1 : order.length;
  const doubt =
    width > 1 &&
    width !== wide &&
    `the rows have ${count(width, "cell")}, and ${told ? "you name" : `${table.name} has`} ${order.length}: give --columns`;
  const evidence = told ? "as you say" : `without a header, cells are in the order of ${table.name}`;
  findings.push({ part, is: order.map((name) => name ?? "-").join(","), evidence, ...(doubt && { doubt }) });
  if (isAssigned) findings.push(said("ids", "from the database"));
  const cells = order.flatMap((name, at): ColumnCells[] => {
    const column = table.columns.find((each) => each.name === name);
    return column ? [{ column, cells: rows.map((row) => row[at] ?? "") }] : [];
  });
  const columns = order.map((column, at) => ({ name: `cell ${at + 1}`, column: column ?? undefined }));
  return { findings: [...findings, ...detectValues(cells, given)], table, tables: [table.name], columns };
}
