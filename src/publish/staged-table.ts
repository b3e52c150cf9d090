/**
 * A stage as a table. A table that is judged as its files are read has a stage with the same columns and key. For any other table
 * the rows of the stage are numbered in the order in which they are read, and the number is their key: the server judges them
 * afterwards, so until then the stage may hold rows with equal keys.
 */
import { escapeId } from "mysql2";
import { int } from "../codecs/numbers.ts";
import type { Column, Table } from "../codecs/tables.ts";
import { columnList } from "../repositories/key-sql.ts";

/** The column of a stage that numbers its rows, from 1. Rejected rows have a number too. */
export const ROW_NUMBER = "muster_row";

const rowNumber: Column = {
  ...{ name: ROW_NUMBER, aliases: [], codec: int(1, Number.MAX_SAFE_INTEGER), sqlType: "bigint unsigned" },
  ...{ isKey: true, isAssigned: false, nullable: false, required: true, fallback: null, serverDefault: undefined },
};

/** The columns and the key of a table's stage. */
export function stagedTable(table: Table): Table {
  if (table.judgedAsRead) return table;
  const known = numbered.get(table);
  if (known) return known;
  const columns = [rowNumber, ...table.columns.map(staged)];
  const made: Table = {
    ...{ ...table, columns, readable: columns, key: [0], numberKey: 0, assigned: undefined },
    ...{ references: [], referredBy: [], uniques: [] },
  };
  numbered.set(table, made);
  return made;
}

const numbered = new WeakMap<Table, Table>();

/** NULL stands for a value that is left to the server. */
const staged = (column: Column): Column => ({
  ...column,
  ...{ isKey: false, isAssigned: false, nullable: column.nullable || isLeftToServer(column), fallback: null },
});

/** Whether the server can give a column's value: an id that it assigns, or a default that it computes. */
const isLeftToServer = ({ isAssigned, serverDefault }: Column): boolean => isAssigned || serverDefault !== undefined;

/**
 * The columns of an INSERT that copies rows of a stage into their table, and what to select for them.
 * @param assignsIds the server assigns the ids, so they are left out
 */
export function copied({ columns }: Table, { assignsIds = false } = {}): { columns: string; values: string } {
  const copied = assignsIds ? columns.filter(({ isAssigned }) => !isAssigned) : columns;
  const values = copied.map(({ name, serverDefault }) =>
    serverDefault === undefined ? escapeId(name) : `IFNULL(${escapeId(name)}, ${serverDefault})`,
  );
  return { columns: columnList(copied), values: values.join(", ") };
}

/** The part of an ALTER TABLE that gives a stage an index on some columns of its table. */
export function addIndex({ columns }: Table, indices: readonly number[]): string {
  const parts = indices.map((index) => {
    const { name, sqlType } = columns[index] as Column;
    // An index takes only the beginning of a long text.
    return /^(tiny|medium|long)?(text|blob)\b/.test(sqlType)
      ? `${escapeId(name)}(${INDEXED_CHARACTERS})`
      : escapeId(name);
  });
  return `ADD INDEX (${parts.join(", ")})`;
}

const INDEXED_CHARACTERS = 100;
