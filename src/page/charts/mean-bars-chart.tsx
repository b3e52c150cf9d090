/** @jsxImportSource hono/jsx */
/** Horizontal bars as SVG, with the mean as a line. Each has its name above it and its number at its end. */

import { count } from "../parts/quantities.ts";
import { meanBars } from "./mean-bars.ts";

interface Bar {
  name: string;
  value: number;
  /** Others are muted. */
  isAbove: boolean;
}

interface Chart {
  /** Says in words what the chart shows. */
  label: string;
  bars: readonly Bar[];
  mean: number;
}

const TOP = 26;
const NAME_LENGTH_MAX = 40;

export function MeanBarsChart({ label, bars, mean }: Chart) {
  const values = bars.map(({ value }) => value);
  const drawn = meanBars(values, mean, TOP);
  return (
    <svg class="chart" width="100%" height={drawn.height}>
      <title>{label}</title>
      <line class="mean" x1={`${drawn.mean}%`} x2={`${drawn.mean}%`} y1={TOP - 6} y2={drawn.height} />
      <text class={drawn.mean > 50 ? "mean-name left" : "mean-name"} x={`${drawn.mean}%`} y={TOP - 12}>
        Mean {meanText(mean)}
      </text>
      {bars.map(({ name, value, isAbove }, index) => {
        const { width, y } = drawn.bars[index] ?? { width: 0, y: 0 };
        const title = `${name}: ${count(value)}, ${isAbove ? "above the mean" : "not above the mean"}`;
        return (
          <g class={isAbove ? "bar above" : "bar"}>
            <title>{title}</title>
            <rect x="0" y={y} width={`${width}%`} height={drawn.thickness} />
            <text x="0" y={y - 5}>
              {name.length > NAME_LENGTH_MAX ? `${name.slice(0, NAME_LENGTH_MAX)}…` : name}
            </text>
            <text class="number" x={`${width}%`} dx="6" y={y + drawn.thickness - 2}>
              {count(value)}
            </text>
          </g>
        );
      })}
    </svg>
  );
}

/** The mean with two decimals, as people read it. */
export const meanText = (mean: number): string => mean.toLocaleString("en", { maximumFractionDigits: 2 });
