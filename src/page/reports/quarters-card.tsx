/** @jsxImportSource hono/jsx */
/** Hires per quarter by department. If a department is chosen: by job. */
import type { PairHires } from "../../repositories/report-queries.ts";
import { type ChartSeries, StackedBarsChart } from "../charts/stacked-bars-chart.tsx";
import type { Part } from "../part.ts";
import { HiddenFields } from "../parts/hidden-fields.tsx";
import { count } from "../parts/quantities.ts";
import { Unavailable } from "../parts/table.tsx";
import { type AskedReports, addressOf, fieldsOf, VIEW } from "./asked-reports.ts";
import { type Group, groupsOf, largestOf } from "./hires-groups.ts";

const QUARTERS = ["Q1", "Q2", "Q3", "Q4"];

interface Quarters {
  asked: AskedReports;
  pairs: Part<PairHires[]>;
  /** The chosen department's name. */
  chosen: string | undefined;
}

export function QuartersCard({ asked, pairs: { value: pairs = [], unavailable }, chosen }: Quarters) {
  const { year, department } = asked;
  const departments = groupsOf(pairs, "department");
  const groups =
    department === undefined
      ? largestOf(departments, "departments")
      : largestOf(
          groupsOf(
            pairs.filter(({ department_id }) => department_id === department),
            "job",
          ),
          "jobs",
        );
  const title = `Hires per quarter of ${year}${chosen === undefined ? "" : `: ${chosen}`}`;
  return (
    <section class="card" id="quarters" aria-labelledby="quarters-title">
      <div class="head">
        <h2 id="quarters-title">{title}</h2>
        {departments.length > 0 && <Choice asked={asked} departments={departments} chosen={chosen} />}
      </div>
      {groups.length === 0 ? (
        <NoHires year={year} chosen={chosen} unavailable={unavailable} />
      ) : (
        <Chart asked={asked} groups={groups} title={title} />
      )}
    </section>
  );
}

interface Nothing {
  year: number;
  chosen: string | undefined;
  unavailable: string | undefined;
}

function NoHires({ year, chosen, unavailable }: Nothing) {
  if (unavailable !== undefined)
    return (
      <p class="none">
        <Unavailable why={unavailable} />
      </p>
    );
  return <p class="none">{`No hires in ${year}${chosen === undefined ? "" : ` in ${chosen}`}`}</p>;
}

function Chart({ asked, groups, title }: { asked: AskedReports; groups: readonly Group[]; title: string }) {
  const isByJob = asked.department !== undefined;
  const series = groups.map(({ id, name, hires }, index): ChartSeries => {
    const look = id === undefined ? { colour: "other", key: "…" } : { colour: `c${index}`, key: LETTERS[index] ?? "" };
    const href = id === undefined || isByJob ? undefined : `${addressOf(asked, { department: id })}#quarters`;
    return { name, values: hires, ...look, href };
  });
  return (
    <div class="chart-and-legend">
      <StackedBarsChart label={title} series={series} bars={QUARTERS} unit="hires" />
      <ol class="legend" aria-label={isByJob ? "Jobs" : "Departments"}>
        {groups.map(({ id, name, total }, index) => (
          <li>
            <span class={`key ${series[index]?.colour}`}>{series[index]?.key}</span>
            {id === undefined || isByJob ? (
              <span>{name}</span>
            ) : (
              <a id={`choose-${id}`} href={addressOf(asked, { department: id })}>
                {name}
              </a>
            )}
            <b>{count(total)}</b>
          </li>
        ))}
      </ol>
    </div>
  );
}

const LETTERS = "ABCDEFGHIJKL";

interface Choosing {
  asked: AskedReports;
  departments: readonly Group[];
  chosen: string | undefined;
}

/** Chooses a department. With JavaScript, choosing is enough. */
function Choice({ asked, departments, chosen }: Choosing) {
  const options = departments.map(({ id, name }) => ({ id, name })).sort((a, b) => a.name.localeCompare(b.name, "en"));
  const isMissing = chosen !== undefined && !options.some(({ id }) => id === asked.department);
  return (
    <form action={VIEW} class="row">
      <HiddenFields fields={fieldsOf({ ...asked, department: undefined })} />
      <label for="department">Department</label>
      <select id="department" name="department" hx-get={VIEW} hx-include="closest form" hx-push-url="true">
        <option value="">All departments</option>
        {isMissing && (
          <option value={asked.department} selected>
            {chosen}
          </option>
        )}
        {options.map(({ id, name }) => (
          <option value={id} selected={id === asked.department}>
            {name}
          </option>
        ))}
      </select>
      <button type="submit" class="without-js">
        Show
      </button>
      {chosen !== undefined && <a href={addressOf(asked, { department: undefined })}>All departments</a>}
    </form>
  );
}
