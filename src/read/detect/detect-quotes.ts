/** Looks at what stands around the cells of CSV and at the ends of its lines. */
import { shown } from "../../shown.ts";
import type { FileRecipe } from "../recipes/recipe.ts";
import { type Finding, said, share } from "./detection.ts";
import { nameOf, type Trial } from "./dialect-trial.ts";

export function quotesOf({ records, marks, cells }: Trial, given: FileRecipe): Finding[] {
  const part = "quote";
  if (given.quote !== undefined) return [said(part, nameOf(given.quote))];
  const quoted = records.filter((record) => record.quoted.includes(true)).length;
  const malformed = records.filter(({ isMalformed }) => isMalformed);
  const findings: Finding[] = [];
  if (quoted > 0 && marks.quote !== "")
    findings.push({
      part,
      is: nameOf(marks.quote),
      evidence: `cells are quoted in ${share(quoted, records.length, "record")}`,
    });
  const [first] = malformed;
  if (first && marks.quote !== "") {
    const doubt = `${share(malformed.length, records.length, "record")} cannot be read with quotes (line ${first.line}: ${shown(first.text)})`;
    findings.push({ part, is: nameOf(marks.quote), evidence: "RFC 4180", doubt });
  }
  const isSingle = (cell: string) => cell.length > 1 && cell.startsWith("'") && cell.endsWith("'");
  const singles = records.filter((record) => record.cells.length === cells && record.cells.some(isSingle)).length;
  if (quoted === 0 && singles > 1 && singles > records.length / 2) {
    const doubt = "the ' could also be part of the text";
    findings.push({
      part,
      is: "`'`",
      evidence: `cells begin and end with ' in ${share(singles, records.length, "record")}`,
      doubt,
      recipe: { quote: "'" },
    });
  }
  return findings;
}

export function lineEndsOf(text: string): Finding {
  const part = "line ends";
  const [ends, lone] = [text.match(/\r*\n/g) ?? [], /\r(?!\r*\n)/.test(text)];
  const crlf = ends.filter((end) => end === "\r\n").length;
  const lf = ends.filter((end) => end === "\n").length;
  if (ends.length === 0 && lone)
    return {
      part,
      is: "CR",
      evidence: "carriage returns and no line feed",
      doubt: "such lines are not read: write it with LF or CR LF",
    };
  const odd = ends.length - crlf - lf;
  if (odd > 0)
    return {
      part,
      is: "CR CR LF",
      evidence: `in ${share(odd, ends.length, "line")}`,
      doubt: "such lines are not read: write it with LF or CR LF",
    };
  const is = crlf > lf ? "CR LF" : "LF";
  return {
    part,
    is,
    evidence: ends.length === 0 ? "there is one line" : `in ${share(Math.max(crlf, lf), ends.length, "line")}`,
  };
}
