/** A stage's rows moved into their table in one transaction, alone at the table's gate. */

import { escapeId } from "mysql2";
import type { Connection, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import { refusedByDatabase } from "../codecs/reasons.ts";
import type { Table } from "../codecs/tables.ts";
import { type Refusal, refusalOf } from "../db/refusal.ts";
import { columnList, count, inKeyRange, type KeyRange, keyOf, keyRange } from "../repositories/key-sql.ts";
import { type LateVerdicts, SetAside } from "./set-aside.ts";
import { isSievable, sieve } from "./sieve.ts";

/**
 * Moves the stage into its table, inside the caller's transaction and with the gates held. All rows go in by two statements.
 * If the server refuses one, pages of the stage are sieved. What a sieve cannot tell is found by halves, down to the rows
 * at fault.
 * @param found is given the verdicts so far, whenever more rows are rejected; it may throw
 * @returns rows inserted, and the late verdicts
 */
export async function publishByAppend(
  connection: Connection,
  staged: Staged,
  found: (late: LateVerdicts) => void,
): Promise<{ inserted: number; late: LateVerdicts }> {
  const late = new SetAside(connection, staged.table, staged.stage, found);
  const append = new Append(connection, staged, late);
  await append.all();
  return { inserted: append.inserted, late };
}

export interface Staged {
  /** The name of the database. */
  database: string;
  table: Table;
  stage: string;
}

/** Rows of a stage that are tried at once when not all of them can go in. */
const PAGE_ROWS = 10_000;
/** Only writers that do not know the gates can make another attempt necessary. */
const ATTEMPTS_MAX = 5;

/** Fewer rows are not worth a sieve, and after so many that told nothing no other is tried. */
const SIEVED_MIN = 50;
const SIEVES_FAILED_MAX = 20;
/** If so many of a page's rows were refused, those of the next are tried one by one: halves would be refused as well. */
const REFUSED_SHARE_MAX = 0.3;

class Append {
  inserted = 0;
  #isSievable: boolean | undefined;
  #sievesFailed = 0;
  #oneByOne = false;

  constructor(
    private readonly connection: Connection,
    private readonly staged: Staged,
    private readonly late: SetAside,
  ) {}

  async all(): Promise<void> {
    const rows = await count(this.connection, { from: escapeId(this.staged.stage), where: "TRUE" });
    const staged = await this.#extent();
    if (staged && !(await this.#whole(staged))) await this.#pages(staged);
    const accounted = this.inserted + this.late.unchanged + this.late.rejected.size;
    if (accounted !== rows) {
      throw new Error(`${accounted} of ${rows} staged rows of ${this.staged.table.name} are accounted for`);
    }
  }

  /** Inserts all rows that are in the stage now, or none. @returns whether it did */
  async #whole(staged: KeyRange): Promise<boolean> {
    let range: KeyRange | undefined = staged;
    for (let attempt = 1; attempt <= ATTEMPTS_MAX && range; attempt++) {
      await this.connection.query("SAVEPOINT publish");
      const { first, last } = range;
      // The highest id first: it raises AUTO_INCREMENT at once, so that nobody else is given an id that follows here.
      const refusal = (await this.#insert({ first: last, last })) ?? (await this.#insert({ first, last: last - 1 }));
      if (!refusal) return true;
      await this.connection.query("ROLLBACK TO SAVEPOINT publish");
      this.inserted = 0;
      if (!refusal.race || !(await this.late.takeRaced(range))) return false;
      range = await this.#extent();
    }
    return range === undefined;
  }

  /** The range of what is in the stage now: rows that are set aside have negative keys. */
  #extent(): Promise<KeyRange | undefined> {
    const { table, stage } = this.staged;
    return keyRange(this.connection, table, { from: stage, where: `${keyOf(table)} > 0` });
  }

  async #pages(range: KeyRange): Promise<void> {
    for (let { first } = range; ; ) {
      const page = await this.#ids({ first, last: range.last });
      const last = page.at(-1);
      if (last === undefined) return;
      const before = this.late.rejected.size;
      await this.#part(page);
      this.#oneByOne = this.late.rejected.size - before > page.length * REFUSED_SHARE_MAX;
      first = last + 1;
    }
  }

  /** @param ids that follow each other in the stage */
  async #part(ids: readonly number[]): Promise<void> {
    const [first, last] = [ids[0], ids.at(-1)];
    if (first === undefined || last === undefined) return;
    const range = { first, last };
    let refusal = await this.#insert(range);
    if (refusal?.race) {
      if (await this.late.takeRaced(range)) return this.#part(await this.#ids(range));
      // The writer who stood in the way may have undone its work. A second refusal has another cause.
      refusal = await this.#insert(range);
    }
    if (!refusal) return;
    if (first === last) return this.late.reject(first, refusedByDatabase(refusal));
    if (ids.length >= SIEVED_MIN && (await this.#sieve(range))) return;
    const size = this.#oneByOne ? 1 : Math.ceil(ids.length / 2);
    for (let start = 0; start < ids.length; start += size) await this.#part(ids.slice(start, start + size));
  }

  /** @returns false, with nothing inserted, if it cannot be told by one statement which rows are refused */
  async #sieve(range: KeyRange): Promise<boolean> {
    const { connection } = this;
    const { database, table, stage } = this.staged;
    this.#isSievable ??= await isSievable(connection, database, table);
    if (!this.#isSievable || this.#sievesFailed === SIEVES_FAILED_MAX) return false;
    await this.late.takeRaced(range);
    const sieved = await sieve(connection, table, stage, range);
    if (!sieved) {
      this.#sievesFailed++;
      return false;
    }
    this.inserted += sieved.inserted;
    for (const [id, refusal] of sieved.refused) this.late.reject(id, refusedByDatabase(refusal));
    return true;
  }

  /** One statement: it inserts all rows of the range, or none. */
  async #insert({ first, last }: KeyRange): Promise<Refusal | undefined> {
    const { table, stage } = this.staged;
    const [columns, key] = [columnList(table.columns), keyOf(table)];
    try {
      const [{ affectedRows }] = await this.connection.query<ResultSetHeader>(
        `INSERT INTO ${escapeId(table.name)} (${columns})
         SELECT ${columns} FROM ${escapeId(stage)} WHERE ${inKeyRange(table)} ORDER BY ${key}`,
        [first, last],
      );
      this.inserted += affectedRows;
      return undefined;
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal) return refusal;
      throw error;
    }
  }

  /** The first ids of the range in the stage. */
  async #ids({ first, last }: KeyRange): Promise<number[]> {
    const { table, stage } = this.staged;
    const key = keyOf(table);
    const [rows] = await this.connection.query<RowDataPacket[]>(
      `SELECT ${key} AS id FROM ${escapeId(stage)} WHERE ${inKeyRange(table)} ORDER BY ${key} LIMIT ${PAGE_ROWS}`,
      [first, last],
    );
    return rows.map(({ id }) => id);
  }
}
