/**
 * Finds the rows of a backup that the database refuses, by rules that other programs added to the table beyond what
 * src/db/schema.ts declares. Most are found before a restore takes the gates. If the server still refuses a row later, this
 * finds out which one.
 */
import { escapeId } from "mysql2";
import type { Connection, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import type { Table } from "../codecs/tables.ts";
import { driverError } from "../db/driver-errors.ts";
import { type Refusal, refusalOf } from "../db/refusal.ts";
import { MusterError } from "../errors.ts";
import { columnAt, compared, fromWhere, inKeyRange, keyOf, keyRange, orphans } from "../repositories/key-sql.ts";
import { definitionOf } from "./definition.ts";
import type { Replacement } from "./replace.ts";
import { hasNoTrigger } from "./sieve.ts";

/**
 * Looks for rows of a backup that break a CHECK constraint, a UNIQUE key or a foreign key on declared columns. A row
 * that breaks a trigger, or a rule of a column that others added, is found only when the rows are written. Tables with a
 * trigger are skipped: a trigger may change a row so that it no longer breaks the rule.
 * @param database the name of the database
 * @throws MusterError `refused` that names the first such row
 */
export async function refuseForeseen(
  connection: Connection,
  database: string,
  replacement: Replacement,
): Promise<void> {
  const { table } = replacement;
  const rules = await rulesOf(connection, replacement);
  if (rules.length === 0 || !(await hasNoTrigger(connection, database, table))) return;
  for (const { reason, breaking } of rules) {
    const id = await lowestIn(connection, breaking);
    if (id !== undefined) throw refused({ table, deletes: false }, id, reason);
  }
}

interface Rule {
  reason: string;
  /** A SELECT of the ids of the rows that break it. */
  breaking: string;
}

async function rulesOf(connection: Connection, { table, stage }: Replacement): Promise<Rule[]> {
  const target = await definitionOf(connection, table.name);
  const staged = await definitionOf(connection, stage);
  // If a column has another collation than in the stage, the two disagree on which values are equal.
  if (!staged.columns.every((line) => target.columns.includes(line))) return [];
  const key = keyOf(table);
  const { missing, differing } = compared(table, stage);
  const written = `(SELECT s.* ${fromWhere(missing)} UNION ALL SELECT s.* ${fromWhere(differing)}) w`;
  const checks = target.rest.flatMap((line) => {
    const [, name, clause] = CHECK.exec(line) ?? [];
    if (clause === undefined) return [];
    return [
      { reason: `CHECK constraint ${name}`, breaking: `SELECT ${key} AS id FROM ${written} WHERE NOT ${clause}` },
    ];
  });
  const keys = target.keys.flatMap((line) => {
    const [, name, columns = ""] = UNIQUE.exec(line) ?? [];
    if (name === undefined) return [];
    const given = columns.split(",").map((column) => `${column} IS NOT NULL`);
    const twice = `WHERE ${given.join(" AND ")} GROUP BY ${columns} HAVING COUNT(*) > 1`;
    return [{ reason: `UNIQUE key ${name}`, breaking: `SELECT MAX(${key}) AS id FROM ${escapeId(stage)} ${twice}` }];
  });
  const declared = new Set(
    table.references.map(({ columns }) => columns.map((index) => columnAt(table, index)).join(",")),
  );
  const foreignKeys = target.foreignKeys.flatMap(({ name, rule }) => {
    const [, column, parent = "", referred = ""] = FOREIGN_KEY.exec(rule) ?? [];
    if (column === undefined || declared.has(column)) return [];
    const orphaned = fromWhere(orphans(written, { columns: [`w.${column}`], parentColumns: [referred] }, parent));
    return [{ reason: `foreign key ${escapeId(name)}`, breaking: `SELECT ${keyOf(table, "w")} AS id ${orphaned}` }];
  });
  return [...checks, ...keys, ...foreignKeys];
}

/**
 * Rules as SHOW CREATE TABLE spells them. Keys on prefixes of columns, and foreign keys of several columns, do not match:
 * the server checks them.
 */
const CHECK = /^CONSTRAINT (`(?:[^`]|``)+`) CHECK (\(.*\))$/;
const UNIQUE = /^UNIQUE KEY (`(?:[^`]|``)+`) \((`(?:[^`]|``)+`(?:,`(?:[^`]|``)+`)*)\)$/;
const FOREIGN_KEY = /^FOREIGN KEY \((`(?:[^`]|``)+`)\) REFERENCES ((?:`(?:[^`]|``)+`\.?){1,2}) \((`(?:[^`]|``)+`)\)/;

/**
 * The lowest id that the SELECT finds. Undefined if it finds none, if the rule is about a column that the stage lacks, or if
 * the user may not read what the rule refers to.
 */
async function lowestIn(connection: Connection, select: string): Promise<number | undefined> {
  try {
    const [rows] = await connection.query<RowDataPacket[]>(`SELECT MIN(id) AS id FROM (${select}) broken`);
    return rows[0]?.id ?? undefined;
  } catch (error) {
    if (UNANSWERED.includes(driverError(error)?.code ?? "")) return undefined;
    throw error;
  }
}

const UNANSWERED = ["ER_BAD_FIELD_ERROR", "ER_TABLEACCESS_DENIED_ERROR", "ER_COLUMNACCESS_DENIED_ERROR"];

/** A statement that changes many rows. */
export interface Change {
  table: Table;
  /** The table or stage that it reads its rows from, and its alias in the statement. */
  from: string;
  alias: string;
  /** Whether it deletes rows. Otherwise it writes a backup's rows. */
  deletes: boolean;
  /** The statement. @param range a further condition on the rows, or empty */
  sql(range: string): string;
}

/**
 * Errors for deleting or changing a row that others refer to. The server gives the second if the user may not see the
 * others.
 */
export const STILL_REFERRED_TO = ["ER_ROW_IS_REFERENCED_2", "ER_ROW_IS_REFERENCED"];

/**
 * Changes all rows by one statement, inside the caller's transaction. If this throws, the caller must roll back.
 * @param explain called with the server's refusal before anything else; it may throw a better error
 * @returns how many rows were changed
 * @throws MusterError `refused` that names the row at fault, or the server's own error
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
    // If other programs' rows stand in the way, heldByOthers() names them.
    if (STILL_REFERRED_TO.includes(driverError(error)?.code ?? "")) throw error;
    throw (await findRefused(connection, change)) ?? error;
  }
}

/**
 * Finds the lowest row that the server refuses, by halving the range of ids. The rows below it are changed on the way.
 * @returns undefined if the server refuses no row any more
 */
async function findRefused(connection: Connection, change: Change): Promise<MusterError | undefined> {
  const statement = change.sql(` AND ${inKeyRange(change.table, change.alias)}`);
  let { first, last } = (await keyRange(connection, change.table, change)) ?? { first: 1, last: 0 };
  while (first <= last) {
    const middle = Math.floor((first + last) / 2);
    const refusal = await connection.query(statement, [first, middle]).then(() => undefined, refusalOrThrow);
    if (refusal && first === last) return refused(change, first, refusal.reason);
    if (refusal) last = middle;
    else first = middle + 1;
  }
  return undefined;
}

function refusalOrThrow(error: unknown): Refusal {
  const refusal = refusalOf(error);
  if (refusal) return refusal;
  throw error;
}

function refused({ table, deletes }: Pick<Change, "table" | "deletes">, id: number, reason: string): MusterError {
  const what = deletes ? `to delete row ${id} of ${table.name}` : `the backup's row ${id} of ${table.name}`;
  const advice = "change the rule that it names for the restore, or restore another backup";
  return new MusterError("refused", `the database refuses ${what}: ${reason}. Nothing was restored: ${advice}`);
}
