import type { Database } from "../db/database.ts";
import { MusterError } from "../errors.ts";
import { type Progress, type Report, recordProgress } from "./run-log.ts";

/** Often enough for a progress bar to move, and rare compared with the run's own statements. */
const BEAT_MS = 500;

/**
 * Writes the progress of a run into its row, and looks there whether somebody wants it cancelled. So every process can follow
 * and cancel a run, whichever process works on it.
 */
export class Pulse<Reported extends Report = Report> {
  /** The given report for the steps of the run. It also notes their progress, and its signal also aborts on a cancel. */
  readonly report: Reported;
  readonly #cancelled = new AbortController();
  #progress: Progress = { table: "", phase: "waiting", rows: 0 };
  #phaseBegan = performance.now();
  #beating: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;

  constructor(
    private readonly database: Database,
    report: Reported,
  ) {
    const signals = report.signal ? [report.signal, this.#cancelled.signal] : [this.#cancelled.signal];
    const progress = (progress: Progress) => {
      this.note(progress);
      report.progress?.(progress);
    };
    this.report = { ...report, signal: AbortSignal.any(signals), progress };
  }

  /** Notes progress for the run's row only. The given report is not told. */
  note(progress: Progress): void {
    if (progress.phase !== this.#progress.phase) this.#phaseBegan = performance.now();
    this.#progress = progress;
  }

  /** @param rejected says how many rows have been rejected so far */
  start(run: string, rejected = () => 0): void {
    this.#timer = setTimeout(() => {
      // If a beat fails, the next one tries again, or the run fails for the same reason.
      const beat = this.#beat(run, rejected()).catch(() => {});
      this.#beating = beat.then(() => {
        if (this.#timer) this.start(run, rejected);
      });
    }, BEAT_MS);
  }

  /** Resolves when the last beat is over. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#beating;
  }

  async #beat(run: string, rejected: number): Promise<void> {
    const { rows } = this.#progress;
    const seconds = (performance.now() - this.#phaseBegan) / 1000;
    const speed = rows > 0 && { rows_per_s: Math.round(rows / seconds) };
    const isCancelled = await recordProgress(this.database.db, run, { ...this.#progress, rejected, ...speed });
    if (isCancelled) this.#cancelled.abort(new MusterError("interrupted", "interrupted: it was cancelled on request"));
  }
}
