/** CSV in another dialect than commas and RFC 4180. It is recognised, so that the refusal can say what to do. */
import { CELLS_MAX } from "../codecs/csv-parser.ts";
import { shown } from "../shown.ts";

const OTHER_DELIMITERS = [";", "\t", "|"];
/** The line that Excel writes and reads above the rows: it names the delimiter. */
const SEPARATOR_LINE = /^"?sep=.?"?[,;\s]*$/i;

/**
 * Why a line that is no row, and no header, is of another dialect; undefined if it is not.
 * @param fits whether cells are those of a row or a header: then the line is cut at the right delimiter
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
