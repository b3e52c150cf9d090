import type { MiddlewareHandler } from "hono";
import type { Database } from "../db/database.ts";
import type { Use } from "../db/rights.ts";
import { described, problems } from "./describe.ts";
import type { Env } from "./env.ts";

/**
 * Answers 503 with the reason if the database cannot be used for this, because it is a read-only replica, for example. This is
 * checked before the body is read.
 */
export function databaseAllows(database: Database, use: Use) {
  return described<MiddlewareHandler<Env>>(
    async (_, next) => {
      await database.readiness.require(use);
      await next();
    },
    { answers: problems(503) },
  );
}
