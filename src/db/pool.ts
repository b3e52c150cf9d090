/** The pool of connections. It sets the session variables of each new connection, and waits if the server accepts no more. */
import type { Pool as CallbackPool, PoolConnection } from "mysql2";
import { type ConnectionOptions, createPool, type Pool } from "mysql2/promise";
import { MusterError } from "../errors.ts";
import { isFull, locate } from "./driver-errors.ts";
import { isDenied, named, type PasswordSource } from "./password.ts";
import { SET_SESSION, sessionError } from "./session-variables.ts";

/** The parts of mysql2's pool that have no public name. */
type Listed = { destroy(): void };
type List = { length: number; get(index: number): Listed | undefined; toArray(): Listed[] };
export type PoolState = CallbackPool & Record<"_allConnections" | "_freeConnections" | "_connectionQueue", List>;

/** The longest wait for a free connection. Without a limit, callers that hold connections could wait for each other forever. */
const WAIT_MS_MAX = 60_000;
/** After the server has refused a connection, the pool opens no more for this long. */
const FULL_MS = 1_000;

/**
 * Opens a pool of at most `connections`. It connects when it is first asked for a connection.
 * @returns the pool, and `renew`, which retires the connections that are open now. An open connection stays on its host, and
 *   keeps the settings and rights that it had when it was opened.
 */
export function openPool(
  options: ConnectionOptions,
  connections: number,
  password?: PasswordSource,
): { pool: Pool; renew(): void } {
  const pool = createPool({ ...options, connectionLimit: connections });
  const state = pool.pool as PoolState;
  const outdated = new WeakSet<object>();
  prepareConnections(state, connections, { address: options, password }, outdated);
  const renew = () => {
    for (let index = 0; index < state._allConnections.length; index++) {
      outdated.add(state._allConnections.get(index) ?? {});
    }
    // A copy, because a connection that is destroyed leaves the list, unless the pool is closed.
    for (const idle of state._freeConnections.toArray()) idle.destroy();
  };
  return { pool, renew };
}

type Done = Parameters<CallbackPool["getConnection"]>[0];

/** Replaces getConnection, through which mysql2's own query() gets its connections too. */
function prepareConnections(
  pool: PoolState,
  connections: number,
  { address, password }: { address: ConnectionOptions; password: PasswordSource | undefined },
  outdated: WeakSet<object>,
): void {
  const get = pool.getConnection.bind(pool);
  const ready = new WeakSet<PoolConnection>();

  const take = (done: Done, isSecond = false) => {
    get((error, connection) => {
      if (error) {
        // The next connection reads the password again: it may have been rotated just now.
        if (password && isDenied(error) && !isSecond) return take(done, true);
        named(error, password);
        if (!isFull(error) || pool._allConnections.length === 0) return done(locate(error, address), connection);
        // mysql2 makes callers wait for a free connection once its limit is reached, so lower the limit for a while.
        pool.config.connectionLimit = pool._allConnections.length;
        setTimeout(() => {
          pool.config.connectionLimit = connections;
        }, FULL_MS).unref();
        return take(orGiveUp(done));
      }
      if (outdated.has(connection)) {
        connection.destroy();
        return take(done, isSecond);
      }
      if (ready.has(connection)) return done(null, connection);
      connection.query(SET_SESSION, (refused) => {
        if (refused === null) {
          ready.add(connection);
          return done(null, connection);
        }
        connection.destroy();
        done(sessionError(locate(refused, address)) as NodeJS.ErrnoException, connection);
      });
    });
  };

  pool.getConnection = (done) => {
    const isFree = pool._freeConnections.length > 0 || pool._allConnections.length < (pool.config.connectionLimit ?? 0);
    take(isFree ? done : orGiveUp(done));
  };
}

/** Wraps a callback: it gets an error if no connection comes free in time. */
function orGiveUp(done: Done): Done {
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
