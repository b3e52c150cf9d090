/** The progress of a run on standard error: a bar with rate and ETA on a terminal, plain lines elsewhere. */
import { Format, type GenericFormatter, Presets, SingleBar } from "cli-progress";
import type { Progress, Report } from "../src/repositories/run-log.ts";
import { rates, rateTexts } from "./summary.ts";

/** Without a terminal, a line is printed this often during a long phase. */
const LINE_EVERY_MS = 5_000;
/** A rate is shown only after this time, and an ETA only after this share of the work. Any earlier they would be guesses. */
const RATE_AFTER_S = 0.2;
const ETA_AFTER_SHARE = 0.01;
const BAR_COLUMNS = { least: 5, most: 30 };

/** The bar that was drawn last. If it is active, it is on the terminal now. */
let bar: SingleBar | undefined;

/** Whether only errors go to standard error. */
export const isQuiet = process.argv.includes("--quiet");

/** Writes one line to standard error, unless --quiet is given. */
export function say(line: string): void {
  if (!isQuiet) sayError(line);
}

/** Writes one line to standard error, above the bar if there is one. */
export function sayError(line: string): void {
  const drawn = bar?.isActive ? bar : undefined;
  drawn?.stop();
  process.stderr.write(`${line}\n`);
  drawn?.start(1, drawn.getProgress());
}

/** Runs `work`, and shows its progress until it ends. */
export async function withProgress<T>(signal: AbortSignal, work: (report: Required<Report>) => Promise<T>): Promise<T> {
  if (isQuiet) return work({ say, signal, progress: () => {} });
  const { update, stop } = process.stderr.isTTY ? drawnBar() : plainLines();
  return work({ say, signal, progress: update }).finally(stop);
}

function drawnBar() {
  const meter = new Meter();
  const format: GenericFormatter = (options, { progress, maxWidth }) => {
    const [what = "", ...figures] = meter.read();
    const text = figures.join(", ");
    const barsize = Math.min(BAR_COLUMNS.most, maxWidth - `${what} [] ${text}`.length - 1);
    if (!meter.hasMeasure || barsize < BAR_COLUMNS.least) return [what, ...figures].join(", ");
    return `${what} [${Format.BarFormat(progress, { ...options, barsize })}] ${text}`;
  };
  const drawn = new SingleBar({ format, clearOnComplete: true, stream: process.stderr }, Presets.rect);
  bar = drawn;
  return {
    update(progress: Progress) {
      meter.update(progress);
      if (drawn.isActive) drawn.update(meter.share);
      else drawn.start(1, meter.share);
    },
    stop: () => drawn.stop(),
  };
}

/**
 * Prints a line every few seconds during a phase. A phase whose size is known gets one more line at its end, and any other
 * phase one at its start.
 */
function plainLines() {
  const meter = new Meter();
  let timer: Timer | undefined;
  let isSaid = true;
  const line = () => {
    say(meter.read().join(", "));
    isSaid = true;
  };
  const endPhase = () => {
    clearInterval(timer);
    if (!isSaid) line();
  };
  return {
    update(progress: Progress) {
      const isNew = meter.isNew(progress);
      if (isNew) {
        endPhase();
        timer = setInterval(line, LINE_EVERY_MS);
      }
      meter.update(progress);
      if (meter.hasMeasure) isSaid = false;
      else if (isNew) line();
    },
    stop() {
      // A phase that was interrupted gets no last line.
      if (meter.share < 1) isSaid = true;
      endPhase();
    },
  };
}

/** The last progress reported, and the rate since its phase began. */
class Meter {
  #last: Progress = { table: "", phase: "", rows: 0 };
  #began = 0;

  /** Whether another table or phase begins with this progress. */
  isNew({ table, phase }: Progress): boolean {
    return phase !== this.#last.phase || table !== this.#last.table;
  }

  update(progress: Progress): void {
    const { phase, rows } = this.#last;
    this.#last = progress;
    // Fewer rows than before mean that the next table has begun.
    if (progress.phase !== phase || progress.rows < rows) this.#began = performance.now();
  }

  /** Whether the size of the phase is known, so that a share can be shown. */
  get hasMeasure(): boolean {
    return (this.#last.of ?? 0) > 0;
  }

  /** The share of the phase that is done, from 0 to 1. */
  get share(): number {
    const { rows, bytes = rows, of = 0 } = this.#last;
    return of > 0 ? Math.min(1, bytes / of) : 0;
  }

  /** Table and phase, and then how much is done, how fast, and how long the rest will take. */
  read(): string[] {
    const { table, phase, rows, bytes } = this.#last;
    const parts = [`${table}: ${phase}`];
    if (this.hasMeasure) parts.push(`${Math.floor(100 * this.share)} %`);
    if (rows > 0) parts.push(`${rows} rows`);
    const seconds = (performance.now() - this.#began) / 1000;
    if (seconds < RATE_AFTER_S) return parts;
    parts.push(...rateTexts(rates({ rows, bytes }, seconds)));
    if (!this.hasMeasure) parts.push(duration(seconds));
    else if (this.share >= ETA_AFTER_SHARE) parts.push(`ETA ${duration((seconds * (1 - this.share)) / this.share)}`);
    return parts;
  }
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 120 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
