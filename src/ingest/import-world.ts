import { type Row, type Table, type TableName, tableOf } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import { Stage } from "../publish/stage.ts";
import { existingIds, type KeyRange, keyRange } from "../repositories/key-sql.ts";
import type { LiveRun } from "../repositories/live-run.ts";
import { readRowsNear } from "../repositories/rows.ts";
import { IdSet } from "./id-set.ts";
import type { World } from "./judge.ts";

/** What an import knows: its stages, the ids in them, and as much of the stored rows as its own rows ask for. */
export class ImportWorld implements World {
  readonly #stages = new Map<TableName, Stage>();
  readonly #staged = new Map<TableName, IdSet>();
  /** Ids found in the database: a parent that is referred to a million times is looked up once. */
  readonly #known = new Map<TableName, IdSet>();
  readonly #ranges = new Map<TableName, KeyRange | undefined>();

  constructor(
    private readonly database: Database,
    private readonly run: LiveRun,
  ) {}

  /** Makes the table's stage, and notes where ids can be stored at all: rows that others add later show at the publish. */
  async open(table: Table): Promise<void> {
    this.#ranges.set(table.name, await keyRange(this.database.pool, table));
    this.#staged.set(table.name, new IdSet());
    this.#stages.set(table.name, await Stage.create(this.database, this.run, table));
  }

  async stage(table: Table, rows: readonly Row[]): Promise<void> {
    const staged = this.#staged.get(table.name);
    for (const row of rows) staged?.add(row[table.key] as number);
    await this.#stages.get(table.name)?.add(rows);
  }

  /** Every staged row of the table is committed. */
  async finish(table: Table): Promise<void> {
    await this.#stages.get(table.name)?.finish();
    this.#stages.delete(table.name);
  }

  async stored(table: Table, ids: readonly number[]): Promise<Row[]> {
    const range = this.#ranges.get(table.name);
    const staged = this.#staged.get(table.name);
    const near = range ? ids.filter((id) => id >= range.first && id <= range.last) : [];
    const again = ids.filter((id) => staged?.has(id));
    const rows = near.length > 0 ? await this.#read(table, near) : [];
    const earlier = again.length > 0 ? await this.#stages.get(table.name)?.find(again) : undefined;
    return earlier ? [...rows, ...earlier] : rows;
  }

  async #read(table: Table, ids: readonly number[]): Promise<Row[]> {
    const connection = await this.database.pool.getConnection();
    try {
      return await readRowsNear(connection, table, ids);
    } finally {
      connection.release();
    }
  }

  async missing(table: TableName, ids: ReadonlySet<number>): Promise<ReadonlySet<number>> {
    const staged = this.#staged.get(table);
    const known = this.#known.get(table) ?? new IdSet();
    this.#known.set(table, known);
    const unknown = [...ids].filter((id) => !known.has(id) && !staged?.has(id));
    const found = await existingIds(this.database.pool, tableOf(table), unknown);
    for (const id of found) known.add(id);
    return new Set(unknown.filter((id) => !found.has(id)));
  }

  /** Closes what is open, for a run that ends before it is finished. */
  abandon(): void {
    for (const stage of this.#stages.values()) stage.abandon();
    this.#stages.clear();
  }
}
