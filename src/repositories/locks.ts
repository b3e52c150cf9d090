/**
 * Tells a live run from a dead one. A live run holds a named lock of the server, which ends with its connection. The row of the
 * run also names its process.
 */
import { createHash } from "node:crypto";
import { readlinkSync } from "node:fs";
import { hostname } from "node:os";
import type { Connection, RowDataPacket } from "mysql2/promise";
import type { Database } from "../db/database.ts";
import type { RunKind } from "../db/ledger.ts";
import { tryLock } from "../db/named-lock.ts";

/** A run's connection holds it as long as the run is alive. */
export const runLock = (database: Database, run: string) => lockName(database, `run ${run}`);

/** The import or restore that works on a table holds it. */
export const loadLock = (database: Database, table: string) => lockName(database, `load ${table}`);

/** The run of a kind that wants no other of its kind beside it holds it (--if-running). */
export const kindLock = (database: Database, kind: RunKind) => lockName(database, `kind ${kind}`);

/**
 * Takes the lock of a new run, which nobody else can hold yet. TiDB does not tell who holds a lock, so there the connection
 * has the lock's name as its alias.
 */
export async function holdRunLock(database: Database, connection: Connection, run: string): Promise<void> {
  const lock = runLock(database, run);
  if (!database.server.namesHolders) await connection.query("SET SESSION tidb_session_alias = ?", [lock]);
  await tryLock(connection, lock, 0);
}

/** The connection that holds the lock of a run, as KILL names it; undefined if it has gone. */
export async function holderOf(database: Database, connection: Connection, run: string): Promise<number | undefined> {
  const statement = database.server.namesHolders
    ? "SELECT IS_USED_LOCK(?) AS holder"
    : "SELECT id AS holder FROM information_schema.cluster_processlist WHERE session_alias = ?";
  const [rows] = await connection.query<RowDataPacket[]>(statement, [runLock(database, run)]);
  return rows[0]?.holder ?? undefined;
}

/** Lock names are shared by all databases of a server, and have at most 64 characters. */
function lockName(database: Database, what: string): string {
  return `muster:${createHash("sha1").update(`${database.name}:${what}`).digest("hex")}`;
}

/** The process that a run belongs to, as its row names it. */
export const owner = () => `${PROCESS_SPACE}:${process.pid}`;

/** Names the place in which a process id is unique: a host, or a container, even if that has the same name as its host. */
export const PROCESS_SPACE = processSpace();

function processSpace(): string {
  try {
    return `${hostname()}/${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return hostname();
  }
}
