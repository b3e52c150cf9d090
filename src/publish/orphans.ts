/** Rows that a replacement would leave without their parent. */
import { escapeId } from "mysql2";
import type { Connection, RowDataPacket } from "mysql2/promise";
import { tables } from "../codecs/tables.ts";
import { MusterError } from "../errors.ts";
import { count, fromWhere, orphans } from "../repositories/key-sql.ts";
import { firstOf, NAMED_MAX } from "../shown.ts";
import type { Replacement } from "./replace.ts";

/**
 * Looks, outside a transaction, whether rows would lose their parent: most often it is known before anybody has to wait.
 * @throws MusterError `conflict` as replaceRows does
 */
export async function refuseOrphans(connection: Connection, replacements: readonly Replacement[]): Promise<void> {
  await atOneMoment(connection, () => orphansRefused(connection, replacements));
}

/**
 * Rows of tables that stay, and rows to be, must have their parents afterwards. A transaction that writes needs the
 * `lock`: a plain SELECT would give it a snapshot, by which its later SELECTs would judge.
 */
export async function orphansRefused(
  connection: Connection,
  replacements: readonly Replacement[],
  lock = "",
): Promise<void> {
  const staged = new Map(replacements.map(({ table, stage }) => [table.name, stage]));
  for (const child of tables) {
    for (const { column, table: parent } of child.references) {
      const from = staged.get(child.name) ?? child.name;
      const to = staged.get(parent) ?? parent;
      if (from === child.name && to === parent) continue;
      const name = child.columns[column]?.name ?? "";
      const found = await orphansOf(connection, { from, column: name, to, lock });
      if (found.rows === 0) continue;
      const whose = staged.has(child.name) ? `the backup's rows of ${child.name}` : `rows of ${child.name}`;
      const named = `${child.name} ${firstOf(found.ids)} refer to ${parent} ${firstOf(found.parents)}`;
      const advice = `restore ${child.name} and ${parent} together, or mend these rows first`;
      throw new MusterError("conflict", `${whose}: ${found.rows} would lose their parent (${named}): ${advice}`);
    }
  }
}

/** How many rows of `from` refer to an id that `to` lacks, and the first of their ids and of those that they refer to. */
async function orphansOf(
  connection: Connection,
  { from, column, to, lock }: { from: string; column: string; to: string; lock: string },
) {
  const reference = `c.${escapeId(column)}`;
  const orphaned = orphans(`${escapeId(from)} c`, reference, escapeId(to), "id");
  const rows = await count(connection, orphaned, lock);
  if (rows === 0) return { rows, ids: [], parents: [] };
  const first = async (what: string): Promise<number[]> => {
    const limited = `SELECT DISTINCT ${what} AS id ${fromWhere(orphaned)} ORDER BY id LIMIT ${NAMED_MAX + 1}${lock}`;
    const [found] = await connection.query<RowDataPacket[]>(limited);
    return found.map(({ id }) => id);
  };
  return { rows, ids: await first("c.id"), parents: await first(reference) };
}

/** Ends a SELECT that reads what is committed now, and keeps it so until the transaction ends. */
export const AS_IT_IS = " LOCK IN SHARE MODE";

/** What other programs commit between two statements is seen by neither. */
export async function atOneMoment<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  await connection.query("START TRANSACTION READ ONLY");
  try {
    return await work();
  } finally {
    await connection.rollback().catch(() => {}); // of a connection that is gone, nothing is left to undo
  }
}
