/** Finds which columns the names in a file mean. Only a name that is a column's own leaves no doubt. */
import { Fault, isBlank } from "../codecs/codec.ts";
import type { Column, Table } from "../codecs/tables.ts";
import { firstOf, shown } from "../shown.ts";
import { count, type Finding, said } from "./detection.ts";
import { FieldNames } from "./field-names.ts";
import type { FileRecipe } from "./recipe.ts";

export interface FoundColumns {
  findings: Finding[];
  /** For each name the index of its column; -1 if it is left out. */
  order: number[];
}

/** A name is near a column's if they are as alike as this, from 0 to 1. */
const LIKENESS_MIN = 0.5;

/**
 * @param names in the file, in its order
 * @param samples some values of each name
 * @param isExact whether letter case and blanks count, as in the names of JSON
 */
export function detectColumns(
  table: Table,
  names: readonly string[],
  samples: readonly (readonly string[])[],
  given: FileRecipe,
  isExact = false,
): FoundColumns {
  const known = new FieldNames(table, given);
  const named = names.map((name) => (isExact ? known.ofField(name) : known.of(name)));
  const mapped = names.map(
    (name) => known.of(name) >= 0 && !isExact && given.columns !== undefined && known.mapped.size > 0,
  );
  const found = new Matches(table, names, samples, named);
  found.matchLikeNames();
  found.matchNearNames();
  found.matchOnlyDates();
  const findings = [...found.findings];
  if (given.columns) findings.unshift(said("columns", "as given"));
  else if (mapped.length === 0) findings.unshift({ part: "columns", is: "none", evidence: "the file has no names" });
  if (given.ignore) findings.push(said("left out", firstOf(given.ignore)));
  if (given.ignoreOtherColumns) findings.push(said("left out", "other names"));
  findings.push(...leftOut(found, names, samples, named, given));
  findings.push(...missing(table, found.order, given));
  return { findings, order: found.order };
}

/** Words without marks and accents: "Department ID" is departmentid. */
const plain = (text: string) =>
  text
    .normalize("NFD")
    .replace(/[^\p{L}\p{N}]/gu, "")
    .toLowerCase();

class Matches {
  readonly order: number[];
  readonly findings: Finding[] = [];

  constructor(
    private readonly table: Table,
    private readonly names: readonly string[],
    private readonly samples: readonly (readonly string[])[],
    named: readonly number[],
  ) {
    this.order = named.map((column) => Math.max(column, -1));
    const own = this.order.filter((column) => column >= 0).length;
    if (own > 0)
      this.findings.push({
        part: "columns",
        is: this.#shown(),
        evidence: `${count(own, "name")} of the file ${own === 1 ? "is a name" : "are names"} of ${table.name}`,
      });
    this.#open = this.order.map((column, at) => column === -1 && named[at] === -1 && !isBlank(names[at] ?? ""));
  }

  readonly #open: boolean[];

  #shown(): string {
    return firstOf(this.order.flatMap((column) => this.table.columns[column]?.name ?? []));
  }

  /** Names that are a column's but for marks, accents and case. */
  matchLikeNames(): void {
    this.#each(
      (name, column) =>
        plain(name) !== "" && [column.name, ...column.aliases].some((each) => plain(each) === plain(name)) ? 1 : 0,
      (name, column) => ({
        evidence: `${shown(name)} is ${column.name}, but for letter case, blanks and _`,
      }),
    );
  }

  matchNearNames(): void {
    this.#each(likeness, (name, column, at) => ({
      evidence: `${shown(name)} is nearest to ${column.name}, and its values fit (${shownValues(this.samples[at] ?? [])})`,
      doubt: `it may mean something else than ${column.name}`,
    }));
  }

  /** The only name with dates, if only one column of dates is left. */
  matchOnlyDates(): void {
    const columns = this.#free().filter((index) => isDate(this.table.columns[index]));
    const cells = this.#open.flatMap((isOpen, at) => (isOpen && isMostlyDates(this.samples[at] ?? []) ? [at] : []));
    const [column, at] = [columns[0], cells[0]];
    if (column === undefined || at === undefined || columns.length > 1 || cells.length > 1) return;
    const [name = "", to = ""] = [this.names[at], this.table.columns[column]?.name];
    this.#take(at, column, {
      evidence: `${shown(name)} alone has dates (${shownValues(this.samples[at] ?? [])})`,
      doubt: `it may mean something else than ${to}`,
    });
  }

  /** Takes the most alike pairs first. */
  #each(
    likenessOf: (name: string, column: Column) => number,
    because: (name: string, column: Column, at: number) => Pick<Finding, "evidence" | "doubt">,
  ): void {
    const pairs = this.names.flatMap((name, at) =>
      this.#open[at] ? this.#free().map((index) => ({ at, index, ...this.#pair(name, at, index, likenessOf) })) : [],
    );
    for (const { at, index, alike, column, name } of pairs.toSorted((a, b) => b.alike - a.alike)) {
      if (alike < LIKENESS_MIN || !column || !this.#open[at] || this.order.includes(index)) continue;
      this.#take(at, index, because(name, column, at));
    }
  }

  #pair(name: string, at: number, index: number, likenessOf: (name: string, column: Column) => number) {
    const column = this.table.columns[index];
    const alike = column && mayFit(column, this.samples[at] ?? []) ? likenessOf(name, column) : 0;
    return { name, column, alike };
  }

  #free(): number[] {
    return [...this.table.columns.keys()].filter((index) => !this.order.includes(index));
  }

  #take(at: number, index: number, why: Pick<Finding, "evidence" | "doubt">): void {
    this.order[at] = index;
    this.#open[at] = false;
    const [name = "", column = ""] = [this.names[at], this.table.columns[index]?.name];
    this.findings.push({
      part: "columns",
      is: `${shown(name)} as ${column}`,
      ...why,
      recipe: { columns: { [name]: column } },
    });
  }
}

