/** Answers kept by Idempotency-Key, in the transaction of what they answer (design section 4). */
import { createHash } from "node:crypto";
import { eq, sql } from "drizzle-orm";
import { drizzle, type MySql2Database } from "drizzle-orm/mysql2";
import type { PoolConnection } from "mysql2/promise";
import { isHeld } from "../db/errors.ts";
import { idempotency_keys, type StoredAnswer } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";

/** An answer is kept so long; after that its key may be used anew. */
export const KEY_LIFETIME_H = 24;
const isExpired = sql<number>`${idempotency_keys.created_at} < UTC_TIMESTAMP(3) - INTERVAL ${sql.raw(`${KEY_LIFETIME_H}`)} HOUR`;

/** A key and the request that came with it, as SHA-256 in hexadecimal: both have one length, and neither is kept itself. */
export interface Claim {
  key: string;
  request: string;
}

/** @param request what makes two requests the same: method, path, preferences, body */
export function claimOf(key: string, request: readonly (string | Uint8Array)[]): Claim {
  const hash = createHash("sha256");
  for (const part of request) hash.update(`${part.length}:`).update(part);
  return { key: createHash("sha256").update(key).digest("hex"), request: hash.digest("hex") };
}

/**
 * Takes the key for the caller's transaction.
 * @returns the answer to the request that used it before
 * @throws MusterError `conflict` while that request is under way, `refused` where it was another request
 */
export async function claimKey(connection: PoolConnection, claim: Claim): Promise<StoredAnswer | undefined> {
  const db = drizzle(connection);
  const mine = eq(idempotency_keys.key, claim.key);
  // Without NOWAIT, or by a plain second INSERT, this would wait for the end of the request that has the key.
  const [found] = await db
    .select({ request: idempotency_keys.request, answer: idempotency_keys.answer, isExpired })
    .from(idempotency_keys)
    .where(mine)
    .for("update", { noWait: true })
    .catch(inFlight);
  if (found && !found.isExpired) {
    if (found.request === claim.request) return found.answer;
    throw new MusterError("refused", "the Idempotency-Key came with another request before: use a new one");
  }
  if (found) await db.delete(idempotency_keys).where(mine);
  const answer: StoredAnswer = { status: 0, headers: {}, body: null };
  await db.insert(idempotency_keys).values({ ...claim, answer, created_at: sql`UTC_TIMESTAMP(3)` });
  return undefined;
}

/** Keeps the answer that the caller's transaction is about to commit. */
export async function keepAnswer(connection: PoolConnection, { key }: Claim, answer: StoredAnswer): Promise<void> {
  await drizzle(connection).update(idempotency_keys).set({ answer }).where(eq(idempotency_keys.key, key));
}

/** Removes the answers that nobody can ask for any more. */
export async function forgetExpiredKeys(db: MySql2Database): Promise<void> {
  await db.delete(idempotency_keys).where(isExpired);
}

function inFlight(error: unknown): never {
  if (!isHeld(error)) throw error;
  throw new MusterError("conflict", "a request with this Idempotency-Key is under way: try again when it has ended");
}
