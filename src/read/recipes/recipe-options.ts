/**
 * The parts of a recipe as options, declared once: flags of a command (docs/commands.md) and parameters of a request
 * (docs/http.md). The text of a value has the same form in both.
 */
import { z } from "zod";
import type { Option } from "../../options.ts";
import { hyphened } from "./option-text.ts";
import { Datetime, DIALECT_NAMES, FileRecipe, FORMAT_NAMES, PROTOTYPE } from "./recipe.ts";

/** How an option becomes a part of the recipe. An option without `value` is true if it is given. */
interface Part {
  /** What --help calls the value. */
  value?: string;
  /** How several things are written in one text. Ends a sentence. */
  form?: string;
  read?: (text: string) => unknown;
}

const split = (text: string, mark: string) => text.split(mark).map((each) => each.trim());
const CHARACTER = { value: "C" };
/** Most shells and URLs drop an empty text, so a word stands for it. */
const NO_CHARACTER = { ...CHARACTER, form: ', or "none"', read: (text: string) => (text === "none" ? "" : text) };
const LIST = { form: ", with commas between them", read: (text: string) => split(text, ",") };

const PARTS = {
  format: { value: FORMAT_NAMES.join("|") },
  dialect: { value: DIALECT_NAMES.join("|") },
  encoding: { value: "E" },
  delimiter: CHARACTER,
  quote: NO_CHARACTER,
  escape: NO_CHARACTER,
  comment: CHARACTER,
  skip: { value: "N", read: (text) => (/^\d{1,9}$/.test(text) ? Number(text) : text) },
  null: { value: "WORDS", ...LIST },
  header: { value: "yes|no", read: (text) => (text === "yes" ? true : text === "no" ? false : text) },
  columns: { value: "LIST", form: " (Id=id,Name=name or id,-,name)", read: columnsOf },
  ignore: { value: "NAMES", ...LIST },
  ignoreOtherColumns: {},
  trailingColumn: {},
  decimal: CHARACTER,
  group: CHARACTER,
  wholeDecimals: {},
  datetime: { value: "FORMATS", form: ", with | between several", read: (text) => split(text, "|") },
  zone: { value: "Z" },
  sheet: { value: "NAME" },
  ids: { value: "file|database" },
} satisfies { [Name in Exclude<keyof FileRecipe, "match" | "table"> | "zone"]: Part };
type Name = keyof typeof PARTS;
const PARTS_BY_NAME: Record<Name, Part> = PARTS;
const NAMES = Object.keys(PARTS) as Name[];

/**
 * In `columns`, - stands for a cell that is left out. A name in the file may have a = in it, and a column's name has none.
 * @returns the text as it is if it is neither a list of names with columns nor one of columns
 */
function columnsOf(text: string): unknown {
  const items = split(text, ",");
  if (items.includes("")) return text;
  if (!text.includes("=")) return items.map((each) => (each === "-" ? null : each));
  const pairs = items.map(
    (each) =>
      /^(.+)=([^=]+)$/
        .exec(each)
        ?.slice(1)
        .map((part) => part.trim()) ?? [],
  );
  const names = new Set(pairs.map(([name]) => name));
  return names.size < items.length || names.has(undefined) || names.has(PROTOTYPE) ? text : Object.fromEntries(pairs);
}

function aboutOf(name: Name): string {
  const { description = "" } =
    name === "datetime" ? Datetime.shape.formats : name === "zone" ? Datetime.shape.zone : FileRecipe.shape[name];
  const { form = "" } = PARTS_BY_NAME[name];
  return description.charAt(0).toLowerCase() + description.slice(1) + form;
}

/** The flags of a command, by their names without --. */
export const RECIPE_FLAGS: Record<string, Option> = Object.fromEntries(
  NAMES.map((name) => {
    const { value } = PARTS_BY_NAME[name];
    const about = aboutOf(name);
    return [
      hyphened(name, "-"),
      value ? { value, type: z.string().optional(), about } : { type: z.boolean().optional(), about },
    ];
  }),
);

type Underscored<Text extends string> = Text extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${Underscored<Rest>}`
  : "";
export type RecipeParameter = Underscored<Name>;

/** The parameters of a request's query: the shape of a zod object. */
export const RECIPE_PARAMETERS = Object.fromEntries(
  NAMES.map((name) => {
    const type = PARTS_BY_NAME[name].value
      ? z.string("must be given once")
      : z.enum(["true", "false"], "must be true or false");
    return [hyphened(name, "_"), type.optional().describe(aboutOf(name))];
  }),
) as Record<RecipeParameter, z.ZodOptional<z.ZodString>>;

export interface RecipeFault {
  /** The option at fault. */
  name: string;
  detail: string;
}

/**
 * Makes a recipe of the options that are given.
 * @param given texts and booleans by the options' names, as flags or parameters spell them; undefined if an option is not given
 * @param hyphen what stands between the words of a name: "-" in a flag, "_" in a parameter
 * @returns undefined if no option is given
 * @throws what `fault` makes of the options that are wrong
 */
export function recipeOfOptions(
  given: Record<string, unknown>,
  hyphen: "-" | "_",
  fault: (faults: RecipeFault[]) => Error,
): FileRecipe | undefined {
  const value: Record<string, unknown> = {};
  for (const name of NAMES) {
    const text = given[hyphened(name, hyphen)];
    if (text === undefined || text === false || (text === "false" && !PARTS_BY_NAME[name].value)) continue;
    const { value: hasText, read = (all: string) => all } = PARTS_BY_NAME[name];
    value[name] = hasText ? read(String(text)) : true;
  }
  if (Object.keys(value).length === 0) return undefined;
  const { datetime: formats, zone, ...rest } = value;
  const datetime = formats === undefined && zone === undefined ? undefined : { formats, zone };
  const { success, data, error } = FileRecipe.safeParse({ ...rest, ...(datetime && { datetime }) });
  if (success) return data;
  const nameOf = ([first, second]: PropertyKey[]) => String(second === "zone" ? second : first);
  throw fault(error.issues.map(({ path, message }) => ({ name: hyphened(nameOf(path), hyphen), detail: message })));
}
