/** Requests that write, once for an Idempotency-Key: in one transaction with the answer, or as a run (design section 4). */
import type { Context, TypedResponse } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { PoolConnection } from "mysql2/promise";
import type { Database } from "../db/database.ts";
import type { StoredAnswer } from "../db/ledger.ts";
import type { Use } from "../db/rights.ts";
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
import { bytesOf } from "./body.ts";
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
 * @param msMax from the moment at which the body had come
 * @param body the request's bytes, which with method, path and preferences make it the same request
 * @param use what the work needs of the database; to keep a key takes an insert
 * @returns typed, for the typed client, as its caller says
 */
export async function answerOnce<Typed extends TypedResponse>(
  c: Context<Env>,
  { database, body, msMax, use = "insert" }: { database: Database; body: Uint8Array; msMax: number; use?: Use },
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
      claim ? "insert" : use,
    ),
  );
  if (replayed) c.header("Idempotent-Replayed", "true");
  else if (isRunsAnswer(answer.body)) c.set("run", answer.body.run);
  const response = c.newResponse(JSON.stringify(answer.body), answer.status as ContentfulStatusCode, answer.headers);
  return response as Response & Typed;
}

const isRunsAnswer = (body: unknown): body is { run: string } =>
  typeof body === "object" && body !== null && "run" in body && typeof body.run === "string";

/** A run that a request begins, and its outcome by the account of one that has succeeded. */
interface Once<Outcome> {
  run(begin: Beginning): Promise<Outcome>;
  again(run: RunRecord): Outcome | Promise<Outcome>;
}

/**
 * Begins runs that take long and are no one transaction, once for an Idempotency-Key. The key is written in the transaction
 * that opens the run's account, and what became of the run says what became of the request: succeeded, it is answered
 * `again`, with `Idempotent-Replayed: true`; failed, refused or dead, the key is free.
 * @returns what answers one request. @throws MusterError `conflict` while the run is under way, `refused` where the key came
 * with another request
 */
export function oncePerKey(database: Database, say: (line: string) => void) {
  // Those that wait for their turn have no run yet.
  const here = new Set<string>();
  return async <Outcome>(c: Context<Env>, { run, again }: Once<Outcome>): Promise<Outcome> => {
    const claim = claimBy(c, bytesOf(c));
    const begin: Beginning = async (transaction, id) => {
      c.set("run", id);
      if (claim) await claimForRun(transaction, claim, id);
    };
    if (!claim) return run(begin);
    if (here.has(claim.key)) throw underWay();
    here.add(claim.key);
    try {
      const found = await findRunOf(claim);
      if (!found) return await run(begin);
      if (found.status !== "succeeded") throw underWay();
      c.header("Idempotent-Replayed", "true");
      return await again(found);
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

/** Undefined for a request without a key. */
function claimBy(c: Context<Env>, body: Uint8Array): Claim | undefined {
  const key = keyOf(c);
  if (key === undefined) return undefined;
  const { method, url } = c.req;
  const { pathname, search } = new URL(url);
  const headers = ["Content-Type", "Content-Encoding", "Prefer"].map((name) => c.req.header(name) ?? "");
  return claimOf(key, [method, pathname + search, ...headers, body]);
}

function keyOf(c: Context): string | undefined {
  const key = c.req.header("Idempotency-Key");
  if (key === undefined || (key !== "" && key.length <= KEY_LENGTH_MAX)) return key;
  throw new Refusal(400, `Idempotency-Key must have 1 to ${KEY_LENGTH_MAX} characters`);
}
