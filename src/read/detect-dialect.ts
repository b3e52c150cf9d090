/** Finds the delimiter, the quotes and the escapes of CSV: those by which the records have the same number of cells. */
import { shown } from "../shown.ts";
import { type Marks, recordsOf, type TextRecord } from "./detect-records.ts";
import { count, type Finding, said, share } from "./detection.ts";
import type { FileRecipe } from "./recipe.ts";

const DELIMITERS = [",", ";", "\t", "|"] as const;
/** The line by which Excel names the delimiter. */
const SEPARATOR_LINE = /^\uFEFF?"?sep=(.)"?[,;\t|]*\r?(?:\n|$)/i;
/** A header stands in the first records, if there is one. */
export const HEADER_WITHIN = 20;
/** How many records must have the most frequent number of cells, so that a delimiter can be it at all. */
const SHARE_MIN = 0.6;

/** Whether a cell names a column of the table, or of any table if it is not known. */
export type NamesColumn = (cell: string) => boolean;

/** What is known about the rows of a file without a header. */
export interface Expected {
  /** How many columns the table has, if it is known. */
  width?: number | undefined;
  /** Whether cells have the types of the table's columns, in their order. */
  areRow?: ((cells: readonly string[]) => boolean) | undefined;
  /** The delimiter that needs no recipe. */
  usual?: string | undefined;
}

export interface FoundDialect {
  findings: Finding[];
  marks: Marks;
  records: TextRecord[];
}

/** How the text looks if it is cut at one delimiter. */
interface Trial {
  marks: Marks;
  records: TextRecord[];
  /** The most frequent number of cells, and how many records have it. */
  cells: number;
  fitting: number;
  /** How many cells of the best record near the start name columns. */
  named: number;
  /** How many records have the types of the table's columns. */
  rows: number;
}

/**
 * @param given the parts that the user names
 */
