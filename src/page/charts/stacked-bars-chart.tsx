/** @jsxImportSource hono/jsx */
/** Stacked bars as SVG. Every segment has its key, its number, and a title that says all in words. */

import { count } from "../parts/quantities.ts";
import { type Segment, stackedBars } from "./stacked-bars.ts";

export interface ChartSeries {
  name: string;
  values: readonly number[];
  /** A class of style/charts.css with its colour. */
  colour: string;
  /** The letter in the legend and in the segments. */
  key: string;
  /** Where its segments lead to. */
  href?: string | undefined;
}

interface Chart {
  /** Names the chart. */
  label: string;
  series: readonly ChartSeries[];
  /** The names of the bars. */
  bars: readonly string[];
  /** What is counted, such as `hires`. */
  unit: string;
}

const TOP = 24;
const BOTTOM = 490;
const HEIGHT = 518;
/** A segment must be this high to hold its text. */
const TEXT_HEIGHT = 15;

export function StackedBarsChart({ label, series, bars, unit }: Chart) {
  const values = series.map((each) => each.values);
  const drawn = stackedBars(values, bars.length, { top: TOP, bottom: BOTTOM });
  return (
    <svg class="chart" width="100%" height={HEIGHT}>
      <title>{label}</title>
      <g>
        {drawn.ticks.map(({ value, y }) => (
          <>
            <line class="grid" x1="0" x2="100%" y1={y} y2={y} />
            <text class="tick" x="0" y={y - 4}>
              {count(value)}
            </text>
          </>
        ))}
        {drawn.bars.map(({ total, x, width, y }, bar) => (
          <>
            <text class="total" x={`${x + width / 2}%`} y={y - 6}>
              {count(total)}
            </text>
            <text class="bar-name" x={`${x + width / 2}%`} y={BOTTOM + 20}>
              {bars[bar]}
            </text>
          </>
        ))}
      </g>
      {drawn.segments.map((segment) => (
        <SegmentMark segment={segment} series={series[segment.series]} bar={bars[segment.bar]} unit={unit} />
      ))}
      {drawn.segments.map((segment) => (
        <SegmentText segment={segment} series={series[segment.series]} />
      ))}
      <line class="axis" x1="0" x2="100%" y1={BOTTOM} y2={BOTTOM} />
    </svg>
  );
}

interface Mark {
  segment: Segment;
  series: ChartSeries | undefined;
}

function SegmentMark({ segment, series, bar, unit }: Mark & { bar: string | undefined; unit: string }) {
  if (!series) return null;
  const { value, x, y, width, height } = segment;
  const title = `${series.name}, ${bar}: ${count(value)} ${unit}`;
  const mark = (
    <>
      <title>{title}</title>
      <rect x={`${x}%`} y={y} width={`${width}%`} height={height} />
    </>
  );
  const classes = `segment ${series.colour}`;
  if (series.href === undefined) return <g class={classes}>{mark}</g>;
  return (
    <a class={classes} href={series.href} aria-label={title}>
      {mark}
    </a>
  );
}

function SegmentText({ segment: { value, x, y, width, height }, series }: Mark) {
  if (height < TEXT_HEIGHT) return null;
  return (
    <text class="segment-text" x={`${x + width / 2}%`} y={y + height / 2}>
      <tspan class="key">{series?.key}</tspan> {count(value)}
    </text>
  );
}
