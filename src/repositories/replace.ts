/**
 * The rows of tables made exactly those of their stages, in one transaction (design section 7).
 *
 * Why nothing is lost: the caller holds the tables' gates alone, so Muster's own writers wait until the commit. For
 * other programs, every statement of the transaction is a locking one at REPEATABLE READ: it sees what is committed when
 * it runs, not a snapshot, and keeps what it has seen, and the gaps between, until the commit. A row that another program
 * adds before the DELETE has passed it is deleted; one that it adds later waits, and stays.
 */
import { escapeId } from "mysql2";
import type { Connection, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import { type Table, type TableName, tables } from "../codecs/tables.ts";
import { driverError } from "../db/errors.ts";
import type { RestoreCounts } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import { triggerOn } from "./definition.ts";
import { columnList, keyOf } from "./rows.ts";

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
  ...["ER_ROW_IS_REFERENCED_2", "ER_NO_REFERENCED_ROW_2"],
  // If the user may not see the rows or the table of those programs:
  ...["ER_ROW_IS_REFERENCED", "ER_NO_REFERENCED_ROW"],
];

/**
 * Replaces the rows of tables, inside the caller's transaction and with their gates held alone. What is new or differs
 * is written parents first, what is not in the stages is deleted children first: so a child moves to its new parent
 * before its old one goes, and the foreign keys hold throughout.
 * @param beforeDelete is called before surplus rows of a table are deleted; may throw
 * @throws MusterError `conflict` where rows would lose their parent, with how many and of which ids; the server's own
 *   error, one of LOST_PARENTS, where those rows are gone again by the time they are looked for
 */
export async function replaceRows(
  connection: Connection,
  replacements: readonly Replacement[],
  beforeDelete: (replacement: Replacement) => Promise<void> = async () => {},
): Promise<Partial<Record<TableName, RestoreCounts>>> {
  try {
    return await write(connection, replacements, beforeDelete);
  } catch (error) {
    if (LOST_PARENTS.includes(driverError(error)?.code ?? "")) await orphansRefused(connection, replacements, AS_IT_IS);
    throw error;
  }
}

/** Of a SELECT: what is committed now, and stays until the transaction ends. */
const AS_IT_IS = " LOCK IN SHARE MODE";

async function write(
  connection: Connection,
  replacements: readonly Replacement[],
  beforeDelete: (replacement: Replacement) => Promise<void>,
): Promise<Partial<Record<TableName, RestoreCounts>>> {
  const counts: Partial<Record<TableName, RestoreCounts>> = {};
  for (const { table, stage, rows } of replacements) {
    const { inserts, updates } = statements(table, stage);
    const updated = await affected(connection, updates);
    const inserted = await affected(connection, inserts);
    counts[table.name] = { received: rows, inserted, updated, unchanged: rows - inserted - updated, deleted: 0 };
  }
  for (const replacement of [...replacements].reverse()) {
    const { table, stage } = replacement;
    const each = counts[table.name];
    await beforeDelete(replacement);
    if (each) each.deleted = await affected(connection, statements(table, stage).deletes);
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

/** What other programs commit between two statements is seen by neither. */
async function atOneMoment<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  await connection.query("START TRANSACTION READ ONLY");
  try {
    return await work();
  } finally {
    await connection.rollback().catch(() => {}); // of a connection that is gone, nothing is left to undo
  }
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

function statements(table: Table, stage: string) {
  const { missing, differing, surplus } = conditions(table, stage);
  const columns = columnList(table.columns);
  const values = table.columns.map(({ name }) => `s.${escapeId(name)}`).join(", ");
  const set = table.columns
    .filter(({ isKey }) => !isKey)
    .map(({ name }) => `t.${escapeId(name)} = s.${escapeId(name)}`);
  const [joined, differs] = differing.slice("FROM ".length).split(" WHERE ");
  return {
    inserts: `INSERT INTO ${escapeId(table.name)} (${columns}) SELECT ${values} ${missing} ORDER BY s.${keyOf(table)}`,
    updates: set.length > 0 ? `UPDATE ${joined} SET ${set.join(", ")} WHERE ${differs}` : undefined,
    deletes: `DELETE t ${surplus}`,
  };
}

async function affected(connection: Connection, statement: string | undefined): Promise<number> {
  if (statement === undefined) return 0;
  const [{ affectedRows }] = await connection.query<ResultSetHeader>(statement);
  return affectedRows;
}

async function count(connection: Connection, condition: string, lock = ""): Promise<number> {
  const [rows] = await connection.query<RowDataPacket[]>(`SELECT COUNT(*) AS n ${condition}${lock}`);
  return rows[0]?.n;
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

/** Ids that an error names. */
const IDS_NAMED_MAX = 10;

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
async function orphansRefused(connection: Connection, replacements: readonly Replacement[], lock = ""): Promise<void> {
  const staged = new Map(replacements.map(({ table, stage }) => [table.name, stage]));
  for (const child of tables) {
    for (const { column, table: parent } of child.references) {
      const from = staged.get(child.name) ?? child.name;
      const to = staged.get(parent) ?? parent;
      if (from === child.name && to === parent) continue;
      const name = child.columns[column]?.name ?? "";
      const orphans = await orphansOf(connection, { from, column: name, to, lock });
      if (orphans.rows === 0) continue;
      const whose = staged.has(child.name) ? `the backup's rows of ${child.name}` : `rows of ${child.name}`;
      const named = `${child.name} ${some(orphans.ids)} refer to ${parent} ${some(orphans.parents)}`;
      const advice = `restore ${child.name} and ${parent} together, or mend these rows first`;
      throw new MusterError("conflict", `${whose}: ${orphans.rows} would lose their parent (${named}): ${advice}`);
    }
  }
}

/** How many rows of `from` refer to an id that `to` lacks, and the first of their ids and of those that they refer to. */
async function orphansOf(
  connection: Connection,
  { from, column, to, lock }: { from: string; column: string; to: string; lock: string },
) {
  const reference = `c.${escapeId(column)}`;
  const condition = `FROM ${escapeId(from)} c LEFT JOIN ${escapeId(to)} p ON p.id = ${reference}
    WHERE ${reference} IS NOT NULL AND p.id IS NULL`;
  const rows = await count(connection, condition, lock);
  if (rows === 0) return { rows, ids: [], parents: [] };
  const first = async (what: string): Promise<number[]> => {
    const limited = `SELECT DISTINCT ${what} AS id ${condition} ORDER BY id LIMIT ${IDS_NAMED_MAX + 1}${lock}`;
    const [found] = await connection.query<RowDataPacket[]>(limited);
    return found.map(({ id }) => id);
  };
  return { rows, ids: await first("c.id"), parents: await first(reference) };
}

const some = (ids: readonly number[]) =>
  ids.slice(0, IDS_NAMED_MAX).join(", ") + (ids.length > IDS_NAMED_MAX ? ", ..." : "");
