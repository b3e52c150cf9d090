/** Brings a database up to drizzle/: under a lock, and so that a run that dies half-way is completed by the next. */
import { createHash } from "node:crypto";
import type { Connection } from "mysql2/promise";
import { MusterError } from "../errors.ts";
import { addGates } from "./add-gates.ts";
import { connectOnce } from "./database.ts";
import { type DriverError, domainError, driverError } from "./driver-errors.ts";
import { lookAt } from "./facts.ts";
import { appliedMigrations, type Migration, pendingTags, readMigrations, withPrefix } from "./migrations.ts";
import { lacksFor, lineOf, REQUIRED_VARIABLES } from "./requirements.ts";
import type { Use } from "./rights.ts";
import { dropUnfit } from "./unfit-tables.ts";
import { parseUrl } from "./url.ts";
import { useDatabase } from "./use-database.ts";

/** How long another start's migration is waited for, and how long a statement waits for a table that is being read. */
const LOCK_SECONDS_MAX = 60;

/**
 * Applies the pending migrations of drizzle/ to the database that `url` names, and creates the database if it is missing. It
 * takes a few milliseconds and no lock if nothing is pending. The journal is drizzle's own, so `drizzle-kit migrate` does as well.
 * @throws MusterError with the statement to run if the database may not be created, or if the server or the user's rights do
 *   not allow the migrations; or with the name of a table or migration that stands in the way
 */
export async function migrate(url: string): Promise<void> {
  const { database } = parseUrl(url);
  const connection = await connectOnce(url).catch((error) => {
    throw domainError(error);
  });
  try {
    const name = await useDatabase(connection, database);
    const pending = await pendingTags(connection);
    if (pending.length > 0) {
      const lack = `the database lacks migrations of Muster's (${pending.join(", ")})`;
      await requireUse(connection, "migrate", `${lack}, and they cannot be applied: `);
      await applyPending(connection, name);
    }
    await addGates(connection);
  } catch (error) {
    // The requirements name the tables and the GRANT.
    if (driverError(error)?.code === "ER_TABLEACCESS_DENIED_ERROR") await requireUse(connection, "read");
    throw domainError(error);
  } finally {
    await connection.end().catch(() => connection.destroy());
  }
}

/** @throws MusterError `refused` with a line for each requirement that is not met */
async function requireUse(connection: Connection, use: Use, before = ""): Promise<void> {
  const lacks = lacksFor(await lookAt(connection, REQUIRED_VARIABLES), use);
  if (lacks.length > 0) throw new MusterError("refused", lacks.map((lack) => before + lineOf(lack)).join("\n"));
}

/** The connection holds the lock until it ends; a dead run's does so until the server has carried out its statement. */
async function takeTurn(connection: Connection, database: string): Promise<void> {
  // A lock's name ends at 64 characters, as a database's may.
  const name = `muster:${createHash("sha256").update(database).digest("hex").slice(0, 32)}`;
  const [row] = await select(connection, `SELECT GET_LOCK('${name}', ${LOCK_SECONDS_MAX}) AS taken`);
  if (row?.taken === 1) return;
  throw new MusterError("unavailable", `another command has been migrating "${database}" for ${LOCK_SECONDS_MAX} s`);
}

async function applyPending(connection: Connection, database: string): Promise<void> {
  await takeTurn(connection, database);
  const begun = await select(connection, "SELECT hash, statement, begun FROM __muster_migrating", "ER_NO_SUCH_TABLE");
  const pending = await pendingMigrations(connection, begun);
  if (pending.length === 0) return;
  await connection.query(`SET SESSION lock_wait_timeout = ${LOCK_SECONDS_MAX}`);
  for (const migration of pending) {
    let mark = begun.find(({ hash }) => hash === migration.hash);
    if (mark && (await dropUnfit(connection, createdBy(migration, Number(mark.statement))))) mark = undefined;
    if (!mark) await refuseExisting(connection, database, migration);
    for (const statement of JOURNALS) await connection.query(statement);
    await apply(connection, migration, { statement: Number(mark?.statement ?? 0), inDoubt: mark?.begun === 1 });
  }
  await connection.query("DROP TABLE __muster_migrating");
}

/**
 * The migrations that are to be applied.
 * @param begun the rows of __muster_migrating
 * @throws MusterError `conflict` if one of them is older than a migration that was applied
 */
