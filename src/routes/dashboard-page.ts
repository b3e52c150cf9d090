/** The page as HTML: the reports, the last runs, the rows that were refused. */
import { html, raw } from "hono/html";
import { tables } from "../codecs/tables.ts";
import type { RunCounts, RunProgress } from "../db/ledger.ts";
import type { Role } from "../http/env.ts";
import type { RejectionRecord } from "../repositories/rejections.ts";
import type { DepartmentHires, QuarterlyHires } from "../repositories/reports.ts";
import type { RunRecord } from "../repositories/runs.ts";
import { type Html, pageOf } from "./dashboard-frame.ts";
import { sentRow } from "./insert-description.ts";

/** Rows of a report and characters of a refused row that are shown; JSON and CSV have all. */
const REPORT_ROWS_MAX = 1_000;
const RAW_CHARACTERS_MAX = 200;
/** The page is read again so often while a run is under way. */
const REFRESH_S = 5;

export interface Dashboard {
  year: number;
  quarters: QuarterlyHires[];
  departments: DepartmentHires[];
  /** The newest first. */
  runs: RunRecord[];
  rejections: RejectionRecord[];
  /** How whoever looks at it came in. */
  role: Role;
  by: "session" | "token" | "loopback";
  /** Of the service, for a command line. */
  address: string;
}

export function dashboardPage({ year, quarters, departments, runs, rejections, role, by, address }: Dashboard): Html {
  const isUnderWay = runs.some(({ finished_at }) => finished_at === null);
  const who = {
    session: html`<form method="post" action="sign-out">Signed in as ${role} <button>Sign out</button></form>`,
    token: html`<p>With a token of the role ${role}</p>`,
    loopback: html`<p>Role admin: without <code>API_TOKENS</code> this machine may do all</p>`,
  };
  const curl = by === "loopback" ? "curl" : "curl -H 'Authorization: Bearer TOKEN'";
  return pageOf(
    who[by],
    html`${runs.length === 0 && quarters.length === 0 && firstSteps(curl, address)}
${reportsOf(year, quarters, departments)}
${runsOf(runs, isUnderWay)}
${rejectionsOf(rejections)}
<section aria-labelledby="more"><h2 id="more">Everything else</h2>
<dl>
<dt>Tables</dt><dd>${tables.map(({ name }) => html`<a href="${name}">${name}</a> `)}</dd>
<dt>Account</dt><dd><a href="runs">All runs</a> <a href="rejections">All rejections</a></dd>
<dt>Service</dt><dd><a href="docs">API</a> <a href="healthz">Health</a> <a href="readyz">Readiness</a> <a href="metrics">Metrics</a></dd>
</dl>
<p class="note">Data is answered as JSON, and for a spreadsheet as CSV where the request says so:</p>
<pre>${curl} -H 'Accept: text/csv' '${address}/rejections?state=open'</pre>
</section>`,
    isUnderWay ? REFRESH_S : undefined,
  );
}

function firstSteps(curl: string, address: string): Html {
  const [table] = tables;
  return html`<section class="first" aria-labelledby="first"><h2 id="first">Nothing is here yet</h2>
<p>Import a folder of CSV files, named for their tables:</p>
<pre>bun run scripts/import.ts path/to/your/csv/folder</pre>
<p>or send a row:</p>
<pre>${table && `${curl} ${address}/${table.name} -H 'Content-Type: application/json' -d '${JSON.stringify(sentRow(table))}'`}</pre>
</section>`;
}

function reportsOf(year: number, quarters: QuarterlyHires[], departments: DepartmentHires[]): Html {
  const shown = quarters.slice(0, REPORT_ROWS_MAX);
  const some = `, the first ${count(shown.length)} of ${count(quarters.length)} rows`;
  const none = `No hires in ${year}`;
  return html`<section aria-labelledby="hires"><div class="head"><h2 id="hires">Hires in ${year}</h2>
<form action="./"><label for="year">Year</label>
<input id="year" name="year" type="number" min="1000" max="9999" value="${year}" required> <button>Show</button></form></div>
<div class="two">
${table({
  caption: `By department, job and quarter${shown.length < quarters.length ? some : ""}`,
  data: `hired_2021_quarter?year=${year}`,
  ...{ columns: ["Department", "Job"], numbers: ["Q1", "Q2", "Q3", "Q4"], none },
  rows: shown.map(
    ({ department, job, Q1, Q2, Q3, Q4 }) =>
      html`<th scope="row">${department}</th><td>${job}</td>${[Q1, Q2, Q3, Q4].map(numberOf)}`,
  ),
})}
${table({
  caption: "Departments above the mean",
  data: `hired_department?year=${year}`,
  ...{ columns: ["Department"], numbers: ["Id", "Hired"], none },
  rows: departments.map(
    ({ id, department, hired }) => html`<th scope="row">${department}</th><td class="n">${id}</td>${numberOf(hired)}`,
  ),
})}
</div></section>`;
}

