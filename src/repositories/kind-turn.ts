/**
 * Lets runs of one kind on one database go one at a time, for commands that ask for it (--if-running). The turn is a named lock
 * of the server, held by a connection of its own: so it ends with the process, however that ends. The server gives it to those
 * that wait in the order in which they asked.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { and, desc, eq, inArray } from "drizzle-orm";
import type { PoolConnection, RowDataPacket } from "mysql2/promise";
import { instant } from "../codecs/datetime.ts";
import type { Database } from "../db/database.ts";
import { type RunKind, runs } from "../db/ledger.ts";
import { tryLock } from "../db/named-lock.ts";
import { keptAlive } from "./live-run.ts";
import { kindLock, runLock } from "./locks.ts";
import type { Report } from "./run-log.ts";

export const IF_RUNNING = ["skip", "wait"] as const;
/** What to do if another run of the kind is under way. */
export type IfRunning = (typeof IF_RUNNING)[number];

/** A run that is alive in some process. */
export interface RunUnderWay {
  run: string;
  source: string | null;
  started_at: string;
}

export type KindTurn =
  | { isTaken: true; close: () => Promise<void> }
  /** `underWay` is undefined if the holder of the turn has no run now: it is about to begin one, or has just ended it. */
  | { isTaken: false; underWay: RunUnderWay | undefined };

/** An attempt to take the turn waits this long. Long, because the next attempt begins at the end of the server's queue. */
const ATTEMPT_S = 86_400;
/** TiDB has no queue. It fails an attempt that waits long, and goes on with one whose connection has gone. */
const ATTEMPT_WITHOUT_QUEUE_S = 1;
/** Runs that hold no turn, as those of the service, are looked at this often. */
const LOOK_MS = 500;

/**
 * Takes the turn of a kind, and keeps it until close() is called. While it is held, no run of the kind that asks for the turn
 * begins. Runs that do not ask for it are waited for as well, if they have begun before. Dry runs do not count.
 * @throws the reason of the signal, or the driver's error, if the wait is interrupted
 */
export async function takeKindTurn(
  database: Database,
  kind: RunKind,
  ifRunning: IfRunning,
  { say, signal }: Report,
): Promise<KindTurn> {
  const { connection, close } = await keptAlive(database);
  let isSaid = false;
  const sayOnce = (underWay: RunUnderWay | undefined) => {
    if (!isSaid) say(`waiting: ${underWayText(kind, underWay)}`);
    isSaid = true;
  };
  let isTaken = false;
  try {
    const lock = kindLock(database, kind);
    if (!(await tryLock(connection, lock, 0))) {
      const underWay = await runUnderWay(database, kind);
      if (ifRunning === "skip") return { isTaken, underWay };
      sayOnce(underWay);
      await waitForLock(database, connection, lock, signal);
    }
    for (let other = await runUnderWay(database, kind); other; other = await runUnderWay(database, kind)) {
      if (ifRunning === "skip") return { isTaken, underWay: other };
      sayOnce(other);
      await sleep(LOOK_MS, undefined, { ...(signal && { signal }) });
    }
    isTaken = true;
    return { isTaken, close };
  } finally {
    if (!isTaken) await close();
  }
}

/**
 * Takes the turn of a kind if it is free, so that others see that a run is under way. If it is not free, this run goes on
 * without it.
 * @returns what gives it back
 */
export async function showKind(database: Database, kind: RunKind): Promise<() => Promise<void>> {
  const { connection, close } = await keptAlive(database);
  await tryLock(connection, kindLock(database, kind), 0);
  return close;
}

/** Such as "another import is under way (run 0199..., /csv, since 2026-11-29T08:00:00.000Z)". */
export function underWayText(kind: RunKind, underWay: RunUnderWay | undefined): string {
  if (!underWay) return `another ${kind} is beginning or ending`;
  const { run, source, started_at } = underWay;
  return `another ${kind} is under way (run ${run}${source === null ? "" : `, ${source}`}, since ${started_at})`;
}

/** @throws the reason of the signal, if it aborts. The connection is then closed */
async function waitForLock(
  { pool, server }: Database,
  connection: PoolConnection,
  lock: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted();
  const seconds = server.queuesLocks ? ATTEMPT_S : ATTEMPT_WITHOUT_QUEUE_S;
  const aborted = Promise.withResolvers<never>();
  const leave = async () => {
    await pool.query("KILL ?", [connection.threadId]).catch(() => {});
    // TiDB does not end the statement of a killed connection while it waits for a lock.
    connection.destroy();
    aborted.reject(signal?.reason);
  };
  signal?.addEventListener("abort", leave);
  const taken = async () => {
    while (!(await tryLock(connection, lock, seconds)));
  };
  try {
    await Promise.race([taken(), aborted.promise]);
  } finally {
    signal?.removeEventListener("abort", leave);
  }
}

/** The newest run of the kind whose process is alive, and which is no dry run. */
async function runUnderWay(database: Database, kind: RunKind): Promise<RunUnderWay | undefined> {
  const found = await database.db
    .select({ run: runs.id, source: runs.source, started_at: runs.started_at })
    .from(runs)
    .where(and(inArray(runs.status, ["running", "publishing"]), eq(runs.kind, kind), eq(runs.dry_run, false)))
    .orderBy(desc(runs.id));
  for (const each of found) {
    const lock = runLock(database, each.run);
    const [[row]] = await database.pool.query<RowDataPacket[]>("SELECT IS_USED_LOCK(?) AS holder", [lock]);
    if (row?.holder !== null) return { ...each, started_at: instant(each.started_at) };
  }
  return undefined;
}
