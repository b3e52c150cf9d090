import { numberKeyOf, type Row, type Table, type TableName } from "../codecs/tables.ts";
import { Stage } from "../publish/stage.ts";
import { stagedTable } from "../publish/staged-table.ts";
import { existingIds, type KeyRange, keyRange } from "../repositories/key-sql.ts";
import type { LiveRun } from "../repositories/live-run.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { readRowsNear } from "../repositories/rows.ts";
import { IdSet } from "./id-set.ts";
import type { KnownRows } from "./judge.ts";

/** A table whose files are being read. */
interface Opened {
  stage: Stage;
  /** The ids in the stage; undefined if the database assigns the ids, or if the server judges the rows. */
  staged: IdSet | undefined;
  /**
   * The ids that the table had when it was opened; undefined if it had none, or if they do not matter. The publish finds rows
   * that others add later.
   */
  stored: KeyRange | undefined;
  /** The rows of the stage have provisional ids. */
  isProvisional: boolean;
}

/** The stages of an import. Its rows are judged against the rows in these stages and the rows that are stored. */
export class ImportStages implements KnownRows {
  readonly #opened = new Map<TableName, Opened>();
  readonly #unfinished = new Set<Stage>();
  /** Ids found in the database: a parent that is referred to a million times is looked up once. */
  readonly #existing = new Map<TableName, IdSet>();

  constructor(
    private readonly database: MusterDatabase,
    private readonly run: LiveRun,
  ) {}

  /** Makes the table's stage. @param given assignsIds: the rows have provisional ids, which are no ids of the table */
  async open(table: Table, { assignsIds }: { assignsIds: boolean }): Promise<void> {
    const comparesIds = table.judgedAsRead && !assignsIds;
    const stored = comparesIds ? await keyRange(this.database.pool, table) : undefined;
    const stage = await Stage.create(this.database, this.run, table, stagedTable(table));
    this.#unfinished.add(stage);
    const staged = comparesIds ? new IdSet() : undefined;
    this.#opened.set(table.name, { stage, staged, stored, isProvisional: table.judgedAsRead && assignsIds });
  }

  /** The stages whose rows others may refer to, by their tables' names. Provisional ids are no ids of a table. */
  parents(): ReadonlyMap<TableName, string> {
    const known = [...this.#opened].filter(([, { isProvisional }]) => !isProvisional);
    return new Map(known.map(([table, { stage }]) => [table, stage.name]));
  }

  /** @param rows have the columns of the stage */
  async stage(table: Table, rows: readonly Row[]): Promise<void> {
    const { stage, staged } = this.#of(table);
    if (staged) {
      const key = numberKeyOf(table);
      for (const row of rows) staged.add(row[key] as number);
    }
    await stage.add(rows);
  }

  /** Resolves when every staged row of the table is committed. */
  async finish(table: Table): Promise<void> {
    const { stage } = this.#of(table);
    await stage.finish();
    this.#unfinished.delete(stage);
  }

  async stored(table: Table, ids: readonly number[]): Promise<Row[]> {
    const { stage, staged, stored } = this.#of(table);
    const near = stored ? ids.filter((id) => id >= stored.first && id <= stored.last) : [];
    const again = staged ? ids.filter((id) => staged.has(id)) : [];
    const rows = near.length > 0 ? await this.#read(table, near) : [];
    return again.length > 0 ? [...rows, ...(await stage.find(again))] : rows;
  }

  async #read(table: Table, ids: readonly number[]): Promise<Row[]> {
    const connection = await this.database.pool.getConnection();
    try {
      return await readRowsNear(connection, table, ids);
    } finally {
      connection.release();
    }
  }

  async missing(table: Table, ids: ReadonlySet<number>): Promise<ReadonlySet<number>> {
    const { staged, stage } = this.#opened.get(table.name) ?? {};
    const existing = this.#existing.get(table.name) ?? new IdSet();
    this.#existing.set(table.name, existing);
    const unknown = [...ids].filter((id) => !existing.has(id) && !staged?.has(id));
    const found = await existingIds(this.database.pool, table, unknown);
    // The server has judged the rows of this stage, and only those that will be stored are left.
    if (stage && !table.judgedAsRead) {
      const others = unknown.filter((id) => !found.has(id));
      for (const id of await existingIds(this.database.pool, table, others, stage.name)) found.add(id);
    }
    for (const id of found) existing.add(id);
    return new Set(unknown.filter((id) => !found.has(id)));
  }

  /** Closes the connections of the stages, if the run ends before they are finished. */
  abandon(): void {
    for (const stage of this.#unfinished) stage.abandon();
  }

  #of({ name }: Table): Opened {
    const opened = this.#opened.get(name);
    if (!opened) throw new Error(`${name} is not open`);
    return opened;
  }
}
