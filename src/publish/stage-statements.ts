/** Statements about the rows of a stage whose rows are numbered, before it is published. */
import type { Connection, ResultSetHeader } from "mysql2/promise";
import { isRefusedByGroup, isTooLarge } from "../db/driver-errors.ts";
import type { KeyRange } from "../repositories/key-sql.ts";

/** A statement about more rows is split at once: a MySQL group refuses transactions over 150 MB. */
const ROWS_MAX = 1_000_000;
/** If the server refuses a part of so few rows, its size is not the cause. */
const ROWS_MIN = 1_000;

export class StageStatements {
  /**
   * @param range the numbers of the stage's rows
   * @param step is called before each statement; it may throw
   */
  constructor(
    private readonly connection: Connection,
    private readonly range: KeyRange,
    private readonly step: () => void = () => {},
  ) {}

  /**
   * Runs a statement, which is a transaction of its own. At READ COMMITTED, INSERT ... SELECT does not lock the rows that it reads.
   * @returns how many rows it changed
   */
  async run(sql: string, values: unknown[] = []): Promise<number> {
    this.step();
    await this.connection.query("SET TRANSACTION ISOLATION LEVEL READ COMMITTED");
    const [{ affectedRows }] = await this.connection.query<ResultSetHeader>(sql, values);
    return affectedRows;
  }

  /**
   * Runs a statement for each part of the stage. If the server refuses one because of its size, the parts become smaller.
   * @param sql has two parameters: the numbers of the first and the last row
   * @returns how many rows all parts changed
   */
  async inParts(sql: string): Promise<number> {
    const { first, last } = this.range;
    let rows = Math.min(ROWS_MAX, last - first + 1);
    let changed = 0;
    for (let next = first; next <= last; ) {
      const end = Math.min(last, next + rows - 1);
      try {
        changed += await this.run(sql, [next, end]);
        next = end + 1;
      } catch (error) {
        if (rows <= ROWS_MIN || !(isTooLarge(error) || isRefusedByGroup(error))) throw error;
        rows = Math.ceil(rows / 4);
      }
    }
    return changed;
  }
}
