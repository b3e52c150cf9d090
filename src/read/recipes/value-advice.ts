/** Says, at the end of a file, which option reads the dates and numbers for which its rows were rejected. */
import type { Reason } from "../../db/ledger.ts";
import { shown } from "../../shown.ts";
import { formatsFor } from "../detect/detect-dates.ts";
import { marksOf } from "../detect/detect-values.ts";
import type { FileRow, ReadOptions, ReadRows } from "../file-row.ts";
import { DateForms } from "./date-forms.ts";
import { resolved } from "./dialects.ts";
import { option, options } from "./option-text.ts";
import type { FileRecipe } from "./recipe.ts";
import { textsOf } from "./recipe-text.ts";

/**
 * The same reader, which says at the end of a file what would read the values that it rejected.
 * @param isText whether the file is text. Others have numbers of their own, and options about how numbers are written are refused
 */
export const advising =
  (read: ReadRows, { isText = true } = {}): ReadRows =>
  (table, chunks, name, options = {}) => {
    const recipe = options.recipe && resolved(options.recipe);
    return withAdvice(read(table, chunks, name, options), name, { ...options, recipe, isText });
  };

/**
 * Passes on the rows of a file. A rejection says what is wrong with one value, also to clients that send rows of JSON, so it
 * names no option. This does, once for each file.
 */
async function* withAdvice(
  batches: AsyncGenerator<FileRow[]>,
  name: string,
  { recipe = {}, say, isText }: ReadOptions & { isText: boolean },
): AsyncGenerator<FileRow[]> {
  if (!say) return yield* batches;
  const advice = ADVICE.filter((each) => each.isUnsaid(recipe) && (isText || !each.isOfText)).map((each) => ({
    ...each,
    count: 0,
    values: new Set<string>(),
  }));
  for await (const rows of batches) {
    for (const row of rows) {
      if (row.reasons.length === 0) continue;
      for (const reason of row.reasons) {
        const value = reason.code === "unknown_field" ? (reason.field ?? "") : (VALUE.exec(reason.detail)?.[1] ?? "");
        const found = advice.find((each) => each.isFor(reason, value, recipe) && (each.isJson || row.columns));
        if (!found) continue;
        found.count++;
        if (found.values.size < VALUES_MAX) found.values.add(value);
      }
    }
    yield rows;
  }
  for (const { text, what, count, values } of advice)
    if (count > 0) say(`${name}: ${what?.([...values]) ?? rejectedLike(count, [...values])}: ${text([...values])}`);
}

/** How many different values of a file are looked at for how they are written. */
const VALUES_MAX = 100;

const rejectedLike = (count: number, [first = ""]: readonly string[]) =>
  `${count} ${count === 1 ? "value is" : "values are"} rejected like "${first}"`;

/** The value that a reason shows. Dates and numbers have no quotes. */
const VALUE = /"([^"]*)"/;

interface Advice {
  /** What to do about these values, or about the fields of these names. */
  text(values: readonly string[]): string;
  /** What is wrong, if it is not that values are rejected. */
  what?(values: readonly string[]): string;
  /** Whether the recipe does not say how such values are read. */
  isUnsaid(recipe: FileRecipe): boolean;
  isFor(reason: Reason, value: string, recipe: FileRecipe): boolean;
  /** Whether it holds for JSON too, in which numbers have a type. */
  isJson: boolean;
  /** Whether its option is for files of text alone. */
  isOfText?: boolean;
}

const LOCAL = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?$/;
const DATE = /^(?:\d{1,4}[-./ ](?:\d{1,2}|[A-Za-z]{3,9})[-./ ]\d{1,4}(?!\d)|\d{8,13}$|[A-Za-z]{3,9},? )/;
const NUMBER = /^-?(?:\d{1,3}(?:(?:[.,' _]|\\u\{(?:A0|202F)\})\d{3})+(?:[.,]\d+)?|\d+,\d+)$/;
const ZONE = "America/Bogota";

const ADVICE: readonly Advice[] = [
  {
    text: () => `name the zone of these clocks, for example with ${option("zone", ZONE)}`,
    isUnsaid: ({ datetime }) => datetime === undefined,
    isFor: ({ code }, value) => code === "invalid_datetime" && LOCAL.test(value),
    isJson: true,
  },
  {
    text: datesAdvice,
    isUnsaid: ({ datetime }) => datetime?.formats === undefined,
    isFor: ({ code }, value) => code === "invalid_datetime" && DATE.test(value) && !/^\d{4}-\d\d-\d\d[Tt ]/.test(value),
    isJson: true,
  },
  {
    text: () => `read them as whole numbers with ${option("wholeDecimals")}`,
    isUnsaid: ({ wholeDecimals }) => !wholeDecimals,
    // 8.000 can be eight or eight thousand.
    isFor: ({ code }, value, { decimal = "." }) =>
      code === "wrong_type" && /^-?\d+[.,](?!0{3}$)0+$/.test(value) && value.includes(decimal),
    isJson: false,
  },
  {
    text: numbersAdvice,
    isUnsaid: ({ decimal, group }) => decimal === undefined && group === undefined,
    isFor: ({ code }, value) => code === "wrong_type" && NUMBER.test(value),
    isJson: false,
    isOfText: true,
  },
  {
    what: (fields) =>
      `${fields.length === 1 ? "a field is" : `${fields.length} fields are`} no column, such as ${shown(fields[0])}`,
    text: fieldsAdvice,
    isUnsaid: ({ ignoreOtherColumns }) => !ignoreOtherColumns,
    isFor: ({ code, detail }) => code === "unknown_field" && detail.includes(" has no field "),
    isJson: true,
  },
];

function datesAdvice(values: readonly string[]): string {
  const ways = formatsFor(values).filter((formats) => {
    const forms = new DateForms({ formats: [...formats], zone: "UTC" });
    return values.some((value) => forms.instant(value, 6) !== undefined);
  });
  const [first, second] = ways.map((formats) => {
    const datetime = formats.join("|");
    return options({ datetime, ...(!/^epoch|[XZz]$/.test(datetime) && { zone: ZONE }) });
  });
  if (first === undefined)
    return `name the form of these dates, such as ${options({ datetime: "dd/MM/yyyy HH:mm", zone: ZONE })}`;
  const either = second === undefined ? "" : ` if the day comes first, or with ${second} if the month does`;
  return `name the form of these dates, for example with ${first}${either}`;
}

function numbersAdvice(values: readonly string[]): string {
  const numbers = values.map((value) => value.replace(/\\u\{(A0|202F)\}/g, "\u00A0"));
  const found = marksOf(
    numbers,
    numbers.some((number) => /[.,](?!000$)0+$/.test(number)),
  );
  const ways = "doubt" in found ? found.choices : [found.recipe];
  const texts = ways.flatMap((recipe) => {
    const each = textsOf(recipe);
    return each && each.flags.length > 0 ? [`${each.flags.join(" ")} (HTTP: ${each.parameters.join("&")})`] : [];
  });
  if (texts.length === 0)
    return `say with ${option("decimal", ",")} what stands before decimals, or with ${option("group", ",")} between groups of digits`;
  const why = "doubt" in found ? `${found.doubt}: ` : "";
  return `${why}read them with ${texts.join(" or with ")}`;
}

function fieldsAdvice(fields: readonly string[]): string {
  const [first = ""] = fields;
  const pairs = /[,=]/.test(first) ? "..." : `${first}=COLUMN${fields.length > 1 ? ",..." : ""}`;
  return `name their columns with ${option("columns", pairs)}, or leave them out with ${option("ignoreOtherColumns")}`;
}
