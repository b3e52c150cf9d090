/** Finds the rows that have given values in given columns, as the server compares them: by the collations of the columns. */
import type { Connection } from "mysql2/promise";
import type { SqlValue } from "../codecs/codec.ts";
import type { Row, Table } from "../codecs/tables.ts";
import { inParts, rowBytes } from "./inserts.ts";
import { type Condition, withValues } from "./key-sql.ts";
import { select } from "./rows.ts";

/** How many conditions one statement has at most, and how many bytes their values. */
const LIMITS = { rowsMax: 250, bytesMax: 512 * 1024 };

/** Types whose values the server may call equal although they differ. */
const TEXT = /^(char|varchar|tinytext|text|mediumtext|longtext|enum|set)\b/;

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
  if (found.length > 0 && columns.some((index) => TEXT.test(table.columns[index]?.sqlType ?? ""))) {
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
