/**
 * Replaces the rows of tables by the rows of their stages, in one transaction. rewrite.ts has the statements for tables whose
 * rows cannot be replaced with foreign key checks on.
 *
 * The caller holds the tables' gates exclusively, so Muster's own writers wait until the commit. Other programs do not use the
 * gates. So every statement here locks what it reads, at REPEATABLE READ: it sees what is committed when it runs, and it locks
 * those rows, and the gaps between them, until the commit. If another program adds a row before the DELETE reaches its place,
 * the row is deleted, as if it had been there before. If the row is added later, it waits for the commit, and stays.
 */
import { escapeId } from "mysql2";
import type { Connection } from "mysql2/promise";
import type { Table, TableName } from "../codecs/tables.ts";
import { driverError } from "../db/driver-errors.ts";
import type { RestoreCounts } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import { columnList, keyList } from "../repositories/key-sql.ts";
import { compared, count, fromWhere } from "../repositories/row-sets.ts";
import { triggerOn } from "./definition.ts";
import type { Change } from "./find-refused.ts";
import { atOneMoment, LOCKING, refuseOrphans } from "./orphans.ts";
import { apply, STILL_REFERRED_TO } from "./refused-rows.ts";
import { isRewritten, rewriteRows } from "./rewrite.ts";

/** A table, and the stage whose rows replace its rows. */
export interface Replacement {
  table: Table;
  stage: string;
  /** Rows in the stage. */
  rows: number;
  /** About how many bytes their values have. */
  bytes: number;
  /** The table must assign no id below this one. */
  nextId: bigint;
}

export type Replaced = Partial<Record<TableName, RestoreCounts>>;

/** The server's errors if a row that is to be deleted is still referred to, or if a row that is written lacks its parent. */
export const LOST_PARENTS = [
  ...STILL_REFERRED_TO,
  // The server gives the second of these if the user may not see the parents' table.
  ...["ER_NO_REFERENCED_ROW_2", "ER_NO_REFERENCED_ROW"],
];

/**
 * Replaces the rows of tables, inside the caller's transaction. The caller holds the tables' gates exclusively. New and changed
 * rows are written parents first, surplus rows are deleted children first. So a child moves to its new parent before the old
 * one is deleted, and the foreign keys hold throughout.
 * @param beforeDelete is called before surplus rows of a table are deleted with foreign key checks on; it may throw
 * @throws MusterError `conflict` if rows would lose their parent, with how many and which; `refused` if the server refuses a
 *   row, with its key and the reason; the server's own error, one of LOST_PARENTS, if the rows at fault are gone when they are
 *   looked for
 */
export async function replaceRows(
  connection: Connection,
  replacements: readonly Replacement[],
  beforeDelete: (replacement: Replacement) => Promise<void> = async () => {},
): Promise<Replaced> {
  const explain = async (error: unknown) => {
    if (LOST_PARENTS.includes(driverError(error)?.code ?? "")) await refuseOrphans(connection, replacements, LOCKING);
  };
  const counts: Replaced = {};
  for (const replacement of replacements) {
    const { table, stage, rows } = replacement;
    if (isRewritten(table)) {
      counts[table.name] = await rewriteRows(connection, replacement);
      continue;
    }
    const { inserts, updates } = changesOf(table, stage);
    const updated = updates ? await apply(connection, updates, explain) : 0;
    const inserted = await apply(connection, inserts, explain);
    counts[table.name] = { received: rows, inserted, updated, unchanged: rows - inserted - updated, deleted: 0 };
  }
  for (const replacement of [...replacements].reverse()) {
    const { table, stage } = replacement;
    if (isRewritten(table)) continue;
    const each = counts[table.name];
    await beforeDelete(replacement);
    if (each) each.deleted = await apply(connection, changesOf(table, stage).deletes, explain);
  }
  for (const replacement of replacements) await expectExact(connection, replacement);
  return counts;
}

/** What replaceRows would do, without doing it. @throws MusterError `conflict` if rows would lose their parent */
export function planReplacement(connection: Connection, replacements: readonly Replacement[]): Promise<Replaced> {
  return atOneMoment(connection, async () => {
    await refuseOrphans(connection, replacements);
    const counts: Replaced = {};
    for (const { table, stage, rows } of replacements) {
      const { missing, differing, surplus } = compared(table, stage);
      const inserted = await count(connection, missing);
      const updated = await count(connection, differing);
      const deleted = await count(connection, surplus);
      counts[table.name] = { received: rows, inserted, updated, unchanged: rows - inserted - updated, deleted };
    }
    return counts;
  });
}

function changesOf(table: Table, stage: string): { inserts: Change; updates: Change | undefined; deletes: Change } {
  const { missing, differing, surplus } = compared(table, stage);
  const set = table.columns
    .filter(({ isKey }) => !isKey)
    .map(({ name }) => `t.${escapeId(name)} = s.${escapeId(name)}`);
  const staged = { table, from: stage, alias: "s", deletes: false };
  const [columns, values] = [columnList(table.columns), columnList(table.columns, "s")];
  const insert = `INSERT INTO ${escapeId(table.name)} (${columns}) SELECT ${values} ${fromWhere(missing)}`;
  const update = `UPDATE ${differing.from} SET ${set.join(", ")} WHERE ${differing.where}`;
  return {
    inserts: { ...staged, sql: (range) => `${insert}${range} ORDER BY ${keyList(table, "s")}` },
    updates: set.length > 0 ? { ...staged, sql: (range) => update + range } : undefined,
    deletes: {
      ...{ table, from: table.name, alias: "t", deletes: true },
      sql: (range) => `DELETE t ${fromWhere(surplus)}${range}`,
    },
  };
}

/**
 * Checks that the table now equals its stage. It does not if a trigger changed rows as they were written, or if the server lets
 * others insert rows between those that this transaction has locked, as TiDB does.
 * @throws MusterError `conflict`
 */
async function expectExact(connection: Connection, { table, stage, rows }: Replacement): Promise<void> {
  const { missing, differing, surplus } = compared(table, stage);
  let wrong = 0;
  for (const each of [missing, differing, surplus]) wrong += await count(connection, each, LOCKING);
  if (wrong === 0) return;
  const trigger = await triggerOn(connection, table.name);
  const why =
    trigger === undefined
      ? "another program writes to it, or the database changes the rows as they are written. Nothing is restored: try again, " +
        "and if it is refused again, look for a trigger that this user may not see"
      : `the trigger ${trigger} changes them as they are written. Drop that trigger for the restore`;
  throw new MusterError("conflict", `${wrong} rows of ${table.name} would not be as the backup's ${rows} rows: ${why}`);
}
