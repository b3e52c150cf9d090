/** The pool of connections. Each one's session is made before anybody uses it, and a server that is full is waited for. */
import type { Pool as CallbackPool, PoolConnection } from "mysql2";
import { type ConnectionOptions, createPool, type Pool } from "mysql2/promise";
import { MusterError } from "../errors.ts";
import { isFull, locate } from "./driver-errors.ts";
import { SET_SESSION, sessionError } from "./session-variables.ts";

/** What mysql2 keeps of a pool, without a public name. */
type Kept = { length: number; get(index: number): { destroy(): void } | undefined };
export type PoolState = CallbackPool & Record<"_allConnections" | "_freeConnections" | "_connectionQueue", Kept>;

/** Two that hold connections could wait for each other, so nobody waits longer than this for one to come free. */
const WAIT_MS_MAX = 60_000;
/** The pool asks a server that was full for another connection no sooner than this. */
const FULL_MS = 1_000;

/**
 * Opens a pool of so many connections at most. Nothing is connected before the first is asked for.
 * @returns `renew` too: the connections that are open now are used no more. They keep their host, and the settings and rights
 *   of the time at which they were opened.
 */
export function openPool(options: ConnectionOptions, connections: number): { pool: Pool; renew(): void } {
  const pool = createPool({ ...options, connectionLimit: connections });
  const state = pool.pool as PoolState;
  const outdated = new WeakSet<object>();
  guard(state, connections, options, outdated);
  const renew = () => {
    for (let index = 0; index < state._allConnections.length; index++) {
      outdated.add(state._allConnections.get(index) ?? {});
    }
    while (state._freeConnections.length > 0) state._freeConnections.get(0)?.destroy();
  };
  return { pool, renew };
}

type Done = Parameters<CallbackPool["getConnection"]>[0];

/** Every way to a connection passes getConnection, also those of mysql2's own. */
function guard(pool: PoolState, connections: number, place: ConnectionOptions, outdated: WeakSet<object>): void {
  const get = pool.getConnection.bind(pool);
  const ready = new WeakSet<PoolConnection>();

  const take = (done: Done) => {
    get((error, connection) => {
      if (error) {
        if (!isFull(error) || pool._allConnections.length === 0) return done(locate(error, place), connection);
        // The next one that comes free will do: mysql2 lets those wait who come when its limit is reached.
        pool.config.connectionLimit = pool._allConnections.length;
        setTimeout(() => {
          pool.config.connectionLimit = connections;
        }, FULL_MS).unref();
        return take(inTime(done));
      }
      if (outdated.has(connection)) {
        connection.destroy();
        return take(done);
      }
      if (ready.has(connection)) return done(null, connection);
      connection.query(SET_SESSION, (refused) => {
        if (refused === null) {
          ready.add(connection);
          return done(null, connection);
        }
        connection.destroy();
        done(sessionError(locate(refused, place)) as NodeJS.ErrnoException, connection);
      });
    });
  };

  pool.getConnection = (done) => {
    const isFree = pool._freeConnections.length > 0 || pool._allConnections.length < (pool.config.connectionLimit ?? 0);
    take(isFree ? done : inTime(done));
  };
}

/** Gives up when no connection has come free for long. */
function inTime(done: Done): Done {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    done(noneFree(), undefined as never);
  }, WAIT_MS_MAX);
  return (error, connection) => {
    clearTimeout(timer);
    if (!late) done(error, connection);
    else if (!error) connection.release();
  };
}

const noneFree = () =>
  new MusterError(
    "unavailable",
    `no connection to the database came free within ${WAIT_MS_MAX / 1000} s: try again, or raise DATABASE_CONNECTIONS ` +
      "(and the server's max_connections or max_user_connections)",
  );
