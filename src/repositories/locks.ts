/** Named locks of the server, which end with their connection (design section 5): they tell the living from the dead. */
import { createHash } from "node:crypto";
import type { Connection, RowDataPacket } from "mysql2/promise";
import type { Database } from "../db/client.ts";

/** Held by a run's connection for as long as the run is alive. */
export const runLock = (database: Database, run: string) => lockName(database, `run ${run}`);

/** Held by the one import or restore that works on a table. */
export const loadLock = (database: Database, table: string) => lockName(database, `load ${table}`);

/** Takes a lock; false where another connection holds it for so many seconds more. */
export async function tryLock(connection: Connection, name: string, seconds: number): Promise<boolean> {
  const [rows] = await connection.query<RowDataPacket[]>("SELECT GET_LOCK(?, ?) AS taken", [name, seconds]);
  return rows[0]?.taken === 1;
}

/** Lock names belong to the server, not to a database, and end at 64 characters: hence the hash. */
function lockName(database: Database, what: string): string {
  return `muster:${createHash("sha1").update(`${database.name}:${what}`).digest("hex")}`;
}
