/** What tells runs that are under way from those that died: named locks of the server, which end with their connection, and processes. */
import { createHash } from "node:crypto";
import { readlinkSync } from "node:fs";
import { hostname } from "node:os";
import type { Connection, RowDataPacket } from "mysql2/promise";
import type { Database } from "../db/database.ts";

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

/** The process that a run belongs to, as its row names it. */
export const owner = () => `${PROCESS_SPACE}:${process.pid}`;

/** Where a process id means one process: containers may have their host's name, and each counts its processes by itself. */
export const PROCESS_SPACE = processSpace();

function processSpace(): string {
  try {
    return `${hostname()}/${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return hostname();
  }
}
