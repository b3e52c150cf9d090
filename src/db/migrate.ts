/** Brings a database up to date: creates it if it is missing, applies the pending migrations, and adds the missing gates. */
import type { Connection } from "mysql2/promise";
import { MusterError } from "../errors.ts";
import { applyPending } from "./apply-migrations.ts";
import { connectOnce } from "./database.ts";
import { driverError, explainedError, takesNoWrites } from "./driver-errors.ts";
import { DATABASE_NAME, DICTIONARY, readFacts } from "./facts.ts";
import { accountOf, quoted } from "./grants.ts";
import { pendingTags } from "./migrations.ts";
import type { PasswordSource } from "./password.ts";
import { CHARACTERS, lackLine, lacksFor } from "./requirements.ts";
import type { Use } from "./rights.ts";
import { parseUrl } from "./url.ts";

/**
 * Applies the pending migrations of drizzle/ to the database that `url` names, and creates the database if it is missing. If
 * nothing is pending it takes a few milliseconds and no lock. It uses drizzle's own journal, as `drizzle-kit migrate` does.
 * @throws MusterError with the statement to run if the database may not be created, or if the server or the user's rights do
 *   not allow the migrations; or with the name of a table or migration that conflicts with a pending one
 */
export async function migrate(url: string, password?: PasswordSource): Promise<void> {
  const { database } = parseUrl(url);
  const connection = await connectOnce(url, password).catch((error) => {
    throw explainedError(error);
  });
  try {
    const name = await useDatabase(connection, database);
    const pending = await pendingTags(connection);
    if (pending.length > 0) {
      const lack = `the database lacks Muster's migrations ${pending.join(", ")}, and they cannot be applied: `;
      await requireUse(connection, "migrate", lack);
      await applyPending(connection, name);
    }
    await addGates(connection);
  } catch (error) {
    // requireUse() throws a better error than the server's: it names every table and the GRANT to run.
    if (driverError(error)?.code === "ER_TABLEACCESS_DENIED_ERROR") await requireUse(connection, "read");
    throw explainedError(error);
  } finally {
    await connection.end().catch(() => connection.destroy());
  }
}

/**
 * Makes `database` the connection's default, and creates it if it is missing.
 * @returns its name as DATABASE_NAME spells it
 * @throws MusterError `refused`, with the statement to run, if the user has no rights on it or it cannot be created
 */
async function useDatabase(connection: Connection, database: string): Promise<string> {
  const name = quoted(database);
  const create = `CREATE DATABASE IF NOT EXISTS ${name} ${CHARACTERS}`;
  try {
    await connection.query(`USE ${name}`).catch(async (error) => {
      if (driverError(error)?.code !== "ER_BAD_DB_ERROR") throw error;
      await connection.query(create);
      await connection.query(`USE ${name}`);
    });
  } catch (error) {
    const missing = `database "${database}" does not exist`;
    if (driverError(error)?.code === "ER_DBACCESS_DENIED_ERROR") {
      const mend = `${create}; GRANT ALL ON ${name}.* TO ${await accountOf(connection)}`;
      const line = `${missing}, or its user may not use it; as an administrator run: ${mend}`;
      throw new MusterError("refused", line, { cause: error });
    }
    if (!takesNoWrites(error)) throw error;
    const line = `${missing}, and the server takes no writes; name another host in DATABASE_URL`;
    throw new MusterError("refused", line, { cause: error });
  }
  const [rows] = await connection.query(`SELECT ${DATABASE_NAME} AS name`);
  return (rows as { name: string }[])[0]?.name ?? database;
}

/** Checks that a use is possible. @throws MusterError `refused` with a line for each requirement that is not met */
async function requireUse(connection: Connection, use: Use, before = ""): Promise<void> {
  const lacks = lacksFor(await readFacts(connection), use);
  if (lacks.length > 0) throw new MusterError("refused", lacks.map((lack) => before + lackLine(lack)).join("\n"));
}

/**
 * Adds the missing rows of muster_gates, one for each table of the dictionary. Only writers need the gates. So it is no error
 * if this user may not add them, or if the server takes no writes.
 */
async function addGates(connection: Connection): Promise<void> {
  const [rows] = await connection.query("SELECT `table` AS name FROM muster_gates");
  const gates = new Set((rows as { name: string }[]).map(({ name }) => name));
  const missing = DICTIONARY.filter((table) => !gates.has(table));
  if (missing.length === 0) return;
  try {
    await connection.query("INSERT IGNORE INTO muster_gates (`table`) VALUES ?", [missing.map((table) => [table])]);
  } catch (error) {
    if (driverError(error)?.code !== "ER_TABLEACCESS_DENIED_ERROR" && !takesNoWrites(error)) throw error;
  }
}
