/** @jsxImportSource hono/jsx */
/** `/page/reports`: both reports of a year as charts, and the whole quarterly report as a table. */
import { Hono } from "hono";
import { type HiringTables, hiringTables, NO_HIRING_TABLES } from "../../codecs/hiring-tables.ts";
import { MusterError } from "../../errors.ts";
import type { Env } from "../../http/env.ts";
import { validate } from "../../http/validate.ts";
import {
  type DepartmentsByHires,
  departmentsByHires,
  hiresByPair,
  type PairHires,
} from "../../repositories/report-queries.ts";
import { YEARS } from "../../routes/reports.ts";
import type { PageDependencies } from "../page-routes.ts";
import { type Part, part } from "../part.ts";
import { HiddenFields } from "../parts/hidden-fields.tsx";
import { type AskedReports, addressOf, fieldsOf, ReportsQuery, VIEW, withOrder } from "./asked-reports.ts";
import { groupsOf } from "./hires-groups.ts";
import { HiresTable } from "./hires-table.tsx";
import { MeanCard } from "./mean-card.tsx";
import { QuartersCard } from "./quarters-card.tsx";

/** The chart beside the mean shows this many departments. */
const DEPARTMENTS_MAX = 40;

export function reportsView({ frame, reports }: Pick<PageDependencies, "frame" | "reports">): Hono<Env> {
  const tables = hiringTables(reports.dictionary.tables);
  return new Hono<Env>().get(`/${VIEW}`, validate("query", ReportsQuery), async (c) => {
    const asked = withOrder(c.req.valid("query"));
    const { pairs, byHires } = await read(reports, tables, asked.year);
    const head = { title: `Hires of ${asked.year}`, view: "Reports", ...failureOf(pairs, byHires) } as const;
    return frame.answer(c, head, <View asked={asked} pairs={pairs} byHires={byHires} />);
  });
}

/** Reads the reports separately: if one is slow, the other is shown. */
async function read(database: PageDependencies["reports"], tables: HiringTables | undefined, year: number) {
  if (!tables) throw new MusterError("not_found", `there are no reports: ${NO_HIRING_TABLES}`);
  const [pairs, byHires] = await Promise.all([
    part(hiresByPair(database, tables, year)),
    part(departmentsByHires(database, tables, { year, limit: DEPARTMENTS_MAX })),
  ]);
  return { pairs, byHires };
}

/** The page says itself which report is missing. It only counts as failed if both are. */
function failureOf(pairs: Part<unknown>, byHires: Part<unknown>) {
  if (pairs.unavailable === undefined || byHires.unavailable === undefined) return {};
  return { status: 503, problem: `The reports are not available now: ${pairs.unavailable}` } as const;
}

interface Shown {
  asked: AskedReports;
  pairs: Part<PairHires[]>;
  byHires: Part<DepartmentsByHires>;
}

/** Links and forms inside change this part of the page in place. */
function View({ asked, pairs, byHires }: Shown) {
  const chosen = nameOf(asked.department, pairs.value, byHires.value);
  const inPlace = { "hx-boost": "true", "hx-target": "#reports", "hx-select": "#reports" };
  return (
    <div id="reports" {...inPlace} hx-swap="outerHTML show:none">
      <div class="head">
        <h1>Hires of {asked.year}</h1>
        <Years asked={asked} />
      </div>
      {pairs.value?.length === 0 ? (
        <NoHires year={asked.year} />
      ) : (
        <>
          <div id="charts" class="charts">
            <QuartersCard asked={asked} pairs={pairs} chosen={chosen} />
            <MeanCard year={asked.year} byHires={byHires} />
          </div>
          <HiresTable asked={asked} pairs={pairs} chosen={chosen} />
        </>
      )}
    </div>
  );
}

function NoHires({ year }: { year: number }) {
  return (
    <section class="card first" aria-labelledby="no-hires">
      <h2 id="no-hires">No hires in {year}</h2>
      <p class="note">
        No department has a hire in this year, in UTC. Choose another year above, or{" "}
        <a href="./" hx-boost="false">
          see what was imported
        </a>
        .
      </p>
    </section>
  );
}

/** The name of the chosen department. In a year without a hire in it, only the list of departments may have it. */
function nameOf(
  department: number | undefined,
  pairs: readonly PairHires[] = [],
  byHires: DepartmentsByHires | undefined,
): string | undefined {
  if (department === undefined) return undefined;
  const group = groupsOf(pairs, "department").find(({ id }) => id === department);
  const listed = byHires?.departments.find(({ id }) => id === department);
  return group?.name ?? listed?.department ?? `department ${department}`;
}

function Years({ asked }: { asked: AskedReports }) {
  const { year } = asked;
  const beside = (to: number, text: string, id: string) =>
    to >= YEARS.minimum &&
    to <= YEARS.maximum && (
      <a id={id} class="button" href={addressOf(asked, { year: to })}>
        {text}
      </a>
    );
  return (
    <form id="years" action={VIEW} class="row years">
      {beside(year - 1, `← ${year - 1}`, "year-before")}
      <label for="year">Year</label>
      <input id="year" name="year" type="number" min={YEARS.minimum} max={YEARS.maximum} value={year} required />
      <HiddenFields fields={{ ...fieldsOf(asked), year: undefined }} />
      <button type="submit">Show</button>
      {beside(year + 1, `${year + 1} →`, "year-after")}
    </form>
  );
}
