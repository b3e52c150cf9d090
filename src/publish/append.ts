/** Publishes a stage by INSERT into its table, in one transaction that holds the table's gate exclusively. */
import { escapeId } from "mysql2";
import type { Connection, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import { refusedByDatabase } from "../codecs/reasons.ts";
import type { Table } from "../codecs/tables.ts";
import { driverError } from "../db/driver-errors.ts";
import { type Refusal, refusalOf } from "../db/refusal.ts";
import { MusterError } from "../errors.ts";
import { isOutOfIds, loweringOf } from "../repositories/assigned-ids.ts";
import { columnAt, inKeyRange, type KeyRange, keyList, keyOf, keyRange } from "../repositories/key-sql.ts";
import { count } from "../repositories/row-sets.ts";
import { insertUnchecked } from "./self-references.ts";
import { type LateVerdicts, SetAside, type Staged } from "./set-aside.ts";
import { hasNoTrigger, sieve } from "./sieve.ts";
import { copied, stagedTable } from "./staged-table.ts";

/**
 * Inserts the stage's rows, inside the caller's transaction and with the gates held. If the server refuses no row, two
 * statements insert them all. Otherwise the rows are inserted page by page. For each page, sieve.ts finds the refused rows by
 * one statement. If it cannot tell which they are, the page is halved until each row at fault stands alone.
 *
 * If the database assigns the ids, the rows go in in the order of their provisional ids, and no id is compared.
 * @param found is given the verdicts so far, each time a row is rejected; it may throw
 * @returns how many rows were inserted, and the verdicts on the others
 * @throws Error if a staged row is neither inserted, nor unchanged, nor rejected
 */
export async function publishByAppend(
  connection: Connection,
  staged: Staged,
  found: (late: LateVerdicts) => void,
): Promise<{ inserted: number; late: LateVerdicts }> {
  const late = new SetAside(connection, staged, found);
  const append = new Append(connection, staged, late);
  const { table, stage } = staged;
  const rows = await count(connection, { from: escapeId(stage), where: "TRUE" });
  const refersToItself = table.references.some(({ parent }) => parent === table);
  // A trigger may store rows in other tables, and these would not be checked either.
  if (refersToItself && (await hasNoTrigger(connection, staged.database, table)))
    await insertUnchecked(connection, staged, late, () => append.all());
  else await append.all();
  const accounted = append.inserted + late.unchanged + late.rejected.size;
  if (accounted !== rows) throw new Error(`${accounted} of ${rows} staged rows of ${table.name} are accounted for`);
  return { inserted: append.inserted, late };
}

const PAGE_ROWS = 10_000;

/** If a page or a part of it has fewer rows, halving is faster than a sieve. */
const SIEVED_MIN = 50;
/** After this many sieves that could not tell which rows are refused, no more are tried. */
const SIEVES_FAILED_MAX = 20;
/** The next page goes in by parts that would have about this many refused rows each: larger parts would mostly be refused. */
const REFUSED_PER_PART = 0.7;

class Append {
  inserted = 0;
  #hasNoTrigger: boolean | undefined;
  #sievesFailed = 0;
  /** The most rows of a part, if a page is not inserted whole. */
  #partRows = PAGE_ROWS;

  /** The table's columns, and the key of its rows in the stage. */
  readonly #rows: Table;

  constructor(
    private readonly connection: Connection,
    private readonly staged: Staged,
    private readonly late: SetAside,
  ) {
    this.#rows = stagedTable(staged.table);
  }

  /** Inserts the rows that the stage has now. */
  async all(): Promise<void> {
    this.inserted = 0;
    const range = await keyRange(this.connection, this.#rows, { from: this.staged.stage });
    if (range && !(await this.#whole(range))) await this.#pages(range);
  }

  /** Inserts all rows of the stage, or none of them. @returns whether it did */
  async #whole({ first, last }: KeyRange): Promise<boolean> {
    await this.connection.query("SAVEPOINT publish");
    // Insert the highest id first: it raises AUTO_INCREMENT at once, so no other program is assigned an id of the rows to come.
    const highest = await this.#highest(last);
    let refusal = highest === undefined ? undefined : await this.#insert({ first: highest, last: highest });
    for (const part of around(highest, { first, last })) refusal ??= await this.#insert(part);
    if (!refusal) return true;
    await this.connection.query("ROLLBACK TO SAVEPOINT publish");
    this.inserted = 0;
    return false;
  }

  /** The row with the highest id. Undefined if rows are inserted without ids, or with a key that does not count up. */
  async #highest(last: number): Promise<number | undefined> {
    const { table, stage, assignsIds } = this.staged;
    if (assignsIds || table.assigned === undefined) return undefined;
    if (table.judgedAsRead) return last;
    const [rows] = await this.connection.query<RowDataPacket[]>(
      `SELECT ${keyOf(this.#rows)} AS id FROM ${escapeId(stage)} ORDER BY ${columnAt(table, table.assigned)} DESC LIMIT 1`,
    );
    return rows[0] && Number(rows[0].id);
  }

  async #pages(range: KeyRange): Promise<void> {
    for (let { first } = range; ; ) {
      const page = await this.#ids({ first, last: range.last });
      const last = page.at(-1);
      if (last === undefined) return;
      const before = this.late.rejected.size;
      await this.#part(page);
      const refused = this.late.rejected.size - before;
      this.#partRows = refused > 0 ? Math.max(1, Math.floor((REFUSED_PER_PART * page.length) / refused)) : PAGE_ROWS;
      first = last + 1;
    }
  }

  /** Inserts the rows of a page, or of a part of it. @param ids follow each other in the stage */
  async #part(ids: readonly number[]): Promise<void> {
    const [first, last] = [ids[0], ids.at(-1)];
    if (first === undefined || last === undefined) return;
    const range = { first, last };
    let refusal = await this.#insert(range);
    if (this.#mayBeRaced(refusal)) {
      if (await this.late.takeRaced(range)) return this.#part(await this.#ids(range));
      // The other writer may have rolled back, so try again. If the server still refuses, there is another cause.
      refusal = await this.#insert(range);
    }
    if (!refusal) return;
    if (first === last) return this.late.reject(first, refusedByDatabase(refusal));
    // A sieve goes by the ids in the table.
    if (!this.staged.assignsIds && ids.length >= SIEVED_MIN && (await this.#sieve(range))) return;
    const size = Math.min(Math.ceil(ids.length / 2), this.#partRows);
    for (let start = 0; start < ids.length; start += size) await this.#part(ids.slice(start, start + size));
  }

  /** A unique key that src/db/schema.ts does not declare refuses rows as well. takeRaced does not know it. */
  #mayBeRaced(refusal: Refusal | undefined): boolean {
    if (refusal?.race === "value") return this.staged.table.uniques.length > 0;
    return refusal?.race !== undefined;
  }

  /** @returns false, with nothing inserted, if one statement cannot tell which rows are refused */
  async #sieve(range: KeyRange): Promise<boolean> {
    const { connection } = this;
    const { database, table, stage } = this.staged;
    this.#hasNoTrigger ??= await hasNoTrigger(connection, database, table);
    if (!this.#hasNoTrigger || this.#sievesFailed === SIEVES_FAILED_MAX) return false;
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

  /** Inserts all rows of the range by one statement, or none. @returns why the server refused them, if it did */
  async #insert({ first, last }: KeyRange): Promise<Refusal | undefined> {
    const { table, stage, assignsIds } = this.staged;
    const { columns, values } = copied(table, { assignsIds });
    try {
      const [{ affectedRows }] = await this.connection.query<ResultSetHeader>(
        `INSERT INTO ${escapeId(table.name)} (${columns})
         SELECT ${values} FROM ${escapeId(stage)} WHERE ${inKeyRange(this.#rows)} ORDER BY ${assignsIds ? keyOf(this.#rows) : keyList(table)}`,
        [first, last],
      );
      this.inserted += affectedRows;
      return undefined;
    } catch (error) {
      if (assignsIds && isOutOfIds(driverError(error), table))
        throw outOfIds(table, await loweringOf(this.connection, table));
      const refusal = refusalOf(error);
      if (refusal) return refusal;
      throw error;
    }
  }

  /** The first ids of the range in the stage, at most one page. */
  async #ids({ first, last }: KeyRange): Promise<number[]> {
    const key = keyOf(this.#rows);
    const [rows] = await this.connection.query<RowDataPacket[]>(
      `SELECT ${key} AS id FROM ${escapeId(this.staged.stage)} WHERE ${inKeyRange(this.#rows)} ORDER BY ${key} LIMIT ${PAGE_ROWS}`,
      [first, last],
    );
    return rows.map(({ id }) => Number(id));
  }
}

/** A range without one of its rows. */
function around(row: number | undefined, { first, last }: KeyRange): KeyRange[] {
  if (row === undefined) return [{ first, last }];
  return [
    { first, last: row - 1 },
    { first: row + 1, last },
  ].filter((part) => part.first <= part.last);
}

/** @param lowering the statement that frees the ids after the highest one */
function outOfIds({ name }: Table, lowering: string): MusterError {
  const advice = `give the files ids of their own, or if its highest ids are free: ${lowering}`;
  return new MusterError("conflict", `${name} has too few ids left for these rows, and none was stored: ${advice}`);
}
