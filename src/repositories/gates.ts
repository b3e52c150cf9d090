/** Gates put Muster's writers in order. A table's gate is its row in `muster_gates`, which a transaction locks. */
import type { Connection, RowDataPacket } from "mysql2/promise";
import type { TableName } from "../codecs/tables.ts";
import { driverError } from "../db/driver-errors.ts";
import { MusterError } from "../errors.ts";

/**
 * Takes the gates of tables inside the caller's transaction: `alone` for a publish or a restore, `shared` for an insert, a
 * backup, or the parents of what is published. It takes them in the order of their names, so that two transactions never wait
 * for each other.
 * @param wait is called each time the server's lock wait times out. It may throw, to give up
 */
export async function passGates(
  connection: Connection,
  gates: { alone?: readonly TableName[]; shared?: readonly TableName[] },
  wait: (table: TableName) => void,
): Promise<void> {
  const alone = new Set(gates.alone);
  const names = new Set([...alone, ...(gates.shared ?? [])]);
  for (const name of [...names].sort()) {
    while (!(await passGate(connection, name, alone.has(name) ? "FOR UPDATE" : "LOCK IN SHARE MODE"))) wait(name);
  }
}

async function passGate(connection: Connection, name: TableName, mode: string): Promise<boolean> {
  try {
    const [rows] = await connection.query<RowDataPacket[]>(`SELECT 1 FROM muster_gates WHERE \`table\` = ? ${mode}`, [
      name,
    ]);
    if (rows.length > 0) return true;
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
