/** Recognises CSV in another dialect than RFC 4180 with commas, so that the error can say what to do. */
import { CELLS_MAX } from "../codecs/csv-parser.ts";
import { shown } from "../shown.ts";

const OTHER_DELIMITERS = [";", "\t", "|"];
/** The line that Excel writes and reads above the rows: it names the delimiter. */
const SEPARATOR_LINE = /^"?sep=.?"?[,;\s]*$/i;

/**
 * Says which other dialect a line is in, if it is neither a row nor a header as it stands; undefined if it is in none.
 * @param fits whether cells are those of a row or a header. If they are, the line was cut at the right delimiter
 */
export function whyOtherDialect(line: number, text: string, fits: (cells: string[]) => boolean): string | undefined {
  if (SEPARATOR_LINE.test(text)) return `line ${line} is no row but names a separator, ${shown(text)}: remove it`;
  const delimiter = OTHER_DELIMITERS.find((each) => {
    const cells = splitLine(text, each);
    return cells.length > 1 && fits(cells);
  });
  if (delimiter === undefined) return undefined;
  const kind = delimiter === "\t" ? "tabs" : `"${delimiter}"`;
  return `cells are separated by ${kind} (line ${line}: ${shown(text.trimEnd())}): save it with commas between them`;
}

/** Cuts a line at each delimiter outside of quotes, also if its quotes are malformed. */
export function splitLine(line: string, delimiter: string): string[] {
  const cells: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at <= line.length && cells.length < CELLS_MAX; at++) {
    const character = line[at];
    if (character === '"') isQuoted = !isQuoted;
    if (character !== undefined && (isQuoted || character !== delimiter)) continue;
    cells.push(line.slice(start, at).replaceAll('"', "").trim());
    start = at + 1;
  }
  return cells;
}
