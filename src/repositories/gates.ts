/** Gates put Muster's writers in order. A table's gate is its row in `muster_gates`, which a transaction locks. */
import type { Connection, RowDataPacket } from "mysql2/promise";
import type { TableName } from "../codecs/tables.ts";
import { driverError } from "../db/driver-errors.ts";
import { foreignKeysIgnored, lackLine } from "../db/requirements.ts";
import { MusterError } from "../errors.ts";

/**
 * Takes the gates of tables inside the caller's transaction: `alone` for a publish or a restore, `shared` for an insert, a
 * backup, or the parents of what is published. It takes them in the order of their names, so that two transactions never wait
 * for each other.
 * @param wait is called each time the server's lock wait times out. It may throw, to give up
 * @throws MusterError `unavailable` if the server ignores foreign keys now
 */
export async function passGates(
  connection: Connection,
  gates: { alone?: readonly TableName[]; shared?: readonly TableName[] },
  wait: (table: TableName) => void,
): Promise<void> {
  const alone = new Set(gates.alone);
  const names = new Set([...alone, ...(gates.shared ?? [])]);
  for (const name of [...names].sort()) {
    const lock = alone.has(name) ? "FOR UPDATE" : "LOCK IN SHARE MODE";
    while (!(await passGate(connection, name, lock))) wait(name);
  }
}

/** On TiDB an administrator may switch foreign keys off at any moment, for all connections. Other servers skip the comment. */
const CHECKS = "/*T! , @@GLOBAL.tidb_enable_foreign_key AS foreignKeys */";

async function passGate(connection: Connection, name: TableName, lock: string): Promise<boolean> {
  try {
    const select = `SELECT 1 ${CHECKS} FROM muster_gates WHERE \`table\` = ? ${lock}`;
    const [[gate]] = await connection.query<RowDataPacket[]>(select, [name]);
    const lack = gate?.foreignKeys === 0 ? foreignKeysIgnored("OFF") : undefined;
    if (lack) throw new MusterError("unavailable", lack.wrong, { located: lackLine(lack) });
    if (gate) return true;
    // If the row of a gate is missing, nothing is locked, and everybody would pass.
    throw new MusterError(
      "unavailable",
      `the table muster_gates lacks the row of ${name}: start Muster again, which adds it`,
    );
  } catch (error) {
    if (driverError(error)?.code === "ER_LOCK_WAIT_TIMEOUT") return false;
    throw error;
  }
}
