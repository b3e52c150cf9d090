/** A recipe as options that can be typed: what recipeOfOptions reads, backwards. */
import { MusterError } from "../../errors.ts";
import { hyphened, type OptionName, type OptionValues, optionTexts } from "./option-text.ts";
import type { FileRecipe } from "./recipe.ts";
import { recipeOfOptions } from "./recipe-options.ts";

export interface RecipeTexts {
  /** As the command takes them, each ready for a shell. */
  flags: string[];
  /** As the query of a request takes them. */
  parameters: string[];
}

/**
 * The options that say the same as a recipe, `match` aside.
 * @returns undefined if options cannot say it, for example because a name has a comma. Then it needs a recipe file
 */
export function textsOf({ match, ...recipe }: FileRecipe): RecipeTexts | undefined {
  const { table, ...parts } = valuesOf(recipe);
  if (!saySame(parts, recipe)) return undefined;
  const texts = optionTexts({ ...parts, ...(table !== undefined && { table }) });
  return [...texts.flags, ...texts.parameters].some((text) => text.endsWith("...")) ? undefined : texts;
}

/**
 * The parameters of a request that say the same as a recipe, `match` and `table` aside. Their texts may have any length.
 * @returns undefined if parameters cannot say it
 */
export function parametersOf({ match, table: _, ...recipe }: FileRecipe): Record<string, string> | undefined {
  const values = valuesOf(recipe);
  return saySame(values, recipe) ? namedBy(values, "_") : undefined;
}

/** The texts of options by their names. A tab is written "tab", as recipes take it. */
const namedBy = (values: OptionValues, hyphen: "-" | "_"): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [hyphened(name, hyphen), value === "\t" ? "tab" : String(value)]),
  );

/** Whether options read back as the recipe. */
function saySame(values: OptionValues, { table: _, ...recipe }: Omit<FileRecipe, "match">): boolean {
  try {
    const read = recipeOfOptions(
      namedBy(values, "-"),
      "-",
      (faults) => new MusterError("invalid", faults[0]?.detail ?? ""),
    );
    return Bun.deepEquals(read ?? {}, recipe);
  } catch {
    return false;
  }
}

function valuesOf({ columns, datetime, ...parts }: FileRecipe): OptionValues {
  const values: OptionValues = {};
  for (const [name, value] of Object.entries(parts)) {
    if (value === undefined || value === false) {
      if (name === "header") values.header = "no";
      continue;
    }
    values[name as OptionName] = textOf(name, value);
  }
  if (columns) values.columns = Array.isArray(columns) ? listOf(columns) : pairsOf(columns);
  if (datetime?.formats) values.datetime = datetime.formats.join("|");
  if (datetime?.zone) values.zone = datetime.zone;
  return values;
}

function textOf(name: string, value: string | number | true | string[]): string | number | true {
  if (name === "header") return "yes";
  if (value === "") return "none";
  return Array.isArray(value) ? value.join(",") : value;
}

const listOf = (columns: readonly (string | null)[]) => columns.map((column) => column ?? "-").join(",");
const pairsOf = (columns: Record<string, string>) =>
  Object.entries(columns)
    .map(([name, column]) => `${name}=${column}`)
    .join(",");
