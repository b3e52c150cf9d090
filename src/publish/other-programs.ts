/**
 * Protects rows of other programs that refer to ours by a foreign key. A restore must not delete their parents. It must not
 * delete or change the rows themselves either; the server would do that by itself under ON DELETE CASCADE and the like.
 */
import { escapeId } from "mysql2";
import type { Connection } from "mysql2/promise";
import type { Table } from "../codecs/tables.ts";
import { driverError, explainedError } from "../db/driver-errors.ts";
import { quoted } from "../db/grants.ts";
import { MusterError } from "../errors.ts";
import { keyOf } from "../repositories/key-sql.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { compared, count, type RowSet } from "../repositories/row-sets.ts";
import { definitionOf, partsOf, type Referrer } from "./definition.ts";
import { LOCKING } from "./orphans.ts";
import { STILL_REFERRED_TO } from "./refused-rows.ts";
import type { Replacement } from "./replace.ts";

/** Whether the server would delete or change the referring rows by itself, by the rules of the foreign key. */
export const acts = ({ onDelete, onUpdate }: Referrer) => isAction(onDelete) || isAction(onUpdate);

const isAction = (rule: string) => rule !== "RESTRICT" && rule !== "NO ACTION";

/**
 * Refuses a replacement that deletes rows or changes values to which other programs' rows refer.
 * @param referrers the foreign keys of tables that are not replaced themselves
 * @param say called with a line for each table that the user may not read, if the server itself will refuse a restore that
 *   breaks its foreign key
 * @throws MusterError `conflict` that names the table and its foreign key
 */
export async function refuseForOthers(
  connection: Connection,
  referrers: readonly Referrer[],
  replacements: readonly Replacement[],
  say: (line: string) => void = () => {},
): Promise<void> {
  for (const referrer of referrers) {
    const replacement = replacements.find(({ table }) => table.name === referrer.parent);
    if (!replacement) continue;
    const counts = await countReferring(connection, referrer, replacement);
    if (counts === undefined) await refuseUnread(connection, referrer, replacement, say);
    else if (counts.deleted > 0) throw refusal(referrer, counts.deleted, "DELETE");
    else if (counts.changed > 0) throw refusal(referrer, counts.changed, "UPDATE");
  }
}

function refusal(referrer: Referrer, rows: number, event: "DELETE" | "UPDATE"): MusterError {
  const { schema, table, constraint, parent } = referrer;
  const rule = event === "DELETE" ? referrer.onDelete : referrer.onUpdate;
  const fate = event === "DELETE" && rule === "CASCADE" ? "deleted" : "changed";
  const happens = isAction(rule) ? `would be ${fate} with` : "refer to";
  const which = event === "DELETE" ? "that the backup lacks" : "that have other values in the backup";
  const named = `foreign key ${constraint}${isAction(rule) ? `, ON ${event} ${rule}` : ""}`;
  const line = `${rows} rows of ${schema}.${table} ${happens} rows of ${parent} ${which} (${named})`;
  return new MusterError("conflict", `${line}: move or delete them first`);
}

/**
 * Decides about a foreign key whose rows the user may not read. If the server would delete or change such rows by itself,
 * nobody would notice, so the restore is refused. Otherwise the server itself refuses a restore that would break the key:
 * `say` only announces that this may happen.
 */
async function refuseUnread(
  connection: Connection,
  referrer: Referrer,
  { table, stage }: Replacement,
  say: (line: string) => void,
): Promise<void> {
  const { schema, table: name, constraint, parent, onDelete, onUpdate } = referrer;
  const { surplus, differing } = compared(table, stage);
  const touched = (await count(connection, surplus)) + (isAction(onUpdate) ? await count(connection, differing) : 0);
  if (touched === 0) return;
  const line = `${touched} rows of ${parent} are deleted or changed, and the user may not read ${schema}.${name}, which refers to it`;
  const named = `foreign key ${constraint}`;
  if (!acts(referrer))
    return say(`${line} (${named}): if its rows refer to rows that are deleted, the restore will be refused`);
  const rules = `${named}, ON DELETE ${onDelete} ON UPDATE ${onUpdate}`;
  throw new MusterError("conflict", `${line} (${rules}): let the user SELECT from it, so that its rows can be checked`);
}

/**
 * How many rows refer to rows that would be deleted, and how many to values that would change. Undefined if the user may not
 * read them.
 */
async function countReferring(connection: Connection, referrer: Referrer, { table, stage }: Replacement) {
  try {
    const { columns: own, parentColumns: referred } = await columnsOf(connection, referrer);
    const child = `${quoted(referrer.schema)}.${quoted(referrer.table)} c`;
    const refers = own.map((column, index) => `c.${column} = t.${referred[index]}`).join(" AND ");
    const referringTo = ({ from, where }: RowSet) => ({ from: `${from} JOIN ${child} ON ${refers}`, where });
    const values = table.columns.filter(({ isKey, name }) => !isKey && referred.includes(escapeId(name)));
    const { surplus, differing } = compared(table, stage, values);
    return {
      deleted: await count(connection, referringTo(surplus)),
      changed: values.length > 0 ? await count(connection, referringTo(differing)) : 0,
    };
  } catch (error) {
    if (UNREADABLE.includes(driverError(error)?.code ?? "")) return undefined;
    throw error;
  }
}

