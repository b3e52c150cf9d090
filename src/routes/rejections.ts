/** The rows that did not pass, with their reasons (design section 2). */
import { Hono } from "hono";
import { z } from "zod";
import { tableNames } from "../codecs/tables.ts";
import type { Database } from "../db/client.ts";
import { REASON_CODES, REJECTION_STATES } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import { requires } from "../http/auth.ts";
import { batchAnswer, JSON_TYPE } from "../http/batch-answer.ts";
import { bytesOf, jsonBody, limitBody } from "../http/body.ts";
import { answerOnce } from "../http/idempotency.ts";
import { negotiate } from "../http/negotiate.ts";
import { idCursor, limitParameter, pageOf } from "../http/paging.ts";
import type { Env } from "../http/problem.ts";
import { NoQuery, validate } from "../http/validate.ts";
import { ROWS_PER_REQUEST_MAX } from "../ingest/insert.ts";
import { discardRejections, openRejections, replay } from "../ingest/replay.ts";
import { findRejection, listRejections } from "../repositories/rejections.ts";
import { tooManyRows, type WriteLimits } from "./insert.ts";

const RejectionPath = z.object({
  id: z
    .string()
    .regex(/^\d{1,15}$/, "there is no such rejection: ids are numbers")
    .transform(Number),
});
const RejectionQuery = z.strictObject({
  limit: limitParameter,
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
      return answerOnce(c, { database, body, msMax: limits.msMax }, async (connection) => {
        const mended = "run" in asked ? await openRejections(connection, asked.run) : asked.rows;
        if (mended.length > ROWS_PER_REQUEST_MAX) throw tooManyRows(mended.length);
        const source = "run" in asked ? `run ${asked.run}` : `${c.req.method} ${c.req.path}`;
        const pointer = (index: number) => ("run" in asked ? "/run" : `/rows/${index}`);
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
      negotiate(c, ["application/json"]);
      const rejections = await listRejections(pages.db, { ...filter, limit: limit + 1, after: cursor });
      return c.json(pageOf(c, rejections, limit, (rejection) => rejection.id));
    })
    .get("/rejections/:id", validate("param", RejectionPath), validate("query", NoQuery), async (c) => {
      const { id } = c.req.valid("param");
      negotiate(c, ["application/json"]);
      const rejection = await findRejection(pages.db, id);
      if (!rejection) throw new MusterError("not_found", `there is no rejection ${id}`);
      return c.json(rejection);
    });
}
