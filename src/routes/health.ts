/** For whoever watches the service; open to all. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import type { Database } from "../db/client.ts";
import { MusterError } from "../errors.ts";
import { describe, json, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { countPendingMigrations } from "../repositories/readiness.ts";

/**
 * `/healthz`: the process answers. `/readyz`: so does the database, with every migration applied; 503 where not.
 * `/metrics`: what was measured.
 */
export function healthRoutes(database: Database, metrics: (c: Context<Env>) => Promise<Response>) {
  return new Hono<Env>()
    .get("/metrics", describe(METRICS), metrics)
    .get("/healthz", describe(ALIVE), (c) => c.json({ status: "alive" as const }, 200))
    .get("/readyz", describe(READY), async (c) => {
      const pending = await countPendingMigrations(database);
      if (pending > 0)
        throw new MusterError("unavailable", `the database lacks ${pending} of Muster's migrations: restart Muster`);
      return c.json({ status: "ready" as const }, 200);
    });
}

const ALIVE = {
  ...{ tags: ["service"], summary: "Whether the process answers" },
  answers: { 200: json("It does", z.strictObject({ status: z.literal("alive") })) },
};
const READY = {
  ...{ tags: ["service"], summary: "Whether the database answers and has every migration" },
  answers: { 200: json("It does", z.strictObject({ status: z.literal("ready") })), ...problems(503) },
};
const METRICS = {
  ...{ tags: ["service"], summary: "What was measured, for Prometheus" },
  answers: {
    200: { description: "Every metric", content: { "text/plain": { schema: z.string() } } },
  },
};
