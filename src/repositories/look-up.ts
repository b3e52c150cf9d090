/** Finds the rows that have given values in given columns, as the server compares them: by the collations of the columns. */
import { escapeId } from "mysql2";
import type { Connection, RowDataPacket } from "mysql2/promise";
import type { SqlValue } from "../codecs/codec.ts";
import type { Key } from "../codecs/key-text.ts";
import { isText, type Row, type Table } from "../codecs/tables.ts";
import { inParts, rowBytes } from "./inserts.ts";
import { type Condition, selectList, withValues } from "./key-sql.ts";
import { select } from "./rows.ts";

/** How many conditions one statement has at most, and how many bytes their values. */
const LIMITS = { rowsMax: 250, bytesMax: 512 * 1024 };

/**
 * Looks up a row for each list of values. The columns are a key or must be unique, so there is one row at most.
 * @param columns indexes of the table's columns
 * @returns for each list, the row that has these values; undefined if there is none
 */
export async function rowsWith(
  connection: Connection,
  table: Table,
  columns: readonly number[],
  lists: readonly (readonly SqlValue[])[],
): Promise<(Row | undefined)[]> {
  const codes = lists.map((list) => JSON.stringify(list));
  const wanted = new Map(codes.map((code, index) => [code, lists[index] ?? []]));
  const found: Row[] = [];
  for (const part of inParts(wanted.values(), rowBytes, LIMITS)) {
    const conditions = part.map((list) => withValues(table, columns, list));
    const any = conditions.map(({ sql }) => `(${sql})`).join(" OR ");
    const values = conditions.flatMap((each) => each.values);
    found.push(...(await select(connection, table, table.name, `WHERE ${any}`, values)));
  }
  const known = new Map(found.map((row) => [JSON.stringify(columns.map((index) => row[index])), row]));
  // Values that have no row with the very same values may still be equal to a row that was found.
  const rest = [...wanted].filter(([code]) => !known.has(code));
  if (found.length > 0 && table.columns.some((column, index) => columns.includes(index) && isText(column))) {
    for (const [code, list] of rest) {
      const row = await equalRow(connection, table, withValues(table, columns, list));
      if (row) known.set(code, row);
    }
  }
  return codes.map((code) => known.get(code));
}

async function equalRow(connection: Connection, table: Table, { sql, values }: Condition): Promise<Row | undefined> {
  const [row] = await select(connection, table, table.name, `WHERE ${sql} LIMIT 1`, values);
  return row;
}

/** A foreign key of a table. Its names are in quotes. */
export interface ForeignKeySql {
  columns: readonly string[];
  parent: string;
  parentColumns: readonly string[];
  /** Whether it refers to the same table. */
  isOwn: boolean;
}

/**
 * Looks up the parents of stored rows, and locks them. Rows that refer to none are left out.
 * @param keys of the rows
 * @returns for each row its key, and its parent: the parent's key if the table refers to itself, else true; undefined if there is
 *   no such parent
 */
export async function parentsOf(
  connection: Connection,
  table: Table,
  { columns, parent, parentColumns, isOwn }: ForeignKeySql,
  keys: readonly Key[],
): Promise<{ key: Key; parent: Key | true | undefined }[]> {
  const keyColumns = table.key.flatMap((index) => table.columns[index] ?? []);
  const same = columns.map((column, index) => `p.${parentColumns[index]} = t.${column}`).join(" AND ");
  const given = columns.map((column) => `t.${column} IS NOT NULL`).join(" AND ");
  const found: { key: Key; parent: Key | true | undefined }[] = [];
  for (const part of inParts(keys, rowBytes, LIMITS)) {
    const conditions = part.map((key) => withValues(table, table.key, key, "t"));
    const [rows] = await connection.query<RowDataPacket[][]>(
      {
        sql: `SELECT ${selectList(keyColumns, "t")}, p.${parentColumns[0]} IS NOT NULL${isOwn ? `, ${selectList(keyColumns, "p")}` : ""}
          FROM ${escapeId(table.name)} t LEFT JOIN ${parent} p ON ${same}
          WHERE (${conditions.map(({ sql }) => `(${sql})`).join(" OR ")}) AND ${given} LOCK IN SHARE MODE`,
        rowsAsArray: true,
      },
      conditions.flatMap(({ values }) => values),
    );
    const keyFrom = (row: unknown[], start: number): Key =>
      keyColumns.map(({ codec }, place) => codec.fromSql(row[start + place]));
    for (const row of rows as unknown as unknown[][]) {
      const isThere = row[keyColumns.length] === 1;
      const own = isOwn ? keyFrom(row, keyColumns.length + 1) : true;
      found.push({ key: keyFrom(row, 0), parent: isThere ? own : undefined });
    }
  }
  return found;
}
