/** The database that DATABASE_URL names: made where it is missing, and fit to hold every name. */
import { escapeId } from "mysql2";
import type { Connection } from "mysql2/promise";
import { MusterError } from "../errors.ts";
import { driverError } from "./errors.ts";

const CHARACTERS = "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";

/** Makes `database` the connection's default, creating it if it is missing. @throws MusterError `invalid` where it may not */
export async function useDatabase(connection: Connection, database: string): Promise<void> {
  const name = escapeId(database, true);
  try {
    await connection.query(`USE ${name}`).catch(async (error) => {
      if (driverError(error)?.code !== "ER_BAD_DB_ERROR") throw error;
      await connection.query(`CREATE DATABASE IF NOT EXISTS ${name} ${CHARACTERS}`);
      await connection.query(`USE ${name}`);
    });
  } catch (error) {
    if (driverError(error)?.code !== "ER_DBACCESS_DENIED_ERROR") throw error;
    throw new MusterError(
      "invalid",
      `the user of DATABASE_URL has no rights on database "${database}", and may not create it. As an administrator run: ` +
        `CREATE DATABASE IF NOT EXISTS ${name} ${CHARACTERS}; GRANT ALL ON ${name}.* TO that user`,
      { cause: error },
    );
  }
}

/** Tables take the database's character set. @throws MusterError `refused`, with the line to run, where it is not utf8mb4 */
export async function requireCharacters(connection: Connection, database: string): Promise<void> {
  const [rows] = await connection.query("SELECT @@character_set_database AS characters");
  const [row] = rows as { characters: string }[];
  if (row?.characters === "utf8mb4") return;
  throw new MusterError(
    "refused",
    `database "${database}" keeps text as ${row?.characters}, which cannot hold every name. ` +
      `Run: ALTER DATABASE ${escapeId(database, true)} ${CHARACTERS}`,
  );
}
