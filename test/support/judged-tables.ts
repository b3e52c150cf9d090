/** Tables that the server judges in an import, in a database of their own. */
import { expect } from "bun:test";
import { sql } from "drizzle-orm";
import {
  type AnyMySqlColumn,
  date,
  datetime,
  int,
  mysqlTable,
  primaryKey,
  smallint,
  unique,
  varchar,
} from "drizzle-orm/mysql-core";
import type { RowDataPacket } from "mysql2/promise";
import { Dictionary } from "../../src/codecs/dictionary.ts";
import type { Counts } from "../../src/db/ledger.ts";
import { type ImportOptions, importSource } from "../../src/ingest/import.ts";
import { listRejections } from "../../src/repositories/rejection-log.ts";
import { freshDatabase } from "./database.ts";
import { folderOf, removeFolders } from "./files.ts";

const teams = mysqlTable("teams", {
  code: varchar("code", { length: 20 }).primaryKey(),
  name: varchar("name", { length: 40 }).notNull().unique(),
});
const people = mysqlTable("people", {
  login: varchar("login", { length: 40 }).primaryKey(),
  email: varchar("email", { length: 80 }).unique(),
  team: varchar("team", { length: 20 }).references(() => teams.code),
  boss: varchar("boss", { length: 40 }).references((): AnyMySqlColumn => people.login),
  joined: datetime("joined", { fsp: 3, mode: "string" }).notNull().default(sql`(now(3))`),
});
const shifts = mysqlTable(
  "shifts",
  {
    login: varchar("login", { length: 40 }).references(() => people.login),
    day: date("day", { mode: "string" }),
    place: varchar("place", { length: 20 }),
    seat: int("seat"),
  },
  (table) => [primaryKey({ columns: [table.login, table.day] }), unique("shifts_seat").on(table.place, table.seat)],
);
const badges = mysqlTable("badges", {
  id: int("id").autoincrement().primaryKey(),
  code: varchar("code", { length: 10 }).notNull().unique(),
});
const loans = mysqlTable("loans", {
  id: int("id").autoincrement().primaryKey(),
  badge: int("badge").references(() => badges.id),
});
const offices = mysqlTable("offices", {
  id: int("id").autoincrement().primaryKey(),
  city: varchar("city", { length: 40 }).notNull(),
});
const doors = mysqlTable("doors", {
  code: varchar("code", { length: 10 }).primaryKey(),
  office: int("office").references(() => offices.id),
});
const wards = mysqlTable("wards", {
  code: smallint("code", { unsigned: true }).autoincrement().primaryKey(),
  label: varchar("label", { length: 20 }).notNull(),
});
const floors = mysqlTable("floors", {
  level: int("level").primaryKey(),
  label: varchar("label", { length: 20 }).notNull(),
});
const DEFINITIONS = [
  "CREATE TABLE wards (code SMALLINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, label VARCHAR(20) NOT NULL)",
  "CREATE TABLE floors (level INT PRIMARY KEY, label VARCHAR(20) NOT NULL)",
  "CREATE TABLE offices (id INT AUTO_INCREMENT PRIMARY KEY, city VARCHAR(40) NOT NULL)",
  `CREATE TABLE doors (code VARCHAR(10) PRIMARY KEY, office INT,
   CONSTRAINT doors_office FOREIGN KEY (office) REFERENCES offices (id))`,
  "CREATE TABLE teams (code VARCHAR(20) PRIMARY KEY, name VARCHAR(40) NOT NULL UNIQUE)",
  `CREATE TABLE people (login VARCHAR(40) PRIMARY KEY, email VARCHAR(80) UNIQUE, team VARCHAR(20), boss VARCHAR(40),
   joined DATETIME(3) NOT NULL DEFAULT (NOW(3)), CONSTRAINT people_team FOREIGN KEY (team) REFERENCES teams (code),
   CONSTRAINT people_boss FOREIGN KEY (boss) REFERENCES people (login))`,
  `CREATE TABLE shifts (login VARCHAR(40), day DATE, place VARCHAR(20), seat INT, PRIMARY KEY (login, day),
   UNIQUE shifts_seat (place, seat), CONSTRAINT shifts_login FOREIGN KEY (login) REFERENCES people (login))`,
  "CREATE TABLE badges (id INT AUTO_INCREMENT PRIMARY KEY, code VARCHAR(10) NOT NULL UNIQUE)",
  `CREATE TABLE loans (id INT AUTO_INCREMENT PRIMARY KEY, badge INT,
   CONSTRAINT loans_badge FOREIGN KEY (badge) REFERENCES badges (id))`,
];

/** The first line of a file of people. */
export const PEOPLE = "login,email,team,boss,joined\n";

/** Makes the tables. Call `close` in the end. */
export async function judgedTables() {
  const fresh = await freshDatabase();
  const { pool } = fresh;
  const dictionary = new Dictionary({ teams, people, shifts, badges, loans, offices, doors, wards, floors });
  const database = { ...fresh, dictionary };
  for (const definition of DEFINITIONS) await pool.query(definition);
  await pool.query("INSERT INTO muster_gates VALUES ?", [dictionary.names.map((name) => [name])]);

  /** Deletes the runs and rejections. */
  const forget = () => fresh.empty();

  async function empty() {
    await pool.query("UPDATE people SET boss = NULL");
    for (const name of dictionary.names.toReversed()) await pool.query(`DELETE FROM ${name}`);
    await forget();
  }

  async function close() {
    await fresh.close();
    await removeFolders();
  }

  /** Imports files, and checks that every row is accounted for and no stage is left. */
  async function load(files: Record<string, string>, options: Partial<ImportOptions> = {}) {
    const source = options.source ?? (await folderOf(files));
    const { run, tables } = await importSource(database, { source, report: { say() {} }, ...options });
    expect(await select("SHOW TABLES LIKE 'stage%'")).toEqual([]);
    const counts = tables as Partial<Record<string, Counts>>;
    for (const { received, inserted, unchanged, rejected, withheld } of Object.values(tables))
      expect(inserted + unchanged + rejected + withheld).toBe(received);
    return { source, run, counts };
  }

  async function select(statement: string): Promise<unknown[][]> {
    return (await pool.query<RowDataPacket[][]>({ sql: statement, rowsAsArray: true }))[0] as unknown[][];
  }

  /** The reasons of the open rejections, by their place. */
  async function rejected(): Promise<Record<string, string[]>> {
    const open = await listRejections(fresh.db, { limit: 1000, state: "open" });
    return Object.fromEntries(
      open
        .map(
          ({ file, position, reasons }) =>
            [`${file}:${position}`, reasons.map(({ code, field, detail }) => `${code} (${field}): ${detail}`)] as const,
        )
        .sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true })),
    );
  }

  const logins = async () => (await select("SELECT login FROM people ORDER BY login")).flat();

  return { database, pool, empty, forget, close, load, select, rejected, logins };
}