function runsOf(runs: RunRecord[], isUnderWay: boolean): Html {
  return html`<section aria-labelledby="runs"><h2 id="runs">Runs</h2>
${isUnderWay && html`<p class="note">One is under way: this page reads itself again every ${REFRESH_S} seconds.</p>`}
${table({
  ...{ caption: "What was done last", data: "runs", isWide: true, none: "No run yet" },
  ...{ columns: ["Run", "Status", "Rows", "Started"], numbers: ["Seconds"] },
  rows: runs.map(
    (run) => html`<th scope="row"><a href="runs/${run.id}">${run.kind}</a> <small>${run.source}</small></th>
<td><span class="${run.status}">${run.status}</span>${run.progress && progressOf(run.progress)}${run.error && html` <small>${run.error}</small>`}</td>
<td>${countsOf(run.counts)}</td><td>${instant(run.started_at)}</td><td class="n">${secondsOf(run)}</td>`,
  ),
})}</section>`;
}

function progressOf({ table, phase, rows, rejected, bytes, of, rows_per_s }: RunProgress): Html {
  const rate = rows_per_s !== undefined && `, ${count(Math.round(rows_per_s))} a second`;
  return html`<small>${table}: ${phase}, ${count(rows)} rows${rate}, ${count(rejected)} rejected</small>
${of !== undefined && html`<progress max="${of}" value="${bytes ?? rows}" aria-label="${table}: ${phase}"></progress>`}`;
}

/** By table what became of its rows; a backup's are received. */
const countsOf = (counts: RunCounts): Html[] =>
  Object.entries(counts).map(([table, { received, ...verdicts }]) => {
    const some = Object.entries(verdicts).filter(([, rows]) => rows > 0);
    const said = some.length === 0 ? [["received", received] as const] : some;
    return html`<div><b>${table}</b> ${said.map(([verdict, rows]) => `${count(rows)} ${verdict}`).join(", ")}</div>`;
  });

function rejectionsOf(rejections: RejectionRecord[]): Html {
  return html`<section aria-labelledby="rejections"><h2 id="rejections">Open rejections</h2>
${table({
  caption: "Rows that were refused last, to be mended and replayed, or discarded",
  ...{ data: "rejections?state=open", isWide: true, none: "None is open" },
  columns: ["Id", "Table", "Position", "Why", "As it came"],
  rows: rejections.map(
    ({ id, table, file, position, reasons, raw: text = "(not UTF-8)" }) =>
      html`<th scope="row"><a href="rejections/${id}">${id}</a></th><td>${table}</td><td>${position} <small>${file}</small></td>
<td>${reasons.map(({ code, detail }) => html`<div><b>${code}</b> ${detail}</div>`)}</td>
<td><code>${text.slice(0, RAW_CHARACTERS_MAX)}${text.length > RAW_CHARACTERS_MAX && "…"}</code></td>`,
  ),
})}</section>`;
}

interface Listing {
  caption: string;
  /** Where it is to be had as data. */
  data: string;
  columns: string[];
  /** The columns after those. */
  numbers?: string[];
  /** The cells of each. */
  rows: Html[];
  /** What is said where there are none. */
  none: string;
  /** Of a phone it takes more than the width. */
  isWide?: boolean;
}

/** A table in a box that scrolls. */
function table({ caption, data, columns, numbers = [], rows, none, isWide = false }: Listing): Html {
  const empty = html`<tr><td colspan="${columns.length + numbers.length}" class="none">${none}</td></tr>`;
  return html`<div class="box" role="region" aria-label="${caption}" tabindex="0">
<table${isWide && raw(' class="wide"')}><caption><span>${caption} <a href="${data}">As data</a></span></caption>
<thead><tr>${columns.map((name) => html`<th scope="col">${name}</th>`)}${numbers.map((name) => html`<th scope="col" class="n">${name}</th>`)}</tr></thead>
<tbody>
${rows.length === 0 ? empty : rows.map((cells) => html`<tr>${cells}</tr>\n`)}
</tbody></table></div>`;
}

const numberOf = (rows: number): Html => html`<td class="${rows === 0 ? "n zero" : "n"}">${count(rows)}</td>`;

const count = (rows: number): string => rows.toLocaleString("en");

const instant = (text: string): Html =>
  html`<time datetime="${text}">${text.slice(0, 19).replace("T", " ")} UTC</time>`;

function secondsOf({ started_at, finished_at }: RunRecord): string {
  return finished_at === null ? "" : ((Date.parse(finished_at) - Date.parse(started_at)) / 1000).toFixed(1);
}
