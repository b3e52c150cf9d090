/**
 * Finds the rows of a backup that the database refuses, by rules that other programs added to the table beyond what
 * src/db/schema.ts declares. Most are found before a restore takes the gates. If the server still refuses a row later, this
 * finds out which one.
 */
import { escapeId } from "mysql2";
import type { Connection, ResultSetHeader } from "mysql2/promise";
import type { Table } from "../codecs/tables.ts";
import { driverError } from "../db/driver-errors.ts";
import { refusalOf } from "../db/refusal.ts";
import { columnAt } from "../repositories/key-sql.ts";
import { compared, fromWhere, orphans, type RowSet } from "../repositories/row-sets.ts";
import { definitionOf, namesIn, partsOf } from "./definition.ts";
import { type Change, findRefused, refused } from "./find-refused.ts";
import { namesOf } from "./named-rows.ts";
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
  for (const rule of rules) {
    const key = await firstBreaking(connection, table, rule);
    if (key !== undefined) throw refused({ table, deletes: false }, key, rule.reason);
  }
}

interface Rule {
  reason: string;
  /** The rows that break it, with the alias `w`. */
  breaking: RowSet;
  /** It is broken by several rows together: the last one is named. */
  together?: boolean;
}

async function rulesOf(connection: Connection, { table, stage }: Replacement): Promise<Rule[]> {
  const target = await definitionOf(connection, table.name);
  const staged = await definitionOf(connection, stage);
  // If a column has another collation than in the stage, the two disagree on which values are equal.
  if (!staged.columns.every((line) => target.columns.includes(line))) return [];
  const { missing, differing } = compared(table, stage);
  const written = `(SELECT s.* ${fromWhere(missing)} UNION ALL SELECT s.* ${fromWhere(differing)}) w`;
  const checks = target.rest.flatMap((line): Rule[] => {
    const [, name, clause] = CHECK.exec(line) ?? [];
    if (clause === undefined) return [];
    return [{ reason: `CHECK constraint ${name}`, breaking: { from: written, where: `NOT ${clause}` } }];
  });
  const keys = target.keys.flatMap((line): Rule[] => {
    const [, name, list = ""] = UNIQUE.exec(line) ?? [];
    if (name === undefined) return [];
    return [{ reason: `UNIQUE key ${name}`, breaking: repeated(stage, namesIn(list)), together: true }];
  });
  const declared = new Set(
    table.references.map(({ columns }) => columns.map((index) => columnAt(table, index)).join(",")),
  );
  const foreignKeys = target.foreignKeys.flatMap(({ name, rule }): Rule[] => {
    const { columns, parent, parentColumns } = partsOf(rule);
    if (columns.length === 0 || declared.has(columns.join(","))) return [];
    const pairs = { columns: columns.map((column) => `w.${column}`), parentColumns };
    const to = parent === escapeId(table.name) ? escapeId(stage) : parent;
    return [{ reason: `foreign key ${escapeId(name)}`, breaking: orphans(written, pairs, to) }];
  });
  return [...checks, ...keys, ...foreignKeys];
}

/** The rows of a stage that share the first values that several rows have in these columns. */
function repeated(stage: string, columns: readonly string[]): RowSet {
  const [list, given] = [columns.join(", "), columns.map((column) => `${column} IS NOT NULL`).join(" AND ")];
  const twice = `SELECT ${list} FROM ${escapeId(stage)} WHERE ${given} GROUP BY ${list} HAVING COUNT(*) > 1`;
  const same = columns.map((column) => `w.${column} = r.${column}`).join(" AND ");
  return { from: `(${twice} ORDER BY ${list} LIMIT 1) r JOIN ${escapeId(stage)} w ON ${same}`, where: "TRUE" };
}

/** Rules as SHOW CREATE TABLE spells them. Keys on prefixes of columns do not match: the server checks them. */
const CHECK = /^CONSTRAINT (`(?:[^`]|``)+`) CHECK (\(.*\))$/;
const UNIQUE = /^UNIQUE KEY (`(?:[^`]|``)+`) \((`(?:[^`]|``)+`(?:,`(?:[^`]|``)+`)*)\)$/;

/**
 * The key of the first row that breaks a rule. Undefined if none does, if the rule is about a column that the stage lacks, or if
 * the user may not read what the rule refers to.
 */
async function firstBreaking(connection: Connection, table: Table, rule: Rule): Promise<string | undefined> {
  const { breaking, together = false } = rule;
  try {
    const rows = { table, columns: table.key, alias: "w" };
    const [first] = await namesOf(connection, rows, breaking, { max: 1, last: together });
    return first;
  } catch (error) {
    if (UNANSWERED.includes(driverError(error)?.code ?? "")) return undefined;
    throw error;
  }
}

const UNANSWERED = ["ER_BAD_FIELD_ERROR", "ER_TABLEACCESS_DENIED_ERROR", "ER_COLUMNACCESS_DENIED_ERROR"];

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
  explain: (error: unknown) => Promise<void> = async () => {},
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
