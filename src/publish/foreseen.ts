/** Rules of a table that src/db/schema.ts does not declare, and rows of a backup that break them: known before a restore begins. */
import { escapeId } from "mysql2";
import type { Connection, RowDataPacket } from "mysql2/promise";
import { driverError } from "../db/driver-errors.ts";
import { compared, fromWhere, keyOf, orphans } from "../repositories/key-sql.ts";
import { refused } from "./changes.ts";
import { type Definition, definitionOf } from "./definition.ts";
import type { Replacement } from "./replace.ts";
import { isSievable } from "./sieve.ts";

/** A rule that can be asked of a stage: a SELECT of the rows that break it. */
interface Rule {
  reason: string;
  select: string;
}

/**
 * Looks for rows of a backup that the database will refuse. It finds what CHECK constraints, UNIQUE keys and foreign keys
 * say of the declared columns. What triggers and columns of others say is known only when the rows are written: a trigger
 * may also mend a row, so that a table with one is not looked at.
 * @param database its name
 * @throws MusterError `refused` that names the first such row
 */
export async function refuseForeseen(
  connection: Connection,
  database: string,
  replacement: Replacement,
): Promise<void> {
  const { table, stage } = replacement;
  const theirs = await definitionOf(connection, table.name);
  const rules = rulesOf(replacement, theirs, await definitionOf(connection, stage));
  if (rules.length === 0 || !(await isSievable(connection, database, table))) return;
  for (const { reason, select } of rules) {
    const id = await lowestIn(connection, select);
    if (id !== undefined) throw refused({ table, deletes: false }, id, { reason, race: undefined });
  }
}

function rulesOf({ table, stage }: Replacement, theirs: Definition, ours: Definition): Rule[] {
  const key = keyOf(table);
  const { missing, differing } = compared(table, stage);
  const written = `(SELECT s.* ${fromWhere(missing)} UNION ALL SELECT s.* ${fromWhere(differing)}) w`;
  const checks = theirs.rest.flatMap((line) => {
    const [, name, clause] = CHECK.exec(line) ?? [];
    if (clause === undefined) return [];
    return [{ reason: `CHECK constraint ${name}`, select: `SELECT ${key} AS id FROM ${written} WHERE NOT ${clause}` }];
  });
  const keys = theirs.keys.flatMap((line) => {
    const [, name, columns = ""] = UNIQUE.exec(line) ?? [];
    if (name === undefined) return [];
    const given = columns.split(",").map((column) => `${column} IS NOT NULL`);
    const twice = `WHERE ${given.join(" AND ")} GROUP BY ${columns} HAVING COUNT(*) > 1`;
    return [{ reason: `UNIQUE key ${name}`, select: `SELECT MAX(${key}) AS id FROM ${escapeId(stage)} ${twice}` }];
  });
  const declared = new Set(table.references.map(({ column }) => escapeId(table.columns[column]?.name ?? "")));
  const foreignKeys = theirs.foreignKeys.flatMap(({ name, rule }) => {
    const [, column, parent = "", referred = ""] = FOREIGN_KEY.exec(rule) ?? [];
    if (column === undefined || declared.has(column)) return [];
    const orphaned = fromWhere(orphans(written, `w.${column}`, parent, referred));
    return [{ reason: `foreign key ${escapeId(name)}`, select: `SELECT ${keyOf(table, "w")} AS id ${orphaned}` }];
  });
  // A collation of the column's own would judge otherwise than the stage's.
  const isAsDeclared = ours.columns.every((line) => theirs.columns.includes(line));
  return isAsDeclared ? [...checks, ...keys, ...foreignKeys] : [];
}

/** As SHOW CREATE TABLE spells them. Keys of parts of columns and foreign keys of several columns are left to the server. */
const CHECK = /^CONSTRAINT (`(?:[^`]|``)+`) CHECK (\(.*\))$/;
const UNIQUE = /^UNIQUE KEY (`(?:[^`]|``)+`) \((`(?:[^`]|``)+`(?:,`(?:[^`]|``)+`)*)\)$/;
const FOREIGN_KEY = /^FOREIGN KEY \((`(?:[^`]|``)+`)\) REFERENCES ((?:`(?:[^`]|``)+`\.?){1,2}) \((`(?:[^`]|``)+`)\)/;

/** The lowest id; undefined also if the rule is about what a stage does not have or the user may not read. */
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
