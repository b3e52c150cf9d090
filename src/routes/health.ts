/** For whoever watches the service; open to all. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import type { Database } from "../db/database.ts";
import { pendingTags } from "../db/migrations.ts";
import { USES } from "../db/rights.ts";
import { MusterError } from "../errors.ts";
import { describe, json, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";

/**
 * `/healthz`: the process answers. `/readyz`: so does the database, with every migration applied, or the answer is 503. A
 * service that can only read is ready: what it refuses is in the answer.
 * `/metrics`: what was measured.
 */
export function healthRoutes(database: Database, metrics: (c: Context<Env>) => Promise<Response>) {
  return new Hono<Env>()
    .get("/metrics", describe(METRICS), metrics)
    .get("/healthz", describe(ALIVE), (c) => c.json({ status: "alive" as const }, 200))
    .get("/readyz", describe(READY), async (c) => {
      const pending = await pendingTags(database.pool);
      if (pending.length > 0)
        throw new MusterError(
          "unavailable",
          `the database lacks ${pending.length} of Muster's migrations: restart Muster`,
        );
      // The next one who asks is told what it finds.
      database.look.renew().catch(() => {});
      const refused = database.look.reasons();
      return c.json({ status: "ready" as const, ...(Object.keys(refused).length > 0 && { refused }) }, 200);
    });
}

const ALIVE = {
  ...{ tags: ["service"], summary: "Whether the process answers" },
  answers: { 200: json("It does", z.strictObject({ status: z.literal("alive") })) },
};
const Ready = z.strictObject({
  status: z.literal("ready"),
  refused: z
    .partialRecord(z.enum(USES), z.string())
    .exactOptional()
    .meta({ description: "What the database cannot be used for now, and why. Such requests get 503" }),
});
const READY = {
  ...{
    tags: ["service"],
    summary: "Whether the database answers and has every migration, so that reads can be served",
  },
  answers: { 200: json("It does", Ready), ...problems(503) },
};
const METRICS = {
  ...{ tags: ["service"], summary: "What was measured, for Prometheus" },
  answers: {
    200: { description: "Every metric", content: { "text/plain": { schema: z.string() } } },
  },
};
