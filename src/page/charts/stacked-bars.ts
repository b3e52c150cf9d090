/** The geometry of stacked bars: shares of the width in percent, heights in pixels. So the text keeps its size on any screen. */
import { scaleBand, scaleLinear } from "d3-scale";
import { stack } from "d3-shape";

/** One value for each bar. */
export type Series = readonly number[];

export interface Segment {
  /** The index of its series. */
  series: number;
  /** The index of its bar. */
  bar: number;
  value: number;
  /** Percent of the width. */
  x: number;
  width: number;
  /** Pixels from the top. */
  y: number;
  height: number;
}

export interface StackedBars {
  segments: Segment[];
  bars: { total: number; x: number; width: number; y: number }[];
  ticks: { value: number; y: number }[];
}

/** The numbers of the ticks stand to the left of this. */
const LEFT = 11;
const TICKS = 5;

/** The first series lies at the bottom. @param top and bottom: where the plot begins and ends, in pixels */
export function stackedBars(all: readonly Series[], bars: number, { top, bottom }: { top: number; bottom: number }) {
  const indices = Array.from({ length: bars }, (_, bar) => bar);
  const totals = indices.map((bar) => all.reduce((sum, values) => sum + (values[bar] ?? 0), 0));
  const x = scaleBand<number>().domain(indices).range([LEFT, 100]).paddingInner(0.16).paddingOuter(0.04);
  const y = scaleLinear()
    .domain([0, Math.max(1, ...totals)])
    .nice(TICKS)
    .range([bottom, top]);
  const placed = (bar: number) => ({ x: x(bar) ?? LEFT, width: x.bandwidth() });
  const layers = stack<number, number>()
    .keys(all.keys())
    .value((bar, series) => all[series]?.[bar] ?? 0)(indices);
  const segments = layers.flatMap((layer) =>
    layer.map(([from, to], bar) => {
      const at = { series: layer.key, bar, value: to - from, ...placed(bar) };
      return { ...at, y: y(to), height: y(from) - y(to) };
    }),
  );
  return {
    segments: segments.filter(({ value }) => value > 0),
    bars: totals.map((total, bar) => ({ total, ...placed(bar), y: y(total) })),
    ticks: y
      .ticks(TICKS)
      .filter(Number.isInteger)
      .map((value) => ({ value, y: y(value) })),
  } satisfies StackedBars;
}
