import type { Database } from "../db/database.ts";
import { MusterError } from "../errors.ts";
import { type Progress, recordProgress } from "../repositories/run-log.ts";
import type { Import, ImportReport } from "./import-state.ts";

/** The beats of an import: often enough for a bar that moves, and nothing beside the import's own statements. */
const BEAT_MS = 500;

/**
 * Tells in the run's row how far an import has come, and looks there whether somebody wants it cancelled: so every process
 * can follow and cancel what any other one imports.
 */
export class Pulse {
  /** The report that was given, for the import's steps: what is told to it is told in the row too, and its signal is aborted by a cancellation. */
  readonly report: ImportReport;
  readonly #cancelled = new AbortController();
  #progress: Progress = { table: "", phase: "waiting", rows: 0 };
  #phaseBegan = performance.now();
  #beating: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;

  constructor(
    private readonly database: Database,
    report: ImportReport,
  ) {
    const signals = report.signal ? [report.signal, this.#cancelled.signal] : [this.#cancelled.signal];
    const progress = (progress: Progress) => {
      this.note(progress);
      report.progress?.(progress);
    };
    this.report = { ...report, signal: AbortSignal.any(signals), progress };
  }

  /** Progress for the row alone. */
  note(progress: Progress): void {
    if (progress.phase !== this.#progress.phase) this.#phaseBegan = performance.now();
    this.#progress = progress;
  }

  start(run: string, counts: Import["counts"]): void {
    this.#timer = setTimeout(() => {
      // A beat that fails is the next one's to make good, or the import fails of the same cause.
      const beat = this.#beat(run, counts).catch(() => {});
      this.#beating = beat.then(() => {
        if (this.#timer) this.start(run, counts);
      });
    }, BEAT_MS);
  }

  /** The last beat is over when this resolves. */
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
