/** Finds the header of CSV, what stands above it, and delimiters after the last cell. */
import { isBlank } from "../../codecs/codec.ts";
import { shown } from "../../shown.ts";
import { separatorOf } from "../csv/separator-line.ts";
import type { FileRecipe } from "../recipes/recipe.ts";
import type { TextRecord } from "./detect-records.ts";
import { count, type Finding, said, share } from "./detection.ts";
import { HEADER_WITHIN, type NamesColumn } from "./dialect-trial.ts";

export interface FoundHeader {
  findings: Finding[];
  /** The names of the cells; undefined if there is no header. */
  names: string[] | undefined;
  /** The records below the header. */
  rows: TextRecord[];
}

const COMMENT = "#";
const isComment = ({ text }: TextRecord) => text.trimStart().startsWith(COMMENT);

/** @param given the parts that the user names */
export function detectHeader(all: readonly TextRecord[], given: FileRecipe, namesColumn: NamesColumn): FoundHeader {
  const findings: Finding[] = [];
  const isSeparated = separatorOf(all[0]?.text ?? "") !== undefined;
  const start = isSeparated ? all.slice(1) : all;
  const skipped = start.filter(({ line }) => line > (given.skip ?? 0));
  const comment = commentsOf(skipped, given);
  if (comment) findings.push(comment);
  const records = comment ? skipped.filter((record) => !isComment(record)) : skipped;
  const at = given.header === false || Array.isArray(given.columns) ? -1 : headerAt(records, given, namesColumn);
  const above = aboveOf(records, at);
  if (above && given.skip === undefined) findings.push(above.finding);
  const first = at >= 0 ? at : (above?.records ?? 0);
  const header = at >= 0 ? records[at] : undefined;
  const rows = records.slice(header ? first + 1 : first);
  findings.push(headerFinding(header, records[first], namesColumn, given));
  const trailing = trailingOf(header, rows, given, namesColumn);
  if (trailing) findings.push(trailing);
  findings.push(...blankRows(rows));
  const names = header?.cells.slice(0, trailing && header.cells.at(-1) === "" ? -1 : undefined);
  return { findings, names, rows: rows.filter(({ cells }) => !cells.every(isBlank)) };
}

/** Lines that begin with #, if their number of cells differs from the other lines'. */
function commentsOf(records: readonly TextRecord[], given: FileRecipe): Finding | undefined {
  if (given.comment !== undefined) return said("comments", given.comment);
  const comments = records.filter(isComment);
  const others = records.filter((record) => !isComment(record));
  const [first] = comments;
  const widths = new Set(others.map(({ cells }) => cells.length));
  if (!first || others.length === 0 || comments.some(({ cells }) => widths.has(cells.length) && cells.length > 1))
    return undefined;
  const evidence = `${count(comments.length, "line")} with # in front and other cells than the rest (line ${first.line}: ${shown(first.text)})`;
  return { part: "comments", is: COMMENT, evidence, recipe: { comment: COMMENT } };
}

/** The index of the header among the records, or -1. */
function headerAt(records: readonly TextRecord[], given: FileRecipe, namesColumn: NamesColumn): number {
  const start = records.slice(0, HEADER_WITHIN);
  const named = start.map(({ cells }) => cells.filter(namesColumn).length);
  const most = Math.max(0, ...named);
  const isNamed = (record: TextRecord, names: number) =>
    names > 0 && (names > 1 || names === record.cells.filter((cell) => !isBlank(cell)).length);
  const best = named.indexOf(most);
  const found = start[best];
  // The reader takes the first record for a header if any of its cells is a name.
  if (found && (isNamed(found, most) || (best === 0 && most > 0))) return best;
  const width = mostFrequent(records.map(({ cells }) => cells.length));
  const first = start.findIndex(
    ({ cells }) => cells.length >= width && cells.filter((cell) => !isBlank(cell)).length > 1,
  );
  const candidate = start[first];
  if (!candidate) return -1;
  if (given.header === true || (given.columns && !Array.isArray(given.columns))) return first;
  return isUnknownHeader(candidate, records.slice(first + 1)) ? first : -1;
}

const hasDigit = (cell: string) => /\d/.test(cell);

/** Whether cells without digits stand above cells with digits, in some column and against no other. */
function isUnknownHeader({ cells }: TextRecord, below: readonly TextRecord[]): boolean {
  if (cells.length < 2 || cells.some((cell) => /^[+-]?[\d.,]+$/.test(cell))) return false;
  const rows = below.filter((record) => record.cells.length === cells.length).slice(0, HEADER_WITHIN);
  if (rows.length === 0) return below.length === 0 && !cells.some(hasDigit);
  return cells.some(
    (cell, at) =>
      !hasDigit(cell) &&
      rows.every((row) => hasDigit(row.cells[at] ?? "") || isBlank(row.cells[at] ?? "")) &&
      rows.some((row) => !isBlank(row.cells[at] ?? "")),
  );
}

