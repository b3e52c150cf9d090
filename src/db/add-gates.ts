/** The gates that order Muster's writers: a row for each table of the dictionary. */
import type { Connection } from "mysql2/promise";
import { driverError, takesNoWrites } from "./driver-errors.ts";
import { DICTIONARY } from "./facts.ts";

/** Adds the gates that are missing. Writers alone need them, so nothing is said if they cannot be added by this user or now. */
export async function addGates(connection: Connection): Promise<void> {
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
