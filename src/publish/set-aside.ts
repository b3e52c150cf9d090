/**
 * Sets aside the staged rows that cannot go into the table after all. This turns out only while the stage is published: another
 * program may have stored the same id or deleted a parent since the rows were judged, or the server may refuse a row by a rule
 * that src/db/schema.ts does not declare.
 */
import { escapeId } from "mysql2";
import type { Connection, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import { duplicateId, unknownReference } from "../codecs/reasons.ts";
import { numberKeyOf, type Row, type Table } from "../codecs/tables.ts";
import type { Reason } from "../db/ledger.ts";
import {
  compared,
  fromWhere,
  idPages,
  inKeyRange,
  type KeyRange,
  keyOf,
  orphans,
  pairsOf,
  type RowSet,
} from "../repositories/key-sql.ts";
import { readRows } from "../repositories/rows.ts";

export interface Staged {
  /** The name of the database. */
  database: string;
  table: Table;
  stage: string;
  /** The database assigns the ids of the rows. Those in the stage are provisional. */
  assignsIds: boolean;
}

export interface LateVerdicts {
  /** How many staged rows others have stored meanwhile, with the same values. */
  readonly unchanged: number;
  /** The reasons of each row that is rejected now, by the row's id in the stage. `stagedRows` still finds these rows. */
  readonly rejected: ReadonlyMap<number, Reason[]>;
}

const REASONS_SHARED_MAX = 1_000;

export class SetAside implements LateVerdicts {
  unchanged = 0;
  readonly rejected = new Map<number, Reason[]>();
  readonly #reasons = new Map<string, Reason[]>();
  readonly #table: Table;
  readonly #stage: string;
  readonly #assignsIds: boolean;

  /** @param found is given the verdicts so far, each time a row is rejected; it may throw */
  constructor(
    private readonly connection: Connection,
    { table, stage, assignsIds }: Staged,
    private readonly found: (late: LateVerdicts) => void,
  ) {
    this.#table = table;
    this.#stage = stage;
    this.#assignsIds = assignsIds;
  }

  reject(id: number, reason: Reason): void {
    const before = this.rejected.get(id);
    this.rejected.set(id, before ? [...before, reason] : this.#shared(reason));
    this.found(this);
  }

  /** Uses one array for equal reasons, to save memory: a constraint may refuse a million rows. */
  #shared(reason: Reason): Reason[] {
    const known = this.#reasons.get(reason.detail) ?? [reason];
    if (this.#reasons.size < REASONS_SHARED_MAX) this.#reasons.set(reason.detail, known);
    return known;
  }

  /**
   * Takes rows out of a range of the stage: those whose id others have stored meanwhile, or whose parent they have deleted. A
   * provisional id is not compared with the table's ids.
   * @returns whether there were any
   */
  async takeRaced(range: KeyRange): Promise<boolean> {
    const unchanged = this.#assignsIds ? 0 : await this.#dropUnchanged(range);
    const duplicates = this.#assignsIds ? [] : await this.#rejectDuplicates(range);
    const taken = new Set([...duplicates, ...(await this.#rejectOrphans(range))]);
    await this.#setAside([...taken]);
    this.unchanged += unchanged;
    return unchanged + taken.size > 0;
  }

  async #dropUnchanged({ first, last }: KeyRange): Promise<number> {
    const { unchanged } = compared(this.#table, this.#stage);
    const statement = `DELETE s ${fromWhere(unchanged)} AND ${inKeyRange(this.#table, "s")}`;
    const [{ affectedRows }] = await this.connection.query<ResultSetHeader>(statement, [first, last]);
    return affectedRows;
  }

  async #rejectDuplicates(range: KeyRange): Promise<number[]> {
    const rows = await this.#staged(compared(this.#table, this.#stage).inBoth, "", range);
    for (const { id } of rows) this.reject(id, duplicateId(this.#table, id));
    return rows.map(({ id }) => id);
  }

  async #rejectOrphans(range: KeyRange): Promise<number[]> {
    const table = this.#table;
    const ids: number[] = [];
    for (const reference of table.references) {
      const pairs = pairsOf(table, reference, "s");
      const orphaned = orphans(`${escapeId(this.#stage)} s`, pairs, escapeId(reference.parent.name));
      const rows = await this.#staged(orphaned, `, ${pairs.columns[0]} AS parent`, range);
      for (const { id, parent } of rows) this.reject(id, unknownReference(table, reference, parent));
      ids.push(...rows.map(({ id }) => id));
    }
    return ids;
  }

  /** Uses a locking read, which sees what is committed now. The transaction's snapshot may be older than the conflict. */
  async #staged(rows: RowSet, more: string, { first, last }: KeyRange): Promise<RowDataPacket[]> {
    const select = `SELECT ${keyOf(this.#table, "s")} AS id${more} ${fromWhere(rows)}`;
    const [found] = await this.connection.query<RowDataPacket[]>(
      `${select} AND ${inKeyRange(this.#table, "s")} LOCK IN SHARE MODE`,
      [first, last],
    );
    return found;
  }

  /** Negates the rows' ids. They are then in no range of ids that is published, and stagedRows still finds them. */
  async #setAside(ids: readonly number[]): Promise<void> {
    if (ids.length === 0) return;
    const key = keyOf(this.#table);
    const update = `UPDATE ${escapeId(this.#stage)} SET ${key} = -${key} WHERE ${key} IN (?)`;
    // If a swap of this stage failed, it may have its table's foreign keys. The server would check them when an id changes.
    await this.connection.query("SET foreign_key_checks = 0");
    try {
      for (const page of idPages(ids)) await this.connection.query(update, [page]);
    } finally {
      await this.connection.query("SET foreign_key_checks = 1");
    }
  }
}

/** The staged rows with these ids. They may be set aside, or back under their own ids if the transaction was rolled back. */
export async function stagedRows(
  connection: Connection,
  table: Table,
  stage: string,
  ids: readonly number[],
): Promise<ReadonlyMap<number, Row>> {
  const key = numberKeyOf(table);
  const found = await readRows(connection, table, [...ids, ...ids.map((id) => -id)], stage);
  const rows = new Map<number, Row>();
  for (const row of found) {
    const id = Math.abs(Number(row[key]));
    rows.set(id, row.with(key, id));
  }
  return rows;
}
