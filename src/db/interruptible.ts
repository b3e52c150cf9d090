import type { PoolConnection } from "mysql2/promise";
import type { Database } from "./database.ts";

/**
 * Runs `work`, whose statements on this connection may wait or work for long: the server ends the connection as soon as
 * the signal aborts, and undoes what it had not committed.
 */
export async function interruptible<T>(
  { pool }: Database,
  connection: PoolConnection,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  // KILL QUERY would miss a connection that is between two statements.
  const end = () => void pool.query("KILL ?", [connection.threadId]).catch(() => {});
  signal?.addEventListener("abort", end);
  try {
    return await work();
  } finally {
    signal?.removeEventListener("abort", end);
  }
}
