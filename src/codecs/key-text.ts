/**
 * A row's key as text, for paths, cursors and messages: its values as in CSV, each percent-encoded, with commas between them
 * (RFC 6570, the expansion of a list). `1`, `ana%2C%20b`, `1,2021-02-01`.
 */
import { Fault, type SqlValue } from "./codec.ts";
import type { Row, Table } from "./tables.ts";

/** The values of a key, in its columns' order. */
export type Key = readonly SqlValue[];

/** The key of a stored row. */
export const keyIn = (table: Table, row: Row): Key => table.key.map((index) => row[index] ?? null);

/** The text of a key. */
export const keyText = (table: Table, key: Key): string =>
  table.key.map((index, place) => encodeURIComponent(csvOf(table, index, key[place] ?? null))).join(",");

const csvOf = ({ columns }: Table, index: number, value: SqlValue) => columns[index]?.codec.toCsv(value) ?? "";

/** Reads the text of a key. @returns undefined if no row of the table can have such a key */
export function readKey(table: Table, text: string): Key | undefined {
  const parts = partsOf(table, text);
  if (!parts) return undefined;
  const key: SqlValue[] = [];
  for (const [place, index] of table.key.entries()) {
    const part = decoded(parts[place] ?? "");
    const value = part && table.columns[index]?.codec.fromCsv(part);
    if (value === undefined || value === "" || value === null || value instanceof Fault) return undefined;
    key.push(value);
  }
  return key;
}

/**
 * Reads a cursor: the text of the key of a row that was listed. Other programs may have stored keys that Muster's rules refuse,
 * and the rows after them can be listed too.
 * @returns undefined if no row of the table can have such a key
 */
export function readCursor(table: Table, text: string): Key | undefined {
  const parts = partsOf(table, text);
  if (!parts) return undefined;
  const key: SqlValue[] = [];
  for (const [place, index] of table.key.entries()) {
    const [column, part] = [table.columns[index], decoded(parts[place] ?? "")];
    if (!column || part === undefined) return undefined;
    const value = part === "" ? undefined : column.codec.fromCsv(part);
    if (value !== undefined && !(value instanceof Fault)) key.push(value);
    else if (/^(var)?char\b/.test(column.sqlType)) key.push(part);
    else if (/int\b/.test(column.sqlType) && /^-?\d{1,20}$/.test(part)) key.push(column.codec.fromSql(part));
    else return undefined;
  }
  return key;
}

/** The encoded values of a key. Some clients encode the commas between them too. */
function partsOf({ key }: Table, text: string): string[] | undefined {
  if (key.length === 1) return [text];
  const parts = (text.includes(",") ? text : (decoded(text) ?? "")).split(",");
  return parts.length === key.length ? parts : undefined;
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined; // a percent sign that begins no character
  }
}

/** How answers name a row: by `id` if its key is a number, else by `key` with the columns' values as in JSON. */
export function rowName(table: Table, key: Key): { id: number } | { key: Record<string, unknown> } {
  if (table.numberKey !== undefined) return { id: Number(key[0]) };
  return {
    key: Object.fromEntries(
      table.key.flatMap((index, place) => {
        const column = table.columns[index];
        return column ? [[column.name, column.codec.toJson(key[place] ?? null)]] : [];
      }),
    ),
  };
}
