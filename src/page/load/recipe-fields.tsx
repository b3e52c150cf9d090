/** @jsxImportSource hono/jsx */
/** Fields that say how a file is read. They are the parameters of POST /inspect and POST /imports. */
import { TEXT_PARTS } from "../../read/formats/xlsx-rows.ts";
import { hyphened } from "../../read/recipes/option-text.ts";
import { DIALECT_NAMES, FORMAT_NAMES } from "../../read/recipes/recipe.ts";
import { RECIPE_PARAMETERS, type RecipeParameter } from "../../read/recipes/recipe-options.ts";

interface Kind {
  label: string;
  /** The values to choose from, with their names. Without them any text can be typed. */
  choices?: readonly (readonly [value: string, name: string])[];
  /** What is suggested for a text. */
  suggested?: readonly string[];
}

const same = (values: readonly string[]) => values.map((value) => [value, value] as const);
const YES = [["true", "yes"]] as const;

/** In the order in which they are shown. */
const FIELDS: Record<RecipeParameter, Kind> = {
  delimiter: { label: "Delimiter", suggested: [",", ";", "tab", "|"] },
  encoding: { label: "Encoding", suggested: ["utf-8", "windows-1252", "iso-8859-15", "utf-16le", "shift_jis"] },
  datetime: { label: "Dates", suggested: ["dd/MM/yyyy", "MM/dd/yyyy", "dd/MM/yyyy HH:mm", "epoch"] },
  zone: { label: "Zone of the dates", suggested: ["UTC", ...Intl.supportedValuesOf("timeZone")] },
  decimal: {
    label: "Decimal mark",
    choices: [
      [".", "."],
      [",", ","],
    ],
  },
  group: {
    label: "Between groups of digits",
    choices: [
      [",", ","],
      [".", "."],
      [" ", "a blank"],
      ["'", "'"],
      ["_", "_"],
    ],
  },
  whole_decimals: { label: "8.0 is the number 8", choices: YES },
  null: { label: "Words for no value", suggested: ["NULL", "\\N", "n/a"] },
  header: {
    label: "Header",
    choices: [
      ["yes", "yes"],
      ["no", "no"],
    ],
  },
  skip: { label: "Lines to skip" },
  columns: { label: "Columns by position" },
  ignore_other_columns: { label: "Leave out other columns", choices: YES },
  trailing_column: { label: "Rows end in a delimiter", choices: YES },
  ids: {
    label: "Ids",
    choices: [
      ["file", "from the file"],
      ["database", "from the database"],
    ],
  },
  quote: { label: "Quote", suggested: ['"', "'", "none"] },
  escape: { label: "Escape", suggested: ["\\", "none"] },
  comment: { label: "Comment", suggested: ["#"] },
  dialect: { label: "Dialect", choices: same(DIALECT_NAMES) },
  format: { label: "Format", choices: same(FORMAT_NAMES) },
  sheet: { label: "Sheet" },
  ignore: { label: "Names left out" },
};
const NAMES = Object.keys(FIELDS) as RecipeParameter[];

const isParameter = (name: string): name is RecipeParameter => Object.hasOwn(FIELDS, name);

/** What a parameter is called on the page. */
export const labelOf = (name: string): string => (isParameter(name) ? FIELDS[name].label : name);

/** The texts of parameters, by their names. */
export type Texts = Partial<Record<string, string>>;

export interface FieldTexts {
  /** What the person has chosen. */
  given: Texts;
  /** What is read with, chosen or found. */
  proposed: Texts;
}

interface Shown {
  /** Whether the file is a workbook, which says itself how its text is written. */
  isWorkbook: boolean;
  /** Whether the columns go by the position of cells. */
  isByPosition: boolean;
  /** Fields that are shown elsewhere. */
  elsewhere: ReadonlySet<RecipeParameter>;
}

/** The fields to show in this place. */
export function fieldsOf({ isWorkbook, isByPosition, elsewhere }: Shown): RecipeParameter[] {
  const ofText = new Set(TEXT_PARTS.map((part) => hyphened(part, "_")));
  return NAMES.filter((name) => {
    if (elsewhere.has(name) || name === "ignore") return false;
    if (name === "sheet" || ofText.has(name)) return isWorkbook === (name === "sheet");
    return isByPosition || name !== "columns";
  });
}

/** A field, empty unless the person has chosen a value. What was found stands in it as a hint. */
export function RecipeField({ name, given, proposed }: { name: RecipeParameter } & FieldTexts) {
  const { label, choices, suggested } = FIELDS[name];
  const about = RECIPE_PARAMETERS[name].description ?? "";
  const value = given[name] ?? "";
  const found = given[name] === undefined ? proposed[name] : undefined;
  return (
    <div>
      <label for={name}>{label}</label>
      {choices ? (
        <select id={name} name={name} title={about}>
          <option value="">{found === undefined ? "as found" : `as found: ${nameOf(choices, found)}`}</option>
          {choices.map(([each, shown]) => (
            <option value={each} selected={each === value}>
              {shown}
            </option>
          ))}
        </select>
      ) : (
        <input
          id={name}
          name={name}
          value={value}
          placeholder={found}
          title={about}
          list={suggested && `${name}-list`}
          autocomplete="off"
        />
      )}
      {suggested && (
        <datalist id={`${name}-list`}>
          {suggested.map((each) => (
            <option value={each}></option>
          ))}
        </datalist>
      )}
    </div>
  );
}

const nameOf = (choices: NonNullable<Kind["choices"]>, value: string) =>
  choices.find(([each]) => each === value)?.[1] ?? value;
