/**
 * The rows of tables made exactly those of their stages, in one transaction (design section 7).
 *
 * Why nothing is lost: the caller holds the tables' gates alone, so Muster's own writers wait until the commit. For
 * other programs, every statement of the transaction is a locking one at REPEATABLE READ: it sees what is committed when
 * it runs, not a snapshot, and keeps what it has seen, and the gaps between, until the commit. A row that another program
 * adds before the DELETE has passed it is deleted; one that it adds later waits, and stays.
 */
import { escapeId } from "mysql2";
import type { Connection } from "mysql2/promise";
import type { Table, TableName } from "../codecs/tables.ts";
import { driverError } from "../db/driver-errors.ts";
import type { RestoreCounts } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import { columnList, compared, count, fromWhere, keyOf } from "../repositories/key-sql.ts";
import { apply, type Change, STILL_REFERRED_TO } from "./changes.ts";
import { triggerOn } from "./definition.ts";
import { AS_IT_IS, atOneMoment, orphansRefused } from "./orphans.ts";

/** A table and the stage that has its rows to be. */
export interface Replacement {
  table: Table;
  stage: string;
  /** Rows in the stage, and about the bytes of their values. */
  rows: number;
  bytes: number;
  /** The table must assign no id below it. */
  nextId: number;
}

/** What a server answers where another program's rows hold the foreign keys against a replacement. */
export const LOST_PARENTS = [
  ...STILL_REFERRED_TO,
  // The second if the user may not see the parents' table.
  ...["ER_NO_REFERENCED_ROW_2", "ER_NO_REFERENCED_ROW"],
];

/**
 * Replaces the rows of tables, inside the caller's transaction and with their gates held alone. What is new or differs
 * is written parents first, what is not in the stages is deleted children first: so a child moves to its new parent
 * before its old one goes, and the foreign keys hold throughout.
 * @param beforeDelete is called before surplus rows of a table are deleted; may throw
 * @throws MusterError `conflict` if rows would lose their parent, with how many and of which ids; `refused` if the server
 *   refuses a row, with its id and the reason; the server's own error, one of LOST_PARENTS, if those rows are gone again by
 *   the time they are looked for
 */
export async function replaceRows(
  connection: Connection,
  replacements: readonly Replacement[],
  beforeDelete: (replacement: Replacement) => Promise<void> = async () => {},
): Promise<Partial<Record<TableName, RestoreCounts>>> {
  const explain = async (error: unknown) => {
    if (LOST_PARENTS.includes(driverError(error)?.code ?? "")) await orphansRefused(connection, replacements, AS_IT_IS);
  };
  const counts: Partial<Record<TableName, RestoreCounts>> = {};
  for (const { table, stage, rows } of replacements) {
    const { inserts, updates } = changesOf(table, stage);
    const updated = updates ? await apply(connection, updates, explain) : 0;
    const inserted = await apply(connection, inserts, explain);
    counts[table.name] = { received: rows, inserted, updated, unchanged: rows - inserted - updated, deleted: 0 };
  }
  for (const replacement of [...replacements].reverse()) {
    const { table, stage } = replacement;
    const each = counts[table.name];
    await beforeDelete(replacement);
    if (each) each.deleted = await apply(connection, changesOf(table, stage).deletes, explain);
  }
  for (const replacement of replacements) await expectExact(connection, replacement);
  return counts;
}

/** What replaceRows would do, without doing it. @throws MusterError as it does */
export async function planReplacement(
  connection: Connection,
  replacements: readonly Replacement[],
): Promise<Partial<Record<TableName, RestoreCounts>>> {
  return atOneMoment(connection, () => plan(connection, replacements));
}

async function plan(
  connection: Connection,
  replacements: readonly Replacement[],
): Promise<Partial<Record<TableName, RestoreCounts>>> {
  await orphansRefused(connection, replacements);
  const counts: Partial<Record<TableName, RestoreCounts>> = {};
  for (const { table, stage, rows } of replacements) {
    const { missing, differing, surplus } = compared(table, stage);
    const inserted = await count(connection, missing);
    const updated = await count(connection, differing);
    const deleted = await count(connection, surplus);
    counts[table.name] = { received: rows, inserted, updated, unchanged: rows - inserted - updated, deleted };
  }
  return counts;
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
    inserts: { ...staged, sql: (range) => `${insert}${range} ORDER BY ${keyOf(table, "s")}` },
    updates: set.length > 0 ? { ...staged, sql: (range) => update + range } : undefined,
    deletes: {
      ...{ table, from: table.name, alias: "t", deletes: true },
      sql: (range) => `DELETE t ${fromWhere(surplus)}${range}`,
    },
  };
}

/** The table must be the stage now: the caller undoes what a trigger of somebody's made of it. @throws MusterError `conflict` */
async function expectExact(connection: Connection, { table, stage, rows }: Replacement): Promise<void> {
  const { missing, differing, surplus } = compared(table, stage);
  const left = [missing, differing, surplus].map((rows) => count(connection, rows, AS_IT_IS));
  const wrong = (await Promise.all(left)).reduce((sum, each) => sum + each, 0);
  if (wrong === 0) return;
  const trigger = await triggerOn(connection, table.name);
  const by = trigger === undefined ? "the database changes them" : `the trigger ${trigger} changes them`;
  const line = `${wrong} of ${rows} rows of ${table.name} would not be as the backup has them`;
  throw new MusterError("conflict", `${line}: ${by} as they are written. Drop that trigger for the restore`);
}
