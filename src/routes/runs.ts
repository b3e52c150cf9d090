/** The account: what Muster did, run by run, the newest first (design section 2). */
import { Hono } from "hono";
import { z } from "zod";
import type { Database } from "../db/client.ts";
import { MusterError } from "../errors.ts";
import { describe, json, lines, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { negotiate } from "../http/negotiate.ts";
import { CURSOR } from "../http/paging.ts";
import { answerListing, type Lines, linesOf, rowLimit } from "../http/stream.ts";
import { noQuery, validate } from "../http/validate.ts";
import { findRun, listRuns, type RunRecord } from "../repositories/runs.ts";

/** An id for the document's examples. */
export const EXAMPLE_RUN = "019aadc4-5f00-7000-8000-000000000001";
const examples = [EXAMPLE_RUN];

const RunPath = z.object({ id: z.uuid("there is no such run: ids are UUIDs").meta({ examples }) });
const RunQuery = z.strictObject({
  limit: rowLimit,
  cursor: z.uuid("must be taken from the Link to the next page").meta({ examples, description: CURSOR }).optional(),
});

const rows = z.int().min(0);
const moved = { received: rows, inserted: rows, unchanged: rows };
export const RestoreCounts = z.strictObject({ ...moved, updated: rows, deleted: rows }).meta({ id: "RestoreCounts" });
const Counts = z.strictObject({ ...moved, rejected: rows, withheld: rows }).meta({ id: "Counts" });
const BackupCounts = z.strictObject({ received: rows }).meta({ id: "BackupCounts" });
const Run = z
  .strictObject({
    id: z.uuid(),
    kind: z.enum(["import", "insert", "replay", "backup", "restore"]),
    source: z.string().nullable(),
    status: z.enum(["running", "publishing", "succeeded", "failed", "refused"]),
    counts: z.record(z.string(), z.union([Counts, RestoreCounts, BackupCounts])).meta({
      description: "By table: received = inserted + unchanged + rejected + withheld, or + updated of a restore",
    }),
    error: z.string().nullable(),
    started_at: z.iso.datetime(),
    finished_at: z.iso.datetime().nullable(),
  })
  .meta({ id: "Run" }) satisfies z.ZodType<RunRecord>;
type Run = z.infer<typeof Run>;

const LIST = describe({
  ...{ tags: ["runs"], summary: "What each import, insert, replay, backup and restore did, the newest first" },
  answers: { 200: lines("Runs", Run, "Link"), ...problems(406, 503) },
});
const ONE = describe({
  ...{ tags: ["runs"], summary: "One run" },
  answers: { 200: json("The run", Run), ...problems(404, 406, 503) },
});

/** Runs of one query of a stream; each has the counts of its tables. */
const PAGE_ROWS = 1_000;
const LINES: Lines<RunRecord, Run> = linesOf<RunRecord>([
  "id",
  "kind",
  "source",
  "status",
  "counts",
  "error",
  "started_at",
  "finished_at",
]);

export function runRoutes(database: Database) {
  return new Hono<Env>()
    .get("/runs", LIST, validate("query", RunQuery), async (c) => {
      const { limit, cursor } = c.req.valid("query");
      return answerListing(c, LINES, {
        read: (limit, before) => listRuns(database.db, { limit, before }),
        keyOf: (run) => run.id,
        pageRows: PAGE_ROWS,
        after: cursor,
        limit,
      });
    })
    .get("/runs/:id", ONE, validate("param", RunPath), noQuery, async (c) => {
      const { id } = c.req.valid("param");
      negotiate(c, ["application/json"]);
      const run: Run | undefined = await findRun(database.db, id);
      if (!run) throw new MusterError("not_found", `there is no run ${id}`);
      return c.json(run, 200);
    });
}
