/** Replays any number of rejections, in batches. Each batch is a transaction and a run of its own. */
import type { TableName } from "../codecs/tables.ts";
import { type Counts, RAW_BYTES_MAX } from "../db/ledger.ts";
import { retried, transacted, WORTH_ANOTHER_TRY } from "../db/transaction.ts";
import { MusterError } from "../errors.ts";
import type { Correction } from "../read/corrections/corrected-file.ts";
import { ROWS_PER_REQUEST_MAX } from "../read/request-rows.ts";
import { inParts } from "../repositories/inserts.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { countOpen, pageOfOpen, standingOf } from "../repositories/open-rejections.ts";
import { findRun, noRows, type Report } from "../repositories/run-log.ts";
import type { BatchOutcome, RowAnswer } from "./insert-batch.ts";
import { replay } from "./replay.ts";

export interface ReplayOptions {
  /** Milliseconds that a batch may take before it is given up. */
  msMax: number;
  report: ReplayReport;
}

export interface ReplayReport extends Report {
  /** Called with each row that is rejected again. */
  rejected?(row: RowAnswer): void;
}

export interface ReplayOutcome {
  /** One for each batch, in their order. */
  runs: string[];
  tables: Partial<Record<TableName, Counts>>;
}

/**
 * Limits of a batch. `bytesMax` counts corrected rows, or the raw inputs if rejections are replayed without a correction.
 */
export const BATCH = { rowsMax: ROWS_PER_REQUEST_MAX, bytesMax: 8 * 1024 * 1024 };

/**
 * Replays the raw inputs of the rejections that are open now, of all runs or of one; parents' tables first. It skips the
 * rejections that the replay itself adds, and those whose raw input was cut in the log.
 * @throws MusterError `invalid` if the run does not exist or has not ended. After any other error, the batches that were
 *   replayed before it stay replayed
 */
export async function replayOpen(
  database: MusterDatabase,
  { run, msMax, report }: ReplayOptions & { run: string | undefined },
): Promise<ReplayOutcome> {
  if (run !== undefined) await assertEnded(database, run);
  const open = await countOpen(database.db, run);
  const batches = new ReplayBatches(database, run === undefined ? "open rejections" : `run ${run}`, { msMax, report });
  const cut = new FirstFew();
  for (const table of database.dictionary.tables) {
    const { rows: total = 0, last: upTo = 0 } = open.find((each) => each.table === table.name) ?? {};
    let rows = 0;
    for (let after = 0; after < upTo; ) {
      const page = { table: table.name, run, after, upTo, limit: ROWS_PER_REQUEST_MAX };
      const rejections = await pageOfOpen(database.db, page);
      after = rejections.at(-1)?.id ?? upTo;
      for (const { id, cutAt } of rejections) if (cutAt !== null) cut.add(`${id}`);
      const whole = rejections.filter(({ cutAt }) => cutAt === null);
      for (const part of inParts(whole, ({ bytes }) => bytes, BATCH)) {
        await batches.replay(part.map(({ id }) => ({ id })));
      }
      rows += rejections.length;
      report.progress?.({ table: table.name, phase: "replaying", rows, of: total });
    }
  }
  sayCut(report, cut);
  return batches.outcome;
}

async function assertEnded(database: MusterDatabase, id: string): Promise<void> {
  const run = await findRun(database.db, id);
  if (!run) throw new MusterError("invalid", `there is no run ${id}: GET /runs lists them`);
  if (run.finished_at === null) throw new MusterError("invalid", `the run ${id} has not ended: replay it afterwards`);
}

export function sayCut(report: ReplayReport, cut: FirstFew): void {
  if (cut.count === 0) return;
  const advice = 'give the whole rows as {"id": ..., "row": {...}} in an .ndjson file';
  report.say(
    `left out ${cut.count} whose input is longer than the ${RAW_BYTES_MAX} bytes that the log keeps: ${cut}; ${advice}`,
  );
}

/** How often a batch is tried while another replay holds some of its rejections. Each pause is PAUSE_MS longer. */
const ATTEMPTS_MAX = 20;
const PAUSE_MS = 50;

export class ReplayBatches {
  readonly outcome: ReplayOutcome = { runs: [], tables: {} };

  constructor(
    private readonly database: MusterDatabase,
    private readonly source: string,
    private readonly options: ReplayOptions,
  ) {}

  /** Replays a batch, and adds what became of its rows to the outcome. */
  async replay(corrections: readonly Correction[]): Promise<void> {
    if (corrections.length === 0) return;
    const { report } = this.options;
    const { runs, tables } = this.outcome;
    const outcome = await this.#replay(corrections).catch((error) => {
      if (runs.length > 0)
        report.say(`${runs.length} batches were replayed; run the same command again to replay the rest`);
      throw error;
    });
    if (outcome === "others have replayed them") return;
    runs.push(outcome.run);
    for (const row of outcome.rows) if (row.status === "rejected") report.rejected?.(row);
    for (const [name, counts] of Object.entries(outcome.counts) as [TableName, Counts][]) {
      const sum = tables[name] ?? noRows();
      for (const key of Object.keys(sum) as (keyof Counts)[]) sum[key] += counts[key];
      tables[name] = sum;
    }
  }

  async #replay(corrections: readonly Correction[]): Promise<BatchOutcome | "others have replayed them"> {
    const { database, source, options } = this;
    let rest = corrections;
    for (let attempt = 1; ; attempt++) {
      options.report.signal?.throwIfAborted();
      const request = { corrections: rest, source, pointer: () => "" };
      try {
        const { outcome } = await retried(WORTH_ANOTHER_TRY, () =>
          transacted(database, (connection) => replay(database, connection, request), options.msMax),
        );
        return outcome;
      } catch (error) {
        if (!(error instanceof MusterError && error.code === "conflict") || attempt === ATTEMPTS_MAX) throw error;
      }
      await Bun.sleep(PAUSE_MS * attempt);
      rest = await this.#stillOpen(rest);
      if (rest.length === 0) return "others have replayed them";
    }
  }

  async #stillOpen(corrections: readonly Correction[]): Promise<Correction[]> {
    const { database, options } = this;
    const ids = corrections.map(({ id }) => id);
    const standings = await standingOf(database.db, ids);
    const closed = new FirstFew();
    for (const { id, state } of standings.values()) if (state !== "open") closed.add(`${id} (${state})`);
    if (closed.count > 0) options.report.say(`left out ${notOpen(closed.count)}: ${closed}`);
    return corrections.filter(({ id }) => standings.get(id)?.state === "open");
  }
}

export const notOpen = (count: number) => `${count} that ${count === 1 ? "is" : "are"} not open any more`;

/** Counts names, and shows the first few of them. */
export class FirstFew {
  static readonly SHOWN_MAX = 5;
  count = 0;
  readonly #shown: string[] = [];

  add(name: string): void {
    if (this.count++ < FirstFew.SHOWN_MAX) this.#shown.push(name);
  }

  toString(): string {
    return this.#shown.join(", ") + (this.count > FirstFew.SHOWN_MAX ? `, ... (${this.count} in all)` : "");
  }
}
