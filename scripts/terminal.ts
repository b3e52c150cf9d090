/** What a command draws: a bar on a terminal, plain lines elsewhere, and a last table of counts. */
import { Presets, SingleBar } from "cli-progress";
import type { Counts } from "../src/db/ledger.ts";

export interface Progress {
  table: string;
  phase: string;
  /** Bytes read, of how many; zero where the work has no measure. */
  bytes: number;
  of: number;
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
    update({ table, phase, bytes, of, rows }: Progress) {
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
    update({ table, phase, bytes, of, rows }: Progress) {
      const changed = part !== table + phase;
      if (!changed && performance.now() - last < LINE_EVERY_MS) return;
      part = table + phase;
      last = performance.now();
      say(`${table}: ${phase}${of > 0 ? ` ${Math.floor((100 * bytes) / of)} %` : ""}, ${rows} rows`);
    },
    say,
    stop() {},
  };
}

/** Rows of counts per table, with a line for the sum where there are several. */
export function countsTable(tables: Record<string, Counts>): string {
  const keys = ["received", "inserted", "unchanged", "rejected", "withheld"] as const;
  const lines = Object.entries(tables).map(([name, counts]) => [name, ...keys.map((key) => counts[key])]);
  if (lines.length > 1) {
    const sum = (key: keyof Counts) => Object.values(tables).reduce((total, counts) => total + counts[key], 0);
    lines.push(["all", ...keys.map(sum)]);
  }
  const cells = [["table", ...keys], ...lines].map((line) => line.map(String));
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0))) ?? [];
  return cells
    .map((line) =>
      line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
    )
    .join("\n");
}
