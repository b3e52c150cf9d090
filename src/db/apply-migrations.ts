/**
 * Applies migrations under a lock. DDL commits by itself, so the table __muster_migrating records how far a migration has come.
 * If a migration is killed half-way, the next command completes it.
 */
import { createHash } from "node:crypto";
import { escapeId } from "mysql2";
import type { Connection } from "mysql2/promise";
import { MusterError } from "../errors.ts";
import { type DriverError, driverError } from "./driver-errors.ts";
import {
  ADOPTED_JOURNAL,
  JOURNAL,
  type Mark,
  type Migration,
  pendingMigrations,
  readMigrations,
} from "./migrations.ts";
import { tryLock } from "./named-lock.ts";

/** How long to wait for another command that migrates, and for each table that others are reading. */
const LOCK_SECONDS_MAX = 60;

/**
 * Applies the pending migrations.
 * @param database the name of the connection's default database
 * @param adopting the migrations of a database that is being adopted, instead of those of drizzle/
 */
export async function applyPending(
  connection: Connection,
  database: string,
  adopting?: readonly Migration[],
): Promise<void> {
  const journal = adopting ? ADOPTED_JOURNAL : JOURNAL;
  await lock(connection, database);
  const marks = await readMarks(connection);
  const pending = await pendingMigrations(connection, marks, adopting ?? readMigrations(), journal);
  if (pending.length === 0) return;
  await connection.query(`SET SESSION lock_wait_timeout = ${LOCK_SECONDS_MAX}`);
  for (const migration of pending) {
    let mark = marks.find(({ hash }) => hash === migration.hash);
    if (mark && (await dropUnfit(connection, createdBy(migration, mark.statement)))) mark = undefined;
    if (!mark) await refuseExisting(connection, database, migration);
    for (const statement of [createJournal(journal), CREATE_MARKS]) await connection.query(statement);
    await apply(connection, migration, mark, journal);
  }
  await connection.query("DROP TABLE __muster_migrating");
}

/** Takes a lock that the connection holds until it ends. If the process dies, the server first finishes its last statement. */
async function lock(connection: Connection, database: string): Promise<void> {
  // Use a hash: a lock's name has at most 64 characters, and the database's name alone may be that long.
  const name = `muster:${createHash("sha256").update(database).digest("hex").slice(0, 32)}`;
  if (await tryLock(connection, name, LOCK_SECONDS_MAX)) return;
  throw new MusterError("unavailable", `another command has been migrating "${database}" for ${LOCK_SECONDS_MAX} s`);
}

async function readMarks(connection: Connection): Promise<Mark[]> {
  try {
    const [rows] = await connection.query("SELECT hash, statement, begun FROM __muster_migrating");
    return (rows as Mark[]).map(({ hash, statement, begun }) => ({ hash, statement, begun: Boolean(begun) }));
  } catch (error) {
    if (driverError(error)?.code === "ER_NO_SUCH_TABLE") return [];
    throw error;
  }
}

/** The journal lists the migrations that were applied. It has the form of Drizzle's. */
export const createJournal = (journal: string): string =>
  `CREATE TABLE IF NOT EXISTS ${journal} (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint)`;

/** The marks say how far the current migration has come. */
const CREATE_MARKS = `CREATE TABLE IF NOT EXISTS __muster_migrating
  (hash char(64) PRIMARY KEY, statement int NOT NULL, begun boolean NOT NULL)`;

/**
 * Applies one migration. Each statement is marked as begun before it runs. If `from` says that a statement was begun, the
 * statement is in doubt: it may have been carried out before the crash, or not.
 */
async function apply(
  connection: Connection,
  { sql, hash, tag, folderMillis }: Migration,
  from: Mark | undefined,
  journal: string,
): Promise<void> {
  const mark = (statement: number, begun: boolean) =>
    connection.query("REPLACE INTO __muster_migrating VALUES (?, ?, ?)", [hash, statement, begun]);
  for (const [index, statement] of sql.entries()) {
    if (index < (from?.statement ?? 0)) continue;
    const isInDoubt = from?.begun === true && index === from.statement;
    if (isInDoubt && (await wasRenamed(connection, statement))) continue;
    if (!isInDoubt) await mark(index, true);
    try {
      await connection.query(statement);
    } catch (error) {
      const driver = driverError(error);
      if (driver && isInDoubt && wasDoneBefore(statement, driver)) continue;
      // Without an answer of the server, the statement stays in doubt.
      if (driver?.sqlMessage === undefined) throw error;
      // A statement that was in doubt keeps its mark: this error does not tell whether it was carried out before the crash.
      if (!isInDoubt) await mark(index, false);
      // Do not show the message of a syntax error: it quotes the statement.
      const why = driver.code === "ER_PARSE_ERROR" ? driver.code : driver.sqlMessage;
      const line = `migration ${tag} failed at its statement ${index + 1}: ${why}`;
      throw new MusterError("conflict", line, { cause: error });
    }
  }
  await connection.beginTransaction();
  await connection.query(`INSERT INTO ${journal} (hash, created_at) VALUES (?, ?)`, [hash, folderMillis]);
  await connection.query("DELETE FROM __muster_migrating WHERE hash = ?", [hash]);
  await connection.commit();
}

