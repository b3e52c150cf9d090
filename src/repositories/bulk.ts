/** A stage's rows moved into their table in one transaction, alone at the table's gate. */
import { escapeId } from "mysql2";
import type { Connection, Pool, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import type { Table } from "../codecs/tables.ts";
import { type Refusal, refusalOf, refusedRow } from "../db/refusal.ts";
import { columnList, keyOf } from "./rows.ts";
import { type LateVerdicts, type Range, SetAside } from "./set-aside.ts";

/**
 * Moves the stage into its table, inside the caller's transaction and with the gates held. All rows go in by two statements.
 * If the server refuses one, pages of the stage are tried, and then their halves, down to the rows at fault.
 * @param found is told how many rows are rejected so far, whenever there are more; it may throw
 * @returns rows inserted, and the late verdicts
 */
export async function publishByAppend(
  connection: Connection,
  table: Table,
  stage: string,
  found: (rejected: number) => void,
): Promise<{ inserted: number; late: LateVerdicts }> {
  const late = new SetAside(connection, table, stage, found);
  const append = new Append(connection, table, stage, late);
  await append.all();
  return { inserted: append.inserted, late };
}

/** Rows of a stage that are tried at once when not all of them can go in. */
const PAGE_ROWS = 10_000;
/** Only writers that do not know the gates can make another attempt necessary. */
const ATTEMPTS_MAX = 5;

class Append {
  inserted = 0;

  constructor(
    private readonly connection: Connection,
    private readonly table: Table,
    private readonly stage: string,
    private readonly late: SetAside,
  ) {}

  async all(): Promise<void> {
    const key = keyOf(this.table);
    const [counted] = await this.connection.query<RowDataPacket[]>(
      `SELECT COUNT(*) AS \`rows\`, MIN(${key}) AS first, MAX(${key}) AS last FROM ${escapeId(this.stage)}`,
    );
    const { rows, first, last } = counted[0] as { rows: number; first: number | null; last: number | null };
    if (first === null || last === null) return;
    // The highest id first: it raises AUTO_INCREMENT at once, so that nobody else is given an id that follows here.
    await this.#part([last]);
    await this.#whole({ from: first, to: last - 1 });
    const accounted = this.inserted + this.late.unchanged + this.late.rejected.size;
    if (accounted !== rows)
      throw new Error(`${accounted} of ${rows} staged rows of ${this.table.name} are accounted for`);
  }

  async #whole(range: Range): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const refusal = await this.#insert(range);
      if (!refusal) return;
      if (!refusal.race || !(await this.late.takeRaced(range))) break;
    }
    for (let from = range.from; ; ) {
      const page = await this.#ids({ from, to: range.to });
      const last = page.at(-1);
      if (last === undefined) return;
      await this.#part(page);
      from = last + 1;
    }
  }

  /** @param ids that follow each other in the stage */
  async #part(ids: readonly number[]): Promise<void> {
    const [from, to] = [ids[0], ids.at(-1)];
    if (from === undefined || to === undefined) return;
    const range = { from, to };
    let refusal = await this.#insert(range);
    if (refusal?.race) {
      if (await this.late.takeRaced(range)) return this.#part(await this.#ids(range));
      // The writer who stood in the way may have undone its work. A second refusal has another cause.
      refusal = await this.#insert(range);
    }
    if (!refusal) return;
    if (from === to) return this.late.reject(from, refusedRow(refusal));
    const half = Math.ceil(ids.length / 2);
    await this.#part(ids.slice(0, half));
    await this.#part(ids.slice(half));
  }

  /** One statement: it inserts all rows of the range, or none. */
  async #insert({ from, to }: Range): Promise<Refusal | undefined> {
    const columns = columnList(this.table.columns);
    const key = keyOf(this.table);
    try {
      const [{ affectedRows }] = await this.connection.query<ResultSetHeader>(
        `INSERT INTO ${escapeId(this.table.name)} (${columns})
         SELECT ${columns} FROM ${escapeId(this.stage)} WHERE ${key} BETWEEN ? AND ? ORDER BY ${key}`,
        [from, to],
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
  async #ids({ from, to }: Range): Promise<number[]> {
    const key = keyOf(this.table);
    const [rows] = await this.connection.query<RowDataPacket[]>(
      `SELECT ${key} AS id FROM ${escapeId(this.stage)} WHERE ${key} BETWEEN ? AND ? ORDER BY ${key} LIMIT ${PAGE_ROWS}`,
      [from, to],
    );
    return rows.map(({ id }) => id);
  }
}

/** The lowest and highest id that a table holds; undefined where it is empty. */
export async function idRange(pool: Pool, table: Table): Promise<{ from: number; to: number } | undefined> {
  const key = keyOf(table);
  const [rows] = await pool.query<RowDataPacket[]>(
    `SELECT MIN(${key}) AS \`from\`, MAX(${key}) AS \`to\` FROM ${escapeId(table.name)}`,
  );
  const range = rows[0] as { from: number | null; to: number | null } | undefined;
  return range && range.from !== null && range.to !== null ? { from: range.from, to: range.to } : undefined;
}
