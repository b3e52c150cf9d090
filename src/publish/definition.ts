/** What a table is, in the server's own words. */
import { escapeId } from "mysql2";
import type { Connection, RowDataPacket } from "mysql2/promise";
import { quoted } from "../db/grants.ts";
import { MusterError } from "../errors.ts";
import { ddl } from "./ddl.ts";

export interface Definition {
  /** One line for each column, in their order. */
  columns: string[];
  /** As `KEY name (columns)`; the primary key is not among them. */
  keys: string[];
  /** `rule` is all that follows a constraint's name. */
  foreignKeys: { name: string; rule: string }[];
  /** Whatever else there is: the primary key, checks, periods, the table's options, partitions. */
  rest: string[];
  /** The id that is assigned next; a table that has never had a row says 1. */
  nextId: number;
  /** Equal for two tables that differ in their names, their constraints' names and their next id at most. */
  shape: string;
}

/** From SHOW CREATE TABLE, which has a line for each column, key and constraint. @param schema another database */
export async function definitionOf(connection: Connection, name: string, schema?: string): Promise<Definition> {
  const table = schema === undefined ? quoted(name) : `${quoted(schema)}.${quoted(name)}`;
  // information_schema has the next id from a cache that may be a day old.
  const [rows] = await connection.query<RowDataPacket[]>(`SHOW CREATE TABLE ${table}`);
  const text: string = rows[0]?.["Create Table"] ?? ""; // of a view there is none
  const lines = text
    .replace(NEXT_ID, "$1")
    .split("\n")
    .slice(1)
    .map((line) => line.trim().replace(/,$/, ""));
  const foreignKeys = lines.flatMap((line) => {
    const [, quoted = "", rule] = FOREIGN_KEY.exec(line) ?? [];
    return rule === undefined ? [] : [{ name: quoted.replaceAll("``", "`"), rule }];
  });
  const [columns, keys] = [COLUMN, KEY].map((kind) => lines.filter((line) => kind.test(line))) as [string[], string[]];
  return {
    columns,
    keys,
    foreignKeys,
    rest: lines.filter((line) => ![COLUMN, KEY, FOREIGN_KEY].some((kind) => kind.test(line))),
    nextId: Number(NEXT_ID.exec(text)?.[2] ?? 1),
    shape: lines.map((line) => FOREIGN_KEY.exec(line)?.[2] ?? line).join("\n"),
  };
}

const COLUMN = /^`/;
const KEY = /^([A-Z]+ )?KEY `/;
const FOREIGN_KEY = /^CONSTRAINT `((?:[^`]|``)+)` (FOREIGN KEY .*)$/;
/** In the line of the table's options: a comment may say the same. */
const NEXT_ID = /^(\) .*?) AUTO_INCREMENT=(\d+)/m;

/** A trigger on a table, if the user may see one. */
export async function triggerOn(connection: Connection, table: string): Promise<string | undefined> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT trigger_name AS name FROM information_schema.triggers
     WHERE event_object_schema = DATABASE() AND event_object_table = ? LIMIT 1`,
    [table],
  );
  return rows[0]?.name;
}

/** Whether a table has no row that is committed. */
export async function isEmpty(connection: Connection, name: string): Promise<boolean> {
  const [rows] = await connection.query<RowDataPacket[]>(`SELECT 1 FROM ${escapeId(name)} LIMIT 1`);
  return rows.length === 0;
}

/** Whether there is such a table. */
export async function exists(connection: Connection, name: string): Promise<boolean> {
  const [rows] = await connection.query<RowDataPacket[]>(
    "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?",
    [name],
  );
  return rows.length > 0;
}

const RAISE_TRIES = 20;

/** Makes sure that a table assigns no id below `next`. Never lowers it. Commits what the connection has open. */
export async function raiseAutoIncrement(connection: Connection, name: string, next: number): Promise<void> {
  if ((await definitionOf(connection, name)).nextId >= next) return;
  const statement = `ALTER TABLE ${escapeId(name)} AUTO_INCREMENT = ${Math.trunc(next)}`;
  if (await ddl(connection, statement, { tries: RAISE_TRIES })) return;
  throw new MusterError("unavailable", `${name} is in use by long statements of others: try again`);
}
