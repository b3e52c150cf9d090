/** The statements that change many rows at once, and the row at fault if the server refuses one. */
import type { Connection, ResultSetHeader } from "mysql2/promise";
import type { Table } from "../codecs/tables.ts";
import { driverError } from "../db/driver-errors.ts";
import { type Refusal, refusalOf } from "../db/refusal.ts";
import { MusterError } from "../errors.ts";
import { inKeyRange, type KeyRange, keyRange } from "../repositories/key-sql.ts";

export interface Change {
  table: Table;
  /** The table or stage whose rows it works through, and its alias in the statement. */
  from: string;
  alias: string;
  /** Whether it deletes rows; else it writes those of a backup. */
  deletes: boolean;
  /** The statement. @param range is a further condition on the rows, or empty */
  sql(range: string): string;
}

/** How a server refuses to take a row away to which another one refers; the second if the user may not see that row. */
export const STILL_REFERRED_TO = ["ER_ROW_IS_REFERENCED_2", "ER_ROW_IS_REFERENCED"];

/**
 * Changes all rows by one statement, inside the caller's transaction, which must be undone if this throws.
 * @param explain is given the server's refusal first; may throw
 * @returns how many rows were changed
 * @throws MusterError `refused` that names the row which the server refuses; else the server's own error
 */
export async function apply(
  connection: Connection,
  change: Change,
  explain: (error: unknown) => Promise<void>,
): Promise<number> {
  try {
    const [{ affectedRows }] = await connection.query<ResultSetHeader>(change.sql(""));
    return affectedRows;
  } catch (error) {
    if (!refusalOf(error)) throw error;
    await explain(error);
    // The rows of others that stand against a deletion are named elsewhere.
    const isOthers = STILL_REFERRED_TO.includes(driverError(error)?.code ?? "");
    throw (isOthers ? undefined : await refusedRow(connection, change)) ?? error;
  }
}

/** Halves the ids until one is left. The halves before it are changed on the way. @returns undefined if no row is refused any more */
async function refusedRow(connection: Connection, change: Change): Promise<MusterError | undefined> {
  let { first, last } = (await keyRange(connection, change.table, change)) ?? { first: 1, last: 0 };
  while (first <= last) {
    const middle = Math.floor((first + last) / 2);
    const refusal = await refusalIn(connection, change, { first, last: middle });
    if (refusal && first === last) return refused(change, first, refusal);
    if (refusal) last = middle;
    else first = middle + 1;
  }
  return undefined;
}

async function refusalIn(
  connection: Connection,
  { sql, table, alias }: Change,
  { first, last }: KeyRange,
): Promise<Refusal | undefined> {
  try {
    await connection.query(sql(` AND ${inKeyRange(table, alias)}`), [first, last]);
    return undefined;
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal) return refusal;
    throw error;
  }
}

/** The error that names a row which the server refuses. */
export function refused(
  { table, deletes }: Pick<Change, "table" | "deletes">,
  id: number,
  { reason }: Refusal,
): MusterError {
  const what = deletes ? `to delete row ${id} of ${table.name}` : `row ${id} of ${table.name} as the backup has it`;
  const advice = "change the rule that it names for the restore, or restore another backup";
  return new MusterError("refused", `the database refuses ${what}: ${reason}. Nothing was restored: ${advice}`);
}
