/** Finds how values are written: words for no value, the decimals and groups of numbers. */
import { Fault, isBlank } from "../../codecs/codec.ts";
import type { Column } from "../../codecs/tables.ts";
import { firstOf, shown } from "../../shown.ts";
import { isTyped } from "../csv/csv-header.ts";
import type { FileRecipe } from "../recipes/recipe.ts";
import { isNumber } from "./column-likeness.ts";
import { detectDates } from "./detect-dates.ts";
import { count, type Finding, said } from "./detection.ts";

/** A column and the cells of the file that are for it. */
export interface ColumnCells {
  column: Column;
  cells: readonly string[];
}

/** @param given the parts that the user names */
export function detectValues(all: readonly ColumnCells[], given: FileRecipe): Finding[] {
  const findings: Finding[] = [];
  const nulls = given.null ? said("no value", firstOf(given.null)) : nullWords(all, given);
  if (nulls) findings.push(nulls);
  const words = new Set([...(given.null ?? []), ...(nulls?.recipe?.null ?? []), ...NULLS_OF_DIALECTS]);
  const cellsOf = ({ column, cells }: ColumnCells) => ({
    column,
    cells: cells.filter((cell) => !isBlank(cell) && !words.has(cell)),
  });
  findings.push(...detectNumbers(all.filter(({ column }) => isNumber(column)).map(cellsOf), given));
  findings.push(...detectDates(all.filter(({ column }) => isDate(column)).map(cellsOf), given));
  return findings;
}

const isDate = ({ sqlType }: Column) => /^(?:datetime|timestamp)\b/.test(sqlType);

