/** The geometry of horizontal bars beside their mean: lengths in percent of the width, heights in pixels. */
import { scaleBand, scaleLinear } from "d3-scale";

export interface MeanBars {
  bars: { width: number; y: number }[];
  /** The height of one bar. */
  thickness: number;
  /** Where the mean is, in percent of the width. */
  mean: number;
  height: number;
}

/** Pixels for a bar with its name above it. */
const ROW = 38;
const THICKNESS = 13;
/** The longest bar leaves room for its number. */
const LONGEST = 84;

/** @param top where the first row begins, in pixels */
export function meanBars(values: readonly number[], mean: number, top: number): MeanBars {
  const height = top + values.length * ROW;
  const x = scaleLinear()
    .domain([0, Math.max(1, mean, ...values)])
    .range([0, LONGEST]);
  const y = scaleBand<number>().domain(values.keys()).range([top, height]);
  return {
    bars: values.map((value, index) => ({ width: x(value), y: (y(index) ?? top) + ROW - THICKNESS - 4 })),
    ...{ thickness: THICKNESS, mean: x(mean), height },
  };
}
