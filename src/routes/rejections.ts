/** The rows that did not pass, with their reasons (design section 2). */
import { Hono } from "hono";
import { z } from "zod";
import { JsonText } from "../codecs/json-text.ts";
import { tableNames } from "../codecs/tables.ts";
import type { Database } from "../db/client.ts";
import { REASON_CODES, REJECTION_STATES } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import { requires } from "../http/auth.ts";
import { batchAnswer, JSON_TYPE } from "../http/batch-answer.ts";
import { bytesOf, jsonBody, limitBody, textOf } from "../http/body.ts";
import type { Env } from "../http/env.ts";
import { answerOnce } from "../http/idempotency.ts";
import { negotiate } from "../http/negotiate.ts";
import { idCursor } from "../http/paging.ts";
import { answerListing, type Lines, linesOf, rowLimit } from "../http/stream.ts";
import { NoQuery, validate } from "../http/validate.ts";
import { ROWS_PER_REQUEST_MAX, tooManyRows } from "../ingest/batch.ts";
import { discardRejections, openRejections, replay } from "../ingest/replay.ts";
import { findRejection, listRejections, type RejectionRecord } from "../repositories/rejections.ts";
import type { WriteLimits } from "./insert.ts";

const RejectionPath = z.object({
  id: z
    .string()
    .regex(/^\d{1,15}$/, "there is no such rejection: ids are numbers")
    .transform(Number),
});
const RejectionQuery = z.strictObject({
  limit: rowLimit,
  cursor: idCursor,
  table: z.enum(tableNames, { error: `must be one of ${tableNames.join(", ")}` }).optional(),
  code: z.enum(REASON_CODES, { error: `must be one of ${REASON_CODES.join(", ")}` }).optional(),
  run: z.uuid("must be a run's id").optional(),
  state: z.enum(REJECTION_STATES, { error: `must be one of ${REJECTION_STATES.join(", ")}` }).optional(),
});

const rejectionId = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
const ReplayBody = z.union(
  [
    z.strictObject({ rows: z.array(z.strictObject({ id: rejectionId, row: z.unknown() })).min(1) }),
    z.strictObject({ run: z.uuid() }),
  ],
  { error: 'must be {"rows": [{"id": 7, "row": {...}}]} or {"run": ID}' },
);
const DiscardBody = z.strictObject({ ids: z.array(rejectionId).min(1).max(ROWS_PER_REQUEST_MAX) });

/** @param pages the same database, whose queries are bounded */
export function rejectionRoutes(database: Database, pages: Database, limits: WriteLimits) {
  const checks = [requires("writer"), limitBody(limits.bodyBytesMax), jsonBody, validate("query", NoQuery)] as const;
  return new Hono<Env>()
    .post("/rejections/replay", ...checks, validate("json", ReplayBody), async (c) => {
      const asked = c.req.valid("json");
      const body = await bytesOf(c);
      // The validator's own reading has lost what is not UTF-8, and keys that stand twice.
      const text = new JsonText(textOf(body));
      return answerOnce(c, { database, body, msMax: limits.msMax }, async (connection) => {
        if ("run" in asked) {
          const { mended, remaining } = await openRejections(connection, asked.run);
          const request = { mended, source: `run ${asked.run}`, pointer: () => "/run" };
          const { rows, outcome } = await replay(database, connection, request);
          const answer = batchAnswer(c, rows, outcome, false);
          return { ...answer, body: { ...answer.body, remaining } };
        }
        if (asked.rows.length > ROWS_PER_REQUEST_MAX) throw tooManyRows();
        const mended = asked.rows.map(({ id, row }, index) => {
          const path = ["rows", index, "row"];
          return { id, row, source: text.source(path), repeated: text.repeatedIn(path) };
        });
        const source = `${c.req.method} ${c.req.path}`;
        const pointer = (index: number) => `/rows/${index}`;
        const { rows, outcome } = await replay(database, connection, { mended, source, pointer });
        return batchAnswer(c, rows, outcome, false);
      });
    })
    .post("/rejections/discard", ...checks, validate("json", DiscardBody), async (c) => {
      const { ids } = c.req.valid("json");
      const body = await bytesOf(c);
      return answerOnce(c, { database, body, msMax: limits.msMax }, async (connection) => {
        await discardRejections(connection, ids);
        return { status: 200, headers: JSON_TYPE, body: { discarded: new Set(ids).size } };
      });
    })
    .get("/rejections", validate("query", RejectionQuery), async (c) => {
      const { limit, cursor, ...filter } = c.req.valid("query");
      return answerListing(c, EXPORT, {
        read: (limit, after) => listRejections(pages.db, { ...filter, limit, after }),
        keyOf: (rejection) => rejection.id,
        pageRows: PAGE_ROWS,
        after: cursor,
        limit,
      });
    })
    .get("/rejections/:id", validate("param", RejectionPath), validate("query", NoQuery), async (c) => {
      const { id } = c.req.valid("param");
      negotiate(c, ["application/json"]);
      const rejection = await findRejection(pages.db, id);
      if (!rejection) throw new MusterError("not_found", `there is no rejection ${id}`);
      return c.json(rejection);
    });
}

/** Rejections of one query of a stream: each may have 64 KiB of raw input. */
const PAGE_ROWS = 250;

const CELLS = linesOf<Omit<RejectionRecord, "columns"> & { columns: string | undefined }>([
  "id",
  "run",
  "table",
  "file",
  "position",
  "raw",
  "raw_base64",
  "columns",
  "reasons",
  "state",
  "replaces",
  "created_at",
]);

/** What a person mends and gives back to a replay, which reads `id` and `raw`; README, HTTP, has the columns. */
const EXPORT: Lines<RejectionRecord> = {
  header: CELLS.header,
  toCsv: ({ columns, ...rest }) => CELLS.toCsv({ ...rest, columns: columns?.join(",") }),
  toJson: (rejection) => rejection,
};
