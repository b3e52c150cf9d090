/** The dashboard as HTML: first steps, reports, and the tables of runs-and-rejections.ts. */
import { html } from "hono/html";
import type { Table } from "../codecs/tables.ts";
import type { RejectionRecord } from "../repositories/rejection-log.ts";
import type { DepartmentHires, QuarterlyHires } from "../repositories/report-queries.ts";
import type { RunRecord } from "../repositories/run-log.ts";
import { sentRow } from "../routes/insert.ts";
import { count, type Html, numberOf, table } from "./html-table.ts";
import type { Part } from "./part.ts";
import { rejectionsOf, runsOf } from "./runs-and-rejections.ts";

/** The page shows this many rows of a report. JSON and CSV have all of them. */
const REPORT_ROWS_MAX = 1_000;

/** The newest rows, and how many there are in total, counted up to COUNTED_MAX. */
export interface Listed<Row> {
  rows: Row[];
  total: number;
}

export interface Reports {
  year: number;
  quarters: Part<QuarterlyHires[]>;
  departments: Part<DepartmentHires[]>;
}

export interface Parts {
  /** Undefined if the dictionary has no tables of hires. */
  reports: Reports | undefined;
  runs: Part<Listed<RunRecord>>;
  rejections: Part<Listed<RejectionRecord>>;
}

interface Dashboard extends Parts {
  tables: readonly Table[];
  /** Nothing has been stored yet. */
  isNew: boolean;
  /** Whether a request needs a token. */
  needsToken: boolean;
  /** The service's address, for command lines. */
  address: string;
}

export function dashboard({ tables, isNew, needsToken, reports, runs, rejections, address }: Dashboard): Html {
  const curl = needsToken ? "curl -H 'Authorization: Bearer TOKEN'" : "curl";
  return html`<h1>Overview</h1>
${isNew && firstSteps(tables, curl, address)}
${reports && reportsOf(reports)}
${runsOf(runs)}
${rejectionsOf(rejections, tables)}
<section class="card" aria-labelledby="more"><h2 id="more">Everything else</h2>
<dl>
<dt>Tables</dt><dd>${tables.map(({ name }) => html`<a href="${name}">${name}</a> `)}</dd>
<dt>Account</dt><dd><a href="runs">All runs</a> <a href="rejections">All rejections</a></dd>
<dt>Service</dt><dd><a href="docs">API</a> <a href="healthz">Health</a> <a href="readyz">Readiness</a> <a href="metrics">Metrics</a></dd>
</dl>
<p class="note">Programs get JSON, or CSV on request:</p>
<pre>${curl} -H 'Accept: text/csv' '${address}/rejections?state=open'</pre>
</section>`;
}

function firstSteps([table]: readonly Table[], curl: string, address: string): Html {
  return html`<section class="card first" aria-labelledby="first"><h2 id="first">No data yet</h2>
<p>Import a folder of CSV files that are named after their tables:</p>
<pre>npm run import -- path/to/your/csv/folder</pre>
<p>or insert a row:</p>
<pre>${table && `${curl} ${address}/${table.name} -H 'Content-Type: application/json' -d '${JSON.stringify(sentRow(table))}'`}</pre>
</section>`;
}

function reportsOf({ year, quarters, departments }: Reports): Html {
  const shown = quarters.value?.slice(0, REPORT_ROWS_MAX) ?? [];
  const all = quarters.value?.length ?? 0;
  const some = `, the first ${count(shown.length)} of ${count(all)} rows`;
  const ifEmpty = `No hires in ${year}`;
  return html`<section class="card" aria-labelledby="hires"><div class="head"><h2 id="hires">Hires in ${year}</h2>
<form action="./"><label for="year">Year</label>
<input id="year" name="year" type="number" min="1000" max="9999" value="${year}" required> <button>Show</button></form></div>
<div class="two">
${table({
  caption: `By department, job and quarter${shown.length < all ? some : ""}`,
  data: `hired_2021_quarter?year=${year}`,
  ...{ columns: ["Department", "Job"], numbers: ["Q1", "Q2", "Q3", "Q4"], ifEmpty },
  unavailable: quarters.unavailable,
  rows: shown.map(
    ({ department, job, Q1, Q2, Q3, Q4 }) =>
      html`<th scope="row">${department}</th><td>${job}</td>${[Q1, Q2, Q3, Q4].map(numberOf)}`,
  ),
})}
${table({
  caption: "Departments above the mean",
  data: `hired_department?year=${year}`,
  ...{ columns: ["Department"], numbers: ["Id", "Hired"], ifEmpty },
  unavailable: departments.unavailable,
  rows: (departments.value ?? []).map(
    ({ id, department, hired }) => html`<th scope="row">${department}</th><td class="n">${id}</td>${numberOf(hired)}`,
  ),
})}
</div></section>`;
}
