/** Finds rows of our tables that a replacement would leave without their parent. */
import { escapeId } from "mysql2";
import type { Connection } from "mysql2/promise";
import { MusterError } from "../errors.ts";
import { count, orphans, pairsOf } from "../repositories/row-sets.ts";
import { firstOf, NAMED_MAX } from "../shown.ts";
import { namesOf } from "./named-rows.ts";
import type { Replacement } from "./replace.ts";

/**
 * Refuses a replacement after which a row would lack its parent: a row of a table that is not replaced, or a row of the backup.
 * @param lock must be LOCKING in a transaction that writes. A plain SELECT would begin the transaction's snapshot, and later
 *   SELECTs would miss what others commit meanwhile
 * @throws MusterError `conflict` with how many rows and the first of their keys
 */
export async function refuseOrphans(
  connection: Connection,
  replacements: readonly Replacement[],
  lock = "",
): Promise<void> {
  const staged = new Map(replacements.map(({ table, stage }) => [table.name, stage]));
  const touched = replacements.flatMap(({ table }) => [table, ...table.referredBy]);
  for (const child of [...new Set(touched)].sort((a, b) => a.order - b.order)) {
    for (const reference of child.references) {
      const { parent } = reference;
      if (!staged.has(child.name) && !staged.has(parent.name)) continue;
      const from = `${escapeId(staged.get(child.name) ?? child.name)} c`;
      const to = escapeId(staged.get(parent.name) ?? parent.name);
      const orphaned = orphans(from, pairsOf(child, reference, "c"), to);
      const rows = await count(connection, orphaned, lock);
      if (rows === 0) continue;
      const first = async (columns: readonly number[]): Promise<string> =>
        firstOf(
          await namesOf(connection, { table: child, columns, alias: "c" }, orphaned, { max: NAMED_MAX + 1, lock }),
        );
      const whose = staged.has(child.name) ? `the backup's rows of ${child.name}` : `rows of ${child.name}`;
      const named = `${child.name} ${await first(child.key)} refer to ${parent.name} ${await first(reference.columns)}`;
      const together = child === parent ? "" : `restore ${child.name} and ${parent.name} together, or `;
      const advice = `${together}mend these rows first`;
      throw new MusterError("conflict", `${whose}: ${rows} would lose their parent (${named}): ${advice}`);
    }
  }
}

/** The end of a locking SELECT: it reads what is committed now, and nobody can change that until the transaction ends. */
export const LOCKING = " LOCK IN SHARE MODE";

/** Runs `work` in one snapshot, so that it does not see what other programs commit between its statements. */
export async function atOneMoment<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  await connection.query("START TRANSACTION");
  try {
    return await work();
  } finally {
    await connection.rollback().catch(() => {}); // a lost connection has nothing to roll back
  }
}
