/** Health, readiness and metrics, for monitoring. They are open to everyone. */
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { z } from "zod";
import type { Database, Server } from "../db/database.ts";
import { pendingTags } from "../db/migrations.ts";
import { USES } from "../db/rights.ts";
import { MusterError } from "../errors.ts";
import { describe, json, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { parameter, validate } from "../http/validate.ts";

/**
 * `/healthz` shows that the process answers. `/readyz` answers 503 unless the database answers and has every migration. A
 * service that can only read is ready, and its answer says what it refuses. For `/metrics` see http/metrics.ts.
 */
export function healthRoutes(database: Database, metrics: (c: Context<Env>) => Promise<Response>) {
  return new Hono<Env>()
    .get("/metrics", describe(METRICS), metrics)
    .get("/healthz", describe(ALIVE), (c) => c.json({ status: "alive" as const }, 200))
    .get("/readyz", describe(READY), verbosity, async (c) => {
      const pending = await pendingTags(database.pool);
      if (pending.length > 0) {
        const lacking = `the database lacks ${pending.length} of Muster's migrations`;
        throw new MusterError("unavailable", `${lacking}: restart Muster to apply them`);
      }
      // Looks at the database again, without waiting: the next request gets the result.
      database.readiness.renew().catch(() => {});
      const refused = database.readiness.reasons();
      const answer = { status: "ready" as const, ...(Object.keys(refused).length > 0 && { refused }) };
      if (c.req.query("verbose") === undefined) return c.json(answer, 200);
      return c.json({ ...answer, database: shownServer(database.server) }, 200);
    });
}

const verbose = parameter
  .regex(/^$|^true$|^1$/, "must be empty, 1 or true")
  .optional()
  .meta({ description: "Also answer what the database server can do", examples: ["true"] });
/** With the validator's own type, the typed client would have to send an empty query. */
const verbosity: MiddlewareHandler = validate("query", z.strictObject({ verbose }));

/** What was found out about the server when the service started, as the answer shows it. */
const shownServer = ({ version, loadsData, swaps, transactionLimit }: Server) => ({
  ...{ version, load_data: loadsData, swap: swaps },
  transaction_bytes_max: transactionLimit?.bytes ?? null,
});

const tags = ["service"];
const ALIVE = {
  ...{ tags, summary: "Whether the process answers" },
  answers: { 200: json("It answers", z.strictObject({ status: z.literal("alive") })) },
};
const refusedUses = z.partialRecord(z.enum(USES), z.string()).exactOptional().meta({
  description: "What the database cannot be used for now, and why. Requests that need it get 503",
});
const abilities = z
  .strictObject({
    version: z.string(),
    load_data: z.boolean().meta({ description: "Files are loaded by LOAD DATA, not by INSERT" }),
    swap: z.boolean().meta({ description: "An empty table is filled by renaming a loaded one" }),
    transaction_bytes_max: z.int().nullable().meta({ description: "The server refuses larger transactions" }),
  })
  .exactOptional()
  .meta({ description: "What the server can do, with `verbose`. It was found out when the service started" });
const READY = {
  ...{ tags, summary: "Whether the database answers and has every migration, so that reads can be served" },
  answers: {
    200: json("It is ready", z.strictObject({ status: z.literal("ready"), refused: refusedUses, database: abilities })),
    ...problems(503),
  },
};
const METRICS = {
  ...{ tags, summary: "Measurements, for Prometheus" },
  answers: { 200: { description: "Every metric", content: { "text/plain": { schema: z.string() } } } },
};
