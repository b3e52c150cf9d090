/** What a command draws: a bar on a terminal, plain lines elsewhere, and a last table of counts. */
import { Format, type GenericFormatter, Presets, SingleBar } from "cli-progress";
import type { Reason, ReasonCode } from "../src/db/ledger.ts";
import type { Progress } from "../src/repositories/run-log.ts";
import { cut, escaped } from "../src/shown.ts";

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

/**
 * A phase with a measure is told when it is over, and now and then if it takes long; another one when it begins, since
 * nobody knows how long it will take.
 */
function plainLines() {
  const meter = new Meter();
  let timer: Timer | undefined;
  let isTold = true;
  const line = () => {
    say(meter.read().text);
    isTold = true;
  };
  const over = () => {
    clearInterval(timer);
    if (!isTold) line();
  };
  return {
    update(progress: Progress) {
      const isNew = meter.isNew(progress);
      if (isNew) {
        over();
        timer = setInterval(line, LINE_EVERY_MS);
      }
      meter.update(progress);
      if (meter.hasMeasure) isTold = false;
      else if (isNew) line();
    },
    say,
    stop() {
      // What was interrupted has no end to tell.
      if (meter.share < 1) isTold = true;
      over();
    },
  };
}

/** What was told last, and the speed since its phase began, or since its rows were counted anew. */
class Meter {
  #last: Progress = { table: "", phase: "", rows: 0 };
  #began = 0;

  /** Whether another table or phase begins with it. */
  isNew({ table, phase }: Progress): boolean {
    return phase !== this.#last.phase || table !== this.#last.table;
  }

  update(progress: Progress): void {
    const { phase, rows } = this.#last;
    this.#last = progress;
    if (progress.phase !== phase || progress.rows < rows) this.#began = performance.now();
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
  return aligned(cells, 1);
}

/** Lines of cells, the first `left` columns flush left and the others, which are numbers, flush right. */
export function aligned(cells: readonly (readonly string[])[], left: number): string {
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0))) ?? [];
  const pad = (cell: string, i: number) => (i < left ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0));
  return cells.map((line) => line.map(pad).join("  ").trimEnd()).join("\n");
}

/** Rejected rows that are shown as they are found. */
const REJECTIONS_SHOWN = 5;
/** Kinds of reasons that are counted by themselves: the field of an unknown one is whatever a file says. */
const REASONS_MAX = 1_000;
/** Of those the most frequent are shown. */
const REASONS_SHOWN = 20;

/** How many rows of a table had this reason. A row may have several. */
export interface ReasonCount {
  table: string;
  code: ReasonCode;
  field: string | undefined;
  rows: number;
}

/** The rejected rows of a command: the first ones are shown with where they stood and every reason, all are counted by reason. */
export class Rejections {
  #rows = 0;
  readonly #counts = new Map<string, ReasonCount>();

  /** @param line shows a row; undefined shows none */
  constructor(private readonly line: ((text: string) => void) | undefined) {}

  add(where: string, table: string, reasons: readonly Reason[]): void {
    for (const { code, field } of reasons) this.#count(table, code, field);
    const shown = this.#rows++;
    if (shown === REJECTIONS_SHOWN) this.line?.("further rejected rows are counted by reason at the end");
    if (shown >= REJECTIONS_SHOWN) return;
    const why = reasons.map(({ code, field, detail }) => `${reasonText(code, field)}: ${detail}`);
    this.line?.(`${where} rejected: ${why.join("; ")}`);
  }

  #count(table: string, code: ReasonCode, named: string | undefined): void {
    const field = this.#counts.size < REASONS_MAX ? named : undefined;
    const key = JSON.stringify([table, code, field]);
    const count = this.#counts.get(key);
    if (count) count.rows++;
    else this.#counts.set(key, { table, code, field, rows: 1 });
  }

  /** The most frequent reason first. */
  get reasons(): ReasonCount[] {
    return [...this.#counts.values()].sort((a, b) => b.rows - a.rows);
  }

  /** The sums by reason as a table, with a line break before it; blank if no row was rejected. */
  get text(): string {
    const all = this.reasons;
    if (all.length === 0) return "";
    const lines = all
      .slice(0, REASONS_SHOWN)
      .map((each) => [each.table, reasonText(each.code, each.field), `${each.rows}`]);
    const more = all.length > REASONS_SHOWN ? `\n... and ${all.length - REASONS_SHOWN} reasons more` : "";
    return `\n\n${aligned([["table", "rejected for", "rows"], ...lines], 2)}${more}\n`;
  }
}

const reasonText = (code: ReasonCode, field: string | undefined) =>
  `${code}${field ? ` (${cut(escaped(field))})` : ""}`;
