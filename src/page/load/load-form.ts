/** The form of the view "Load a file": its fields, and the recipe that they give. */
import { ZodError, z } from "zod";
import type { Dictionary } from "../../codecs/dictionary.ts";
import type { TableName } from "../../codecs/tables.ts";
import { Refusal } from "../../http/problem.ts";
import { recipeOf } from "../../http/recipe-query.ts";
import { joined } from "../../read/detect/detection.ts";
import type { FileRecipe } from "../../read/recipes/recipe.ts";
import { RECIPE_PARAMETERS } from "../../read/recipes/recipe-options.ts";
import { tableOfFile } from "../../read/sources/file-names.ts";
import { fileName, tableParameter } from "../../routes/import-query.ts";
import { listField } from "../form.ts";

/** In a select of columns: the name in the file is left out. */
export const LEFT_OUT = "-";

/** How the names of the radio buttons of a doubt begin. */
export const CHOICE = "choice-";

/** Fields with a value for each name in the file, which may be empty. */
export const LISTS: readonly string[] = ["named", "column"];

/** Besides the file. */
export const loadFields = (dictionary: Dictionary) =>
  z.object({
    name: fileName,
    complete: z.enum(["true", "false"]).default("false"),
    table: tableParameter(dictionary).optional(),
    /** Points that the person has decided: each is parameters of a recipe, or of a table. */
    choice: listField,
    /** Doubts that the person leaves as they are. */
    accepted: listField,
    /** The names in the file, and the column that the person chose for each; "" if none. */
    named: listField,
    column: listField,
    max_rejects: z.string().default(""),
    strict: z.string().default(""),
    ...RECIPE_PARAMETERS,
  });
export type LoadFields = z.output<ReturnType<typeof loadFields>>;

export interface Chosen {
  /** Undefined if neither the person nor the name of the file says it. */
  table: TableName | undefined;
  /** The parts of a recipe that the person has chosen. */
  given: FileRecipe;
}

/** @throws Refusal 400 if the fields are wrong, or contradict each other */
export function chosenBy(fields: LoadFields, dictionary: Dictionary): Chosen {
  const choices = fields.choice
    .filter((text) => text !== "")
    .map((text) => Object.fromEntries(new URLSearchParams(text)));
  const recipes = [recipeOf(fields), columnsOf(fields), ...choices.map((each) => recipeOf(each))];
  const [named = fields.table] = choices.flatMap(({ table = "" }) => (dictionary.has(table) ? [table] : []));
  return { table: named ?? tableOfFile(dictionary.names, fields.name ?? ""), given: joinedOf(recipes) };
}

/** What the selects beside the names in the file say. */
function columnsOf({ named, column }: LoadFields): FileRecipe {
  const pairs = named.map((name, at) => [name, column[at] ?? ""] as const);
  const columns = pairs.filter(([, to]) => to !== "" && to !== LEFT_OUT);
  const ignore = pairs.filter(([, to]) => to === LEFT_OUT).map(([name]) => name);
  return {
    ...(columns.length > 0 && { columns: Object.fromEntries(columns) }),
    ...(ignore.length > 0 && { ignore }),
  };
}

function joinedOf(recipes: readonly (FileRecipe | undefined)[]): FileRecipe {
  try {
    return joined(recipes);
  } catch (error) {
    if (!(error instanceof ZodError)) throw error;
    throw new Refusal(400, error.issues.map(({ path, message }) => [...path, message].join(" ")).join("; "));
  }
}
