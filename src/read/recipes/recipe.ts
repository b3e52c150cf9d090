/**
 * A recipe says how to read files that the strict default refuses (docs/recipes.md). Nothing is guessed: what a recipe leaves
 * out is read by the strict default.
 */
import { z } from "zod";
import { isZone } from "../../codecs/time-zones.ts";
import { MusterError } from "../../errors.ts";
import { shown } from "../../shown.ts";
import { encodingOf, whyUnknownEncoding } from "../formats/encodings.ts";
import { areDistinct, faultOfPattern } from "./date-patterns.ts";

export const FORMAT_NAMES = ["csv", "tsv", "ndjson", "json", "avro", "parquet", "xlsx"] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

/** The ways of writing CSV that have a name. */
export const DIALECT_NAMES = ["mysql", "excel", "pandas", "tsv"] as const;

/** The name of the recipe that is found beside the files. */
export const RECIPE_FILE = "muster.recipe.json";

const oneOf = <const Words extends readonly string[]>(words: Words) =>
  z.enum(words, { error: `must be one of ${words.join(" ")}` });

function checkPattern(text: string, context: z.RefinementCtx): void {
  const fault = faultOfPattern(text);
  if (fault !== undefined) context.addIssue({ code: "custom", message: `${shown(text)} ${fault}` });
}

const TURNED = "could give one date two meanings, such as dd/MM/yyyy beside MM/dd/yyyy: give one of them";

/** How dates are written in a file: Unicode's patterns (UTS #35, "Date Format Patterns"), and the zone of their clocks. */
export const Datetime = z.strictObject({
  formats: z
    .array(z.string().max(100, "must have at most 100 characters").superRefine(checkPattern))
    .min(1)
    .max(20, "must be at most 20 formats")
    .refine(areDistinct, TURNED)
    .optional()
    .describe('The patterns, such as "dd/MM/yyyy HH:mm"'),
  zone: z
    .string()
    .refine(isZone, "must be a time zone such as America/Bogota, UTC or -05:00")
    .optional()
    .describe('An IANA time zone, such as "America/Bogota", "UTC", or an offset "-05:00"'),
});

/** One ASCII character that is no part of words and numbers: these would be cut apart. A recipe may name a tab "tab". */
const character = z
  .string()
  .transform((text) => (text === "tab" || text === "\\t" ? "\t" : text))
  .refine(
    (text) => text.length === 1 && text > "\0" && text <= "\x7f" && !/[\r\n0-9A-Za-z]/.test(text),
    "must be one ASCII character that is no letter or digit, or tab",
  );

/** The parts of a recipe that say how CSV is written. */
const csvParts = {
  encoding: z
    .string()
    .refine((label) => encodingOf(label) !== undefined, { error: ({ input }) => whyUnknownEncoding(String(input)) })
    .optional()
    .describe("A name from the WHATWG Encoding Standard, such as windows-1252"),
  delimiter: character.optional().describe('What stands between cells: one character, or "tab"'),
  quote: z
    .union([character, z.literal("")])
    .optional()
    .describe("What stands around cells"),
  escape: z
    .union([character, z.literal("")])
    .optional()
    .describe("What stands before a quote, a delimiter, a line end or itself to make it text"),
  comment: character.optional().describe("Lines that begin with it are skipped"),
  skip: z
    .int("must be a number of lines")
    .min(0)
    .max(1_000_000)
    .optional()
    .describe("How many lines are skipped at the start of the file"),
  null: z.array(z.string().min(1)).optional().describe("Words that mean no value if they stand unquoted in a cell"),
  header: z
    .boolean("must be true (--header yes) or false (--header no)")
    .optional()
    .describe("Whether the file has a header; if it is left out, the first record decides"),
  trailingColumn: z.boolean().optional().describe("Each row ends in a delimiter after its last cell"),
};

