/** Databases as other programs make them, for the tests of adopt. */
import type { Connection } from "mysql2/promise";
import { connectOnce } from "../../src/db/database.ts";
import { quoted } from "../../src/db/grants.ts";
import { parseUrl } from "../../src/db/url.ts";
import { type Finished, run } from "./commands.ts";

/** A connection to a database that a plain SQL script has made. Statements end with a semicolon at the end of a line. */
export async function madeBy(url: string, script: string): Promise<Connection> {
  const connection = await connectOnce(url);
  const name = quoted(parseUrl(url).database);
  await connection.query(`CREATE DATABASE IF NOT EXISTS ${name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`);
  await connection.query(`USE ${name}`);
  await runScript(connection, script);
  return connection;
}

export async function runScript(connection: Connection, script: string): Promise<void> {
  for (const statement of script.replace(/^--.*$/gm, "").split(/;\n/)) {
    if (statement.trim()) await connection.query(statement);
  }
}

/** SHOW CREATE TABLE of each table, by its name. */
export async function definitionsIn(connection: Connection): Promise<Record<string, string>> {
  const [tables] = await connection.query("SHOW FULL TABLES WHERE table_type = 'BASE TABLE'");
  const found: Record<string, string> = {};
  for (const table of tables as Record<string, string>[]) {
    const name = Object.values(table)[0] ?? "";
    const [rows] = await connection.query(`SHOW CREATE TABLE ${quoted(name)}`);
    found[name] = (rows as Record<string, string>[])[0]?.["Create Table"] ?? "";
  }
  return found;
}

/** Runs adopt in a copy of the project. */
export const adoptIn = (folder: string, url: string, ...options: string[]): Promise<Finished> =>
  run(["scripts/adopt.ts", ...options], { DATABASE_URL: url }, folder);
