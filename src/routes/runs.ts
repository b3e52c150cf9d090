/** The account: what Muster did, run by run, the newest first (design section 2). */
import { Hono } from "hono";
import { z } from "zod";
import type { Database } from "../db/client.ts";
import { MusterError } from "../errors.ts";
import { negotiate } from "../http/negotiate.ts";
import { limitParameter, pageOf } from "../http/paging.ts";
import type { Env } from "../http/problem.ts";
import { NoQuery, validate } from "../http/validate.ts";
import { findRun, listRuns } from "../repositories/runs.ts";

const RunPath = z.object({ id: z.uuid("there is no such run: ids are UUIDs") });
const RunQuery = z.strictObject({
  limit: limitParameter,
  cursor: z.uuid("must be taken from the Link to the next page").optional(),
});

export function runRoutes(database: Database) {
  return new Hono<Env>()
    .get("/runs", validate("query", RunQuery), async (c) => {
      const { limit, cursor } = c.req.valid("query");
      negotiate(c, ["application/json"]);
      const runs = await listRuns(database.db, { limit: limit + 1, before: cursor });
      return c.json(pageOf(c, runs, limit, (run) => run.id));
    })
    .get("/runs/:id", validate("param", RunPath), validate("query", NoQuery), async (c) => {
      const { id } = c.req.valid("param");
      negotiate(c, ["application/json"]);
      const run = await findRun(database.db, id);
      if (!run) throw new MusterError("not_found", `there is no run ${id}`);
      return c.json(run);
    });
}
