/** Finds the recipe of a source: the one that the user names, or muster.recipe.json beside the files. */
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { S3ClientConfig } from "@aws-sdk/client-s3";
import { MusterError } from "../../errors.ts";
import { explainedFile } from "../../file-errors.ts";
import { S3Location } from "../../s3/location.ts";
import { readObject } from "../../s3/objects.ts";
import { escaped } from "../../shown.ts";
import { lookAt } from "../sources/local-file.ts";
import { type FileRecipe, parseRecipe, RECIPE_FILE, type Recipe } from "./recipe.ts";

const RECIPE_BYTES_MAX = 1024 * 1024;

/**
 * Reads the recipe file that the user names.
 * @throws MusterError `invalid` if there is no such file, or it is no recipe
 */
export async function readRecipe(path: string): Promise<Recipe> {
  const recipe = await recipeAt(resolve(path), path);
  if (recipe) return recipe;
  throw new MusterError("invalid", `there is no file ${escaped(path)}: give a recipe`);
}

/**
 * Reads muster.recipe.json in the folder or under the prefix that a location names, or beside the file that it names.
 * @returns undefined if there is none
 * @throws MusterError `invalid` if it is no recipe, `unavailable` if it cannot be read
 */
export async function recipeBeside(
  location: string,
  s3?: S3ClientConfig,
  signal?: AbortSignal,
): Promise<Recipe | undefined> {
  if (location.startsWith("s3://")) return recipeOfPrefix(location.slice(0, location.lastIndexOf("/") + 1), s3, signal);
  const found = await lookAt(resolve(location), location);
  if (found?.is !== "folder" && found?.is !== "file") return undefined;
  return recipeAt(
    join(found.is === "folder" ? resolve(location) : dirname(resolve(location)), RECIPE_FILE),
    RECIPE_FILE,
  );
}

async function recipeAt(path: string, name: string): Promise<Recipe | undefined> {
  const found = await lookAt(path, name);
  if (!found) return undefined;
  if (found.is !== "file") throw new MusterError("invalid", `${escaped(name)} is not a file: give a recipe`);
  if (found.state.bytes > RECIPE_BYTES_MAX) throw tooLarge(name);
  const text = await readFile(path, "utf8").catch((error) => {
    throw explainedFile(error, escaped(name));
  });
  return parseRecipe(text, escaped(name));
}

async function recipeOfPrefix(url: string, s3?: S3ClientConfig, signal?: AbortSignal): Promise<Recipe | undefined> {
  if (url === "s3://") return undefined;
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const piece of readObject(S3Location.parse(url, s3, signal), RECIPE_FILE)) {
      bytes += piece.length;
      if (bytes > RECIPE_BYTES_MAX) throw tooLarge(url + RECIPE_FILE);
      pieces.push(piece);
    }
  } catch (error) {
    if (error instanceof MusterError && error.code === "not_found") return undefined;
    throw error;
  }
  return parseRecipe(Buffer.concat(pieces).toString(), escaped(url + RECIPE_FILE));
}

const tooLarge = (name: string) =>
  new MusterError("invalid", `${escaped(name)} has over ${RECIPE_BYTES_MAX} bytes, which no recipe needs`);

const withoutUndefined = <Parts extends object>(parts: Parts): Parts =>
  Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as Parts;

/**
 * A recipe with options on top of it: each file that the recipe names gets them, and so does every other file.
 * @returns undefined if there is neither a recipe nor an option
 */
export function withOptions(recipe: Recipe | undefined, options: FileRecipe | undefined): Recipe | undefined {
  if (!options) return recipe;
  const { datetime } = options;
  const files = recipe?.files.map((file) => ({
    ...{ ...file, ...options },
    // A zone alone leaves the formats as they are, and formats the zone.
    ...(datetime && { datetime: { ...file.datetime, ...withoutUndefined(datetime) } }),
  }));
  return { files: [...(files ?? []), options] };
}
