import { MusterError } from "../errors.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { type Progress, recordProgress } from "../repositories/run-log.ts";
import type { Import, ImportReport } from "./import-state.ts";

/** Often enough for a progress bar to move, and rare compared with the import's own statements. */
const BEAT_MS = 500;

/**
 * Writes the progress of an import into its run's row, and looks there whether somebody wants it cancelled. So every process
 * can follow and cancel an import, whichever process works on it.
 */
export class Pulse {
  /** The given report for the steps of the import. It also notes their progress, and its signal also aborts on a cancel. */
  readonly report: ImportReport;
  readonly #cancelled = new AbortController();
  #progress: Progress = { table: "", phase: "waiting", rows: 0 };
  #phaseBegan = performance.now();
  #beating: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;

  constructor(
    private readonly database: MusterDatabase,
    report: ImportReport,
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

  start(run: string, counts: Import["counts"]): void {
    this.#timer = setTimeout(() => {
      // If a beat fails, the next one tries again, or the import fails for the same reason.
      const beat = this.#beat(run, counts).catch(() => {});
      this.#beating = beat.then(() => {
        if (this.#timer) this.start(run, counts);
      });
    }, BEAT_MS);
  }

  /** Resolves when the last beat is over. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#beating;
  }

  async #beat(run: string, counts: Import["counts"]): Promise<void> {
    const { rows } = this.#progress;
    const seconds = (performance.now() - this.#phaseBegan) / 1000;
    const rejected = Object.values(counts).reduce((sum, each) => sum + each.rejected, 0);
    const speed = rows > 0 && { rows_per_s: Math.round(rows / seconds) };
    const isCancelled = await recordProgress(this.database.db, run, { ...this.#progress, rejected, ...speed });
    if (isCancelled) this.#cancelled.abort(new MusterError("interrupted", "interrupted: it was cancelled on request"));
  }
}
