/** For whoever watches the service; open to all. */
import { Hono } from "hono";
import type { Database } from "../db/client.ts";
import { MusterError } from "../errors.ts";
import type { Env } from "../http/env.ts";
import { countPendingMigrations } from "../repositories/readiness.ts";

/** `/healthz`: the process answers. `/readyz`: so does the database, with every migration applied; 503 where not. */
export function healthRoutes(database: Database) {
  return new Hono<Env>()
    .get("/healthz", (c) => c.json({ status: "alive" }))
    .get("/readyz", async (c) => {
      const pending = await countPendingMigrations(database);
      if (pending > 0)
        throw new MusterError("unavailable", `the database lacks ${pending} of Muster's migrations: restart Muster`);
      return c.json({ status: "ready" });
    });
}
