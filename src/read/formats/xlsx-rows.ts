/** Reads the rows of workbooks (.xlsx). A sheet becomes strict CSV with a line for each row, and is read as that. */
import type { Table } from "../../codecs/tables.ts";
import { bounded } from "../../codecs/unpack.ts";
import { MusterError } from "../../errors.ts";
import { firstOf, shown } from "../../shown.ts";
import { csvRows } from "../csv/csv-rows.ts";
import type { FileRow, ReadOptions } from "../file-row.ts";
import { option } from "../recipes/option-text.ts";
import type { FileRecipe } from "../recipes/recipe.ts";
import { expecting } from "./file-type.ts";
import { SheetLines } from "./xlsx-lines.ts";
import type { Workbook } from "./xlsx-parts.ts";
import type { SheetReader } from "./xlsx-sheet.ts";

/** The parts of a recipe that say how text is written. A workbook says that itself. */
export const TEXT_PARTS = [
  "delimiter",
  "quote",
  "escape",
  "comment",
  "encoding",
  "dialect",
  "decimal",
  "group",
] as const;
/** The ReadRows of workbooks. Only one sheet is read. */
export async function* xlsxRows(
  table: Table,
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  options: ReadOptions = {},
): AsyncGenerator<FileRow[]> {
  const { recipe, say } = options;
  await using sheet = await openSheet(chunks, name, options);
  // A backslash in a cell is a backslash.
  const { sheet: _, format, ...parts } = recipe ?? {};
  try {
    for await (const rows of csvRows(table, sheet.csv, name, { recipe: { ...parts, escape: "" }, say }))
      yield rows.map((row) => sheet.lines.placed(row));
  } catch (error) {
    if (!(error instanceof MusterError && error.code === "refused") || error.message.startsWith(name)) throw error;
    throw new MusterError("refused", `${name}: ${error.message}; nothing was imported`);
  }
  for (const line of remarks(sheet.reader)) say?.(`${name}: ${line}`);
}

/** The sheet of a workbook as strict CSV, for inspect. @throws MusterError `refused` if it cannot be read, or which is not said */
export async function* sheetText(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  options: ReadOptions,
): AsyncGenerator<Uint8Array> {
  await using sheet = await openSheet(chunks, name, options);
  yield* sheet.csv;
}

/** The names of the sheets of a workbook that are not hidden, for inspect. @throws MusterError `refused` if it cannot be read */
export async function visibleSheets(chunks: AsyncIterable<Uint8Array>, name: string): Promise<string[]> {
  await using opened = new AsyncDisposableStack();
  const { sheets } = await openWorkbook(opened, chunks, name);
  return sheets.filter(({ isHidden }) => !isHidden).map((sheet) => sheet.name);
}

interface OpenSheet extends AsyncDisposable {
  reader: SheetReader;
  lines: SheetLines;
  csv: AsyncGenerator<Uint8Array>;
}

async function openSheet(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  { recipe, bytesMax, say }: ReadOptions,
): Promise<OpenSheet> {
  refuseTextParts(recipe, name);
  // Loaded here, so that a command that reads no workbook starts without them.
  const [{ SharedStrings }, { SheetReader: Reader }] = await Promise.all([
    import("./xlsx-strings.ts"),
    import("./xlsx-sheet.ts"),
  ]);
  await using opened = new AsyncDisposableStack();
  const workbook = await openWorkbook(opened, chunks, name, bytesMax);
  const sheet = chosen(workbook.sheets, recipe?.sheet, name);
  const others = workbook.sheets.filter((each) => each !== sheet).map((each) => shown(each.name));
  if (others.length > 0) say?.(`${name}: read the sheet ${shown(sheet.name)}, and left out ${firstOf(others)}`);
  const reader = new Reader(workbook, await SharedStrings.read(workbook, workbook.strings, name));
  const lines = new SheetLines();
  const csv = bounded(lines.of(reader.read(sheet)), name, bytesMax);
  const kept = opened.move();
  return { reader, lines, csv, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** @param opened takes what must be closed after it */
async function openWorkbook(
  opened: AsyncDisposableStack,
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  bytesMax?: number,
): Promise<Workbook> {
  const [{ Archive }, parts] = await Promise.all([import("./archive.ts"), import("./xlsx-parts.ts")]);
  const spooled = bounded(expecting("xlsx", chunks, name), name, bytesMax);
  const archive = opened.use(await Archive.open(spooled, name, "workbook (.xlsx)"));
  return parts.Workbook.open(archive, name, bytesMax);
}

function refuseTextParts(recipe: FileRecipe | undefined, name: string): void {
  for (const part of TEXT_PARTS) {
    const value = recipe?.[part];
    if (value === undefined) continue;
    const what = `${option(part, value)} is for files of text, and this is a workbook`;
    throw new MusterError("refused", `${name}: ${what}: leave it out, or give the workbook a recipe of its own`);
  }
}

interface NamedSheet {
  name: string;
  isHidden: boolean;
}

function chosen<Sheet extends NamedSheet>(sheets: readonly Sheet[], wanted: string | undefined, name: string): Sheet {
  const names = (some: readonly Sheet[]) => firstOf(some.map((sheet) => shown(sheet.name)));
  const refused = (why: string) => new MusterError("refused", `${name}: ${why}`);
  if (sheets.length === 0) throw refused("the workbook has no sheet with cells");
  if (wanted !== undefined) {
    const sheet = sheets.find((each) => each.name === wanted);
    if (sheet) return sheet;
    throw refused(`the workbook has no sheet ${shown(wanted)}: name one of ${names(sheets)}`);
  }
  const visible = sheets.filter(({ isHidden }) => !isHidden);
  const [only, another] = visible;
  if (only && !another) return only;
  const what = only ? `${visible.length} sheets, ${names(visible)}` : `only hidden sheets, ${names(sheets)}`;
  throw refused(
    `the workbook has ${what}: name the one to read with ${option("sheet", (only ?? sheets[0])?.name ?? "")}`,
  );
}

/** What a person may not expect of the sheet. */
function remarks({ hiddenRows, hiddenColumns, mergedRanges, openFormulas }: SheetReader): string[] {
  const hidden = [counted(hiddenRows, "hidden row"), counted(hiddenColumns, "hidden column")].filter((each) => each);
  const lines: string[] = [];
  if (hidden.length > 0) lines.push(`read ${hidden.join(" and ")} like the others`);
  const merged = counted(mergedRanges, "merged range");
  if (merged) lines.push(`only the first cell of ${merged} has the value`);
  const open = counted(openFormulas, "formula");
  if (open) lines.push(`took ${open} without a result as empty: open the workbook in Excel, and save it`);
  return lines;
}

const counted = (count: number, what: string) => (count === 0 ? "" : `${count} ${what}${count === 1 ? "" : "s"}`);
