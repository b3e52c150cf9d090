/**
 * Draws how the cost of a row grows with the number of rows, and prints the same as a table for docs/speed.md.
 *   usage: bun scripts/bench/growth.ts FILE.svg < the lines that the bench printed with --alone
 */
import { scaleLog } from "d3-scale";
import { line } from "d3-shape";

interface Measurement {
  bench: string;
  server: string;
  rows: number;
  us_per_row: number;
  rss_mb: number;
}

const PANEL = { width: 330, height: 300, top: 40, left: 50, bottom: 40, right: 70 };
const WIDTH = PANEL.left + PANEL.width + PANEL.right;
const HEIGHT = PANEL.top + PANEL.height + PANEL.bottom;
/** A colour for each bench (BENCH_NAMES). */
const COLORS = ["#0b61a4", "#b5460f", "#1b7f4d", "#7a3fb0", "#8a6d00", "#b3245e", "#4a5560", "#006d77"];
/** The height of a label in pixels. Labels that would overlap are moved down. */
const LABEL_HEIGHT = 13;

const lines = (await Bun.stdin.text()).trim().split("\n");
const measured = lines.map((text): Measurement => JSON.parse(text));
const servers = distinct(measured.map(({ server }) => server));
const benches = distinct(measured.map(({ bench }) => bench));
const sizes = distinct(measured.map(({ rows }) => sizeOf(rows))).sort((a, b) => a - b);
const costs = measured.map((each) => each.us_per_row);
const x = scaleLog()
  .domain([Math.min(...sizes), Math.max(...sizes)])
  .range([PANEL.left, PANEL.left + PANEL.width]);
const y = scaleLog()
  .domain([Math.min(...costs) / 1.5, Math.max(...costs) * 1.5])
  .range([PANEL.top + PANEL.height, PANEL.top]);

const [file] = process.argv.slice(2);
if (file !== undefined) await Bun.write(file, picture());
console.log(table());

/**
 * The size that the bench was asked for. Some of its rows are bad, and some benches count only the good ones: 298,512 is
 * 300,000.
 */
function sizeOf(rows: number): number {
  return Number(rows.toPrecision(2));
}

function distinct<T>(all: T[]): T[] {
  return [...new Set(all)];
}

function picture(): string {
  const panels = servers.map((server, index) => `<g transform="translate(${index * WIDTH} 0)">${panel(server)}</g>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH * servers.length} ${HEIGHT}" role="img"
  aria-label="Microseconds per row, by the number of rows" font-family="system-ui, sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
${panels.join("\n")}
</svg>
`;
}

function panel(server: string): string {
  const bottom = PANEL.top + PANEL.height;
  const right = PANEL.left + PANEL.width;
  const across = y.ticks().filter(isPowerOfTen);
  const parts = [
    `<text x="${PANEL.left}" y="20" font-weight="bold">${server}: microseconds per row</text>`,
    ...across.map(
      (tick) =>
        `<path d="M${PANEL.left} ${y(tick)}H${right}" stroke="#ddd"/>
<text x="${PANEL.left - 6}" y="${y(tick) + 4}" text-anchor="end">${tick}</text>`,
    ),
    ...sizes.map(
      (size) => `<text x="${x(size)}" y="${bottom + 18}" text-anchor="middle">${size.toLocaleString("en")}</text>`,
    ),
    `<text x="${(PANEL.left + right) / 2}" y="${bottom + 34}" text-anchor="middle">rows</text>`,
  ];
  let labelY = Number.NEGATIVE_INFINITY;
  const drawn = benches
    .flatMap((bench, index) => {
      const points = pointsOf(server, bench);
      const last = points.at(-1);
      return last ? [{ bench, color: COLORS[index % COLORS.length], points, end: last[1] }] : [];
    })
    .sort((a, b) => a.end - b.end);
  for (const { bench, color, points, end } of drawn) {
    labelY = Math.max(end, labelY + LABEL_HEIGHT);
    parts.push(
      `<path d="${line()(points)}" fill="none" stroke="${color}" stroke-width="2"/>`,
      ...points.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3" fill="${color}"/>`),
      `<text x="${right + 8}" y="${labelY + 4}" fill="${color}">${bench}</text>`,
    );
  }
  return parts.join("\n");
}

function isPowerOfTen(value: number): boolean {
  return Number.isInteger(Math.round(Math.log10(value) * 1e6) / 1e6);
}

function pointsOf(server: string, bench: string): [number, number][] {
  return measured
    .filter((each) => each.server === server && each.bench === bench)
    .sort((a, b) => a.rows - b.rows)
    .map((each) => [x(sizeOf(each.rows)), y(each.us_per_row)]);
}

/** One row for each server and bench: for each size the microseconds per row, and the megabytes of memory. */
function table(): string {
  const head = sizes.map((size) => ` ${size.toLocaleString("en")} |`).join("");
  const rows = servers.flatMap((server) =>
    benches.map((bench) => {
      const cells = sizes.map((size) => {
        const [found, twice] = measured.filter(
          (each) => each.server === server && each.bench === bench && sizeOf(each.rows) === size,
        );
        if (twice) throw new Error(`${bench} of ${size} rows was measured twice on ${server}`);
        return found ? ` ${Number(found.us_per_row.toPrecision(2))} (${found.rss_mb}) |` : " |";
      });
      return `| ${server} | ${bench} |${cells.join("")}`;
    }),
  );
  return [`| server | bench |${head}`, `|---|---|${sizes.map(() => "---|").join("")}`, ...rows].join("\n");
}
