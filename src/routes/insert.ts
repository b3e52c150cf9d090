/** Rows over REST (design section 4, Insert): one to a thousand, any tables, a verdict for each. */
import { type Context, Hono } from "hono";
import type { TableName } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import { able } from "../http/able.ts";
import { requires } from "../http/auth.ts";
import { type BatchResponse, batchAnswer } from "../http/batch-answer.ts";
import { bodyToWrite, bytesOf, mediaTypeOf, textOf } from "../http/body.ts";
import { describe } from "../http/describe.ts";
import type { Env } from "../http/env.ts";
import { answerOnce } from "../http/idempotency.ts";
import type { InFlight } from "../http/in-flight.ts";
import { noQuery, validate } from "../http/validate.ts";
import { insertBatch } from "../ingest/insert-batch.ts";
import { rowsOfJson } from "../read/request-json.ts";
import { type BatchRow, rowsOfCsv, rowsOfNdjson } from "../read/request-rows.ts";
import { describeInsert, describeInsertInto } from "./insert-description.ts";
import { TablePath } from "./table-rows.ts";

export interface WriteLimits {
  bodyBytesMax: number;
  /** A transaction that takes longer is given up, and the answer is 503. */
  msMax: number;
  inFlight: InFlight;
}

export function insertRoutes(database: Database, limits: WriteLimits) {
  const body = bodyToWrite(limits.inFlight, database.writers, limits.bodyBytesMax);
  const checks = [requires("writer"), able(database, "insert"), ...body] as const;
  return new Hono<Env>()
    .post("/insert", describe(describeInsert()), ...checks, noQuery, async (c) => {
      mediaTypeOf(c, ["application/json"]);
      return insert(c, database, limits, (body) => rowsOfJson(textOf(body)));
    })
    .post("/:table", describe(describeInsertInto), ...checks, validate("param", TablePath), noQuery, async (c) => {
      const { table } = c.req.valid("param");
      return insert(c, database, limits, (body, notes) => rowsOf(c, body, table, notes));
    });
}

function rowsOf(
  c: Context<Env>,
  body: Uint8Array,
  table: TableName,
  notes: string[],
): BatchRow[] | Promise<BatchRow[]> {
  switch (mediaTypeOf(c, ["application/json", "application/x-ndjson", "text/csv"])) {
    case "application/json":
      return rowsOfJson(textOf(body), table);
    case "application/x-ndjson":
      return rowsOfNdjson(body, table);
    case "text/csv":
      return rowsOfCsv(body, table, (note) => void notes.push(note));
  }
}

async function insert(
  c: Context<Env>,
  database: Database,
  { msMax, inFlight }: WriteLimits,
  read: (body: Uint8Array, notes: string[]) => BatchRow[] | Promise<BatchRow[]>,
) {
  const body = bytesOf(c);
  const notes: string[] = [];
  const rows = await inFlight.parse(body.length, () => read(body, notes));
  const strict = isStrict(c.req.header("Prefer"));
  const source = `${c.req.method} ${c.req.path}`;
  const answer = await answerOnce<BatchResponse>(c, { database, body, msMax }, async (connection) => {
    const outcome = await insertBatch(database, connection, { kind: "insert", source, rows, strict });
    return batchAnswer(c, rows, outcome, strict, notes);
  });
  answer.headers.set("Preference-Applied", `handling=${strict ? "strict" : "lenient"}`);
  return answer;
}

/** `Prefer: handling=strict` (RFC 7240): the first handling that is given counts, and another value is ignored. */
export function isStrict(prefer: string | undefined): boolean {
  // A quote that is not closed reaches to the end: to look for what it may be instead takes quadratic time.
  for (const [preference] of (prefer ?? "").matchAll(/(?:"(?:[^"\\]|\\.?)*(?:"|$)|[^,"])+/g)) {
    const [, handling] = /^\s*handling\s*=\s*"?(strict|lenient)"?\s*(?:;|$)/i.exec(preference) ?? [];
    if (handling) return handling.toLowerCase() === "strict";
  }
  return false;
}
