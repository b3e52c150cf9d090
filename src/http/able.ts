/** What a request wants of the database, asked before its body is read. */
import type { MiddlewareHandler } from "hono";
import type { Database } from "../db/database.ts";
import type { Use } from "../db/rights.ts";
import { described, problems } from "./describe.ts";
import type { Env } from "./env.ts";

/** Answers 503 with the reason while the database cannot be used so, as a read-only replica cannot take rows. */
export function able(database: Database, use: Use) {
  return described<MiddlewareHandler<Env>>(
    async (_, next) => {
      await database.look.require(use);
      await next();
    },
    { answers: problems(503) },
  );
}
