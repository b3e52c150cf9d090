/** The dialects of CSV that have a name, as parts of a recipe. Parts that the recipe itself gives win over them. */
import type { FileRecipe } from "./recipe.ts";

type Parts = Omit<FileRecipe, "dialect" | "match" | "table">;

const DIALECTS: { [Name in NonNullable<FileRecipe["dialect"]>]: (recipe: FileRecipe) => Parts } = {
  // SELECT ... INTO OUTFILE and mysqldump --tab. With a quote they are written as FIELDS OPTIONALLY ENCLOSED BY does, and then
  // the word NULL is NULL too; without an escape it is the only way to write NULL (manual, "LOAD DATA Statement").
  mysql: ({ quote = "", escape: escaper = "\\" }) => ({
    delimiter: "\t",
    quote,
    escape: escaper,
    null: [...(escaper === "" ? [] : [`${escaper}N`]), ...(quote === "" && escaper !== "" ? [] : ["NULL"])],
  }),
  // Its line sep=X is read by separator-line.ts, its blank rows are skipped by csv-rows.ts.
  excel: () => ({}),
  // to_csv() writes the index into a column without a name, and read_csv() calls that column "Unnamed: 0". A column of whole
  // numbers becomes one of floats as soon as a value is missing.
  pandas: ({ ignore = [] }) => ({
    wholeDecimals: true,
    null: ["NaN", "nan", "NaT", "<NA>"],
    ignore: [...new Set([...ignore, "", "Unnamed: 0"])],
  }),
  tsv: () => ({ delimiter: "\t" }),
};

/** The parts that read what MySQL writes with these marks. */
export const mysqlWith = ({ delimiter, quote }: { delimiter: string; quote: string }) => ({
  dialect: "mysql" as const,
  ...(delimiter !== "\t" && { delimiter }),
  ...(quote !== "" && { quote }),
});

/** A recipe with all parts that its dialect and its format stand for. Resolving it again changes nothing. */
export function resolved(recipe: FileRecipe): FileRecipe {
  const { dialect, format } = recipe;
  if (dialect === undefined && format !== "tsv") return recipe;
  const parts = dialect ? DIALECTS[dialect](recipe) : {};
  const ofFormat = format === "tsv" ? DIALECTS.tsv(recipe) : {};
  return { ...parts, ...ofFormat, ...recipe, ...(parts.ignore && { ignore: parts.ignore }) };
}
