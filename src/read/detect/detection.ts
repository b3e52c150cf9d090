/** What inspect says about a file: each part of how it is written, with its evidence, and what is doubtful (docs/recipes.md). */
import { type FileRecipe, FileRecipe as Schema } from "../recipes/recipe.ts";

/** What a detector says about one part of how a file is written. */
export interface Finding {
  /** What it is about: "encoding", "delimiter", "dates". */
  part: string;
  /** What was found, as a person reads it. */
  is: string;
  /** What shows it. */
  evidence: string;
  /** Why a person must decide. Undefined if the evidence leaves no doubt. */
  doubt?: string;
  /** The parts of a recipe that read it so. Without them the strict default does. */
  recipe?: FileRecipe;
  /** If it can be read in several ways and none is proposed: the parts of each. */
  choices?: readonly FileRecipe[];
}

/**
 * Joins parts of recipes. Later ones win, but lists and names of columns are put together, and the first dialect stays.
 * @throws ZodError if they contradict each other
 */
export function joined(parts: readonly (FileRecipe | undefined)[]): FileRecipe {
  const all: FileRecipe = {};
  for (const part of parts) {
    if (!part) continue;
    const { columns, ignore, null: words, datetime, dialect } = all;
    Object.assign(all, part, dialect && { dialect });
    if (columns && part.columns && !Array.isArray(columns) && !Array.isArray(part.columns))
      all.columns = { ...columns, ...part.columns };
    if (ignore && part.ignore) all.ignore = [...new Set([...ignore, ...part.ignore])];
    if (words && part.null) all.null = [...new Set([...words, ...part.null])];
    if (datetime && part.datetime) all.datetime = { ...datetime, ...part.datetime };
  }
  return Schema.parse(all);
}

/** A part that the user names. It is in the recipe already. */
export const said = (part: string, is: string): Finding => ({ part, is, evidence: "as you say" });

/** "1 cell", "3 cells". */
export const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;

/** "4 of 7 rows", "all 7 rows". */
export const share = (part: number, of: number, what: string): string =>
  part === of ? (of === 1 ? `the only ${what}` : `all ${of} ${what}s`) : `${part} of ${count(of, what)}`;
