/**
 * Idempotency-Key: a request that is sent again with its key is not done twice. A short write keeps its answer in its own
 * transaction (answerOnce). A long run keeps its id (oncePerKey).
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
  // The example belongs to the schema: an example of the parameter would be sent by Swagger UI with every request.
  schema: { type: "string", minLength: 1, maxLength: KEY_LENGTH_MAX, examples: ["2021-11-07 first batch"] },
};

/**
 * Runs `work` in a transaction, and answers what it returns. If the Idempotency-Key was used for the same request before,
 * the answer of that time is repeated with `Idempotent-Replayed: true`, and `work` does not run.
 * @param body the request's bytes. Requests with equal body, method, path and preferences are the same request.
 * @param msMax the time for the transaction, counted from the moment at which the whole body had arrived
 * @returns an answer whose type is what the caller says, for the typed client
 * @throws MusterError `conflict` while the first request is under way, `refused` if the key came with another request
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
  /** Does what the request asks for. `begin` is called in the transaction that opens the run's account. */
  run(begin: Beginning): Promise<Outcome>;
  /** Makes the outcome again from the run of the first request. */
  again(run: RunRecord): Outcome | Promise<Outcome>;
  /** The first request is answered while its run goes on; so is a repeated one. Otherwise it must wait for the end. */
  answersEarly?: boolean;
}

/**
 * For requests whose work is a run, which takes long and is more than one transaction. The key is written in the transaction
 * that opens the run's account. From then on the run decides: if it succeeded, a repeated request is answered from it, with
 * `Idempotent-Replayed: true`; if it failed, was refused or its process died, the key is free again.
 * @returns a function that does one request; `body` is its bytes, or a digest of them. It throws MusterError `conflict` while
 * the first request is under way, `refused` if the key came with another request.
 */
export function oncePerKey(database: Database, say: (line: string) => void) {
  // Requests of this process that wait for their turn have no run yet.
  const here = new Set<string>();
  return async <Outcome>(c: Context<Env>, body: Uint8Array, once: Once<Outcome>): Promise<Outcome> => {
    const claim = claimBy(c, body);
    const begin: Beginning = async (transaction, id) => {
      c.set("run", id);
      if (claim) await claimForRun(transaction, claim, id);
    };
    if (!claim) return once.run(begin);
    if (here.has(claim.key)) throw underWay();
    here.add(claim.key);
    try {
      const found = await findRunOf(claim);
      if (!found) return await once.run(begin);
      if (found.status !== "succeeded" && !once.answersEarly) throw underWay();
      c.header("Idempotent-Replayed", "true");
      return await once.again(found);
    } finally {
      here.delete(claim.key);
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
