/**
 * Makes the table of a stage. It first has only the declared columns and the primary key, because such a table loads fastest.
 * If it is to be swapped in, it gets its table's indexes after the load, and the foreign keys while the gate is held.
 */
import { escapeId } from "mysql2";
import type { Connection, RowDataPacket } from "mysql2/promise";
import type { Column, Table } from "../codecs/tables.ts";
import { columnAt, keyList } from "../repositories/key-sql.ts";
import { fromWhere, orphans, pairsOf } from "../repositories/row-sets.ts";
import { alter } from "./ddl.ts";
import { definitionOf } from "./definition.ts";

/**
 * Creates an empty table with the columns of `table` and its primary key. Columns that other programs added are left out. The
 * columns keep the stored table's order and its collations, so that rows can be compared by bytes.
 * @throws the server's error if `name` exists, or if the user may not create tables
 */
export async function createBare(connection: Connection, table: Table, name: string): Promise<void> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT c.column_name AS name, c.collation_name AS collation, t.table_collation AS usual
     FROM information_schema.columns c
     JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
     WHERE c.table_schema = DATABASE() AND c.table_name = ? ORDER BY c.ordinal_position`,
    [table.name],
  );
  const found = rows as { name: string; collation: string | null; usual: string | null }[];
  const usual = found[0]?.usual; // a view has none
  const placeOf = (column: Column) => found.findIndex((each) => each.name === column.name);
  const columns = [...table.columns].sort((a, b) => placeOf(a) - placeOf(b));
  const lines = columns.map((column) => {
    const collation = found[placeOf(column)]?.collation;
    // Leave out the table's own collation. MySQL would show it in the column's line for ever. (definitionOf() ignores it.)
    return columnLine(column, collation === usual ? null : collation);
  });
  const collate = usual ? ` COLLATE=${usual}` : "";
  await connection.query(
    `CREATE TABLE ${escapeId(name)} (${lines.join(", ")}, PRIMARY KEY (${keyList(table)})) ENGINE=InnoDB${collate}`,
    columns.filter(hasDefault).map(({ fallback }) => fallback),
  );
}

function columnLine(column: Column, collation: string | null | undefined): string {
  const { name, sqlType, nullable, isAssigned } = column;
  const collate = collation ? ` COLLATE ${collation}` : "";
  const value = hasDefault(column) ? " DEFAULT ?" : "";
  return `${escapeId(name)} ${sqlType}${collate}${nullable ? " NULL" : " NOT NULL"}${value}${isAssigned ? " AUTO_INCREMENT" : ""}`;
}

const hasDefault = ({ isAssigned, fallback }: Column) => !isAssigned && fallback !== null;

/**
 * MySQL's memory for sorting while it builds indexes. With its default of 1 MB, three indexes of a million rows take a quarter
 * longer.
 */
const SORT_BYTES = 64 * 1024 * 1024;

/** Gives a loaded stage its table's indexes. This takes long, so it is done before the gate is taken. */
export async function addIndexes(connection: Connection, table: Table, stage: string): Promise<void> {
  const { keys } = await definitionOf(connection, table.name);
  // MySQL has the variable from 8.0.27 on. For other servers it is in a comment, and the statement changes nothing.
  await connection.query(`SET SESSION foreign_key_checks = ON /*!80027 , innodb_ddl_buffer_size = ${SORT_BYTES} */`);
  await alter(
    connection,
    stage,
    keys.map((key) => `ADD ${key}`),
  );
}

/**
 * Gives the stage its table's foreign keys, and verifies them.
 * @returns false if the stage cannot take the table's place: a row lacks its parent, the parents were in use at every try, or
 *   the stage's definition still differs from the table's
 */
export async function addForeignKeys(connection: Connection, table: Table, stage: string): Promise<boolean> {
  const target = await definitionOf(connection, table.name);
  const adds = target.foreignKeys.map(
    ({ rule }, index) => `ADD CONSTRAINT ${escapeId(stagedName(stage, index))} ${rule}`,
  );
  if (!(await alter(connection, stage, adds))) return false;
  // From now on nobody can delete a staged row's parent, so what is verified now stays true.
  return (
    (await definitionOf(connection, stage)).shape === target.shape && !(await hasOrphans(connection, table, stage))
  );
}

/** A foreign key's name in the stage. Names are unique in a database, and the old table keeps its own until it is dropped. */
export const stagedName = (stage: string, index: number) => `${stage}_fk${index}`;

async function hasOrphans(connection: Connection, table: Table, stage: string): Promise<boolean> {
  for (const reference of table.references) {
    const columns = reference.columns.map((index) => columnAt(table, index)).join(", ");
    const distinct = `(SELECT DISTINCT ${columns} FROM ${escapeId(stage)}) s`;
    const orphaned = orphans(distinct, pairsOf(table, reference, "s"), escapeId(reference.parent.name));
    // A locking read waits for a transaction that deleted a parent before the foreign keys were there.
    const [rows] = await connection.query<RowDataPacket[]>(
      `SELECT 1 ${fromWhere(orphaned)} LIMIT 1 LOCK IN SHARE MODE`,
    );
    if (rows.length > 0) return true;
  }
  return false;
}
