/** Writes the recipe that inspect proposes beside the files. */
import { link, unlink, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { MusterError } from "../../errors.ts";
import { explainedFile } from "../../file-errors.ts";
import { escaped } from "../../shown.ts";
import { lookAt } from "../sources/local-file.ts";
import { type FileRecipe, RECIPE_FILE, type Recipe } from "./recipe.ts";

/** A file's name relative to its folder, and the parts of a recipe that read it. */
export interface NamedRecipe {
  name: string;
  recipe: FileRecipe;
}

/**
 * The folder whose muster.recipe.json is for a location.
 * @throws MusterError `invalid` if it is not a folder or a file of this machine, or has a recipe already
 */
export async function folderToSave(location: string): Promise<string> {
  const shown = escaped(location);
  if (location.startsWith("s3://"))
    throw new MusterError("invalid", `${shown}: --save writes to folders of this machine only: copy the recipe there`);
  const found = await lookAt(resolve(location), location);
  if (found?.is !== "folder" && found?.is !== "file")
    throw new MusterError("invalid", `${shown} is no file or folder, so that there is no place for ${RECIPE_FILE}`);
  const folder = found.is === "folder" ? resolve(location) : dirname(resolve(location));
  if (await lookAt(join(folder, RECIPE_FILE), RECIPE_FILE)) throw alreadyThere(folder);
  return folder;
}

const alreadyThere = (folder: string) =>
  new MusterError("invalid", `${escaped(join(folder, RECIPE_FILE))} exists: change it, or remove it first`);

/**
 * A recipe of several files. Files that are read in the same way share one part: all of the folder, or those of one below it.
 * Deeper files come first, because the first part that matches is used, and a name alone matches in all folders.
 * @param areAll whether these are all files of the folder. If so, one part may be for all, also for files that are added later
 */
export function recipeOfFiles(files: readonly NamedRecipe[], areAll: boolean): Recipe | undefined {
  const needed = files.filter(({ recipe }) => Object.keys(recipe).length > 0);
  const [first] = needed;
  if (!first) return undefined;
  const isSame = ({ recipe }: NamedRecipe, other: NamedRecipe) => Bun.deepEquals(recipe, other.recipe);
  if (areAll && files.every((file) => isSame(file, first))) return { files: [first.recipe] };
  const parts = new Map<string, FileRecipe>();
  for (const file of needed.toSorted((a, b) => depth(b.name) - depth(a.name))) {
    const folder = dirname(file.name);
    const beside = files.filter(({ name }) => dirname(name) === folder);
    const isFolder = folder !== "." && beside.length > 1 && beside.every((each) => isSame(each, file));
    const match = isFolder ? `${asGlob(folder)}/*` : asGlob(file.name);
    parts.set(match, { match, ...file.recipe });
  }
  return { files: [...parts.values()] };
}

const depth = (name: string) => name.split("/").length;
const asGlob = (name: string) => name.replace(/[*?[\]{}!\\]/g, "\\$&");

/**
 * Writes a recipe whole or not at all, and never over another one.
 * @returns its path
 * @throws MusterError `invalid` if there is one already, `unavailable` if it cannot be written
 */
export async function saveRecipe(folder: string, recipe: Recipe): Promise<string> {
  const path = join(folder, RECIPE_FILE);
  const draft = join(folder, `.${basename(RECIPE_FILE)}.${process.pid}`);
  try {
    await writeFile(draft, `${JSON.stringify(recipe, null, 2)}\n`, { flush: true });
    // Fails if the name is taken.
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw alreadyThere(folder);
    throw explainedFile(error, escaped(path));
  } finally {
    await unlink(draft).catch(() => {});
  }
  return path;
}
