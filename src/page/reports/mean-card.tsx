/** @jsxImportSource hono/jsx */
/** Every department's hires beside the mean of all departments. */
import { type DepartmentsByHires, isAboveMean } from "../../repositories/report-queries.ts";
import { MeanBarsChart, meanText } from "../charts/mean-bars-chart.tsx";
import type { Part } from "../part.ts";
import { count } from "../parts/quantities.ts";
import { Unavailable } from "../parts/table.tsx";
import { DataLinks } from "./data-links.tsx";

export function MeanCard({ year, byHires }: { year: number; byHires: Part<DepartmentsByHires> }) {
  return (
    <section class="card" id="mean" aria-labelledby="mean-title">
      <div class="head">
        <h2 id="mean-title">Departments and the mean</h2>
        <DataLinks what="Departments above the mean" address={`hired_department?year=${year}`} />
      </div>
      {byHires.value === undefined ? (
        <p class="none">
          <Unavailable why={byHires.unavailable} />
        </p>
      ) : (
        <Bars year={year} byHires={byHires.value} />
      )}
    </section>
  );
}

function Bars({ year, byHires }: { year: number; byHires: DepartmentsByHires }) {
  const { departments, count: all, hiring, hires } = byHires;
  if (hires === 0) return <p class="none">{all === 0 ? "There are no departments yet" : `No hires in ${year}`}</p>;
  const mean = hires / all;
  const bars = departments.map((each) => ({
    ...{ name: each.department, value: each.hired },
    isAbove: isAboveMean(each, byHires),
  }));
  const above = bars.filter(({ isAbove }) => isAbove).length;
  const said = `${count(hires)} hires in ${count(all)} departments: a mean of ${meanText(mean)}.`;
  return (
    <>
      <p class="note">
        {said} Departments above it are in full colour{all > departments.length ? "" : `: ${above} of ${all}`}.
      </p>
      <MeanBarsChart label={`Hires by department in ${year}. ${said}`} bars={bars} mean={mean} />
      <p class="note">{moreOf(all - departments.length, all - hiring)}</p>
    </>
  );
}

/** @param more how many departments are not shown @param idle how many of all hired nobody: they come last */
function moreOf(more: number, idle: number): string {
  if (more === 0) return "";
  if (more <= idle) return `And ${count(more)} more without a hire.`;
  return `And ${count(more)} more with fewer hires, ${count(idle)} of them without any.`;
}