/** They are null words of the dialects mysql and pandas already. */
const NULLS_OF_DIALECTS = new Set(["\\N"]);
const NULL_WORDS = /^(?:null|nan|nat|n\/?a|#n\/a|none|nil|<na>|\(null\)|-|--|\?)$/i;

function nullWords(all: readonly ColumnCells[], { dialect }: FileRecipe): Finding | undefined {
  const typed = new Map<string, string>();
  let times = 0;
  for (const { column, cells } of all.filter((each) => isTyped(each.column))) {
    for (const cell of cells) {
      if (!NULL_WORDS.test(cell) || !(column.codec.fromCsv(cell) instanceof Fault)) continue;
      typed.set(cell, column.name);
      times++;
    }
  }
  if (typed.size === 0 || dialect === "pandas") return undefined;
  const words = [...typed.keys()];
  const texts = all.filter(({ column }) => !isTyped(column));
  const alsoText = texts.find(({ cells }) => cells.some((cell) => typed.has(cell)));
  const evidence = `${firstOf(words.map((word) => shown(word)))} ${words.length === 1 ? "stands" : "stand"} in ${count(times, "cell")} of ${firstOf([...new Set(typed.values())])}`;
  const doubt = alsoText && `${alsoText.column.name}, a column of text, has the same word`;
  return { part: "no value", is: firstOf(words), evidence, recipe: { null: words }, ...(doubt && { doubt }) };
}

function detectNumbers(all: readonly ColumnCells[], given: FileRecipe): Finding[] {
  const findings: Finding[] = [];
  if (given.decimal) findings.push(said("decimal", given.decimal));
  if (given.group) findings.push(said("groups of digits", given.group));
  if (given.wholeDecimals) findings.push(said("whole decimals", "yes"));
  if (given.decimal || given.group) return findings;
  const odd = all.flatMap(({ column, cells }) => {
    const refused = cells.filter((cell) => /^-?\d[\d.,' _\u00A0\u202F]*$/.test(cell) && !/^-?\d+$/.test(cell));
    const fractions = /^(?:decimal|double|float)/.test(column.sqlType);
    return refused.length > 0 ? [{ column, cells: refused, fractions }] : [];
  });
  if (odd.length === 0) return findings;
  const cells = odd.flatMap((each) => each.cells);
  const example = `${odd[0]?.column.name ?? ""} has ${firstOf([...new Set(cells)].slice(0, 3).map((cell) => shown(cell)))}`;
  const found = marksOf(
    cells,
    odd.every(({ fractions }) => !fractions),
  );
  const part = "numbers";
  if ("doubt" in found) {
    if (!given.wholeDecimals)
      findings.push({ part, is: "unknown", evidence: example, doubt: found.doubt, choices: found.choices });
    return findings;
  }
  const { decimal, group, wholeDecimals } = found.recipe;
  if (!decimal && !group && (!wholeDecimals || given.wholeDecimals || given.dialect === "pandas")) return findings;
  const fractions = cells.filter((cell) => /[.,]\d*[1-9]\d*$/.test(cell)).length;
  const rest =
    wholeDecimals && fractions > 0 ? `; ${count(fractions, "cell")} with other decimals will be rejected` : "";
  findings.push({ part, is: found.is, evidence: example + rest, recipe: found.recipe });
  return findings;
}

/** A doubt, or what reads the numbers. */
export type NumberMarks = { doubt: string; choices: FileRecipe[] } | { is: string; recipe: FileRecipe };

/** @param areWhole whether the columns take whole numbers alone, so that decimals must be zeros */
export function marksOf(cells: readonly string[], areWhole: boolean): NumberMarks {
  const numbers = cells.map((cell) => cell.replace(/^[+-]/, ""));
  const groupOf = (mark: string) => (mark === "\u00A0" || mark === "\u202F" ? " " : mark);
  for (const decimal of [",", "."] as const) {
    const other = decimal === "," ? "[.' _\u00A0\u202F]" : "[,' _\u00A0\u202F]";
    const point = `\\${decimal}`;
    const both = new RegExp(`^\\d{1,3}(?:(${other})\\d{3})(?:\\1\\d{3})*${point}\\d+$`);
    const alone = new RegExp(`^(?:\\d+|\\d{1,3}(?:${other}\\d{3})+)(?:${point}\\d*)?$`);
    if (!numbers.every((cell) => alone.test(cell))) continue;
    const mark = numbers.map((cell) => both.exec(cell)?.[1]).find((each) => each !== undefined);
    const isFraction = numbers.some((cell) => new RegExp(`${point}(?:\\d{1,2}|\\d{4,})?$`).test(cell));
    if (mark === undefined && !isFraction) continue;
    const groups = mark ?? numbers.map((cell) => new RegExp(other).exec(cell)?.[0]).find((each) => each !== undefined);
    const group = groups === undefined ? undefined : (groupOf(groups) as NonNullable<FileRecipe["group"]>);
    const zeros = numbers.every((cell) => !cell.includes(decimal) || new RegExp(`${point}0+$`).test(cell));
    const isAny = numbers.some((cell) => new RegExp(`${point}0+$`).test(cell));
    if (areWhole && !zeros && !isAny && decimal === ".") return { doubt: WHOLE_NEEDED, choices: [] };
    const recipe: FileRecipe = {
      ...(decimal === "," && { decimal }),
      ...(group && { group }),
      ...(areWhole && { wholeDecimals: true }),
    };
    return {
      is: [`decimal ${decimal}`, ...(group ? [`groups ${shown(group)}`] : []), ...(areWhole ? ["8.0 is 8"] : [])].join(
        ", ",
      ),
      recipe,
    };
  }
  return grouped(numbers, areWhole);
}

const WHOLE_NEEDED = "the column takes whole numbers, and these have decimals: correct them, or they are rejected";

/** All numbers have one kind of mark, and three digits after each. */
function grouped(numbers: readonly string[], areWhole: boolean): NumberMarks {
  const marks = new Set(numbers.flatMap((cell) => cell.replace(/\d/g, "").split("")));
  const [mark = ""] = marks;
  if (marks.size !== 1 || !numbers.every((cell) => /^\d{1,3}(?:\D\d{3})+$/.test(cell)))
    return { doubt: "they are written in different ways: correct them, or they are rejected", choices: [] };
  const group = (mark === "\u00A0" || mark === "\u202F" ? " " : mark) as NonNullable<FileRecipe["group"]>;
  if (numbers.some((cell) => cell.replace(/\d/g, "").length > 1) || !/[.,]/.test(mark))
    return { is: `groups ${shown(group)}`, recipe: ofGroup(group) };
  const asDecimal: FileRecipe = {
    ...(mark === "," && { decimal: "," as const }),
    ...(areWhole && { wholeDecimals: true }),
  };
  const doubt = `${shown(mark)} may stand before decimals or between groups of three digits`;
  return { doubt, choices: [ofGroup(group), ...(Object.keys(asDecimal).length > 0 ? [asDecimal] : [])] };
}

/** If points stand between groups, a comma stands before decimals. */
const ofGroup = (group: NonNullable<FileRecipe["group"]>): FileRecipe =>
  group === "." ? { decimal: ",", group } : { group };
