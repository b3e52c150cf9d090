/** How alike names are, and whether values could be a column's. */
import { Fault, isBlank } from "../../codecs/codec.ts";
import type { Column } from "../../codecs/tables.ts";
import { shown } from "../../shown.ts";

/** Words without marks and accents: "Department ID" is departmentid. */
export const plain = (text: string) =>
  text
    .normalize("NFD")
    .replace(/[^\p{L}\p{N}]/gu, "")
    .toLowerCase();

/** How alike a name and a column's are, from 0 to 1. */
export function likeness(name: string, column: Column): number {
  const [words, wanted] = [wordsOf(name), wordsOf(column.name)];
  if (words.length === 0) return 0;
  const hits = wanted.filter((want) => words.some((word) => isLike(word, want))).length;
  const known = words.filter((word) => wanted.some((want) => isLike(word, want))).length;
  const ofDates = isDate(column) && words.some((word) => DATE_WORDS.has(word)) ? 0.6 : 0;
  return Math.max((hits / wanted.length) * 0.5 + (known / words.length) * 0.5 * (hits > 0 ? 1 : 0), ofDates);
}

const DATE_WORDS = new Set("date day time timestamp when at fecha hora datum data jour heure dia".split(" "));

const wordsOf = (text: string) =>
  text
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu) ?? [];

/** Equal, or begun alike: jobs and job, dept and department, depto and department. */
function isLike(one: string, other: string): boolean {
  if (one === other) return true;
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  if (short.length < 3) return false;
  if (long.startsWith(short)) return true;
  return short.startsWith(long.slice(0, 3)) && isWithin(short.slice(0, 4), long);
}

/** Whether the letters of one stand in the other in their order, as those of dept in department. */
function isWithin(short: string, long: string): boolean {
  let at = 0;
  for (const letter of long) if (letter === short[at]) at++;
  return at === short.length;
}

export const isDate = (column: Column | undefined) =>
  column !== undefined && /^(?:date|datetime|timestamp)\b/.test(column.sqlType);
export const isNumber = ({ sqlType }: Column) =>
  /^(?:(?:tiny|small|medium|big)?int|decimal|double|float)\b/.test(sqlType);
const isMostlyDates = (values: readonly string[]) =>
  mostly(values, (value) => /^\d{1,4}[/.-]\w{1,3}[/.-]\d{1,4}\b/.test(value));

/** Whether values could be a column's, also if they are written in a way that needs a recipe. */
export function mayFit(column: Column, values: readonly string[]): boolean {
  if (isDate(column)) return mostly(values, (value) => /\d/.test(value));
  if (isNumber(column)) return mostly(values, (value) => /^[+-]?[\d.,' \u00A0\u202F]*\d[\d.,]*$/.test(value));
  return mostly(values, (value) => !(column.codec.fromCsv(value) instanceof Fault)) && !isMostlyDates(values);
}

function mostly(values: readonly string[], test: (value: string) => boolean): boolean {
  const given = values.filter((value) => !isBlank(value));
  return given.filter(test).length >= given.length * 0.6;
}

export const shownValues = (values: readonly string[]) =>
  values
    .filter((value) => !isBlank(value))
    .slice(0, 3)
    .map((value) => shown(value))
    .join(", ") || "no values";

export const KINDS = ["dates", "numbers", "text"] as const;
type Kind = (typeof KINDS)[number];

export function kindOf(column: Column | undefined): Kind | undefined {
  if (!column) return undefined;
  if (isDate(column)) return "dates";
  return isNumber(column) ? "numbers" : "text";
}

/** Whether values are of a kind, and nearly none is missing, so that they can be those of a column that must have them. */
export function areOfKind(kind: Kind, values: readonly string[]): boolean {
  const given = values.filter((value) => !isBlank(value));
  if (given.length === 0 || given.length < values.length * 0.9) return false;
  if (kind === "dates") return isMostlyDates(values);
  const areNumbers = mostly(values, (value) => /^[+-]?\d[\d.,]*$/.test(value));
  return kind === "numbers" ? areNumbers : !areNumbers && !isMostlyDates(values);
}
