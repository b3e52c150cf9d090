/**
 * Sets aside the staged rows that cannot go into the table after all. This turns out only while the stage is published: another
 * program may have stored the same id or deleted a parent since the rows were judged, or the server may refuse a row by a rule
 * that src/db/schema.ts does not declare.
 *
 * The publish's transaction deletes these rows from the stage, so that it does not insert them. The stage was committed before
 * that transaction began, so every other connection still reads them there: `stagedRows`.
 */
import { escapeId } from "mysql2";
import type { Connection, Pool, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import { keyIn, keyText } from "../codecs/key-text.ts";
import { duplicateId, duplicateValue, noParent, unknownReference } from "../codecs/reasons.ts";
import { numberKeyOf, type Row, type Table } from "../codecs/tables.ts";
import type { Reason } from "../db/ledger.ts";
import { idPages, inKeyRange, type KeyRange, keyOf } from "../repositories/key-sql.ts";
import { fromWhere, type RowSet } from "../repositories/row-sets.ts";
import { readRows } from "../repositories/rows.ts";
import { orphanedRows, referredText, storedHolders, storedUnder, takenKeys, unchangedRows } from "./faulty-rows.ts";
import { LOCKING } from "./orphans.ts";
import { stagedTable } from "./staged-table.ts";
import { throwUnverified, type UndeclaredKey, undeclaredOrphans } from "./undeclared-keys.ts";

export interface Staged {
  /** The name of the database. */
  database: string;
  table: Table;
  stage: string;
  /** The database assigns the ids of the rows. The stage has provisional ones, or none. */
  assignsIds: boolean;
}

export interface LateVerdicts {
  /** How many staged rows others have stored meanwhile, with the same values. */
  readonly unchanged: number;
  /** The reasons of each row that is rejected now, by the row's key in the stage. `stagedRows` still finds these rows. */
  readonly rejected: ReadonlyMap<number, Reason[]>;
}

const REASONS_SHARED_MAX = 1_000;

export class SetAside implements LateVerdicts {
  unchanged = 0;
  readonly rejected = new Map<number, Reason[]>();
  readonly #reasons = new Map<string, Reason[]>();
  readonly #table: Table;
  /** The table's columns, and the key of its rows in the stage. */
  readonly #rows: Table;
  readonly #stage: string;
  readonly #assignsIds: boolean;

  /** @param found is given the verdicts so far, each time a row is rejected; it may throw */
  constructor(
    private readonly connection: Connection,
    { table, stage, assignsIds }: Staged,
    private readonly found: (late: LateVerdicts) => void,
  ) {
    this.#table = table;
    this.#rows = stagedTable(table);
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
   * Takes rows out of a range of the stage: those whose key or unique values others have stored meanwhile, or whose parent they
   * have deleted. An id that the database assigns is not compared.
   * @returns whether there were any
   */
  async takeRaced(range: KeyRange): Promise<boolean> {
    const unchanged = this.#assignsIds ? 0 : await this.#dropUnchanged(range);
    const duplicates = this.#assignsIds ? [] : await this.#rejectDuplicates(range);
    const taken = new Set([...(await this.#rejectOrphans(range)), ...duplicates, ...(await this.#rejectValues(range))]);
    await this.remove([...taken]);
    this.unchanged += unchanged;
    return unchanged + taken.size > 0;
  }

  /** Takes the rows without a parent out of a range of the stage. @returns how many there were */
  async takeOrphans(range: KeyRange): Promise<number> {
    const orphans = new Set(await this.#rejectOrphans(range));
    await this.remove(orphans);
    return orphans.size;
  }

  /** Takes out the rows without a parent by a foreign key that only the server knows. */
  async takeUndeclared(range: KeyRange, key: UndeclaredKey): Promise<void> {
    const orphaned = undeclaredOrphans(this.#stage, key);
    const ids = await this.#staged(orphaned, range).catch((error) => throwUnverified(error, this.#table, key));
    await this.#reject(ids, () => noParent(key));
    await this.remove(ids);
  }

  async #dropUnchanged({ first, last }: KeyRange): Promise<number> {
    const unchanged = unchangedRows(this.#table, this.#stage);
    const statement = `DELETE s ${fromWhere(unchanged)} AND ${inKeyRange(this.#rows, "s")}`;
    const [{ affectedRows }] = await this.connection.query<ResultSetHeader>(statement, [first, last]);
    return affectedRows;
  }

  async #rejectDuplicates(range: KeyRange): Promise<readonly number[]> {
    const ids = await this.#staged(takenKeys(this.#table, this.#stage), range);
    return this.#reject(ids, (values) => duplicateId(this.#table, keyText(this.#table, keyIn(this.#table, values))));
  }

  async #rejectOrphans(range: KeyRange): Promise<number[]> {
    const table = this.#table;
    const ids: number[] = [];
    for (const reference of table.references) {
      const parentStage = reference.parent === table ? this.#stage : undefined;
      const orphaned = await this.#staged(orphanedRows(table, this.#stage, reference, parentStage), range);
      const reasonOf = (values: Row) => unknownReference(table, reference, referredText(table, reference, values));
      ids.push(...(await this.#reject(orphaned, reasonOf)));
    }
    return ids;
  }

  async #rejectValues(range: KeyRange): Promise<number[]> {
    const ids: number[] = [];
    for (const unique of this.#table.uniques) {
      const holders = await storedHolders(this.connection, this.#table, this.#stage, unique, range, LOCKING);
      for (const [id, key] of holders)
        this.reject(id, duplicateValue(this.#table, unique, storedUnder(this.#table, key)));
      ids.push(...holders.keys());
    }
    return ids;
  }

  /** Uses a locking read, which sees what is committed now. The transaction's snapshot may be older than the conflict. */
  async #staged(rows: RowSet, { first, last }: KeyRange): Promise<number[]> {
    const select = `SELECT ${keyOf(this.#rows, "s")} AS id ${fromWhere(rows)} AND ${inKeyRange(this.#rows, "s")}`;
    const [found] = await this.connection.query<RowDataPacket[]>(select + LOCKING, [first, last]);
    return found.map(({ id }) => Number(id));
  }

  /** @param reasonOf is given a row's values in the order of its table's columns */
  async #reject(ids: readonly number[], reasonOf: (values: Row) => Reason): Promise<readonly number[]> {
    const isNumbered = this.#rows !== this.#table;
    const [key] = this.#rows.key;
    for (const page of idPages(ids)) {
      const rows = await readRows(this.connection, this.#rows, page, this.#stage);
      for (const row of rows) this.reject(Number(row[key ?? -1]), reasonOf(isNumbered ? row.slice(1) : row));
    }
    return ids;
  }

  /** Deletes rows from the stage, inside the publish's transaction. */
  async remove(ids: Iterable<number>): Promise<void> {
    const statement = `DELETE FROM ${escapeId(this.#stage)} WHERE ${keyOf(this.#rows)} IN (?)`;
    for (const page of idPages([...ids])) await this.connection.query(statement, [page]);
  }
}

/**
 * The staged rows with these ids, by id, also those that a publish has set aside.
 * @param pool not the connection of the publish, which may have deleted them
 */
export async function stagedRows(
  pool: Pool,
  table: Table,
  stage: string,
  ids: readonly number[],
): Promise<ReadonlyMap<number, Row>> {
  const rows = await readRows(pool, table, ids, stage);
  return new Map(rows.map((row) => [Number(row[numberKeyOf(table)]), row]));
}
