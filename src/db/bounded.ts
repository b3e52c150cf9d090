/** A time limit for every query, so that a request is answered even if the database does not answer. */
import { drizzle } from "drizzle-orm/mysql2";
import type { Pool as CallbackPool, PoolConnection, QueryError, QueryOptions } from "mysql2";
import type { Pool } from "mysql2/promise";
import type { Database } from "./database.ts";
import { noAnswer } from "./deadline.ts";
import { queryText, type TextRow } from "./text-rows.ts";

/** A database whose queries have a time limit. */
export interface Bounded extends Database {
  /** Runs a SELECT and hands each row to `each` as it arrives; see readTextRows. */
  readText(sql: string, values: readonly unknown[], each: (row: TextRow) => void): Promise<void>;
}

/**
 * The same database, but its queries fail with ETIMEDOUT if they take longer than `ms`, including the wait for a connection.
 * The connection is then closed, because a server that has vanished never answers on it. Transactions have no such limit.
 */
export function bounded<D extends Database>(database: D, ms: number): D & Bounded {
  const pool = new Proxy<Pool>(database.pool, {
    get(target, property) {
      if (property === "query") {
        return (query: string | QueryOptions, values: unknown[] = []) =>
          ask(target.pool, ms, (connection, done) => {
            if (typeof query === "string") connection.query(query, values, done);
            else connection.query({ ...query, values }, done);
          });
      }
      const value = Reflect.get(target, property);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return {
    ...database,
    pool,
    db: drizzle(pool),
    readText: async (sql, values, each) => {
      await ask(database.pool.pool, ms, (connection, done) => queryText(connection, { sql, values, each }, done));
    },
  };
}

/** Sends a query, with the time limit. It uses callbacks, because all reads come through here and promises are slower. */
function ask(
  pool: CallbackPool,
  ms: number,
  send: (connection: PoolConnection, done: (error: unknown, rows?: unknown, fields?: unknown) => void) => void,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let connection: PoolConnection | undefined;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      connection?.destroy();
      reject(noAnswer(ms));
    }, ms);
    const fail = (error: unknown) => {
      clearTimeout(timer);
      reject(error);
    };
    pool.getConnection((unreachable, taken) => {
      if (unreachable) return fail(unreachable);
      if (late) return taken.release();
      connection = taken;
      send(taken, (error, rows, fields) => {
        if (late) return;
        if ((error as QueryError | null)?.fatal) taken.destroy();
        else taken.release();
        if (error) return fail(error);
        clearTimeout(timer);
        resolve([rows, fields]);
      });
    });
  });
}
