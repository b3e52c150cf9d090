/**
 * The rows of a stage that cannot be stored, or are stored already, as SQL. The server compares, so its collations decide what is
 * equal. The staged rows have the alias `s`, the stored rows `t`, and parents `p` or `q`.
 */
import { escapeId } from "mysql2";
import type { Connection, Pool, RowDataPacket } from "mysql2/promise";
import type { SqlValue } from "../codecs/codec.ts";
import { type Key, keyText } from "../codecs/key-text.ts";
import type { Reference, Row, Table, Unique } from "../codecs/tables.ts";
import { columnAt, inKeyRange, type KeyRange, keyOf, selectList } from "../repositories/key-sql.ts";
import { fromWhere, orphans, pairsOf, type RowSet, sameIn, sameValues } from "../repositories/row-sets.ts";
import { stagedTable } from "./staged-table.ts";

const withSame = (table: Table, stage: string, columns: readonly number[]) =>
  `${escapeId(stage)} s JOIN ${escapeId(table.name)} t ON ${sameIn(table, columns, "s", "t")}`;

/** Rows whose key is stored. */
export const storedKeys = (table: Table, stage: string): RowSet => ({
  from: withSame(table, stage, table.key),
  where: "TRUE",
});

/** Rows that are stored already, byte by byte. */
export const unchangedRows = (table: Table, stage: string): RowSet => ({
  from: withSame(table, stage, table.key),
  where: sameValues(table, "s", "t"),
});

/** Rows whose key is stored with other values. */
export const takenKeys = (table: Table, stage: string): RowSet => ({
  from: withSame(table, stage, table.key),
  where: `NOT ${sameValues(table, "s", "t")}`,
});

/** Rows whose unique values are stored under another key. */
export const takenValues = (table: Table, stage: string, { columns }: Unique): RowSet => ({
  from: withSame(table, stage, columns),
  // The key of a staged row is null if the server assigns it.
  where: `(${sameIn(table, table.key, "s", "t")}) IS NOT TRUE`,
});

/**
 * Rows without their parent.
 * @param parentStage a stage whose rows count as parents too
 */
export function orphanedRows(table: Table, stage: string, reference: Reference, parentStage?: string): RowSet {
  const { columns, parent, parentColumns } = reference;
  const stored = orphans(`${escapeId(stage)} s`, pairsOf(table, reference, "s"), escapeId(parent.name));
  if (parentStage === undefined) return stored;
  const same = columns.map(
    (index, place) => `${columnAt(parent, parentColumns[place] ?? -1, "q")} = ${columnAt(table, index, "s")}`,
  );
  const [first = -1] = parentColumns;
  return {
    from: `${stored.from} LEFT JOIN ${escapeId(parentStage)} q ON ${same.join(" AND ")}`,
    where: `${stored.where} AND ${columnAt(parent, first, "q")} IS NULL`,
  };
}

/**
 * The stored rows that have the unique values of staged rows.
 * @param lock a locking clause, with a blank before it
 * @returns their keys, by the number of the staged row
 */
export async function storedHolders(
  connection: Connection | Pool,
  table: Table,
  stage: string,
  unique: Unique,
  { first, last }: KeyRange,
  lock = "",
): Promise<Map<number, Key>> {
  const staged = stagedTable(table);
  const key = table.key.flatMap((index) => table.columns[index] ?? []);
  const select = `SELECT ${keyOf(staged, "s")}, ${selectList(key, "t")}`;
  const [rows] = await connection.query<RowDataPacket[][]>(
    {
      sql: `${select} ${fromWhere(takenValues(table, stage, unique))} AND ${inKeyRange(staged, "s")}${lock}`,
      rowsAsArray: true,
    },
    [first, last],
  );
  return new Map(
    (rows as unknown as SqlValue[][]).map(([number, ...key]) => [
      Number(number),
      key.map((value, place) => table.columns[table.key[place] ?? -1]?.codec.fromSql(value) ?? null),
    ]),
  );
}

/** Where the other row with a unique value is, for `duplicateValue`. */
export const storedUnder = (table: Table, key: Key): string =>
  `stored under ${table.key.map((index) => table.columns[index]?.name).join(",")} ${keyText(table, key)}`;

/** What a row refers to, as text for a message. */
export const referredText = (table: Table, { columns }: Reference, values: Partial<Row>): string =>
  columns.map((index) => table.columns[index]?.codec.toCsv(values[index] ?? null)).join(",");
