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
import { columnList, keyOf } from "../repositories/rows.ts";
import { apply, type Change, STILL_REFERRED_TO } from "./changes.ts";
import { triggerOn } from "./definition.ts";
import { AS_IT_IS, atOneMoment, count, orphansRefused } from "./orphans.ts";

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
    const { missing, differing, surplus } = conditions(table, stage);
    const inserted = await count(connection, missing);
    const updated = await count(connection, differing);
    const deleted = await count(connection, surplus);
    counts[table.name] = { received: rows, inserted, updated, unchanged: rows - inserted - updated, deleted };
  }
  return counts;
}

/** FROM and WHERE of the rows that a stage `s` has and the table `t` lacks, has otherwise in `columns`, or has in surplus. */
export function conditions(table: Table, stage: string, columns: Table["columns"] = table.columns) {
  const key = keyOf(table);
  const [from, to] = [`${escapeId(stage)} s`, `${escapeId(table.name)} t`];
  // By bytes: to a collation `Ana` and `ANA` are equal.
  const same = columns.map(({ name }) => `BINARY s.${escapeId(name)} <=> BINARY t.${escapeId(name)}`);
  return {
    missing: `FROM ${from} LEFT JOIN ${to} ON t.${key} = s.${key} WHERE t.${key} IS NULL`,
    differing: `FROM ${from} JOIN ${to} ON t.${key} = s.${key} WHERE NOT (${same.join(" AND ")})`,
    surplus: `FROM ${to} LEFT JOIN ${from} ON s.${key} = t.${key} WHERE s.${key} IS NULL`,
  };
}

function changesOf(table: Table, stage: string): { inserts: Change; updates: Change | undefined; deletes: Change } {
  const { missing, differing, surplus } = conditions(table, stage);
  const columns = columnList(table.columns);
  const values = table.columns.map(({ name }) => `s.${escapeId(name)}`).join(", ");
  const set = table.columns
    .filter(({ isKey }) => !isKey)
    .map(({ name }) => `t.${escapeId(name)} = s.${escapeId(name)}`);
  const [joined, differs] = differing.slice("FROM ".length).split(" WHERE ");
  const key = keyOf(table);
  const staged = { table, ids: `s.${key}`, from: `${escapeId(stage)} s`, deletes: false };
  const insert = `INSERT INTO ${escapeId(table.name)} (${columns}) SELECT ${values} ${missing}`;
  const update = `UPDATE ${joined} SET ${set.join(", ")} WHERE ${differs}`;
  return {
    inserts: { ...staged, sql: (range) => `${insert}${range} ORDER BY s.${key}` },
    updates: set.length > 0 ? { ...staged, sql: (range) => update + range } : undefined,
    deletes: {
      ...{ table, ids: `t.${key}`, from: `${escapeId(table.name)} t`, deletes: true },
      sql: (range) => `DELETE t ${surplus}${range}`,
    },
  };
}

/** The table must be the stage now: the caller undoes what a trigger of somebody's made of it. @throws MusterError `conflict` */
async function expectExact(connection: Connection, { table, stage, rows }: Replacement): Promise<void> {
  const { missing, differing, surplus } = conditions(table, stage);
  const left = [missing, differing, surplus].map((condition) => count(connection, condition, AS_IT_IS));
  const wrong = (await Promise.all(left)).reduce((sum, each) => sum + each, 0);
  if (wrong === 0) return;
  const trigger = await triggerOn(connection, table.name);
  const by = trigger === undefined ? "the database changes them" : `the trigger ${trigger} changes them`;
  const line = `${wrong} of ${rows} rows of ${table.name} would not be as the backup has them`;
  throw new MusterError("conflict", `${line}: ${by} as they are written. Drop that trigger for the restore`);
}
