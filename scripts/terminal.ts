/** What a command draws: a bar on a terminal, plain lines elsewhere, and a last table of counts. */
import { Format, type GenericFormatter, Presets, SingleBar } from "cli-progress";
import type { Reason } from "../src/db/ledger.ts";
import type { Progress } from "../src/repositories/runs.ts";

/** Elsewhere than on a terminal a line about this often, and for each new phase. */
const LINE_EVERY_MS = 5_000;
/** Before that a rate says nothing, nor an ETA. */
const RATE_AFTER_S = 0.2;
const ETA_AFTER_SHARE = 0.01;
const BAR_COLUMNS = { least: 5, most: 30 };

/** How far a run has come, with rate and ETA: a bar on standard error where that is a terminal, else lines now and then. */
export function progressBar(): { update(progress: Progress): void; say(line: string): void; stop(): void } {
  return process.stderr.isTTY ? drawnBar() : plainLines();
}

/** Standard error has one bar at a time. */
let drawn: SingleBar | undefined;

/** One line on standard error, above whatever progress is drawn there. */
export function say(line: string): void {
  const bar = drawn?.isActive ? drawn : undefined;
  bar?.stop();
  process.stderr.write(`${line}\n`);
  bar?.start(1, bar.getProgress());
}

function drawnBar() {
  const meter = new Meter();
  const format: GenericFormatter = (options, { progress, maxWidth }) => {
    const { what, figures, text } = meter.read();
    const barsize = Math.min(BAR_COLUMNS.most, maxWidth - `${what} [] ${figures}`.length - 1);
    if (!meter.hasMeasure || barsize < BAR_COLUMNS.least) return text;
    return `${what} [${Format.BarFormat(progress, { ...options, barsize })}] ${figures}`;
  };
  const bar = new SingleBar({ format, clearOnComplete: true, stream: process.stderr }, Presets.rect);
  drawn = bar;
  return {
    update(progress: Progress) {
      meter.update(progress);
      if (bar.isActive) bar.update(meter.share);
      else bar.start(1, meter.share);
    },
    say,
    stop: () => bar.stop(),
  };
}

function plainLines() {
  const meter = new Meter();
  let timer: Timer | undefined;
  const line = () => say(meter.read().text);
  return {
    update(progress: Progress) {
      if (!meter.update(progress)) return;
      line();
      clearInterval(timer);
      timer = setInterval(line, LINE_EVERY_MS);
    },
    say,
    stop: () => clearInterval(timer),
  };
}

/** What was told last, and the speed since its phase began, or since its rows were counted anew. */
class Meter {
  #last: Progress = { table: "", phase: "", rows: 0 };
  #began = 0;

  /** @returns whether another table or phase has begun */
  update(progress: Progress): boolean {
    const { table, phase, rows } = this.#last;
    this.#last = progress;
    if (progress.phase !== phase || progress.rows < rows) this.#began = performance.now();
    return progress.phase !== phase || progress.table !== table;
  }

  get hasMeasure(): boolean {
    return (this.#last.of ?? 0) > 0;
  }

  /** What is done of all there is, 0 to 1. */
  get share(): number {
    const { rows, bytes = rows, of = 0 } = this.#last;
    return of > 0 ? Math.min(1, bytes / of) : 0;
  }

  /** What is done to which table; how much of it, how fast, and for how long still; and both in a line. */
  read(): { what: string; figures: string; text: string } {
    const { table, phase } = this.#last;
    const what = `${table}: ${phase}`;
    const figures = this.#figures();
    return { what, figures: figures.join(", "), text: [what, ...figures].join(", ") };
  }

  #figures(): string[] {
    const { rows, bytes } = this.#last;
    const figures = this.hasMeasure ? [`${Math.floor(100 * this.share)} %`] : [];
    if (rows > 0) figures.push(`${rows} rows`);
    const seconds = (performance.now() - this.#began) / 1000;
    if (seconds < RATE_AFTER_S) return figures;
    figures.push(...rateTexts(rates({ rows, bytes }, seconds)));
    if (!this.hasMeasure) figures.push(duration(seconds));
    else if (this.share >= ETA_AFTER_SHARE) figures.push(`ETA ${duration((seconds * (1 - this.share)) / this.share)}`);
    return figures;
  }
}

/** How long a run took, to the end of its last statement, and how fast that was. */
export interface Speed {
  seconds: number;
  rows_per_s: number;
  /** A megabyte is a million bytes. */
  mb_per_s?: number;
}

/** @param started by performance.now(); `bytes` where it is they that were worked through */
export function speedSince(started: number, tables: Record<string, { received: number }>, bytes?: number): Speed {
  const seconds = Number(((performance.now() - started) / 1000).toFixed(3));
  const rows = Object.values(tables).reduce((sum, { received }) => sum + received, 0);
  return { seconds, ...rates({ rows, bytes }, seconds) };
}

function rates({ rows, bytes }: { rows: number; bytes?: number | undefined }, seconds: number): Omit<Speed, "seconds"> {
  const rows_per_s = Math.round(rows / seconds);
  return bytes === undefined ? { rows_per_s } : { rows_per_s, mb_per_s: Number((bytes / seconds / 1e6).toFixed(2)) };
}

export const speedText = (speed: Speed) => [`${speed.seconds} s`, ...rateTexts(speed)].join(", ");

function rateTexts({ rows_per_s, mb_per_s }: Omit<Speed, "seconds">): string[] {
  const texts = rows_per_s > 0 ? [`${rows_per_s} rows/s`] : [];
  if (mb_per_s !== undefined) texts.push(`${mb_per_s} MB/s`);
  return texts;
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 120 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
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
