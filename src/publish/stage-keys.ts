/** What makes a loaded stage the equal of its table: the indexes, which are sorted after the load, and the foreign keys. */
import { escapeId } from "mysql2";
import type { Connection, RowDataPacket } from "mysql2/promise";
import { type Table, tableOf } from "../codecs/tables.ts";
import { fromWhere, keyOf, orphans } from "../repositories/key-sql.ts";
import { ALTER_TRIES, ddl } from "./ddl.ts";
import { definitionOf } from "./definition.ts";

/** Gives a loaded stage the indexes of its table: what takes long, and is done before the gate. */
export async function addIndexes(connection: Connection, table: Table, stage: string): Promise<void> {
  const { keys } = await definitionOf(connection, table.name);
  await alter(
    connection,
    stage,
    keys.map((key) => `ADD ${key}`),
  );
}

/**
 * Gives the stage its table's foreign keys, and verifies them.
 * @returns false where it cannot take the table's place: a reference is without its row, the parents are in use for long,
 *   or the table has what a stage cannot be given
 */
export async function addForeignKeys(connection: Connection, table: Table, stage: string): Promise<boolean> {
  const target = await definitionOf(connection, table.name);
  const adds = target.foreignKeys.map(
    ({ rule }, index) => `ADD CONSTRAINT ${escapeId(stagedName(stage, index))} ${rule}`,
  );
  if (!(await alter(connection, stage, adds))) return false;
  // From here on no parent of a staged row can go: what is verified now stays so.
  return (
    (await definitionOf(connection, stage)).shape === target.shape && !(await hasOrphans(connection, table, stage))
  );
}

/** @returns false where the table was in use for long */
export async function alter(connection: Connection, name: string, parts: readonly string[]): Promise<boolean> {
  if (parts.length === 0) return true;
  return ddl(connection, `ALTER TABLE ${escapeId(name)} ${parts.join(", ")}`, { tries: ALTER_TRIES, unchecked: true });
}

/** Takes a table's foreign keys away. @returns false if the table was in use for long */
export async function dropForeignKeys(connection: Connection, name: string): Promise<boolean> {
  const { foreignKeys } = await definitionOf(connection, name);
  const drops = foreignKeys.map((each) => `DROP FOREIGN KEY ${escapeId(each.name)}`);
  return alter(connection, name, drops);
}

/** Constraint names are unique per database: until the old table is gone, the stage's need others. */
export const stagedName = (stage: string, index: number) => `${stage}_fk${index}`;

async function hasOrphans(connection: Connection, table: Table, stage: string): Promise<boolean> {
  for (const { column, table: parent } of table.references) {
    const reference = escapeId(table.columns[column]?.name ?? "");
    const distinct = `(SELECT DISTINCT ${reference} AS id FROM ${escapeId(stage)}) s`;
    const orphaned = orphans(distinct, "s.id", escapeId(parent), keyOf(tableOf(parent)));
    // The lock waits for those who are deleting parents, and were at it before the foreign keys were there.
    const [rows] = await connection.query<RowDataPacket[]>(
      `SELECT 1 ${fromWhere(orphaned)} LIMIT 1 LOCK IN SHARE MODE`,
    );
    if (rows.length > 0) return true;
  }
  return false;
}
