/** One transaction for a request that writes, and its answer kept under the Idempotency-Key (design section 4). */
import type { Context, TypedResponse } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { PoolConnection } from "mysql2/promise";
import type { Database } from "../db/client.ts";
import type { StoredAnswer } from "../db/ledger.ts";
import { LOST_RACES, retried, transacted } from "../db/transaction.ts";
import { claimKey, claimOf, KEY_LIFETIME_H, keepAnswer } from "../repositories/idempotency.ts";
import type { Env } from "./env.ts";
import { Refusal } from "./problem.ts";

const KEY_LENGTH_MAX = 255;

/** What the document says of the header. */
export const IDEMPOTENCY_KEY = {
  ...{ in: "header", name: "Idempotency-Key" },
  description: `Any text: the same request sent again with it within ${KEY_LIFETIME_H} hours gets the same answer, and is not done twice`,
  // Not as the example of the parameter: Swagger UI would send that with every request.
  schema: { type: "string", minLength: 1, maxLength: KEY_LENGTH_MAX, examples: ["2021-11-07 first batch"] },
} as const;

/**
 * Runs `work` in a transaction and answers what it returns; a request that carries an Idempotency-Key which was used
 * for the same request before gets that answer again, with `Idempotent-Replayed: true`, and nothing is done.
 * @param body the request's bytes, which with method, path and preferences make it the same request
 * @returns typed, for the typed client, as its caller says
 */
export async function answerOnce<Typed extends TypedResponse>(
  c: Context<Env>,
  { database, body, msMax }: { database: Database; body: Uint8Array; msMax: number },
  work: (connection: PoolConnection) => Promise<StoredAnswer>,
) {
  const key = keyOf(c);
  const { method, url } = c.req;
  const { pathname, search } = new URL(url);
  const headers = ["Content-Type", "Prefer"].map((name) => c.req.header(name) ?? "");
  const claim = key === undefined ? undefined : claimOf(key, [method, pathname + search, ...headers, body]);
  const { answer, replayed } = await retried(LOST_RACES, () =>
    transacted(
      database,
      async (connection) => {
        const stored = claim && (await claimKey(connection, claim));
        if (stored) return { answer: stored, replayed: true };
        const answer = await work(connection);
        if (claim) await keepAnswer(connection, claim, answer);
        return { answer, replayed: false };
      },
      msMax,
    ),
  );
  if (replayed) c.header("Idempotent-Replayed", "true");
  const response = c.newResponse(JSON.stringify(answer.body), answer.status as ContentfulStatusCode, answer.headers);
  return response as Response & Typed;
}

function keyOf(c: Context): string | undefined {
  const key = c.req.header("Idempotency-Key");
  if (key === undefined || (key !== "" && key.length <= KEY_LENGTH_MAX)) return key;
  throw new Refusal(400, `Idempotency-Key must have 1 to ${KEY_LENGTH_MAX} characters`);
}
