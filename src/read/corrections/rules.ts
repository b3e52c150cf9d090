/** Rules that mend many rejected rows in one way. A rule changes one column; the others are read again as they came. */
import { Fault, isBlank } from "../../codecs/codec.ts";
import type { Table } from "../../codecs/tables.ts";
import type { RejectionRecord } from "../../repositories/rejection-log.ts";
import { shown } from "../../shown.ts";
import { patternOf } from "../recipes/date-patterns.ts";
import { readingTable } from "../recipes/reading-table.ts";
import type { FileRecipe } from "../recipes/recipe.ts";
import type { Correction } from "./corrected-file.ts";
import { fieldsOf } from "./rejection-sheet.ts";
import { withFields } from "./with-fields.ts";

export type Rule =
  /** Gives the column this text, as it would be written in the row's file; blank for no value. */
  | { column: string; set: string }
  /** Reads the column's date in other forms: those of a recipe (docs/recipes.md). */
  | { column: string; dates: NonNullable<FileRecipe["datetime"]> };

/** The types of columns that hold a date. */
const DATE = /^(date|datetime|timestamp)\b/;

/** The columns whose dates a rule can read. */
export const dateColumns = ({ columns }: Table): string[] =>
  columns.filter(({ sqlType }) => DATE.test(sqlType)).map(({ name }) => name);

/** The correction of a row by a rule, or why it cannot be corrected by it. */
export async function correctionBy(
  table: Table,
  rejection: RejectionRecord,
  rule: Rule,
): Promise<{ correction: Correction; cannot?: never } | { correction?: never; cannot: string }> {
  const fields = await fieldsOf(table, rejection);
  if (!fields) return { cannot: "it cannot be split into fields" };
  const text = "set" in rule ? rule.set : dateIn(table, rejection, rule, fields.get(rule.column) ?? "");
  if (text instanceof Fault) return { cannot: `its ${rule.column} ${text.detail}` };
  const { columns = null, file = null, recipe, raw = "" } = rejection;
  const changed = { [rule.column]: text };
  const row = await withFields(table, { columns, file, recipe }, Buffer.from(raw), changed);
  return row ? { correction: { id: rejection.id, fields: changed } } : { cannot: "it cannot be split into fields" };
}

const WITHOUT_ZONE = new Fault(
  "invalid_datetime",
  "would have no time zone: give one to the rule, such as America/Bogota or UTC",
);

/** A date in the form of the strict default, which every recipe reads. */
function dateIn(
  table: Table,
  rejection: RejectionRecord,
  { column, dates }: Extract<Rule, { dates: unknown }>,
  text: string,
): string | Fault {
  const recipe = rejection.recipe as FileRecipe | undefined;
  const datetime = { formats: dates.formats, zone: dates.zone ?? recipe?.datetime?.zone };
  const { sqlType } = table.columns.find(({ name }) => name === column) ?? {};
  const hasZone = datetime.zone !== undefined || (dates.formats ?? []).every((format) => patternOf(format).hasZone);
  if (sqlType !== "date" && !hasZone) return WITHOUT_ZONE;
  const { codec } = readingTable(table, { datetime }).columns.find(({ name }) => name === column) ?? {};
  if (!codec) return new Fault("unknown_field", "is not a column");
  if (isBlank(text)) return new Fault("missing", "is blank");
  const value = codec.fromCsv(text);
  if (!(value instanceof Fault)) return codec.toCsv(value);
  return new Fault(value.code, `${shown(text)} is not in the form ${(dates.formats ?? []).join(" or ")}`);
}