export function detectDialect(
  all: string,
  given: FileRecipe,
  namesColumn: NamesColumn,
  expected: Expected = {},
): FoundDialect {
  // Lines that end in CR are not read, but the rest can be shown.
  const text = all.includes("\n") ? all : all.replaceAll("\r", "\n");
  const [, separator] = given.delimiter === undefined ? (SEPARATOR_LINE.exec(text) ?? []) : [];
  const quote = given.quote ?? '"';
  const trials = (separator ? [separator] : given.delimiter ? [given.delimiter] : DELIMITERS).map((delimiter) =>
    trial(text, { delimiter, quote, escape: given.escape ?? "" }, namesColumn, expected),
  );
  const best =
    trials.toSorted((a, b) => rank(b, expected.width) - rank(a, expected.width))[0] ??
    trial(text, PLAIN, namesColumn, expected);
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

const PLAIN: Marks = { delimiter: ",", quote: '"', escape: "" };

function trial(text: string, marks: Marks, namesColumn: NamesColumn, { areRow }: Expected = {}): Trial {
  const records = recordsOf(text, marks);
  const counts = new Map<number, number>();
  for (const { cells, isMalformed } of records)
    if (!isMalformed) counts.set(cells.length, (counts.get(cells.length) ?? 0) + 1);
  const [cells = 1, fitting = 0] = [...counts].toSorted(([a, m], [b, n]) => n - m || b - a)[0] ?? [];
  const named = records.slice(0, HEADER_WITHIN).map((record) => record.cells.filter(namesColumn).length);
  const rows = areRow ? records.filter((record) => areRow(record.cells)).length : 0;
  return { marks, records, cells, fitting, named: Math.max(0, ...named), rows };
}

const fits = ({ cells, fitting, records }: Trial) => cells > 1 && fitting >= SHARE_MIN * records.length;

/** Names of columns count most, then the number of the table's columns, then how many records have the same number of cells. */
function rank(tried: Trial, width: number | undefined): number {
  const { named, cells, fitting, records, rows } = tried;
  const isNamed = named > 1 ? 100 * named : 0;
  if (!fits(tried)) return isNamed / 2;
  return (
    isNamed +
    (cells === width ? 10 : 0) +
    (20 * rows + fitting) / Math.max(1, records.length) +
    Math.min(cells, 100) / 1000
  );
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

/** A delimiter as people call it. */
export const nameOf = (mark: string): string => (mark === "\t" ? "tab" : mark === "" ? "none" : `\`${mark}\``);

/** Looks at the backslashes, which MySQL writes before what it escapes. */
function escapesOf(
  text: string,
  plain: Trial,
  given: FileRecipe,
  namesColumn: NamesColumn,
): { findings: Finding[]; trial: Trial } {
  const start = plain.records.map((record) => record.text).join("\n");
  if (given.escape !== undefined || given.dialect !== undefined || !start.includes("\\"))
    return { findings: [], trial: plain };
  const { delimiter } = plain.marks;
  const ways = given.quote === undefined ? ['"', ""] : [given.quote];
  const escaped = ways.map((quote) => trial(text, { delimiter, quote, escape: "\\" }, namesColumn));
  const [best = plain] = escaped.toSorted((a, b) => sound(b) - sound(a));
  const nulls = plain.records.reduce(
    (sum, { cells, quoted }) => sum + cells.filter((cell, at) => cell === "\\N" && !quoted[at]).length,
    0,
  );
  const isQuoted = best.records.some(({ quoted }) => quoted.includes(true));
  const mysql: FileRecipe = {
    dialect: "mysql",
    ...(delimiter !== "\t" && { delimiter }),
    ...(isQuoted && best.marks.quote !== "" && { quote: best.marks.quote }),
  };
  const asMysql = (evidence: string) => ({
    findings: [{ part: "dialect", is: "mysql", evidence, recipe: mysql }],
    trial: best,
  });
  if (nulls > 0) return asMysql(`\\N, by which MySQL writes NULL, stands in ${count(nulls, "cell")}`);
  const foreign = [...start.matchAll(/\\([\s\S])/g)]
    .map(([pair]) => pair)
    .find((pair) => !/[\\"'0,;|\t\r\n]$/.test(pair));
  const gained = sound(best) - sound(plain);
  if (gained > 0 && foreign === undefined) {
    const evidence = `a backslash before a delimiter, quote or line end: ${share(best.fitting, best.records.length, "record")} fit with escapes, and ${share(plain.fitting, plain.records.length, "record")} without`;
    if (/\\(?:0|\r?\n)/.test(start)) return asMysql(evidence);
    return { findings: [{ part: "escape", is: "`\\`", evidence, recipe: { escape: "\\" } }], trial: best };
  }
  if (foreign !== undefined) {
    const evidence = `no writer escapes ${shown(foreign.slice(1))}, and ${foreign} is in the file: backslashes are text`;
    return { findings: [{ part: "escape", is: "none", evidence }], trial: plain };
  }
  const doubt = "each backslash may be text, or an escape as MySQL writes it";
  const choices: FileRecipe[] = [{ escape: "\\" }, { escape: "" }];
  return {
    findings: [{ part: "escape", is: "unknown", evidence: "the file has backslashes", doubt, choices }],
    trial: plain,
  };
}

/** How many records are well-formed and have the most frequent number of cells. Fewer, longer records count as well as many. */
const sound = ({ records, fitting, cells }: Trial) =>
  cells > 1 ? fitting - (records.length - fitting) : -records.length;

function quotesOf({ records, marks, cells }: Trial, given: FileRecipe): Finding[] {
  const part = "quote";
  if (given.quote !== undefined) return [said(part, nameOf(given.quote))];
  const quoted = records.filter((record) => record.quoted.includes(true)).length;
  const malformed = records.filter(({ isMalformed }) => isMalformed);
  const findings: Finding[] = [];
  if (quoted > 0 && marks.quote !== "")
    findings.push({
      part,
      is: nameOf(marks.quote),
      evidence: `cells are quoted in ${share(quoted, records.length, "record")}`,
    });
  const [first] = malformed;
  if (first && marks.quote !== "") {
    const doubt = `${share(malformed.length, records.length, "record")} cannot be read with quotes (line ${first.line}: ${shown(first.text)})`;
    findings.push({ part, is: nameOf(marks.quote), evidence: "RFC 4180", doubt });
  }
  const isSingle = (cell: string) => cell.length > 1 && cell.startsWith("'") && cell.endsWith("'");
  const singles = records.filter((record) => record.cells.length === cells && record.cells.some(isSingle)).length;
  if (quoted === 0 && singles > 1 && singles > records.length / 2) {
    const doubt = "the ' could also be part of the text";
    findings.push({
      part,
      is: "`'`",
      evidence: `cells begin and end with ' in ${share(singles, records.length, "record")}`,
      doubt,
      recipe: { quote: "'" },
    });
  }
  return findings;
}

function lineEndsOf(text: string): Finding {
  const part = "line ends";
  const [ends, lone] = [text.match(/\r*\n/g) ?? [], /\r(?!\r*\n)/.test(text)];
  const crlf = ends.filter((end) => end === "\r\n").length;
  const lf = ends.filter((end) => end === "\n").length;
  if (ends.length === 0 && lone)
    return {
      part,
      is: "CR",
      evidence: "carriage returns and no line feed",
      doubt: "such lines are not read: write it with LF or CR LF",
    };
  const odd = ends.length - crlf - lf;
  if (odd > 0)
    return {
      part,
      is: "CR CR LF",
      evidence: `in ${share(odd, ends.length, "line")}`,
      doubt: "such lines are not read: write it with LF or CR LF",
    };
  const is = crlf > lf ? "CR LF" : "LF";
  return {
    part,
    is,
    evidence: ends.length === 0 ? "there is one line" : `in ${share(Math.max(crlf, lf), ends.length, "line")}`,
  };
}