/** How alike a name and a column's are, from 0 to 1. */
function likeness(name: string, column: Column): number {
  const [words, wanted] = [wordsOf(name), wordsOf(column.name)];
  if (words.length === 0) return 0;
  const hits = wanted.filter((want) => words.some((word) => isLike(word, want))).length;
  const known = words.filter((word) => wanted.some((want) => isLike(word, want))).length;
  const ofDates = isDate(column) && words.some((word) => DATE_WORDS.has(word)) ? 0.6 : 0;
  return Math.max((hits / wanted.length) * 0.5 + (known / words.length) * 0.5 * (hits > 0 ? 1 : 0), ofDates);
}

const DATE_WORDS = new Set([
  "date",
  "day",
  "time",
  "timestamp",
  "when",
  "at",
  "fecha",
  "hora",
  "datum",
  "data",
  "jour",
  "heure",
  "dia",
]);

const wordsOf = (text: string) =>
  text
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu) ?? [];

/** Equal, or the beginning of the other with three letters or more: dept and department, jobs and job. */
function isLike(one: string, other: string): boolean {
  if (one === other) return true;
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  if (short.length < 3) return false;
  if (long.startsWith(short)) return true;
  return short.startsWith(long.slice(0, 3)) && isWithin(short, long);
}

/** Whether the letters of one stand in the other in their order, as those of dept in department. */
function isWithin(short: string, long: string): boolean {
  let at = 0;
  for (const letter of long) if (letter === short[at]) at++;
  return at === short.length;
}

const isDate = (column: Column | undefined) => column !== undefined && /^(?:date|datetime)\b/.test(column.sqlType);
const isNumber = ({ sqlType }: Column) => /^(?:int|bigint|decimal|double)\b/.test(sqlType);
const isMostlyDates = (values: readonly string[]) =>
  mostly(values, (value) => /^\d{1,4}[/.-]\w{1,3}[/.-]\d{1,4}\b/.test(value));

/** Whether values could be a column's, also if they are written in a way that needs a recipe. */
function mayFit(column: Column, values: readonly string[]): boolean {
  if (isDate(column)) return mostly(values, (value) => /\d/.test(value));
  if (isNumber(column)) return mostly(values, (value) => /^[+-]?[\d.,' \u00A0\u202F]*\d[\d.,]*$/.test(value));
  return mostly(values, (value) => !(column.codec.fromCsv(value) instanceof Fault)) && !isMostlyDates(values);
}

function mostly(values: readonly string[], test: (value: string) => boolean): boolean {
  const given = values.filter((value) => !isBlank(value));
  return given.filter(test).length >= given.length * 0.6;
}

const shownValues = (values: readonly string[]) =>
  values
    .filter((value) => !isBlank(value))
    .slice(0, 3)
    .map((value) => shown(value))
    .join(", ") || "no values";

/** Names that are no columns: proposed to be left out. */
function leftOut(
  { order }: Matches,
  names: readonly string[],
  samples: readonly (readonly string[])[],
  named: readonly number[],
  given: FileRecipe,
): Finding[] {
  if (given.ignoreOtherColumns) return [];
  return names.flatMap((name, at): Finding[] => {
    if (order[at] !== -1 || named[at] === -2) return [];
    const twin = names.find(
      (other, index) => index !== at && plain(other) === plain(name) && (order[index] ?? -1) >= 0,
    );
    if (twin !== undefined && !isBlank(name)) {
      const evidence = `${shown(name)} is ${shown(twin)}, but for letter case, blanks and marks`;
      return [
        {
          part: "columns",
          is: `${shown(name)} is left`,
          evidence,
          doubt: "a column cannot have two names: correct one",
        },
      ];
    }
    const values = samples[at] ?? [];
    const isIndex =
      at === 0 &&
      (isBlank(name) || name === "Unnamed: 0") &&
      values.length > 0 &&
      values.every((value, row) => value === String(row));
    const part = "left out";
    if (isIndex)
      return [
        {
          part,
          is: "the first cell",
          evidence: "it has no name and counts 0, 1, 2, ... as pandas writes its index",
          recipe: { ignore: [name] },
        },
      ];
    const what = isBlank(name) ? `cell ${at + 1}, which has no name` : shown(name);
    const doubt = "the table has no such column: leave it out, or say which column it is with --columns";
    return [
      { part, is: what, evidence: `it is near no column (${shownValues(values)})`, doubt, recipe: { ignore: [name] } },
    ];
  });
}

function missing({ columns, key, name }: Table, order: readonly number[], given: FileRecipe): Finding[] {
  const findings: Finding[] = [];
  for (const [index, column] of columns.entries()) {
    if (order.includes(index) || !column.required) continue;
    if (index === key) {
      if (given.ids === "database") continue;
      const doubt = "if the database gives the ids, rows are not recognised when the file is loaded again";
      findings.push({
        part: "ids",
        is: "from the database",
        evidence: `no name in the file means ${name}.${column.name}`,
        doubt,
        recipe: { ids: "database" },
      });
    } else {
      const doubt = `${name} needs it: say which name means it with --columns`;
      findings.push({
        part: "columns",
        is: `${column.name} is missing`,
        evidence: `no name in the file means ${name}.${column.name}`,
        doubt,
      });
    }
  }
  return findings;
}
