/**
 * Idempotency-Key: a request that is sent again with its key is not done twice. A short write stores its answer under the key,
 * in its own transaction (answerOnce). A request that starts a long run stores the run's id under the key (oncePerKey).
 */
import type { Context, TypedResponse } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { PoolConnection } from "mysql2/promise";
import type { Database } from "../db/database.ts";
import type { StoredAnswer } from "../db/ledger.ts";
import { retried, transacted, WORTH_ANOTHER_TRY } from "../db/transaction.ts";
import { clearDeadRuns } from "../publish/recovery.ts";
import {
  type Claim,
  claimForRun,
  claimKey,
  claimOf,
  KEY_LIFETIME_H,
  keepAnswer,
  runOfKey,
  underWay,
} from "../repositories/kept-answers.ts";
import type { Beginning } from "../repositories/live-run.ts";
import type { RunRecord } from "../repositories/run-log.ts";
import type { Env } from "./env.ts";
import { Refusal } from "./problem.ts";

const KEY_LENGTH_MAX = 255;

/** The header as the document describes it. */
export const IDEMPOTENCY_KEY = {
  name: "Idempotency-Key",
  description: `Any text. The same request sent again with it within ${KEY_LIFETIME_H} hours gets the same answer, and is not done twice`,
  // The example belongs to the schema: if it belonged to the parameter, Swagger UI would send it with every request.
  schema: { type: "string", minLength: 1, maxLength: KEY_LENGTH_MAX, examples: ["2021-11-07 first batch"] },
};

/**
 * Runs `work` in a transaction, and answers what it returns. If the same request came before with the same Idempotency-Key,
 * `work` does not run: the earlier answer is repeated with `Idempotent-Replayed: true`.
 * @param body the request's bytes. Requests with equal body, method, path and preferences are the same request.
 * @param msMax the time for the transaction, counted from the moment when the whole body had arrived
 * @typeParam Typed the answer's type for the typed client; nothing checks it
 * @throws MusterError `conflict` while the first request is under way, `refused` if the key was used for another request
 */
export async function answerOnce<Typed extends TypedResponse>(
  c: Context<Env>,
  { database, body, msMax }: { database: Database; body: Uint8Array; msMax: number },
  work: (connection: PoolConnection) => Promise<StoredAnswer>,
) {
  const claim = claimBy(c, body);
  const waited = performance.now() - (c.get("arrived") ?? performance.now());
  const { answer, replayed } = await retried(WORTH_ANOTHER_TRY, () =>
    transacted(
      database,
      async (connection) => {
        const stored = claim && (await claimKey(connection, claim));
        if (stored) return { answer: stored, replayed: true };
        const answer = await work(connection);
        if (claim) await keepAnswer(connection, claim, answer);
        return { answer, replayed: false };
      },
      Math.max(0, msMax - waited),
    ),
  );
  if (replayed) c.header("Idempotent-Replayed", "true");
  else if (isRunsAnswer(answer.body)) c.set("run", answer.body.run);
  const response = c.newResponse(JSON.stringify(answer.body), answer.status as ContentfulStatusCode, answer.headers);
  return response as Response & Typed;
}

const isRunsAnswer = (body: unknown): body is { run: string } =>
  typeof body === "object" && body !== null && "run" in body && typeof body.run === "string";

interface Once<Outcome> {
  /** Does what the request asks for. It must call `begin` in the transaction that writes the run's row. */
  run(begin: Beginning): Promise<Outcome>;
  /** Makes the outcome for a repeated request, from the run of the first one. */
  again(run: RunRecord): Outcome | Promise<Outcome>;
  /** True if requests are answered while their run goes on. Otherwise a repeated request gets `conflict` until the run ends. */
  answersEarly?: boolean;
}

/**
 * For requests that start a run of several transactions. The key is written in the transaction that writes the run's row. From
 * then on the run's state decides. If the run succeeded, a repeated request is answered from it, with
 * `Idempotent-Replayed: true`. If the run failed or was refused, or if its process died, the key is free again.
 * @returns a function that does one request; `body` is its bytes, or a digest of them. It throws MusterError `conflict` while
 * the first request is under way, `refused` if the key came with another request.
 */
export function oncePerKey(database: Database, say: (line: string) => void) {
  // The keys of the requests that this process is answering. A request that waits for its turn has no run in the database yet.
  const ownKeys = new Set<string>();
  return async <Outcome>(c: Context<Env>, body: Uint8Array, once: Once<Outcome>): Promise<Outcome> => {
    const claim = claimBy(c, body);
    const begin: Beginning = async (transaction, id) => {
      c.set("run", id);
      if (claim) await claimForRun(transaction, claim, id);
    };
    if (!claim) return once.run(begin);
    if (ownKeys.has(claim.key)) throw underWay();
    ownKeys.add(claim.key);
    try {
      const found = await findRunOf(claim);
      if (!found) return await once.run(begin);
      if (found.status !== "succeeded" && !once.answersEarly) throw underWay();
      c.header("Idempotent-Replayed", "true");
      return await once.again(found);
    } finally {
      ownKeys.delete(claim.key);
    }
  };

  async function findRunOf(claim: Claim): Promise<RunRecord | undefined> {
    const found = await runOfKey(database.db, claim);
    if (!found || found.finished_at !== null) return found;
    await clearDeadRuns(database, say);
    return runOfKey(database.db, claim);
  }
}

/** @returns undefined for a request without a key */
function claimBy(c: Context<Env>, body: Uint8Array): Claim | undefined {
  const key = c.req.header("Idempotency-Key");
  if (key === undefined) return undefined;
  if (key === "" || key.length > KEY_LENGTH_MAX)
    throw new Refusal(400, `Idempotency-Key must have 1 to ${KEY_LENGTH_MAX} characters`);
  const { method, url } = c.req;
  const { pathname, search } = new URL(url);
  const headers = ["Content-Type", "Content-Encoding", "Prefer"].map((name) => c.req.header(name) ?? "");
  return claimOf(key, [method, pathname + search, ...headers, body]);
}
