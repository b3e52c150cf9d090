/** Runs: what each import, insert, replay, backup and restore did, newest first. An import can be followed and cancelled. */
import { Hono } from "hono";
import { z } from "zod";
import type { Database } from "../db/database.ts";
import { requires } from "../http/auth.ts";
import { databaseAllows } from "../http/database-allows.ts";
import { describe, json, lines, problems } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { followRun } from "../http/events.ts";
import { answerListing } from "../http/listing.ts";
import { negotiate } from "../http/negotiate.ts";
import { CURSOR, rowLimit } from "../http/page-parameters.ts";
import { type Lines, linesOf, spreadsheetOption } from "../http/stream.ts";
import { noQuery, validate } from "../http/validate.ts";
import { cancelImport, existingRun } from "../ingest/cancel-import.ts";
import { findRun, listRuns, type RunRecord } from "../repositories/run-log.ts";

/** The id in the document's examples. */
export const EXAMPLE_RUN = "019aadc4-5f00-7000-8000-000000000001";
const examples = [EXAMPLE_RUN];

/** A parameter or a field that names a run. */
export const runId = z.uuid("must be the id of a run").meta({ examples });
export const RunPath = z.object({ id: z.uuid("there is no such run: ids are UUIDs").meta({ examples }) });
const RunQuery = z.strictObject({
  limit: rowLimit,
  spreadsheet: spreadsheetOption,
  cursor: z.uuid("must be taken from the Link to the next page").meta({ examples, description: CURSOR }).optional(),
});

const rows = z.int().min(0);
const moved = { received: rows, inserted: rows, unchanged: rows };
export const RestoreCounts = z.strictObject({ ...moved, updated: rows, deleted: rows }).meta({ id: "RestoreCounts" });
const Counts = z.strictObject({ ...moved, rejected: rows, withheld: rows }).meta({ id: "Counts" });
const BackupCounts = z.strictObject({ received: rows }).meta({ id: "BackupCounts" });
const Progress = z
  .strictObject({
    table: z.string(),
    phase: z.string(),
    ...{ rows, rejected: rows },
    bytes: rows.exactOptional(),
    of: rows.exactOptional().meta({ description: "Bytes in total, or rows if bytes are not counted" }),
    rows_per_s: z.number().exactOptional(),
  })
  .meta({ id: "Progress", description: "How far a run has come, as its process last reported" });
export const Run = z
  .strictObject({
    id: z.uuid(),
    kind: z.enum(["import", "insert", "replay", "backup", "restore"]),
    source: z.string().nullable(),
    status: z.enum(["running", "publishing", "succeeded", "failed", "refused"]),
    dry_run: z
      .boolean()
      .meta({ description: "True if the run stored nothing: an import's dry run, a restore's plan, or a verify" }),
    counts: z.record(z.string(), z.union([Counts, RestoreCounts, BackupCounts])).meta({
      description:
        "By table: received = inserted + unchanged + rejected + withheld; for a restore, received = inserted + unchanged + updated",
    }),
    progress: Progress.nullable(),
    error: z.string().nullable(),
    started_at: z.iso.datetime(),
    finished_at: z.iso.datetime().nullable(),
  })
  .meta({ id: "Run" }) satisfies z.ZodType<RunRecord>;
export type Run = z.infer<typeof Run>;

const tags = ["runs"];
const LIST = describe({
  ...{ tags, summary: "What each import, insert, replay, backup and restore did, newest first" },
  answers: { 200: lines("Runs", Run, "Link"), ...problems(406, 503) },
});
const ONE = describe({
  ...{ tags, summary: "One run" },
  answers: { 200: json("The run", Run), ...problems(404, 406, 503) },
});

const CANCEL = describe({
  ...{ tags, summary: "Ask to cancel a running import. The run shows when it has ended" },
  answers: { 202: json("The run in its present state", Run), ...problems(404, 409, 503) },
});
const EVENTS = describe({
  ...{ tags, summary: "Follow a run: `progress` events with the run, then one `ended` event" },
  requestHeaders: [{ name: "Last-Event-ID", description: "The run's id, sent if its end was already seen" }],
  answers: {
    200: {
      description: "Server-sent events. Their data is the run as JSON",
      content: { "text/event-stream": { schema: z.string() } },
    },
    204: { description: "The client has already seen the end of the run" },
    ...problems(404, 406, 503),
  },
});

/** The most runs that one query of a stream reads. */
const PAGE_ROWS = 1_000;
const LINES: Lines<RunRecord, Run> = linesOf<RunRecord>(Run.omit({ progress: true }));

/**
 * @param database with a time limit on its queries
 * @param stopped aborts when the service stops, and ends the event streams
 */
export function runRoutes(database: Database, stopped: AbortSignal) {
  const one = [validate("param", RunPath), noQuery] as const;
  return new Hono<Env>()
    .get("/runs", LIST, validate("query", RunQuery), async (c) => {
      const { limit, cursor, spreadsheet } = c.req.valid("query");
      return answerListing(c, LINES, {
        read: (limit, before) => listRuns(database.db, { limit, before }),
        keyOf: (run) => run.id,
        pageRows: PAGE_ROWS,
        after: cursor,
        ...{ limit, spreadsheet },
      });
    })
    .get("/runs/:id", ONE, ...one, async (c) => {
      negotiate(c, ["application/json"]);
      const run: Run = await existingRun(database, c.req.valid("param").id);
      return c.json(run, 200);
    })
    .delete("/runs/:id", CANCEL, requires("writer"), databaseAllows(database, "import"), ...one, async (c) => {
      const run: Run = await cancelImport(database, c.req.valid("param").id);
      return c.json(run, 202);
    })
    .get("/runs/:id/events", EVENTS, ...one, async (c) => {
      negotiate(c, ["text/event-stream"]);
      const run: Run = await existingRun(database, c.req.valid("param").id);
      return followRun(c, run, { look: () => findRun(database.db, run.id), stopped });
    });
}
