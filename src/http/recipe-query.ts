/** The recipe that a request's query gives (docs/recipes.md). RECIPE_PARAMETERS has its parameters. */
import { pointerTo } from "../codecs/pointer.ts";
import type { FileRecipe } from "../read/recipes/recipe.ts";
import { recipeOfOptions } from "../read/recipes/recipe-options.ts";
import { faulty } from "./validate.ts";

/**
 * @param query what a schema with RECIPE_PARAMETERS has validated. Its other parameters do not matter
 * @returns undefined if the strict default is to be used
 * @throws Refusal 400 with an entry for each parameter that is wrong
 */
export const recipeOf = (query: Record<string, unknown>): FileRecipe | undefined =>
  recipeOfOptions(query, "_", (faults) =>
    faulty(faults.map(({ name, detail }) => ({ pointer: pointerTo([name]), detail: `${name} ${detail}` }))),
  );
