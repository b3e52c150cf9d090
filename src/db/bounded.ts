/** A bound on every query, so that a request is answered also while the database is not. */
import { drizzle } from "drizzle-orm/mysql2";
import type { Pool as CallbackPool, PoolConnection, QueryError, QueryOptions } from "mysql2";
import type { Pool } from "mysql2/promise";
import type { Database } from "./client.ts";

/**
 * The same database, whose queries fail as ETIMEDOUT when they take longer than `ms` in all, waiting for a connection
 * included. The connection is given up then, since a server that vanished never answers on it. Transactions are not bounded.
 */
export function bounded(database: Database, ms: number): Database {
  const pool = new Proxy<Pool>(database.pool, {
    get(target, property) {
      if (property === "query") {
        return (query: string | QueryOptions, values?: unknown[]) =>
          ask(target.pool, { query, values: values ?? [], ms });
      }
      const value = Reflect.get(target, property);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { ...database, pool, db: drizzle(pool) };
}

/** By the driver's callbacks: every read passes here, and the promises of its wrapper cost as much as the bound. */
function ask(
  pool: CallbackPool,
  { query, values, ms }: { query: string | QueryOptions; values: unknown[]; ms: number },
) {
  return new Promise((resolve, reject) => {
    let connection: PoolConnection | undefined;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      connection?.destroy();
      reject(Object.assign(new Error(`no answer within ${ms} ms`), { code: "ETIMEDOUT" }));
    }, ms);
    const fail = (error: unknown) => {
      clearTimeout(timer);
      reject(error);
    };
    pool.getConnection((unreachable, taken) => {
      if (unreachable) return fail(unreachable);
      if (late) return taken.release();
      connection = taken;
      const done = (error: QueryError | null, rows?: unknown, fields?: unknown) => {
        if (late) return;
        if (error?.fatal) taken.destroy();
        else taken.release();
        if (error) return fail(error);
        clearTimeout(timer);
        resolve([rows, fields]);
      };
      if (typeof query === "string") taken.query(query, values, done);
      else taken.query({ ...query, values }, done);
    });
  });
}
