/** What the charts and the table of the reports make of numbers. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { meanBars } from "../src/page/charts/mean-bars.ts";
import { stackedBars } from "../src/page/charts/stacked-bars.ts";
import { GROUPS_MAX, groupsOf, largestOf } from "../src/page/reports/hires-groups.ts";
import { hiresRows, NUMBERS, SORTS } from "../src/page/reports/hires-rows.ts";
import type { PairHires } from "../src/repositories/report-queries.ts";

const count = fc.nat(100_000);
const quarters = fc.tuple(count, count, count, count);
const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);
const PLOT = { top: 20, bottom: 400 };

describe("stacked bars", () => {
  test("have segments that add up to each bar, touch each other, and stay inside the plot", () => {
    const check = (series: [number, number, number, number][]) => {
      const { segments, bars } = stackedBars(series, 4, PLOT);
      expect(bars.map(({ total }) => total)).toEqual(
        [0, 1, 2, 3].map((bar) => sum(series.map((each) => each[bar] ?? 0))),
      );
      bars.forEach(({ total, y }, bar) => {
        const own = segments.filter((segment) => segment.bar === bar);
        expect(sum(own.map(({ value }) => value))).toBe(total);
        let bottom = PLOT.bottom;
        for (const segment of own) {
          expect(segment.y + segment.height).toBeCloseTo(bottom, 6);
          bottom = segment.y;
        }
        expect(bottom).toBeCloseTo(y, 6);
        expect(bottom).toBeGreaterThanOrEqual(PLOT.top - 1e-6);
      });
      for (const { x, width } of segments) expect(x >= 0 && x + width <= 100.000001).toBe(true);
    };
    fc.assert(fc.property(fc.array(quarters, { maxLength: 12 }), check));
  });

  test("have ticks that are whole numbers, from zero to at least the highest bar", () => {
    const check = (series: [number, number, number, number][]) => {
      const { ticks, bars } = stackedBars(series, 4, PLOT);
      expect(ticks[0]).toEqual({ value: 0, y: PLOT.bottom });
      for (const { value, y } of ticks) expect(Number.isInteger(value) && y >= PLOT.top && y <= PLOT.bottom).toBe(true);
      expect(ticks.length).toBeLessThanOrEqual(12);
      expect(new Set(ticks.map(({ value }) => value)).size).toBe(ticks.length);
      expect(Math.min(...ticks.map(({ y }) => y))).toBeLessThanOrEqual(Math.min(...bars.map(({ y }) => y)) + 1e-6);
    };
    fc.assert(fc.property(fc.array(quarters, { maxLength: 12 }), check));
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(1), fc.nat(1), fc.nat(1), fc.nat(1)), { maxLength: 2 }), check));
  });
});

test("bars beside their mean keep their proportions, and leave room for the numbers", () => {
  const check = (values: number[]) => {
    const mean = sum(values) / values.length;
    const drawn = meanBars(values, mean, 20);
    drawn.bars.forEach(({ width, y }, index) => {
      const value = values[index] ?? 0;
      expect(width).toBeLessThanOrEqual(90);
      if (Math.abs(value - mean) > 1e-9) expect(Math.sign(width - drawn.mean)).toBe(Math.sign(value - mean));
      expect(y >= 20 && y + drawn.thickness <= drawn.height).toBe(true);
    });
    expect(new Set(drawn.bars.map(({ y }) => y)).size).toBe(values.length);
  };
  fc.assert(fc.property(fc.array(fc.nat(1000), { minLength: 1, maxLength: 40 }), check));
});

const pair = fc.record({
  department_id: fc.nat(20),
  job_id: fc.nat(30),
  ...{ Q1: count, Q2: count, Q3: count, Q4: count },
});
const report = fc
  .uniqueArray(pair, { selector: (each) => `${each.department_id} ${each.job_id}`, maxLength: 100 })
  .map((pairs) =>
    pairs.map((each) => ({ ...each, department: `Département ${each.department_id % 7}`, job: `job ${each.job_id}` })),
  );
const all = { department: undefined, filter: "", sort: "department", order: "asc" } as const;

test("the groups of a chart have every hire, also if the smallest are taken together", () => {
  const check = (pairs: PairHires[]) => {
    const { totals } = hiresRows(pairs, all);
    for (const by of ["department", "job"] as const) {
      const groups = largestOf(groupsOf(pairs, by), "others");
      expect(groups.length).toBeLessThanOrEqual(GROUPS_MAX);
      expect(new Set(groups.map(({ name }) => name)).size).toBe(groups.length);
      expect(sum(groups.map(({ total }) => total))).toBe(totals.total);
      NUMBERS.slice(0, 4).forEach((name, quarter) => {
        expect(sum(groups.map(({ hires }) => hires[quarter] ?? 0))).toBe(totals[name]);
      });
    }
  };
  fc.assert(fc.property(report, check));
});

describe("the table's rows", () => {
  const names = [
    { department: "Äther", job: "clerk" },
    { department: "Sales", job: "Étagère builder" },
    { department: "sales", job: "Zookeeper" },
  ];
  const pairs = names.map((each, index) => ({
    ...{ ...each, department_id: index, job_id: index, Q1: index === 1 ? 10 : 9, Q2: 0, Q3: index, Q4: 0 },
  }));
  const jobsOf = (wanted: object) => hiresRows(pairs, { ...all, ...wanted }).rows.map(({ job }) => job);

  test("are filtered by department and job, whatever the case and accents, and added up", () => {
    expect(jobsOf({ filter: " SALES " })).toEqual(["Étagère builder", "Zookeeper"]);
    expect(jobsOf({ filter: "etagere" })).toEqual(["Étagère builder"]);
    expect(jobsOf({ filter: "ather" })).toEqual(["clerk"]);
    expect(jobsOf({ filter: "%" })).toEqual([]);
    expect(hiresRows(pairs, { ...all, filter: "sales" }).totals).toEqual({ Q1: 19, Q2: 0, Q3: 3, Q4: 0, total: 22 });
    expect(jobsOf({ department: 2 })).toEqual(["Zookeeper"]);
  });

  test("are sorted by each column in both orders; numbers are no text, and equal values keep the report's order", () => {
    expect(jobsOf({ sort: "Q1", order: "desc" })).toEqual(["Étagère builder", "clerk", "Zookeeper"]);
    expect(jobsOf({ sort: "Q1", order: "asc" })).toEqual(["clerk", "Zookeeper", "Étagère builder"]);
    expect(jobsOf({ sort: "job", order: "desc" })).toEqual(["Zookeeper", "Étagère builder", "clerk"]);
    expect(jobsOf({ sort: "department", order: "desc" })).toEqual(["Étagère builder", "Zookeeper", "clerk"]);
    for (const sort of SORTS) expect(jobsOf({ sort, order: "asc" })).toHaveLength(3);
  });
});
