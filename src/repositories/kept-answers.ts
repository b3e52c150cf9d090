/**
 * Answers and runs kept by Idempotency-Key (docs/http.md). An answer is kept in the transaction of its request, and a run in
 * the transaction that begins it.
 */
import { createHash } from "node:crypto";
import { eq, sql } from "drizzle-orm";
import { drizzle, type MySql2Database } from "drizzle-orm/mysql2";
import type { PoolConnection } from "mysql2/promise";
import { driverError, isHeld } from "../db/driver-errors.ts";
import { idempotency_keys, type StoredAnswer } from "../db/ledger.ts";
import { LOST_RACES } from "../db/transaction.ts";
import { MusterError } from "../errors.ts";
import { findRun, type RunRecord } from "./run-log.ts";

/** How long an answer is kept. After that, its key can be used for another request. */
export const KEY_LIFETIME_H = 24;
const isExpired = sql<number>`${idempotency_keys.created_at} < UTC_TIMESTAMP(3) - INTERVAL ${sql.raw(`${KEY_LIFETIME_H}`)} HOUR`;

/** The SHA-256 of a key and of the request that came with it, in hexadecimal. Neither is stored itself. */
export interface Claim {
  key: string;
  request: string;
}

/** @param request what two requests must have in common to be the same: method, path, preferences, body */
export function claimOf(key: string, request: readonly (string | Uint8Array)[]): Claim {
  const hash = createHash("sha256");
  for (const part of request) hash.update(`${part.length}:`).update(part);
  return { key: createHash("sha256").update(key).digest("hex"), request: hash.digest("hex") };
}

/**
 * Takes the key for the caller's transaction.
 * @returns the answer that the same request got before; undefined if the key is new
 * @throws MusterError `conflict` while that request is under way, `refused` if the key came with another request
 */
export async function claimKey(connection: PoolConnection, claim: Claim): Promise<StoredAnswer | undefined> {
  const db = drizzle(connection);
  const found = await hold(db, claim);
  if (found && (await liveOf(db, found)) !== "free") {
    if (found.request === claim.request && !("run" in found.answer)) return found.answer;
    throw anotherRequest();
  }
  await take(db, claim, found !== undefined, { status: 0, headers: {}, body: null });
  return undefined;
}

/**
 * The run that was begun with the key. A run that failed or was refused leaves the key free, so that it can be tried again.
 * @throws MusterError `refused` if the key came with another request
 */
export async function runOfKey(db: MySql2Database, claim: Claim): Promise<RunRecord | undefined> {
  const [found] = await select(db, claim);
  const run = await liveOf(db, found);
  if (!found || run === "free") return undefined;
  if (run === "answer" || found.request !== claim.request) throw anotherRequest();
  return run;
}

/**
 * Takes the key for a run, in the transaction that writes the run's row.
 * @throws MusterError `conflict` if another request was quicker
 */
export async function claimForRun(transaction: MySql2Database, claim: Claim, run: string): Promise<void> {
  const found = await hold(transaction, claim);
  if ((await liveOf(transaction, found)) !== "free") throw underWay();
  await take(transaction, claim, found !== undefined, { run }).catch((error) => {
    throw LOST_RACES.includes(driverError(error)?.code ?? "") ? underWay() : error;
  });
}

type Found = Awaited<ReturnType<typeof select>>[number];

/** The run that holds a key; "free" if nothing does; "answer" if the key was used for an answer. */
async function liveOf(db: MySql2Database, found: Found | undefined): Promise<RunRecord | "free" | "answer"> {
  if (!found || found.isExpired) return "free";
  if (!("run" in found.answer)) return "answer";
  const run = await findRun(db, found.answer.run);
  return !run || run.status === "failed" || run.status === "refused" ? "free" : run;
}

function select(db: MySql2Database, { key }: Claim) {
  const { request, answer } = idempotency_keys;
  return db
    .select({ request, answer, isExpired })
    .from(idempotency_keys)
    .where(eq(idempotency_keys.key, key))
    .$dynamic();
}

/** Locks the key. NOWAIT: do not wait for the end of a request that has the key. */
async function hold(db: MySql2Database, claim: Claim): Promise<Found | undefined> {
  const [found] = await select(db, claim)
    .for("update", { noWait: true })
    .catch((error) => {
      throw isHeld(error) ? underWay() : error;
    });
  return found;
}

async function take(db: MySql2Database, claim: Claim, isThere: boolean, answer: StoredAnswer | { run: string }) {
  if (isThere) await db.delete(idempotency_keys).where(eq(idempotency_keys.key, claim.key));
  await db.insert(idempotency_keys).values({ ...claim, answer, created_at: sql`UTC_TIMESTAMP(3)` });
}

/** Keeps the answer that the caller's transaction is about to commit. */
export async function keepAnswer(connection: PoolConnection, { key }: Claim, answer: StoredAnswer): Promise<void> {
  await drizzle(connection).update(idempotency_keys).set({ answer }).where(eq(idempotency_keys.key, key));
}

/** Removes the answers whose time is over. */
export async function forgetExpiredKeys(db: MySql2Database): Promise<void> {
  await db.delete(idempotency_keys).where(isExpired);
}

export const underWay = () =>
  new MusterError("conflict", "a request with this Idempotency-Key is under way: try again when it has ended");

const anotherRequest = () =>
  new MusterError("refused", "the Idempotency-Key came with another request before: use a new one");
