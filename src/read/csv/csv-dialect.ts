/** Recognises CSV in another dialect than the one that is read, so that the error can say what to do. */
import { CELLS_MAX } from "../../codecs/csv-parser.ts";
import { shown } from "../../shown.ts";
import { option } from "../recipes/option-text.ts";
import { separatorOf } from "./separator-line.ts";

/** What separates cells, and what stands around them: "" if nothing does. */
export interface Marks {
  delimiter: string;
  quote: string;
}

/** The marks of RFC 4180. */
export const STRICT: Marks = { delimiter: ",", quote: '"' };

/** The delimiters that are looked for. */
export const DELIMITERS: readonly string[] = [",", ";", "\t", "|"];

export interface OtherDialect {
  /** What shows it. */
  seen: string;
  /** The option that reads it. */
  option: string;
}

/**
 * Says which other dialect a line is in, if it is neither a row nor a header as it stands; undefined if it is in none.
 * @param fits whether cells are those of a row or a header. If they are, the line was cut at the right delimiter
 */
export function otherDialect(
  line: number,
  text: string,
  fits: (cells: string[]) => boolean,
  marks = STRICT,
): OtherDialect | undefined {
  const separator = separatorOf(text.trimEnd());
  if (separator !== undefined && separator.length <= 1)
    return { seen: `line ${line} is no row but names a separator, ${shown(text)}`, option: option("dialect", "excel") };
  const delimiter = DELIMITERS.find((each) => {
    if (each === marks.delimiter) return false;
    const cells = splitLine(text, { ...marks, delimiter: each });
    return cells.length > 1 && fits(cells);
  });
  if (delimiter === undefined) return undefined;
  const kind = delimiter === "\t" ? "tabs" : `"${delimiter}"`;
  const seen = `cells are separated by ${kind} (line ${line}: ${shown(text.trimEnd())})`;
  return { seen, option: option("delimiter", delimiter) };
}

/** Cuts a line at each delimiter outside of quotes, also if its quotes are malformed. */
export function splitLine(line: string, { delimiter, quote }: Marks): string[] {
  const cells: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at <= line.length && cells.length < CELLS_MAX; at++) {
    const character = line[at];
    if (character === quote) isQuoted = !isQuoted;
    if (character !== undefined && (isQuoted || character !== delimiter)) continue;
    const cell = line.slice(start, at);
    cells.push((quote === "" ? cell : cell.replaceAll(quote, "")).trim());
    start = at + 1;
  }
  return cells;
}
