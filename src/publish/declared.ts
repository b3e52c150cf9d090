/** What src/db/schema.ts declares of a table, as SQL: what its migrations make, without what others added to it since. */
import { Column, is } from "drizzle-orm";
import { type ForeignKey, getTableConfig, type MySqlColumn } from "drizzle-orm/mysql-core";
import { escapeId } from "mysql2";
import type { Connection, RowDataPacket } from "mysql2/promise";
import type { Table, Column as TableColumn } from "../codecs/tables.ts";

/**
 * Creates an empty table with the declared columns of `table` and its primary key, and nothing else. Text keeps the
 * collation that the table has, so that its bytes can be compared; the columns stand in the table's order.
 * @throws the server's error if `name` exists, or if the user may not create tables
 */
export async function createDeclared(connection: Connection, table: Table, name: string): Promise<void> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT c.column_name AS name, c.collation_name AS collation, t.table_collation AS usual
     FROM information_schema.columns c
     JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
     WHERE c.table_schema = DATABASE() AND c.table_name = ? ORDER BY c.ordinal_position`,
    [table.name],
  );
  const found = rows as { name: string; collation: string | null; usual: string | null }[];
  const placeOf = (column: TableColumn) => found.findIndex((each) => each.name === column.name);
  const columns = [...table.columns].sort((a, b) => placeOf(a) - placeOf(b));
  const lines = columns.map((column) => {
    const theirs = found[placeOf(column)];
    // MySQL repeats a collation that is spelled out, also if it is the table's.
    return columnLine(column, theirs?.collation === theirs?.usual ? null : theirs?.collation);
  });
  const key = escapeId(table.columns[table.key]?.name ?? "");
  const usual = found[0]?.usual; // of a view there is none
  const collate = usual ? ` COLLATE=${usual}` : "";
  await connection.query(
    `CREATE TABLE ${escapeId(name)} (${lines.join(", ")}, PRIMARY KEY (${key})) ENGINE=InnoDB${collate}`,
    columns.filter(hasDefault).map(({ fallback }) => fallback),
  );
}

function columnLine(column: TableColumn, collation: string | null | undefined): string {
  const { name, sqlType, nullable, isKey } = column;
  const collate = collation ? ` COLLATE ${collation}` : "";
  const value = hasDefault(column) ? " DEFAULT ?" : "";
  return `${escapeId(name)} ${sqlType}${collate}${nullable ? "" : " NOT NULL"}${value}${isKey ? " AUTO_INCREMENT" : ""}`;
}

const hasDefault = ({ isKey, fallback }: TableColumn) => !isKey && fallback !== null;

/**
 * The keys of a table beside its primary key, as SHOW CREATE TABLE spells them.
 * @returns undefined if one is declared in a way that has no single spelling
 */
export function declaredKeys(table: Table): string[] | undefined {
  const { indexes, foreignKeys } = getTableConfig(table.source);
  const declared: { name: string; columns: string[] }[] = [];
  for (const { config } of indexes) {
    const columns = config.columns.filter((each): each is MySqlColumn => is(each, Column));
    if (config.using || columns.length < config.columns.length) return undefined;
    declared.push({ name: config.name, columns: columns.map(({ name }) => name) });
  }
  // The server adds a key for a foreign key that has none.
  const added = foreignKeys.flatMap((each) => {
    const columns = each.reference().columns.map(({ name }) => name);
    const isCovered = declared.some((key) => columns.every((name, place) => key.columns[place] === name));
    return isCovered ? [] : [{ name: each.getName(), columns }];
  });
  return [...declared, ...added].map(({ name, columns }) => `KEY ${escapeId(name)} (${list(columns)})`);
}

const list = (names: readonly string[]) => names.map((name) => escapeId(name)).join(",");

/** The foreign keys of a table, as SHOW CREATE TABLE spells what follows a constraint's name. */
export function declaredForeignKeys(table: Table): string[] {
  return getTableConfig(table.source).foreignKeys.map((each) => plainRule(ruleOf(each)));
}

function ruleOf(foreignKey: ForeignKey): string {
  const { columns, foreignTable, foreignColumns } = foreignKey.reference();
  const [own, others] = [columns, foreignColumns].map((each) => list(each.map(({ name }) => name)));
  const parent = escapeId(getTableConfig(foreignTable).name);
  const actions = [
    foreignKey.onDelete && ` ON DELETE ${foreignKey.onDelete}`,
    foreignKey.onUpdate && ` ON UPDATE ${foreignKey.onUpdate}`,
  ];
  return `FOREIGN KEY (${own}) REFERENCES ${parent} (${others})${actions.join("").toUpperCase()}`;
}

/** A foreign key without NO ACTION and RESTRICT: to InnoDB both mean what it does if nothing is said. */
export function plainRule(rule: string): string {
  return rule.replace(/ ON (DELETE|UPDATE) (NO ACTION|RESTRICT)/g, "");
}
