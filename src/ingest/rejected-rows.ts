import type { Table } from "../codecs/tables.ts";
import { RAW_BYTES_MAX, type Reason } from "../db/ledger.ts";
import type { FileRow } from "../read/file-row.ts";
import { rowRecipe } from "../read/recipes/recipe-parts.ts";
import { addRejections, type NewRejection } from "../repositories/rejection-log.ts";
import type { Import } from "./import-state.ts";

/** How many rejections are collected for one statement. A block of a file has few, and each statement is a commit. */
const REJECTIONS_PER_WRITE = 500;
const RAW_BYTES_PER_WRITE = 4 * 1024 * 1024;

/**
 * The rejected rows of a table's files on their way to the log. They are written by the run's own connection. Before a dead run
 * is cleared, its connection must have ended, so no rejection can arrive afterwards.
 */
export class RejectedRows {
  #rows: NewRejection[] = [];
  #rawBytes = 0;

  constructor(
    private readonly state: Import,
    private readonly table: Table,
  ) {}

  async add(file: string, row: FileRow, reasons: readonly Reason[]): Promise<NewRejection> {
    const { position, columns, recipe } = row;
    const raw = Buffer.from(row.raw.subarray(0, RAW_BYTES_MAX)); // a copy: a view would keep its whole block in memory
    const rejection: NewRejection = {
      ...{ table: this.table.name, file, position, raw, reasons },
      ...(columns && { columns }),
      ...(recipe && { recipe: rowRecipe(recipe) }),
    };
    this.#rows.push(rejection);
    this.#rawBytes += raw.length;
    if (this.#rawBytes >= RAW_BYTES_PER_WRITE) await this.write();
    return rejection;
  }

  /** Writes the rows if there are enough for one statement. */
  async writeMany(): Promise<void> {
    if (this.#rows.length >= REJECTIONS_PER_WRITE) await this.write();
  }

  async write(): Promise<void> {
    const { run, dryRun } = this.state;
    const rows = this.#rows;
    this.#rows = [];
    this.#rawBytes = 0;
    if (!dryRun && rows.length > 0) await addRejections(run.db, run.id, rows);
  }
}
