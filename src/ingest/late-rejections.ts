/** Logs rows that turned out wrong when their table was published. Reads their files again, to find their lines. */
import type { Pool, PoolConnection } from "mysql2/promise";
import { numberKeyOf, sameRow, type Table } from "../codecs/tables.ts";
import type { Counts } from "../db/ledger.ts";
import { type LateVerdicts, stagedRows } from "../publish/set-aside.ts";
import { repeatsOf } from "../publish/stage-verdicts.ts";
import type { FileRow } from "../read/file-row.ts";
import type { NewRejection } from "../repositories/rejection-log.ts";
import type { Import } from "./import-state.ts";
import { filesOf } from "./provisional-ids.ts";
import { RejectedRows } from "./rejected-rows.ts";

/** How many late rejections are reported one by one. A terminal shows fewer. */
const TOLD_MAX = 100;

interface LateRejections {
  rows: number;
  /** How many of them only repeat another of them. A repeated row had been judged unchanged. */
  repeated: number;
  /** The first of them. */
  first: NewRejection[];
}

/** The counts of a table with its late rejections, each of which had been counted as inserted or unchanged. */
export const withLate = (judged: Counts, { rows, repeated }: LateRejections): Counts => ({
  ...judged,
  inserted: judged.inserted - (rows - repeated),
  unchanged: judged.unchanged - repeated,
  rejected: judged.rejected + rows,
});

/**
 * Logs the late rejections of a table in the open transaction of the run's connection.
 * @param stage as the publish has left it, or as it was before a publish that was undone
 */
export async function logLate(
  state: Import,
  { table, stage }: { table: Table; stage: string },
  { rejected: late }: LateVerdicts,
): Promise<LateRejections> {
  const { source, report } = state;
  const logged: LateRejections = { rows: 0, repeated: 0, first: [] };
  if (late.size === 0) return logged;
  const wrongRows = table.judgedAsRead
    ? new RowsByKey(state.database.pool, table, stage, late)
    : new RowsByNumber(state.run.connection, stage, late);
  const found = new Set<number>();
  const rejected = new RejectedRows(state, table);
  for (const file of filesOf(source, table)) {
    for await (const rows of file.rows(() => report.signal?.throwIfAborted())) {
      report.signal?.throwIfAborted();
      for (const { row, id } of await wrongRows.among(rows)) {
        const rejection = await rejected.add(file.name, row, late.get(id) ?? []);
        logged.rows++;
        if (logged.first.length < TOLD_MAX) logged.first.push(rejection);
        found.add(id);
      }
      await rejected.writeMany();
    }
  }
  await rejected.write();
  const lost = late.size - found.size;
  if (lost > 0) throw new Error(`${table.name}: ${lost} rows are not in their files any more`);
  return { ...logged, repeated: logged.rows - found.size };
}

/** A row of a file, and the staged row that it is or repeats. */
interface WrongRow {
  row: FileRow;
  id: number;
}

/** Finds the rows by their key: several rows may have the same. */
class RowsByKey {
  readonly #key: number;

  constructor(
    private readonly pool: Pool,
    private readonly table: Table,
    private readonly stage: string,
    private readonly late: ReadonlyMap<number, unknown>,
  ) {
    this.#key = numberKeyOf(table);
  }

  async among(rows: readonly FileRow[]): Promise<WrongRow[]> {
    const known = rows.map((row) => ({ row, id: Number(row.values[this.#key]) }));
    const wanted = known.filter(({ id }) => this.late.has(id));
    const ids = wanted.map(({ id }) => id);
    const staged = await stagedRows(this.pool, this.table, this.stage, ids);
    // A row with this id and other values was rejected when it was read.
    return wanted.filter(({ row, id }) => sameRow(staged.get(id) ?? [], row.values));
  }
}

/** Finds the rows by their number, in the order of the files. */
class RowsByNumber {
  #last = 0;

  constructor(
    private readonly connection: PoolConnection,
    private readonly stage: string,
    private readonly late: ReadonlyMap<number, unknown>,
  ) {}

  async among(rows: readonly FileRow[]): Promise<WrongRow[]> {
    const first = this.#last + 1;
    this.#last += rows.length;
    const repeats = await repeatsOf(this.connection, this.stage, { first, last: this.#last });
    return rows.flatMap((row, place) => {
      const id = repeats.get(first + place) ?? first + place;
      return this.late.has(id) ? [{ row, id }] : [];
    });
  }
}
