/** The dashboard's tables of the latest runs and the open rejections. */
import { html } from "hono/html";
import type { Table } from "../codecs/tables.ts";
import type { RunCounts, RunProgress } from "../db/ledger.ts";
import { verdictsOf, whollyRejected } from "../ingest/counts.ts";
import type { RunRecord } from "../repositories/run-log.ts";
import type { Listed, Parts } from "./dashboard.ts";
import { count, type Html, table } from "./html-table.ts";

/** The page shows this many characters of a rejected row. JSON and CSV have all of them. */
const RAW_CHARACTERS_MAX = 200;
/** Runs and rejections are counted up to this number, which is shown as "more than 100,000". */
export const COUNTED_MAX = 100_001;

export function runsOf({ value = NOTHING, unavailable }: Parts["runs"]): Html {
  return html`<section class="card" aria-labelledby="runs"><h2 id="runs">Runs</h2>
${table({
  caption: unavailable === undefined ? shownOf(value, value.total === 1 ? "run" : "runs") : "Runs",
  ...{ data: "runs", isWide: true, ifEmpty: "No runs yet" },
  ...{ columns: ["Run", "Status", "Rows", "Started"], numbers: ["Seconds"], unavailable },
  rows: value.rows.map(
    (run) => html`<th scope="row"><a href="runs/${run.id}">${run.kind}</a> <small>${run.source}</small></th>
<td>${statusOf(run)}${run.progress && progressOf(run.progress)}${run.error && html` <small>${run.error}</small>`}</td>
<td>${countsOf(run.counts)}</td><td>${instant(run.started_at)}</td><td class="n">${secondsOf(run)}</td>`,
  ),
})}</section>`;
}

/** A run's status, with a note if it was a dry run, or if it succeeded although every row of a table was rejected. */
function statusOf({ status, dry_run, counts }: RunRecord): Html {
  const rejected = status === "succeeded" ? whollyRejected(counts) : [];
  return html`<span class="${rejected.length > 0 ? "doubtful" : status}">${status}</span>
${rejected.length > 0 && html`<small class="doubtful">every row of ${rejected.join(", ")} was rejected</small>`}
${dry_run && html`<small>dry run: nothing was stored</small>`}`;
}

/** How many rows there are, and how many of them are shown, such as `215 open, the newest 50 shown`. */
function shownOf({ rows, total }: Listed<unknown>, what: string): string {
  const number = total >= COUNTED_MAX ? `more than ${count(COUNTED_MAX - 1)}` : count(total);
  return `${number} ${what}${rows.length < total ? `, the newest ${count(rows.length)} shown` : ""}`;
}

function progressOf({ table, phase, rows, rejected, bytes, of, rows_per_s }: RunProgress): Html {
  const rate = rows_per_s !== undefined && `, ${count(Math.round(rows_per_s))} a second`;
  return html`<small>${table}: ${phase}, ${count(rows)} rows${rate}, ${count(rejected)} rejected</small>
${of !== undefined && html`<progress max="${of}" value="${bytes ?? rows}" aria-label="${table}: ${phase}"></progress>`}`;
}

const countsOf = (counts: RunCounts): Html[] =>
  Object.entries(counts).map(([table, each]) => {
    const verdicts = verdictsOf(each).map(([verdict, rows]) => `${count(rows)} ${verdict}`);
    return html`<div><b>${table}</b> ${verdicts.join(", ")}</div>`;
  });

const NOTHING = { rows: [], total: 0 };

/** @param tables each gets a link to a sheet of its rejected rows */
export function rejectionsOf({ value = NOTHING, unavailable }: Parts["rejections"], tables: readonly Table[]): Html {
  return html`<section class="card" aria-labelledby="rejections"><h2 id="rejections">Open rejections</h2>
${table({
  caption: `${unavailable === undefined ? shownOf(value, "open") : "Rows"}: mend and replay, or discard`,
  ...{ data: "rejections?state=open", isWide: true, ifEmpty: "No open rejections", unavailable },
  columns: ["Id", "Why", "Table", "Position", "Row as it arrived"],
  sheets: tables.map(({ name }) => ({ name, address: `rejections?table=${name}&state=open&spreadsheet=true` })),
  rows: value.rows.map(
    ({ id, table, file, position, reasons, raw: text = "(not UTF-8)" }) =>
      html`<th scope="row"><a href="rejections/${id}">${id}</a></th>
<td>${reasons.map(({ code, detail }) => html`<div><b>${code}</b> ${detail}</div>`)}</td>
<td>${table}</td><td>${position} <small>${file}</small></td>
<td><code>${text.slice(0, RAW_CHARACTERS_MAX)}${text.length > RAW_CHARACTERS_MAX && "…"}</code></td>`,
  ),
})}</section>`;
}

const instant = (text: string): Html =>
  html`<time datetime="${text}">${text.slice(0, 19).replace("T", " ")} UTC</time>`;

function secondsOf({ started_at, finished_at }: RunRecord): string {
  return finished_at === null ? "" : ((Date.parse(finished_at) - Date.parse(started_at)) / 1000).toFixed(1);
}
