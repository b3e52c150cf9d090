/** Rejections replayed in batches: each is a transaction and a run of its own, committed or not done at all. */

import type { TableName } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import type { Counts } from "../db/ledger.ts";
import { retried, transacted, WORTH_ANOTHER_TRY } from "../db/transaction.ts";
import { MusterError } from "../errors.ts";
import type { Mended } from "../read/mended-lines.ts";
import { ROWS_PER_REQUEST_MAX } from "../read/request-rows.ts";
import { standingOf } from "../repositories/open-rejections.ts";
import { noRows, type Report } from "../repositories/run-log.ts";
import type { BatchOutcome, RowAnswer } from "./insert-batch.ts";
import { replay } from "./replay.ts";

export interface ReplayOptions {
  /** A batch is given up after so many milliseconds. */
  msMax: number;
  report: ReplayReport;
}

export interface ReplayReport extends Report {
  /** Is told each row that is rejected again. */
  rejected?(row: RowAnswer): void;
}

export interface ReplayOutcome {
  /** One per batch, in their order. */
  runs: string[];
  tables: Partial<Record<TableName, Counts>>;
}

/** Bytes of mended rows that one batch holds. */
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
/** Another replay that holds some of a batch's rejections is waited for so often, each time a little longer. */
const ATTEMPTS_MAX = 20;
const PAUSE_MS = 50;

export class Batches {
  readonly outcome: ReplayOutcome = { runs: [], tables: {} };
  #mended: Mended[] = [];
  #bytes = 0;

  constructor(
    private readonly database: Database,
    private readonly source: string,
    private readonly options: ReplayOptions,
  ) {}

  /** @param bytes of the row; of one that is replayed as it came, of its raw input */
  async add(mended: Mended, bytes = sizeOf(mended)): Promise<void> {
    this.#mended.push(mended);
    this.#bytes += bytes;
    if (this.#mended.length === ROWS_PER_REQUEST_MAX || this.#bytes >= BATCH_BYTES_MAX) await this.flush();
  }

  async flush(): Promise<void> {
    const mended = this.#mended;
    this.#mended = [];
    this.#bytes = 0;
    if (mended.length === 0) return;
    const { runs, tables } = this.outcome;
    const outcome = await this.#replay(mended).catch((error) => {
      if (runs.length > 0)
        this.options.report.say(`${runs.length} batches are replayed; the same command goes on there`);
      throw error;
    });
    if (!outcome) return;
    runs.push(outcome.run);
    for (const row of outcome.rows) if (row.status === "rejected") this.options.report.rejected?.(row);
    for (const [name, counts] of Object.entries(outcome.counts) as [TableName, Counts][]) {
      const sum = tables[name] ?? noRows();
      for (const key of Object.keys(sum) as (keyof Counts)[]) sum[key] += counts[key];
      tables[name] = sum;
    }
  }

  /** Undefined where another replay was quicker with every one of them. */
  async #replay(mended: readonly Mended[]): Promise<BatchOutcome | undefined> {
    const { database, source, options } = this;
    let rest = mended;
    for (let attempt = 1; ; attempt++) {
      options.report.signal?.throwIfAborted();
      const request = { mended: rest, source, pointer: () => "" };
      try {
        const { outcome } = await retried(WORTH_ANOTHER_TRY, () =>
          transacted(database, (connection) => replay(database, connection, request), options.msMax),
        );
        return outcome;
      } catch (error) {
        if (!(error instanceof MusterError && error.code === "conflict") || attempt === ATTEMPTS_MAX) throw error;
      }
      await Bun.sleep(PAUSE_MS * attempt);
      const standings = await standingOf(
        database.db,
        rest.map(({ id }) => id),
      );
      const closed = new Named();
      for (const { id, state } of standings.values()) if (state !== "open") closed.add(`${id} (${state})`);
      if (closed.count > 0) options.report.say(`left out ${closed.count} that somebody else has dealt with: ${closed}`);
      rest = rest.filter(({ id }) => standings.get(id)?.state === "open");
      if (rest.length === 0) return undefined;
    }
  }
}

function sizeOf({ raw, row, cells }: Mended): number {
  if (cells) return [...cells.values()].reduce((sum, cell) => sum + cell.length, 0);
  return raw?.length ?? (row === undefined ? 0 : JSON.stringify(row).length);
}

/** How many there are, and the first few by name. */
export class Named {
  static readonly SHOWN_MAX = 5;
  count = 0;
  readonly #shown: string[] = [];

  add(name: string): void {
    if (this.count++ < Named.SHOWN_MAX) this.#shown.push(name);
  }

  toString(): string {
    return this.#shown.join(", ") + (this.count > Named.SHOWN_MAX ? `, ... (${this.count} in all)` : "");
  }
}
