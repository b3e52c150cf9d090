/** The dashboard as HTML: first steps, reports, and the tables of runs-and-rejections.ts. */
import { html } from "hono/html";
import type { Table } from "../codecs/tables.ts";
import type { Role } from "../http/env.ts";
import type { RejectionRecord } from "../repositories/rejection-log.ts";
import type { DepartmentHires, QuarterlyHires } from "../repositories/report-queries.ts";
import type { RunRecord } from "../repositories/run-log.ts";
import { sentRow } from "../routes/insert.ts";
import { type Html, pageOf } from "./frame.ts";
import { count, numberOf, table } from "./html-table.ts";
import { rejectionsOf, runsOf } from "./runs-and-rejections.ts";

/** The page shows this many rows of a report. JSON and CSV have all of them. */
const REPORT_ROWS_MAX = 1_000;
/** How often the page reloads while a run is followed. */
const REFRESH_S = 5;

/** What a part of the page shows, or why it is not available now. */
export type Part<T> = { value: T; unavailable?: never } | { value?: never; unavailable: string };
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
  /** Whether the page reloads while a run is under way. */
  follow: boolean;
  role: Role;
  /** How the viewer was authorized. */
  by: "session" | "token" | "loopback";
  /** The service's address, for command lines. */
  address: string;
}

export function dashboardPage(dashboard: Dashboard): Html {
  const { tables, isNew, follow, reports, runs, rejections, role, by, address } = dashboard;
  const isUnderWay = runs.value?.rows.some(({ finished_at }) => finished_at === null) ?? false;
  const who = {
    session: html`<form method="post" action="sign-out">Signed in as ${role} <button>Sign out</button></form>`,
    token: html`<p>Authorized by a token with the role ${role}</p>`,
    loopback: html`<p>Role admin: <code>API_TOKENS</code> is not set, so everyone on this machine may do everything</p>`,
  };
  const curl = by === "loopback" ? "curl" : "curl -H 'Authorization: Bearer TOKEN'";
  const following = isUnderWay && followingOf(reports?.year, follow);
  return pageOf(
    html`${isNew && firstSteps(tables, curl, address)}
${reports && reportsOf(reports)}
${runsOf(runs, following)}
${rejectionsOf(rejections, tables)}
<section aria-labelledby="more"><h2 id="more">Everything else</h2>
<dl>
<dt>Tables</dt><dd>${tables.map(({ name }) => html`<a href="${name}">${name}</a> `)}</dd>
<dt>Account</dt><dd><a href="runs">All runs</a> <a href="rejections">All rejections</a></dd>
<dt>Service</dt><dd><a href="docs">API</a> <a href="healthz">Health</a> <a href="readyz">Readiness</a> <a href="metrics">Metrics</a></dd>
</dl>
<p class="note">Programs get JSON, or CSV on request:</p>
<pre>${curl} -H 'Accept: text/csv' '${address}/rejections?state=open'</pre>
</section>`,
    { who: who[by], refreshS: isUnderWay && follow ? REFRESH_S : undefined },
  );
}

/** The page reloads only on request, since reloading loses what is typed into it. */
function followingOf(year: number | undefined, follow: boolean): Html {
  const shown = year === undefined ? [] : [`year=${year}`];
  if (follow) return html`This page reloads every ${REFRESH_S} seconds. <a href="./?${shown.join("&")}#runs">Stop</a>`;
  return html`A run is under way. <a href="./?${[...shown, "follow=true"].join("&")}#runs">Follow it</a>`;
}

function firstSteps([table]: readonly Table[], curl: string, address: string): Html {
  return html`<section class="first" aria-labelledby="first"><h2 id="first">No data yet</h2>
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
  return html`<section aria-labelledby="hires"><div class="head"><h2 id="hires">Hires in ${year}</h2>
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
