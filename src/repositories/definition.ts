/** What a table is, in the server's own words. */
import { escapeId } from "mysql2";
import type { Connection, RowDataPacket } from "mysql2/promise";
import { MusterError } from "../errors.ts";
import { ddl } from "./ddl.ts";

export interface Definition {
  /** As `KEY name (columns)`; the primary key is not among them. */
  keys: string[];
  /** `rule` is all that follows a constraint's name. */
  foreignKeys: { name: string; rule: string }[];
  /** The id that is assigned next; a table that has never had a row says 1. */
  nextId: number;
  /** Equal for two tables that differ in their names, their constraints' names and their next id at most. */
  shape: string;
}

/** From SHOW CREATE TABLE, which has a line for each column, key and constraint. */
export async function definitionOf(connection: Connection, name: string): Promise<Definition> {
  // information_schema has the next id from a cache that may be a day old.
  const [rows] = await connection.query<RowDataPacket[]>(`SHOW CREATE TABLE ${escapeId(name)}`);
  const text: string = rows[0]?.["Create Table"];
  const lines = text.split("\n").map((line) => line.trim().replace(/,$/, ""));
  const foreignKeys = lines.flatMap((line) => {
    const [, quoted = "", rule] = /^CONSTRAINT `((?:[^`]|``)+)` (FOREIGN KEY .*)$/.exec(line) ?? [];
    return rule === undefined ? [] : [{ name: quoted.replaceAll("``", "`"), rule }];
  });
  return {
    keys: lines.filter((line) => /^([A-Z]+ )?KEY `/.test(line)),
    foreignKeys,
    nextId: Number(NEXT_ID.exec(text)?.[1] ?? 1),
    shape: lines
      .slice(1)
      .join("\n")
      .replace(NEXT_ID, "")
      .replace(/^CONSTRAINT `(?:[^`]|``)+` FOREIGN/gm, "FOREIGN"),
  };
}

const NEXT_ID = / AUTO_INCREMENT=(\d+)/;
const RAISE_TRIES = 20;

/** Makes sure that a table assigns no id below `next`. Never lowers it. Commits what the connection has open. */
export async function raiseAutoIncrement(connection: Connection, name: string, next: number): Promise<void> {
  if ((await definitionOf(connection, name)).nextId >= next) return;
  const statement = `ALTER TABLE ${escapeId(name)} AUTO_INCREMENT = ${Math.trunc(next)}`;
  if (await ddl(connection, statement, { tries: RAISE_TRIES })) return;
  throw new MusterError("unavailable", `${name} is in use by long statements of others: try again`);
}