function mostFrequent(numbers: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const number of numbers) counts.set(number, (counts.get(number) ?? 0) + 1);
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? 1;
}

/** The lines above the header, or titles above the first row. */
function aboveOf(records: readonly TextRecord[], header: number): { finding: Finding; records: number } | undefined {
  const width = mostFrequent(records.map(({ cells }) => cells.length));
  const isTitle = ({ cells }: TextRecord) => width > 1 && cells.filter((cell) => !isBlank(cell)).length < 2;
  const first = records.findIndex((record) => !isTitle(record));
  const number = header >= 0 ? header : Math.max(0, Math.min(first, HEADER_WITHIN));
  const [title, below] = [records[0], records[number]];
  if (number === 0 || !title || !below) return undefined;
  const skip = below.line - 1;
  const evidence =
    header >= 0
      ? `the header is on line ${below.line}, and above it stands ${shown(title.text)}`
      : `${shown(title.text)} has one cell, most lines have ${width}`;
  const doubt = header >= 0 ? undefined : "it could also be a row that lost its cells";
  const finding = { part: "lines above", is: `${skip}`, evidence, ...(doubt && { doubt }), recipe: { skip } };
  return { finding, records: number };
}

function headerFinding(
  header: TextRecord | undefined,
  first: TextRecord | undefined,
  namesColumn: NamesColumn,
  given: FileRecipe,
): Finding {
  const part = "header";
  if (!header) {
    const evidence =
      given.header === false || Array.isArray(given.columns)
        ? "as you say"
        : first
          ? `line ${first.line} names no column: ${shown(first.text)}`
          : "there are no lines";
    return { part, is: "none", evidence, ...(given.header === false && { recipe: { header: false } }) };
  }
  const names = header.cells.filter(namesColumn);
  const recipe = given.header === undefined ? {} : { recipe: { header: given.header } };
  if (names.length > 0) {
    const evidence = `${share(names.length, header.cells.length, "cell")} of line ${header.line} ${names.length === 1 ? "names a column" : "name columns"}`;
    return { part, is: `line ${header.line}`, evidence, ...recipe };
  }
  return {
    part,
    is: `line ${header.line}`,
    evidence: `${shown(header.text)} has words above numbers or dates`,
    ...recipe,
  };
}

/** Each row ends in a delimiter: its last cell is blank, and the header names no column for it. */
function trailingOf(
  header: TextRecord | undefined,
  rows: readonly TextRecord[],
  given: FileRecipe,
  namesColumn: NamesColumn,
): Finding | undefined {
  const part = "trailing delimiter";
  if (given.trailingColumn) return said(part, "yes");
  const width = mostFrequent(rows.map(({ cells }) => cells.length));
  const ending = rows.filter(({ cells }) => cells.length === width && cells.at(-1) === "");
  const isNamed = header && header.cells.length === width && header.cells.at(-1) !== "";
  const hasRoom = header && header.cells.length < width - 1;
  if (!header || rows.length === 0 || width < 2 || isNamed || hasRoom || ending.length < rows.length)
    return header && rows.length > 0 ? oddHeader(header, width, namesColumn) : undefined;
  return {
    part,
    is: "yes",
    evidence: `the last cell is blank in ${share(ending.length, rows.length, "row")}, and no name stands above it`,
    recipe: { trailingColumn: true },
  };
}

/** A header that ends in a delimiter, above rows that do not. */
function oddHeader(header: TextRecord, width: number, namesColumn: NamesColumn): Finding | undefined {
  if (header.cells.length !== width + 1 || header.cells.at(-1) !== "") return undefined;
  const doubt = `the header ends in a delimiter and the rows do not: remove it from line ${header.line}, or name the columns by position`;
  const columns = header.cells.slice(0, -1);
  const choices = columns.every(namesColumn) ? [{ skip: header.line, columns }] : [];
  return {
    part: "trailing delimiter",
    is: "in the header alone",
    evidence: `the header has ${count(header.cells.length, "cell")}, the rows have ${width}`,
    doubt,
    choices,
  };
}

/** Excel writes rows without a value below the last one. */
function blankRows(rows: readonly TextRecord[]): Finding[] {
  const blank = rows.filter(({ cells }) => cells.length > 1 && cells.every(isBlank));
  const [first] = blank;
  if (!first) return [];
  const evidence = `${count(blank.length, "row")} with delimiters and no value (the first is line ${first.line})`;
  return [{ part: "blank rows", is: "skipped", evidence, recipe: { dialect: "excel" } }];
}