/** The errors that a statement gets if it was carried out before. */
const DONE_BEFORE = [
  ...["ER_TABLE_EXISTS_ERROR", "ER_BAD_TABLE_ERROR", "ER_DUP_FIELDNAME", "ER_DUP_KEYNAME"],
  ...["ER_CANT_DROP_FIELD_OR_KEY", "ER_FK_DUP_NAME"],
];

function wasDoneBefore(statement: string, { code, sqlMessage }: DriverError): boolean {
  // The errors of a RENAME do not tell: a table of another program may have the new name. wasRenamed() finds out.
  if (isRename(statement)) return false;
  // MariaDB has one code for everything that is wrong with a foreign key. Its error 121 means that the key exists.
  if (code === "ER_CANT_CREATE_TABLE") return sqlMessage?.includes("errno: 121") ?? false;
  return DONE_BEFORE.includes(code ?? "");
}

const isRename = (statement: string) => /^\s*RENAME TABLE/i.test(statement);

/** Whether the statement is a RENAME that was carried out: every table has its new name, and none has the old one. */
async function wasRenamed(connection: Connection, statement: string): Promise<boolean> {
  if (!isRename(statement)) return false;
  const renames = [...statement.matchAll(/`([^`]+)` TO `([^`]+)`/gi)];
  const before = renames.map(([, name = ""]) => name);
  const after = renames.map(([, , name = ""]) => name);
  const found = await tablesNamed(connection, [...before, ...after]);
  return found.length === after.length && found.every(({ name }) => after.includes(name));
}

/**
 * Refuses a migration that would create a table that exists: it may belong to another program.
 * @throws MusterError `conflict`, before anything is changed
 */
async function refuseExisting(connection: Connection, database: string, migration: Migration): Promise<void> {
  const found = await tablesNamed(connection, createdBy(migration));
  if (found.length === 0) return;
  throw new MusterError(
    "conflict",
    `database "${database}" has tables that migration ${migration.tag} would create: ` +
      `${found.map(({ name }) => name).join(", ")}. Use another database, or rename them`,
  );
}

/**
 * Drops the tables that an unfinished migration has created, if foreign keys or indexes could never be added to one of them:
 * it is not InnoDB, or its row format allows only short indexes. Earlier versions of Muster began to migrate on servers whose
 * defaults create such tables. The migration then starts again at its first statement.
 * @returns whether they were dropped
 * @throws MusterError `conflict` if one of them has rows
 */
async function dropUnfit(connection: Connection, created: readonly string[]): Promise<boolean> {
  const tables = await tablesNamed(connection, created);
  const unfit = tables.find(({ engine, format }) => engine !== "InnoDB" || /^(compact|redundant)$/i.test(format));
  if (unfit === undefined) return false;
  const drop = `DROP TABLE ${tables.map(({ name }) => escapeId(name)).join(", ")}`;
  for (const { name } of tables) {
    const [rows] = await connection.query(`SELECT 1 FROM ${escapeId(name)} LIMIT 1`);
    if ((rows as unknown[]).length === 0) continue;
    const made = `an unfinished migration made ${unfit.name} with ${unfit.engine} and row format ${unfit.format}`;
    throw new MusterError("conflict", `${made}, and ${name} has rows: move them elsewhere and run ${drop}`);
  }
  await connection.query("SET SESSION foreign_key_checks = OFF");
  await connection.query(drop);
  await connection.query("SET SESSION foreign_key_checks = ON");
  return true;
}

/** The tables that a migration creates. @param until the index of the last statement to look at */
function createdBy({ sql }: Migration, until = sql.length): string[] {
  return sql.slice(0, until + 1).flatMap((statement) => /^\s*CREATE TABLE `([^`]+)`/.exec(statement)?.[1] ?? []);
}

/** The tables of the database that have one of these names. TiDB has no row formats, and tells `Compact` for every table. */
async function tablesNamed(connection: Connection, names: readonly string[]) {
  if (names.length === 0) return [];
  const [rows] = await connection.query(
    `SELECT table_name AS name, engine AS engine, IF(VERSION() LIKE '%-TiDB-%', '', row_format) AS format
     FROM information_schema.tables
     WHERE table_schema = DATABASE() AND table_name IN (?)`,
    [names],
  );
  return rows as { name: string; engine: string; format: string }[];
}
