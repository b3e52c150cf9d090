/** Finds the delimiter, the quotes and the escapes of CSV: those by which the records have the same number of cells. */
import { DELIMITERS } from "../csv/csv-dialect.ts";
import { separatorOf } from "../csv/separator-line.ts";
import type { FileRecipe } from "../recipes/recipe.ts";
import { escapesOf } from "./detect-escapes.ts";
import { lineEndsOf, quotesOf } from "./detect-quotes.ts";
import type { CutMarks, TextRecord } from "./detect-records.ts";
import { count, type Finding, said, share } from "./detection.ts";
import { type Expected, fits, type NamesColumn, nameOf, PLAIN, rank, type Trial, trial } from "./dialect-trial.ts";

/** They stand in the text of many files, so they are tried only if none of the others cuts anything. */
const RARE_DELIMITERS = ["\x01", "^", "~", ":", " "] as const;

export interface FoundDialect {
  findings: Finding[];
  marks: CutMarks;
  records: TextRecord[];
}

/** @param given the parts that the user names */
export function detectDialect(
  all: string,
  given: FileRecipe,
  namesColumn: NamesColumn,
  expected: Expected = {},
): FoundDialect {
  // Lines that end in CR are not read, but the rest can be shown.
  const text = all.includes("\n") ? all : all.replaceAll("\r", "\n");
  const [line = ""] = text.split(/\r?\n/, 1);
  const named = given.delimiter === undefined ? separatorOf(line) : undefined;
  const separator = named?.length === 1 ? named : undefined;
  const quote = given.quote ?? '"';
  const cutAt = (delimiters: readonly string[]) =>
    delimiters
      .map((delimiter) => trial(text, { delimiter, quote, escape: given.escape ?? "" }, namesColumn, expected))
      .toSorted((a, b) => rank(b, expected.width) - rank(a, expected.width));
  let trials = cutAt(separator ? [separator] : given.delimiter ? [given.delimiter] : DELIMITERS);
  if (given.delimiter === undefined && trials.every(({ cells, named }) => cells === 1 && named === 0)) {
    const [rare] = cutAt(RARE_DELIMITERS);
    if (rare && rank(rare, expected.width) > 10) trials = [rare, ...trials];
  }
  const best = trials[0] ?? trial(text, PLAIN, namesColumn, expected);
  const findings: Finding[] = [];
  const delimiter = delimiterOf(best, trials, expected, given, separator);
  if (delimiter) findings.push(delimiter);
  const escaping = escapesOf(text, best, given, namesColumn);
  const quotes = quotesOf(escaping.trial, given);
  // A dialect has its delimiter.
  if (delimiter && escaping.findings.some(({ recipe }) => recipe?.dialect !== undefined)) delete delimiter.recipe;
  findings.push(...escaping.findings, ...quotes);
  findings.push(lineEndsOf(all));
  return { findings, marks: escaping.trial.marks, records: escaping.trial.records };
}

function delimiterOf(
  best: Trial,
  trials: readonly Trial[],
  { width, usual = "," }: Expected,
  given: FileRecipe,
  separator: string | undefined,
): Finding | undefined {
  const { delimiter } = best.marks;
  const part = "delimiter";
  const is = nameOf(delimiter);
  const recipe: FileRecipe = delimiter === usual ? {} : { delimiter };
  if (given.delimiter !== undefined) return said(part, is);
  if (separator !== undefined)
    return { part, is, evidence: `the first line names it: sep=${separator}`, recipe: { dialect: "excel" } };
  if (best.cells === 1 && best.named === 0) {
    const doubt = "the records have one cell each: give --delimiter if something else stands between the cells";
    const evidence = `1 cell a record with ${DELIMITERS.map(nameOf).join(", ")}`;
    return { part, is, evidence, ...(best.records.length > 0 && { doubt }) };
  }
  const others = trials.filter((each) => each !== best);
  const seen = others.map(({ cells, marks }) => `${cells} with ${nameOf(marks.delimiter)}`).join(", ");
  const evidence = `${count(best.cells, "cell")} a record in ${share(best.fitting, best.records.length, "record")} with ${is}; ${seen}`;
  const rivals = others.filter((each) => fits(each) && rank(each, width) > rank(best, width) - 5);
  const isNamed = best.named > 1 && others.every(({ named }) => named < best.named);
  const areRows = best.rows > best.records.length / 2 && others.every(({ rows }) => rows === 0);
  const isCertain = isNamed || areRows;
  const doubt =
    !isCertain &&
    rivals.length > 0 &&
    `it could also be ${rivals.map(({ marks }) => nameOf(marks.delimiter)).join(" or ")}`;
  const loose = !isCertain && best.cells > 1 && !fits(best) && "the records have different numbers of cells";
  const why = doubt || loose;
  return { part, is, evidence, recipe, ...(why && { doubt: why }) };
}