/** How files are read whose names match. */
export const FileRecipe = z
  .strictObject({
    match: z
      .string()
      .min(1)
      .optional()
      .describe("Which files: a glob on the name, relative to the source. Default: all"),
    table: z.string().optional().describe("The table, if the name of the file does not say it"),
    format: oneOf(FORMAT_NAMES).optional().describe("The format, if the ending of the name does not say it"),
    dialect: oneOf(DIALECT_NAMES).optional().describe("A way of writing CSV by its name"),
    ...csvParts,
    sheet: z
      .string()
      .min(1)
      .optional()
      .describe("The name of the sheet of a workbook; its only sheet if it is left out"),
    columns: z
      .union(
        [z.record(z.string().min(1), z.string().min(1)), z.array(z.string().min(1).nullable()).min(1)],
        "must be names with the columns they mean, each name once (Id=id,Name=name), or columns by position (id,-,name)",
      )
      .optional()
      .describe("Names in the file and the columns they mean, or the columns by position"),
    ignore: z.array(z.string()).optional().describe("Names in the file whose cells are left out"),
    ignoreOtherColumns: z.boolean().optional().describe("Leave out all cells whose names are no columns"),
    decimal: oneOf([".", ","]).optional().describe("What stands before the decimals of a number"),
    group: oneOf([",", ".", " ", "'", "_"]).optional().describe("What stands between groups of three digits"),
    wholeDecimals: z.boolean().optional().describe("Read 8.0 as the whole number 8"),
    datetime: Datetime.optional(),
    ids: oneOf(["file", "database"])
      .optional()
      .describe("Who gives the ids: the file, or the database if the file has none"),
  })
  .refine(({ decimal = ".", group }) => group !== decimal, {
    path: ["group"],
    error: "must be another character than decimal",
  })
  .superRefine((recipe, context) => {
    const found = contradictionIn(recipe);
    if (found) context.addIssue({ code: "custom", path: [found.part], message: found.why });
  });

/** How one file is read. */
export type FileRecipe = z.output<typeof FileRecipe>;

/** Parts that cannot hold together: a recipe goes by the names of a header, or by the positions of the cells. */
export function contradictionIn({
  columns,
  header,
  ignore = [],
  ignoreOtherColumns,
}: Pick<FileRecipe, "columns" | "header" | "ignore" | "ignoreOtherColumns">):
  | { part: "columns" | "ignore" | "ignoreOtherColumns"; why: string }
  | undefined {
  const isByPosition = Array.isArray(columns);
  if (isByPosition && header === true)
    return { part: "columns", why: "are given by position, so header cannot be true" };
  if (columns && !isByPosition && header === false)
    return { part: "columns", why: "are given by name, so header cannot be false" };
  if (!isByPosition && header !== false) return undefined;
  const part = ignore.length > 0 ? "ignore" : ignoreOtherColumns ? "ignoreOtherColumns" : undefined;
  return part && { part, why: "goes by the names of a header, and there is none" };
}

/** How many parts a recipe may have. Each is compared with the name of each file. */
const PARTS_MAX = 1_000;

export const Recipe = z.strictObject({
  $schema: z.string().optional(),
  files: z
    .array(FileRecipe)
    .min(1)
    .max(PARTS_MAX, `must be at most ${PARTS_MAX} parts`)
    .describe("The first whose `match` fits a file's name is used"),
});
export type Recipe = z.output<typeof Recipe>;

/**
 * Checks the tables that a recipe names.
 * @throws MusterError `invalid` with a JSON Pointer to each that is not among the tables
 */
export function assertTables({ files }: Recipe, tables: readonly string[]): void {
  const faults = files.flatMap(({ table }, at) =>
    table === undefined || tables.includes(table) ? [] : `/files/${at}/table must be one of ${tables.join(" ")}`,
  );
  if (faults.length > 0) throw new MusterError("invalid", `the recipe: ${faults.join("; ")}`);
}

/** zod drops what has this name without a word, and its column would then be read from another cell. */
export const PROTOTYPE = "__proto__";

/**
 * Parses the text of a recipe file.
 * @param name what the recipe is called in an error
 * @throws MusterError `invalid` with a JSON Pointer to each part that is wrong
 */
export function parseRecipe(text: string, name: string): Recipe {
  let value: unknown;
  let hasPrototype = false;
  try {
    value = JSON.parse(text, (key, each) => {
      hasPrototype ||= key === PROTOTYPE;
      return each;
    });
  } catch {
    throw new MusterError("invalid", `${name} is not JSON: correct it, or write it anew with inspect --save`);
  }
  if (hasPrototype)
    throw new MusterError("invalid", `${name}: no name can be ${PROTOTYPE}: give the columns by position`);
  const { success, data, error } = Recipe.safeParse(value);
  if (success) return data;
  const faults = error.issues.map(({ path, message }) => `/${path.join("/")} ${message}`);
  throw new MusterError("invalid", `${name}: ${faults.join("; ")}`);
}
