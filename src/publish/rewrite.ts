/**
 * Replaces the rows of a table with foreign key checks off, by DELETE and INSERT alone if it has no columns of others.
 *
 * Other tables are replaced by UPDATE, INSERT and DELETE with the checks on. These cannot be:
 * - with a unique constraint, a row may need a value that another row still has: two rows that swap theirs;
 * - if rows refer to rows of their own table, no order of the statements keeps every reference valid;
 * - a key may be the same for the server, and have other bytes: `ana` and `ANA`. An UPDATE of a key is refused or carried on
 *   to the rows that refer to it.
 *
 * With the checks off the server protects nobody. So before the first statement, all references are verified by locking reads,
 * which hold until the commit. Nothing may run meanwhile that cannot be verified: a trigger, or a foreign key that the user may
 * not see.
 */
import { escapeId } from "mysql2";
import type { Connection, RowDataPacket } from "mysql2/promise";
import { hasTextKey, type Table } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { columnList, keyList } from "../repositories/key-sql.ts";
import { compared, count, fromWhere, type RowSet } from "../repositories/row-sets.ts";
import { withoutChecks } from "./ddl.ts";
import { hiddenFrom, triggerOn } from "./definition.ts";
import type { Change } from "./find-refused.ts";
import { LOCKING } from "./orphans.ts";
import { refuseToTouch } from "./other-programs.ts";
import { apply } from "./refused-rows.ts";
import type { Replacement } from "./replace.ts";
import { throwUnverified, undeclaredKeys, undeclaredOrphans } from "./undeclared-keys.ts";

/** Whether the rows of a table are replaced in this way. */
export const isRewritten = (table: Table): boolean =>
  table.uniques.length > 0 || table.references.some(({ parent }) => parent === table) || hasTextKey(table);

/**
 * Refuses to replace the rows of a table in this way if something would run or be broken unseen. Locks what it reads.
 * @param database its name
 * @throws MusterError `conflict`
 */
export async function refuseUnverifiable(
  connection: Connection,
  database: string,
  { table, stage }: Replacement,
): Promise<void> {
  const { missing, differing, surplus } = compared(table, stage);
  const hidden = await hiddenFrom(connection, database);
  if (hidden.foreignKeys !== undefined)
    await refuseToTouch(connection, table, [differing, surplus], hidden.foreignKeys);
  const trigger = await triggerOn(connection, table.name);
  if (trigger === undefined && hidden.triggers === undefined) return;
  let rows = 0;
  for (const each of [missing, differing, surplus]) rows += await count(connection, each, LOCKING);
  if (rows === 0) return;
  const why = `${rows} rows of ${table.name} are written with foreign key checks off, and its triggers would run without them`;
  const advice =
    trigger === undefined
      ? `if it has none, let the user see that: ${hidden.triggers}`
      : `drop the trigger ${trigger} for the restore`;
  throw new MusterError("conflict", `${why}: ${advice}`);
}

/**
 * Refuses a backup with rows that lack a parent by a foreign key that src/db/schema.ts does not declare. Locks the parents.
 * refuseOrphans() does the same for the declared ones.
 * @throws MusterError `conflict`
 */
export async function refuseUndeclared(
  connection: Connection,
  { table, stage }: Replacement,
  replacements: readonly Replacement[],
): Promise<void> {
  for (const key of await undeclaredKeys(connection, table)) {
    const staged = replacements.find((each) => escapeId(each.table.name) === key.parent)?.stage;
    const orphaned = undeclaredOrphans(stage, key, staged === undefined ? key.parent : escapeId(staged));
    const rows = await count(connection, orphaned, LOCKING).catch((error) => throwUnverified(error, table, key));
    if (rows === 0) continue;
    const line = `${rows} of the backup's rows of ${table.name} would lack their parent (foreign key ${key.name})`;
    throw new MusterError("conflict", `${line}: add the parents first`);
  }
}

/**
 * Replaces the rows of a table inside the caller's transaction, which has verified all references. If the table has columns that
 * src/db/schema.ts does not declare, rows are updated instead of written again, so that they keep the values of these columns.
 * Then the server refuses rows that need each other's unique values.
 * @throws MusterError `refused` if the server refuses a row, or the server's own error
 */
export async function rewriteRows(connection: Connection, { table, stage, rows }: Replacement) {
  const name = escapeId(table.name);
  const { missing, differing, surplus } = compared(table, stage);
  const staged = { table, from: stage, alias: "s", deletes: false };
  const remove = (each: RowSet): Change => ({
    ...{ table, from: table.name, alias: "t", deletes: true },
    sql: (range) => `DELETE t ${fromWhere(each)}${range}`,
  });
  const set = table.columns.map(({ name: column }) => `t.${escapeId(column)} = s.${escapeId(column)}`).join(", ");
  const update: Change = {
    ...staged,
    sql: (range) => `UPDATE ${differing.from} SET ${set} WHERE ${differing.where}${range}`,
  };
  const insert = `INSERT INTO ${name} (${columnList(table.columns)}) SELECT ${columnList(table.columns, "s")}`;
  const write: Change = {
    ...staged,
    sql: (range) => `${insert} ${fromWhere(missing)}${range} ORDER BY ${keyList(table, "s")}`,
  };
  const updates = await hasColumnsOfOthers(connection, table);
  return withoutChecks(connection, async () => {
    const deleted = await apply(connection, remove(surplus));
    const updated = await apply(connection, updates ? update : remove(differing));
    const written = await apply(connection, write);
    const inserted = updates ? written : written - updated;
    return { received: rows, inserted, updated, unchanged: rows - inserted - updated, deleted };
  });
}

/** Whether the table has a column with values that src/db/schema.ts does not declare. */
async function hasColumnsOfOthers(connection: Connection, { name, readable }: Table): Promise<boolean> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?
       AND column_name NOT IN (?) AND COALESCE(generation_expression, '') = '' LIMIT 1`,
    [name, readable.map((column) => column.name)],
  );
  return rows.length > 0;
}
