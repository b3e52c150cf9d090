/** Finds which columns the names in a file mean. Only a name that is a column's own leaves no doubt. */
import { isBlank } from "../../codecs/codec.ts";
import type { Column, Table } from "../../codecs/tables.ts";
import { firstOf, shown } from "../../shown.ts";
import { FieldNames } from "../recipes/field-names.ts";
import type { FileRecipe } from "../recipes/recipe.ts";
import { areOfKind, KINDS, kindOf, likeness, mayFit, plain, shownValues } from "./column-likeness.ts";
import { leftOut, missing } from "./detect-left-out.ts";
import { count, type Finding, said } from "./detection.ts";

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
  const found = new Matches(table, names, samples, named);
  found.matchLikeNames();
  found.matchNearNames();
  found.matchOnlyOnes();
  const findings = [...found.findings];
  if (given.columns) findings.unshift(said("columns", "as given"));
  if (given.ignore) findings.push(said("left out", firstOf(given.ignore)));
  if (given.ignoreOtherColumns) findings.push(said("left out", "other names"));
  findings.push(...leftOut(found.order, names, samples, named, given, isExact));
  findings.push(...missing(table, found.order, given));
  return { findings, order: found.order };
}

/** Matches names with columns, the surest first. */
class Matches {
  readonly order: number[];
  readonly findings: Finding[] = [];
  /** For each name, whether its column is still looked for. */
  readonly #open: boolean[];

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

  /** The only name with values of a kind, if only one column of this kind is left. */
  matchOnlyOnes(): void {
    for (const kind of KINDS) {
      const columns = this.#free().filter((index) => {
        const column = this.table.columns[index];
        return column?.required && !column.isKey && kindOf(column) === kind;
      });
      const cells = this.#open.flatMap((isOpen, at) => (isOpen && areOfKind(kind, this.samples[at] ?? []) ? [at] : []));
      const [column, at] = [columns[0], cells[0]];
      if (column === undefined || at === undefined || columns.length > 1 || cells.length > 1) continue;
      const [name = "", to = ""] = [this.names[at], this.table.columns[column]?.name];
      this.#take(at, column, {
        evidence: `${shown(name)} alone of what is left has ${kind} in its rows (${shownValues(this.samples[at] ?? [])})`,
        doubt: `it may mean something else than ${to}`,
      });
    }
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
