/** What a command draws: a bar on a terminal, plain lines elsewhere, and a last table of counts. */
import { Presets, SingleBar } from "cli-progress";
import type { Reason } from "../src/db/ledger.ts";

export interface Progress {
  table: string;
  phase: string;
  /** How much is done, of how much; left out where the work has no measure. */
  bytes?: number;
  of?: number;
  rows: number;
}

/** Elsewhere than on a terminal a line about this often. */
const LINE_EVERY_MS = 5_000;

/** A bar with rate and ETA on standard error where that is a terminal. `say` prints a line without breaking the bar. */
export function progressBar(): { update(progress: Progress): void; say(line: string): void; stop(): void } {
  return process.stderr.isTTY ? drawnBar() : plainLines();
}

function drawnBar() {
  const format = "{table} {phase} [{bar}] {percentage} % | {rows} rows, {rate} rows/s | ETA {left}";
  const bar = new SingleBar({ format, clearOnComplete: true, hideCursor: true, stream: process.stderr }, Presets.rect);
  let part = "";
  let began = 0;
  const stop = () => bar.stop();
  return {
    update({ table, phase, bytes = 0, of = 0, rows }: Progress) {
      if (part !== table + phase) {
        stop();
        part = table + phase;
        began = performance.now();
        bar.start(of || 1, 0, { table, phase, rows: 0, rate: "-", left: "-" });
      }
      const seconds = (performance.now() - began) / 1000;
      const left = bytes > 0 ? `${Math.ceil((seconds * (of - bytes)) / bytes)} s` : "-";
      bar.update(bytes, { rows, rate: seconds > 0.5 ? Math.round(rows / seconds) : "-", left });
    },
    say(line: string) {
      // Clears the bar's line; it draws itself again below.
      process.stderr.write(`\r\x1b[K${line}\n`);
    },
    stop,
  };
}

function plainLines() {
  let part = "";
  let last = performance.now();
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  return {
    update({ table, phase, bytes = 0, of = 0, rows }: Progress) {
      const changed = part !== table + phase;
      if (!changed && performance.now() - last < LINE_EVERY_MS) return;
      part = table + phase;
      last = performance.now();
      const share = of > 0 ? ` ${Math.floor((100 * bytes) / of)} %` : "";
      say(`${table}: ${phase}${share}${rows > 0 ? `, ${rows} rows` : ""}`);
    },
    say,
    stop() {},
  };
}

/** Counts per table, with a line for the sums where there are several tables. */
export function countsTable(tables: Record<string, object>): string {
  const lines = Object.entries(tables) as [string, Record<string, number>][];
  const keys = Object.keys(lines[0]?.[1] ?? {});
  if (lines.length > 1) {
    const sum = (key: string) => lines.reduce((total, [, counts]) => total + (counts[key] ?? 0), 0);
    lines.push(["all", Object.fromEntries(keys.map((key) => [key, sum(key)]))]);
  }
  const cells = [
    ["table", ...keys],
    ...lines.map(([name, counts]) => [name, ...keys.map((key) => String(counts[key]))]),
  ];
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0))) ?? [];
  return cells
    .map((line) =>
      line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
    )
    .join("\n");
}

/** Rejected rows that are shown as they are found. */
const REJECTIONS_SHOWN = 5;
export const MORE_REJECTIONS = "further rejected rows: GET /rejections?state=open";

/** Shows the first rejected rows with where they stood and every reason, and says once where the others are. */
export function firstRejections(
  line: (text: string) => void,
  more: string,
): (where: string, reasons: readonly Reason[]) => void {
  let shown = 0;
  return (where, reasons) => {
    if (shown === REJECTIONS_SHOWN) line(more);
    if (shown++ >= REJECTIONS_SHOWN) return;
    const why = reasons.map(({ code, field, detail }) => `${code}${field ? ` (${field})` : ""}: ${detail}`);
    line(`${where} rejected: ${why.join("; ")}`);
  };
}
