/** The database that DATABASE_URL names, made if it is missing. */
import type { Connection } from "mysql2/promise";
import { MusterError } from "../errors.ts";
import { driverError, takesNoWrites } from "./driver-errors.ts";
import { DATABASE_NAME } from "./facts.ts";
import { accountOf, quoted } from "./grants.ts";
import { CHARACTERS } from "./requirements.ts";

/**
 * Makes `database` the connection's default, and creates it if it is missing.
 * @returns its name, one for all ways to write it
 * @throws MusterError `refused`, with the statement to run, if the user has no rights on it or it cannot be created
 */
export async function useDatabase(connection: Connection, database: string): Promise<string> {
  const name = quoted(database);
  const create = `CREATE DATABASE IF NOT EXISTS ${name} ${CHARACTERS}`;
  try {
    await connection.query(`USE ${name}`).catch(async (error) => {
      if (driverError(error)?.code !== "ER_BAD_DB_ERROR") throw error;
      await connection.query(create);
      await connection.query(`USE ${name}`);
    });
    const [rows] = await connection.query(`SELECT ${DATABASE_NAME} AS name`);
    return (rows as { name: string }[])[0]?.name ?? database;
  } catch (error) {
    const code = driverError(error)?.code;
    if (code === "ER_DBACCESS_DENIED_ERROR") {
      throw new MusterError(
        "refused",
        `database "${database}" does not exist, or its user may not use it; as an administrator run: ` +
          `${create}; GRANT ALL ON ${name}.* TO ${await accountOf(connection)}`,
        { cause: error },
      );
    }
    if (takesNoWrites(error)) {
      throw new MusterError(
        "refused",
        `database "${database}" does not exist, and the server takes no writes; name another host in DATABASE_URL`,
        { cause: error },
      );
    }
    throw error;
  }
}
