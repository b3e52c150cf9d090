/** @jsxImportSource hono/jsx */
/** What became of rows: a stacked bar, and its numbers in words. */
import { type sumOf, verdictsOf } from "../../ingest/counts.ts";
import { count } from "./quantities.ts";

/** A part of the bar has at least this width in percent: one rejected row in a million must be seen. */
const PERCENT_MIN = 1.5;

/** @param props.counts of a table, or of a whole run */
export function VerdictBar({ counts }: { counts: Parameters<typeof verdictsOf>[0] | ReturnType<typeof sumOf> }) {
  const verdicts = verdictsOf(counts);
  return (
    <div class="verdicts">
      <Bar verdicts={verdicts} />
      <ul>
        {verdicts.map(([verdict, rows]) => (
          <li class={`verdict ${verdict}`}>
            <b>{count(rows)}</b> {verdict === "received" ? "rows" : verdict}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Hidden from screen readers, because the list below it says the same. */
function Bar({ verdicts }: { verdicts: ReturnType<typeof verdictsOf> }) {
  const all = verdicts.reduce((sum, [, rows]) => sum + rows, 0);
  const widths = verdicts.map(([, rows]) => (rows === 0 ? 0 : Math.max(PERCENT_MIN, (100 * rows) / all)));
  const scale = 100 / widths.reduce((sum, width) => sum + width, 0);
  let right = 0;
  return (
    <svg class="bar" aria-hidden="true" width="100%" height="10">
      {all > 0 &&
        verdicts.map(([verdict], index) => {
          const width = (widths[index] ?? 0) * scale;
          right += width;
          return (
            <rect class={verdict} x={`${(right - width).toFixed(2)}%`} width={`${width.toFixed(2)}%`} height="10" />
          );
        })}
    </svg>
  );
}
