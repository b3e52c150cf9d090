/** Publishes a stage by INSERT into its table, in one transaction that holds the table's gate exclusively. */
import { escapeId } from "mysql2";
import type { Connection, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import { refusedByDatabase } from "../codecs/reasons.ts";
import type { Table } from "../codecs/tables.ts";
import { driverError } from "../db/driver-errors.ts";
import { type Refusal, refusalOf } from "../db/refusal.ts";
import { MusterError } from "../errors.ts";
import { isOutOfIds } from "../repositories/assigned-ids.ts";
import { columnList, count, inKeyRange, type KeyRange, keyOf, keyRange } from "../repositories/key-sql.ts";
import { type LateVerdicts, SetAside, type Staged } from "./set-aside.ts";
import { hasNoTrigger, sieve } from "./sieve.ts";

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
  await append.all();
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

  constructor(
    private readonly connection: Connection,
    private readonly staged: Staged,
    private readonly late: SetAside,
  ) {}

  async all(): Promise<void> {
    const { table, stage } = this.staged;
    const rows = await count(this.connection, { from: escapeId(stage), where: "TRUE" });
    const range = await keyRange(this.connection, table, { from: stage });
    if (range && !(await this.#whole(range))) await this.#pages(range);
    const accounted = this.inserted + this.late.unchanged + this.late.rejected.size;
    if (accounted !== rows) throw new Error(`${accounted} of ${rows} staged rows of ${table.name} are accounted for`);
  }

  /** Inserts all rows of the stage, or none of them. @returns whether it did */
  async #whole({ first, last }: KeyRange): Promise<boolean> {
    await this.connection.query("SAVEPOINT publish");
    // Insert the highest id first: it raises AUTO_INCREMENT at once, so no other program is assigned an id of the rows to come.
    const refusal = this.staged.assignsIds
      ? await this.#insert({ first, last })
      : ((await this.#insert({ first: last, last })) ?? (await this.#insert({ first, last: last - 1 })));
    if (!refusal) return true;
    await this.connection.query("ROLLBACK TO SAVEPOINT publish");
    this.inserted = 0;
    return false;
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
    if (refusal?.race) {
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
    const columns = columnList(assignsIds ? table.columns.filter(({ isAssigned }) => !isAssigned) : table.columns);
    try {
      const [{ affectedRows }] = await this.connection.query<ResultSetHeader>(
        `INSERT INTO ${escapeId(table.name)} (${columns})
         SELECT ${columns} FROM ${escapeId(stage)} WHERE ${inKeyRange(table)} ORDER BY ${keyOf(table)}`,
        [first, last],
      );
      this.inserted += affectedRows;
      return undefined;
    } catch (error) {
      if (assignsIds && isOutOfIds(driverError(error), table)) throw outOfIds(table);
      const refusal = refusalOf(error);
      if (refusal) return refusal;
      throw error;
    }
  }

  /** The first ids of the range in the stage, at most one page. */
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

function outOfIds({ name }: Table): MusterError {
  const advice = `give the files ids of their own, or if its highest ids are free: ALTER TABLE ${name} AUTO_INCREMENT = 1`;
  return new MusterError("conflict", `${name} has too few ids left for these rows, and none was stored: ${advice}`);
}