export const UNREADABLE = ["ER_TABLEACCESS_DENIED_ERROR", "ER_COLUMNACCESS_DENIED_ERROR"];

/** The columns of a foreign key and the columns that they refer to, in quotes. */
async function columnsOf(connection: Connection, { schema, table, constraint }: Referrer) {
  const { foreignKeys } = await definitionOf(connection, table, schema);
  return partsOf(foreignKeys.find(({ name }) => name === constraint)?.rule ?? "");
}

/**
 * Locks the rows that are deleted or changed, inside the caller's transaction. Until the commit nobody can begin to refer to
 * them, so a check of the referring rows that is made after this stays true.
 */
export async function lockTouched(connection: Connection, { table, stage }: Replacement): Promise<void> {
  const { surplus, differing } = compared(table, stage);
  for (const rows of [surplus, differing]) await count(connection, rows, " FOR UPDATE");
}

/**
 * Finds out whether rows that the user may not see refer to rows that are to be deleted. It negates the ids of the rows to be
 * deleted, and rolls that back: the server refuses the new id if a foreign key still refers to the old one. This does not
 * find a foreign key that is also ON UPDATE CASCADE or SET NULL, for which the server allows the new id. If the key is not a
 * number, it refuses to delete any row.
 * @param grant the statement that would let the user see them
 * @throws MusterError `conflict` if there are such rows, or if the server's error does not tell
 */
export async function refuseForUnseen(
  connection: Connection,
  { table, stage }: Replacement,
  grant: string,
): Promise<void> {
  const { surplus } = compared(table, stage);
  if (table.numberKey === undefined) return refuseToTouch(connection, table, [surplus], grant);
  const key = keyOf(table, "t");
  await connection.query("SAVEPOINT unseen");
  try {
    await connection.query(`UPDATE ${surplus.from} SET ${key} = -${key} WHERE ${surplus.where} AND ${key} > 0`);
  } catch (error) {
    // The caller tries again after a temporary error, and reports a foreign key that the server names.
    if (explainedError(error) instanceof MusterError || constraintIn(error)) throw error;
    throw unseen(grant, error);
  }
  await connection.query("ROLLBACK TO SAVEPOINT unseen");
}

/**
 * Refuses to delete or change rows of a table if rows that the user may not see could refer to them.
 * @throws MusterError `conflict` if there is such a row
 */
export async function refuseToTouch(
  connection: Connection,
  table: Table,
  touched: readonly RowSet[],
  grant: string,
): Promise<void> {
  let rows = 0;
  for (const each of touched) rows += await count(connection, each, LOCKING);
  if (rows === 0) return;
  const line = `${rows} rows of ${table.name} would be deleted or changed, and tables that the user may not see could refer to them`;
  throw new MusterError("conflict", `${line}: run ${grant}, so that they can be checked`);
}

const unseen = (grant: string, cause: unknown) =>
  new MusterError(
    "conflict",
    `tables that the user may not see seem to refer to rows that the backup lacks: run ${grant}, so that they can be named`,
    { cause },
  );

/**
 * Explains the server's refusal of a replacement, if other programs' foreign keys are the cause.
 * @param grant the statement that would let the user see all foreign keys, if it may not see some
 * @returns what to throw; undefined if another writer was the cause, so that the replacement may be tried again
 */
export function heldByOthers(
  error: unknown,
  { name: database, dictionary }: MusterDatabase,
  grant: string | undefined,
): MusterError | undefined {
  if (!STILL_REFERRED_TO.includes(driverError(error)?.code ?? "")) return undefined;
  const found = constraintIn(error);
  if (found?.schema === database && dictionary.has(found.table ?? "")) return undefined;
  if (found) {
    const { schema, table, constraint } = found;
    const line = `rows of ${schema}.${table} refer to rows that the backup lacks or has with other values`;
    return new MusterError("conflict", `${line} (foreign key ${constraint}): move or delete them first`, {
      cause: error,
    });
  }
  return grant === undefined ? undefined : unseen(grant, error);
}

/** The foreign key that an error of the server names. */
function constraintIn(error: unknown) {
  const message = driverError(error)?.sqlMessage ?? "";
  const [, schema, table, constraint] = /\(`(.+?)`\.`(.+?)`, CONSTRAINT `(.+?)` FOREIGN KEY/.exec(message) ?? [];
  return constraint === undefined ? undefined : { schema, table, constraint };
}
