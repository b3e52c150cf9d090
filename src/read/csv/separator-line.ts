/** Excel's first line `sep=;`, which names the delimiter. Only the dialect `excel` reads it. */
import { MusterError } from "../../errors.ts";
import { shown } from "../../shown.ts";
import type { FileRecipe } from "../recipes/recipe.ts";

/** More bytes than a line `sep=` can have, even with a byte order mark, quotes and the delimiters of its empty cells. */
const LINE_BYTES_MAX = 1_024;
const LF = 10;
const LINE = /^\uFEFF?("?)sep=(.+?|)\1([,;\t|]*)$/i;

/** The delimiter that a line names, "" if it names none; undefined if it is another line. */
export const separatorOf = (line: string): string | undefined => LINE.exec(line)?.[2];

/**
 * Looks at the first line. If it names the delimiter, the recipe that is returned has this delimiter and skips the line. A
 * delimiter that the recipe gives wins.
 * @param iterator of the file's chunks. The caller closes it
 * @returns the recipe, and all chunks, also those that were looked at
 * @throws MusterError `refused` if the line does not name one character
 */
export async function withSeparatorLine(
  recipe: FileRecipe,
  iterator: AsyncIterator<Uint8Array>,
  name: string,
): Promise<{ recipe: FileRecipe; chunks: AsyncIterable<Uint8Array> }> {
  let head = Buffer.alloc(0);
  while (head.length < LINE_BYTES_MAX && !head.includes(LF)) {
    const { value, done } = await iterator.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  const rest = restOf(head, iterator);
  const [line = ""] = head.toString("utf8", 0, LINE_BYTES_MAX).split(/\r?\n/, 1);
  const separator = separatorOf(line);
  if (separator === undefined) return { recipe, chunks: rest };
  if (!/^[!-/:-@[-`{-~\t ]$/.test(separator) && recipe.delimiter === undefined)
    throw new MusterError(
      "refused",
      `${name}: line 1, ${shown(line)}, does not name one character: correct or remove it`,
    );
  return { recipe: { delimiter: separator, ...recipe, skip: Math.max(recipe.skip ?? 0, 1) }, chunks: rest };
}

async function* restOf(head: Uint8Array, iterator: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
}
