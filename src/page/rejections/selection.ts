/** Which rejections a view shows or a form changes, in addresses and in the fields of forms. */
import { z } from "zod";
import type { Dictionary } from "../../codecs/dictionary.ts";
import type { Table } from "../../codecs/tables.ts";
import { MusterError } from "../../errors.ts";
import { dateColumns, type Rule } from "../../read/corrections/rules.ts";
import { recipeOfOptions } from "../../read/recipes/recipe-options.ts";
import { type Cause, causeText } from "../../repositories/causes.ts";
import { causeParameter } from "../../routes/rejection-query.ts";
import { runId } from "../../routes/runs.ts";
import { address, type Parameters } from "../address.ts";
import { listField } from "../form.ts";

/** A form sends a blank for a field that is not filled in. */
const blank = z.literal("").transform(() => undefined);
const digits = (detail: string) =>
  z
    .string()
    .regex(/^\d{1,15}$/, detail)
    .transform(Number);
const number = z.union([blank, digits("must be a number")]).optional();

/** The open rejections of a table and a cause: of all runs, or of one. */
export const selectionFields = ({ names }: Dictionary) => ({
  table: z.enum(names, { error: `must be one of ${names.join(", ")}` }),
  cause: causeParameter,
  run: z.union([blank, runId]).optional(),
});
export interface Selection {
  table: string;
  cause: Cause;
  run?: string | undefined;
}

export const rejectionId = digits("must be the id of a rejection");
export const idsField = listField.pipe(z.array(rejectionId));

/** A rule as the form for it sends it. */
export const ruleFields = {
  rule: z.enum(["set", "dates"], { error: "must be set or dates" }).optional(),
  column: z.string().optional(),
  value: z.string().optional(),
  formats: z.string().optional(),
  zone: z.string().optional(),
};
export type RuleFields = z.output<z.ZodObject<typeof ruleFields>>;

/** Where a replay in steps stands: what the next step begins after, the runs so far, and how many rows stayed open. */
export const progressFields = {
  after: number,
  upTo: number,
  total: number,
  left: number,
  done: listField.pipe(z.array(runId)),
  auto: z.union([blank, z.literal("yes")]).optional(),
};
export type Progress = z.output<z.ZodObject<typeof progressFields>>;

/**
 * @returns undefined if the fields have no rule
 * @throws MusterError `invalid` if the column or the form of the dates is wrong
 */
export function ruleOf(table: Table, { rule, column = "", value = "", formats, zone }: RuleFields): Rule | undefined {
  if (rule === undefined) return undefined;
  const columns = rule === "set" ? table.columns.map(({ name }) => name) : dateColumns(table);
  if (!columns.includes(column)) throw new MusterError("invalid", `choose a column: one of ${columns.join(", ")}`);
  if (rule === "set") return { column, set: value };
  const given = (text: string | undefined) => (text === undefined || text.trim() === "" ? undefined : text.trim());
  const recipe = recipeOfOptions({ datetime: given(formats), zone: given(zone) }, "_", (faults) => {
    const names: Record<string, string> = { datetime: "the form of the dates", zone: "the time zone" };
    return new MusterError("invalid", faults.map(({ name, detail }) => `${names[name] ?? name} ${detail}`).join("; "));
  });
  if (!recipe?.datetime?.formats) throw new MusterError("invalid", "give the form of the dates, such as d/M/yyyy");
  return { column, dates: recipe.datetime };
}

/** A rule in words. */
export function ruleText(rule: Rule): string {
  if (!("set" in rule)) {
    const { formats = [], zone } = rule.dates;
    return `read ${rule.column} as ${formats.join(" or ")}${zone === undefined ? "" : `, ${zone}`}`;
  }
  return rule.set.trim() === "" ? `empty ${rule.column}` : `set ${rule.column} to ${rule.set}`;
}

/** A selection as parameters of an address and as fields of a form. */
export const parametersOf = ({ table, cause, run }: Selection) => ({ table, cause: causeText(cause), run });

export const groupAddress = (selection: Selection, parameters: Parameters = {}) =>
  address("page/rejections/group", { ...parametersOf(selection), ...parameters });