async function pendingMigrations(connection: Connection, begun: Record<string, unknown>[]): Promise<Migration[]> {
  const applied = await appliedMigrations(connection);
  const files = readMigrations();
  const first = files[0];
  const firstHash = applied.find((each) => each.created_at === first?.folderMillis)?.hash;
  const isNew = firstHash === undefined && !begun.some(({ hash }) => hash === first?.hash);
  const prefixed = withPrefix(files);
  const all = isNew || firstHash === prefixed[0]?.hash ? prefixed : files;
  const pending = all.filter((migration) => !applied.some((each) => each.created_at === migration.folderMillis));
  const newest = Math.max(...applied.map((each) => each.created_at));
  const late = pending.find((migration) => migration.folderMillis < newest);
  if (late) {
    throw new MusterError(
      "conflict",
      `migration ${late.tag} is older than the newest one of the database and was never applied: generate it anew`,
    );
  }
  return pending;
}

/** Drizzle's, of the migrations that were applied; and ours, of how far one got. */
const JOURNALS = [
  "CREATE TABLE IF NOT EXISTS __drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint)",
  `CREATE TABLE IF NOT EXISTS __muster_migrating
     (hash char(64) PRIMARY KEY, statement int NOT NULL, begun boolean NOT NULL)`,
];

/**
 * DDL commits by itself, so how far a migration got is written down around each statement. After a crash one statement is in
 * doubt: begun, and maybe carried out. That one alone may find its work there.
 */
async function apply(
  connection: Connection,
  { sql, hash, tag, folderMillis }: Migration,
  from: { statement: number; inDoubt: boolean },
): Promise<void> {
  const mark = (statement: number, begun: boolean) =>
    connection.query("REPLACE INTO __muster_migrating VALUES (?, ?, ?)", [hash, statement, begun]);
  for (const [index, statement] of sql.entries()) {
    if (index < from.statement) continue;
    const inDoubt = from.inDoubt && index === from.statement;
    if (!inDoubt) await mark(index, true);
    try {
      await connection.query(statement);
    } catch (error) {
      const driver = driverError(error);
      if (driver && inDoubt && wasDoneBefore(statement, driver)) continue;
      // Where the connection failed nobody knows; where the server said no, the statement was not carried out now.
      if (driver?.sqlMessage === undefined) throw error;
      if (!inDoubt) await mark(index, false);
      const why = driver.code === "ER_PARSE_ERROR" ? driver.code : driver.sqlMessage;
      throw new MusterError("conflict", `migration ${tag} failed at its statement ${index + 1}: ${why}`, {
        cause: error,
      });
    }
  }
  await connection.beginTransaction();
  await connection.query("INSERT INTO __drizzle_migrations (hash, created_at) VALUES (?, ?)", [hash, folderMillis]);
  await connection.query("DELETE FROM __muster_migrating WHERE hash = ?", [hash]);
  await connection.commit();
}

/** How a statement fails that was carried out before. */
const DONE_BEFORE = [
  "ER_TABLE_EXISTS_ERROR",
  "ER_BAD_TABLE_ERROR",
  "ER_DUP_FIELDNAME",
  "ER_DUP_KEYNAME",
  "ER_CANT_DROP_FIELD_OR_KEY",
  "ER_FK_DUP_NAME",
];

function wasDoneBefore(statement: string, { code, sqlMessage }: DriverError): boolean {
  // The tables have their new names already.
  if (/^\s*RENAME TABLE/i.test(statement) && code === "ER_NO_SUCH_TABLE") return true;
  // MariaDB's word for a foreign key that is there; the same code says that one cannot be made.
  if (code === "ER_CANT_CREATE_TABLE") return sqlMessage?.includes("errno: 121") ?? false;
  return DONE_BEFORE.includes(code);
}

/** A table that is there already is somebody else's, or was made by hand: said before anything is changed. */
async function refuseExisting(connection: Connection, database: string, migration: Migration): Promise<void> {
  const created = createdBy(migration);
  if (created.length === 0) return;
  const [found] = await connection.query(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN (?)",
    [created],
  );
  const names = (found as { name: string }[]).map(({ name }) => name);
  if (names.length === 0) return;
  throw new MusterError(
    "conflict",
    `database "${database}" has tables that migration ${migration.tag} would create: ${names.join(", ")}. ` +
      "Use another database, or rename them",
  );
}

/** The tables that a migration creates, up to the statement of this index. */
function createdBy({ sql }: Migration, until = sql.length): string[] {
  return sql.slice(0, until + 1).flatMap((statement) => /^\s*CREATE TABLE `([^`]+)`/.exec(statement)?.[1] ?? []);
}

/** The rows, or none where the statement fails as expected. */
async function select(
  connection: Connection,
  statement: string,
  expected?: string,
): Promise<Record<string, unknown>[]> {
  try {
    const [rows] = await connection.query(statement);
    return rows as Record<string, unknown>[];
  } catch (error) {
    if (expected !== undefined && driverError(error)?.code === expected) return [];
    throw error;
  }
}
