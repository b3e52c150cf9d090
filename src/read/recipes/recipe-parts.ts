/** The parts of a recipe that are for one file, one row or one value. */
import type { FileRecipe, Recipe } from "./recipe.ts";

/** The part of a recipe for a file, by its name relative to the source; undefined if none matches. */
export function recipeFor({ files }: Recipe, name: string): FileRecipe | undefined {
  const base = name.slice(name.lastIndexOf("/") + 1);
  return files.find((file) => {
    const glob = globOf(file);
    return glob.match(name) || glob.match(base);
  });
}

/** To make a glob takes longer than to match it, and each part is asked about each file. */
const globs = new WeakMap<FileRecipe, Bun.Glob>();

function globOf(file: FileRecipe): Bun.Glob {
  const known = globs.get(file);
  if (known) return known;
  const glob = new Bun.Glob(file.match ?? "**");
  globs.set(file, glob);
  return glob;
}

/**
 * The parts of a recipe by which one row is read again from its raw input, which is UTF-8 text without the file around it.
 * @returns undefined if the strict default reads it
 */
export function rowRecipe(recipe: FileRecipe | undefined): FileRecipe | undefined {
  if (!recipe) return undefined;
  const { match, table, format, encoding, skip, header, comment, sheet, ...ofRow } = recipe;
  return Object.keys(ofRow).length === 0 ? undefined : ofRow;
}

/** The parts of a recipe that say what values mean, for cells that are not in their file's CSV any more. */
export function valueRecipe(recipe: FileRecipe | undefined): FileRecipe | undefined {
  if (!recipe) return undefined;
  const { decimal, group, wholeDecimals, datetime, ids } = recipe;
  return { decimal, group, wholeDecimals, datetime, ids };
}
