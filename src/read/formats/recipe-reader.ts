/** Makes a reader of text follow what a recipe says about the file as a whole: its dialect and its encoding. */

import { withSeparatorLine } from "../csv/separator-line.ts";
import type { ReadRows } from "../file-row.ts";
import { resolved } from "../recipes/dialects.ts";
import { advising } from "../recipes/value-advice.ts";
import { decoded } from "./decode.ts";

/** The reader is given UTF-8, and a recipe with all parts that its dialect stands for. What it rejects comes with advice. */
export const byRecipe = (read: ReadRows): ReadRows => advising(following(read));

const following = (read: ReadRows): ReadRows =>
  async function* (table, chunks, name, options) {
    if (!options?.recipe) return yield* read(table, chunks, name, options);
    const recipe = resolved(options.recipe);
    const { encoding, dialect } = recipe;
    const text = encoding === undefined ? chunks : decoded(chunks, encoding, name, options.say);
    if (dialect !== "excel") return yield* read(table, text, name, { ...options, recipe });
    const iterator = text[Symbol.asyncIterator]();
    try {
      const found = await withSeparatorLine(recipe, iterator, name);
      yield* read(table, found.chunks, name, { ...options, recipe: found.recipe });
    } finally {
      await iterator.return?.();
    }
  };
