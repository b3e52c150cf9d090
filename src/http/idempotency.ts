/** One transaction for a request that writes, and its answer kept under the Idempotency-Key (design section 4). */
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { PoolConnection } from "mysql2/promise";
import type { Database } from "../db/client.ts";
import type { StoredAnswer } from "../db/ledger.ts";
import { LOST_RACES, retried, transacted } from "../db/transaction.ts";
import { claimKey, claimOf, keepAnswer } from "../repositories/idempotency.ts";
import type { Env } from "./env.ts";
import { Refusal } from "./problem.ts";

const KEY_LENGTH_MAX = 255;

/**
 * Runs `work` in a transaction and answers what it returns; a request that carries an Idempotency-Key which was used
 * for the same request before gets that answer again, with `Idempotent-Replayed: true`, and nothing is done.
 * @param body the request's bytes, which with method, path and preferences make it the same request
 */
export async function answerOnce(
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
  return c.body(JSON.stringify(answer.body), answer.status as ContentfulStatusCode, answer.headers);
}

function keyOf(c: Context): string | undefined {
  const key = c.req.header("Idempotency-Key");
  if (key === undefined || (key !== "" && key.length <= KEY_LENGTH_MAX)) return key;
  throw new Refusal(400, `Idempotency-Key must have 1 to ${KEY_LENGTH_MAX} characters`);
}
