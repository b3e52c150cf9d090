/** @jsxImportSource hono/jsx */
/** What replays have done to the rows of a group, and the form for the next step of a replay that has more. */
import { sumOf } from "../../ingest/counts.ts";
import { ROWS_PER_REQUEST_MAX } from "../../read/request-rows.ts";
import type { RunRecord } from "../../repositories/run-log.ts";
import { HiddenFields } from "../parts/hidden-fields.tsx";
import { count } from "../parts/quantities.ts";
import { groupAddress, type Progress, parametersOf, type RuleFields, type Selection } from "./selection.ts";

interface OutcomeProps {
  selection: Selection;
  progress: Progress;
  rule: RuleFields;
  /** The replays so far. */
  runs: readonly RunRecord[];
  /** How many rows come after the last step. */
  remaining: number;
}

/** How many runs an address names. If there are more, they are the newest. */
export const RUNS_MAX = 100;

export function Outcome({ selection, progress, rule, runs, remaining }: OutcomeProps) {
  const { inserted = 0, unchanged = 0, rejected = 0 } = sumIn(selection.table, runs);
  const { left = 0 } = progress;
  const [run] = runs.length === 1 ? runs : [];
  return (
    <section class="card" id="outcome" aria-live="polite" aria-labelledby="replayed">
      <h2 id="replayed">{remaining > 0 ? "Replay under way" : "Replayed"}</h2>
      {runs.length === RUNS_MAX && <p>Counted in the last {RUNS_MAX} steps:</p>}
      <p>
        <span class="good">{count(inserted)} stored</span>, {count(unchanged)} unchanged,{" "}
        <span class={rejected > 0 ? "bad" : undefined}>{count(rejected)} rejected again</span>
        {left > 0 && <>; {count(left)} could not be changed in this way, or were dealt with by somebody else</>}.{" "}
        {run && <a href={`page/runs/${run.id}`}>The run</a>}{" "}
        {rejected > 0 && <a href={run ? `page/rejections?run=${run.id}` : "page/rejections"}>Rejected again</a>}
      </p>
      {remaining > 0 && <NextStep selection={selection} progress={progress} rule={rule} remaining={remaining} />}
    </section>
  );
}

/** What became of the rows of a table in all these runs. */
function sumIn(table: string, runs: readonly RunRecord[]) {
  const counts = runs.flatMap(({ id, counts: { [table]: each } }) => (each ? [[id, each] as const] : []));
  return sumOf(Object.fromEntries(counts));
}

/** With `auto` and JavaScript, the form sends itself. */
function NextStep({ selection, progress, rule, remaining }: Omit<OutcomeProps, "runs">) {
  const { after, upTo, total = remaining, left, done, auto } = progress;
  const goesOn = auto === "yes" && {
    ...{ "hx-post": "page/rejections/replay", "hx-trigger": "load delay:50ms", "hx-target": "#group" },
    ...{ "hx-select": "#group", "hx-swap": "outerHTML" },
  };
  return (
    <>
      <p>
        <label for="progress">
          {count(total - remaining)} of {count(total)} rows
        </label>
        <progress id="progress" max={total} value={total - remaining} />
      </p>
      <form method="post" action="page/rejections/replay" class="row" {...goesOn}>
        <HiddenFields
          fields={{ ...parametersOf(selection), ...rule, after, upTo, total, left, done, scope: "group", auto }}
        />
        <button type="submit" class="main">
          Replay the next {count(Math.min(ROWS_PER_REQUEST_MAX, remaining))}
        </button>
        <a class="button" href={groupAddress(selection)}>
          Stop here
        </a>
      </form>
    </>
  );
}
