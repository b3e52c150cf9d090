/** The account: what Muster did, run by run, the newest first (design section 2). */
import { Hono } from "hono";
import { z } from "zod";
import type { Database } from "../db/client.ts";
import { MusterError } from "../errors.ts";
import type { Env } from "../http/env.ts";
import { negotiate } from "../http/negotiate.ts";
import { answerListing, linesOf, rowLimit } from "../http/stream.ts";
import { NoQuery, validate } from "../http/validate.ts";
import { findRun, listRuns, type RunRecord } from "../repositories/runs.ts";

const RunPath = z.object({ id: z.uuid("there is no such run: ids are UUIDs") });
const RunQuery = z.strictObject({
  limit: rowLimit,
  cursor: z.uuid("must be taken from the Link to the next page").optional(),
});

/** Runs of one query of a stream; each has the counts of its tables. */
const PAGE_ROWS = 1_000;
const LINES = linesOf<RunRecord>(["id", "kind", "source", "status", "counts", "error", "started_at", "finished_at"]);

export function runRoutes(database: Database) {
  return new Hono<Env>()
    .get("/runs", validate("query", RunQuery), async (c) => {
      const { limit, cursor } = c.req.valid("query");
      return answerListing(c, LINES, {
        read: (limit, before) => listRuns(database.db, { limit, before }),
        keyOf: (run) => run.id,
        pageRows: PAGE_ROWS,
        after: cursor,
        limit,
      });
    })
    .get("/runs/:id", validate("param", RunPath), validate("query", NoQuery), async (c) => {
      const { id } = c.req.valid("param");
      negotiate(c, ["application/json"]);
      const run = await findRun(database.db, id);
      if (!run) throw new MusterError("not_found", `there is no run ${id}`);
      return c.json(run);
    });
}
