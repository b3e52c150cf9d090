/** Looks at the backslashes of CSV: MySQL writes them before what it escapes, and elsewhere they are text. */
import { shown } from "../../shown.ts";
import { mysqlWith } from "../recipes/dialects.ts";
import type { FileRecipe } from "../recipes/recipe.ts";
import { count, type Finding, share } from "./detection.ts";
import { type NamesColumn, sound, type Trial, trial } from "./dialect-trial.ts";

export function escapesOf(
  text: string,
  plain: Trial,
  given: FileRecipe,
  namesColumn: NamesColumn,
): { findings: Finding[]; trial: Trial } {
  const start = plain.records.map((record) => record.text).join("\n");
  if (given.escape !== undefined || given.dialect !== undefined || !start.includes("\\"))
    return { findings: [], trial: plain };
  const { delimiter } = plain.marks;
  const ways = given.quote === undefined ? ['"', ""] : [given.quote];
  const escaped = ways.map((quote) => trial(text, { delimiter, quote, escape: "\\" }, namesColumn));
  const [best = plain] = escaped.toSorted((a, b) => sound(b) - sound(a));
  const nulls = plain.records.reduce(
    (sum, { cells, quoted }) => sum + cells.filter((cell, at) => cell === "\\N" && !quoted[at]).length,
    0,
  );
  const isQuoted = best.records.some(({ quoted }) => quoted.includes(true));
  const mysql = mysqlWith({ delimiter, quote: isQuoted ? best.marks.quote : "" });
  const asMysql = (evidence: string) => ({
    findings: [{ part: "dialect", is: "mysql", evidence, recipe: mysql }],
    trial: best,
  });
  if (nulls > 0) return asMysql(`\\N, by which MySQL writes NULL, stands in ${count(nulls, "cell")}`);
  const foreign = [...start.matchAll(/\\([\s\S])/g)]
    .map(([pair]) => pair)
    .find((pair) => !/[\\"'0,;|\t\r\n]$/.test(pair));
  const gained = sound(best) - sound(plain);
  if (gained > 0 && foreign === undefined) {
    const evidence = `a backslash before a delimiter, quote or line end: ${share(best.fitting, best.records.length, "record")} fit with escapes, and ${share(plain.fitting, plain.records.length, "record")} without`;
    if (/\\(?:0|\r?\n)/.test(start)) return asMysql(evidence);
    return { findings: [{ part: "escape", is: "`\\`", evidence, recipe: { escape: "\\" } }], trial: best };
  }
  if (foreign !== undefined) {
    const evidence = `no writer escapes ${shown(foreign.slice(1))}, and ${foreign} is in the file: backslashes are text`;
    return { findings: [{ part: "escape", is: "none", evidence }], trial: plain };
  }
  const doubt = "each backslash may be text, or an escape as MySQL writes it";
  const choices: FileRecipe[] = [{ escape: "\\" }, { escape: "" }];
  return {
    findings: [{ part: "escape", is: "unknown", evidence: "the file has backslashes", doubt, choices }],
    trial: plain,
  };
}
