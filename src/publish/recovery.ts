/** Runs that failed or died: what they published stays, what else they left goes (design section 5). */
import { and, eq, inArray, isNotNull, notInArray, or } from "drizzle-orm";
import type { PoolConnection, RowDataPacket } from "mysql2/promise";
import type { Database } from "../db/database.ts";
import { explainedError, isRefusal, lineOf } from "../db/driver-errors.ts";
import { type RunStatus, rejections, runs } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import type { LiveRun } from "../repositories/live-run.ts";
import { loadLock, PROCESS_SPACE, runLock, tryLock } from "../repositories/locks.ts";
import { endRun, type Report } from "../repositories/run-log.ts";
import { resolveSwap } from "./settle.ts";
import { dropStages, stagedRuns } from "./stage.ts";

/**
 * Ends a run that threw: leaves what it published, removes the rest, and says why in its row. Where the database is away
 * the next command does it.
 * @returns what to throw
 */
export async function failRun(database: Database, run: LiveRun, error: unknown, report: Report): Promise<unknown> {
  const shown = report.signal?.aborted ? interruptedBy(report.signal) : explainedError(error);
  try {
    ending.add(run.id);
    // A connection that failed may have left a statement to the server.
    await run.close();
    await withLockOf(database, run.id, { isDead: () => true, say: report.say }, async (connection) => {
      const found = await clearRun(database, connection, run.id, report.say);
      // Another process may have taken it for dead, since its lock was given back.
      if (found !== "cleared" && found !== "failed") return;
      const text = shown instanceof MusterError ? shown.message : "an error inside Muster";
      await endRun(database.db, run.id, { status: isRefusal(shown) ? "refused" : "failed", error: text });
    });
  } catch (failure) {
    report.say(`what the run left is still there: ${lineOf(failure)}. The next command removes it`);
  } finally {
    ending.delete(run.id);
  }
  return shown;
}

/** The runs that this process is ending: they have no lock for a moment, and are not dead. */
const ending = new Set<string>();

/** Why the signal aborted, where that was said. */
function interruptedBy({ reason }: AbortSignal): MusterError {
  if (reason instanceof MusterError) return reason;
  return new MusterError("interrupted", "interrupted: nothing more was done");
}

/** Whoever wants the run ended is heard as often. */
const TURN_POLL_S = 1;

/**
 * Waits until no other import or restore works on the table, and says so once. A dead run that stands in the way is cleared.
 * The turn ends with the run's connection.
 */
export async function takeTurn(database: Database, run: LiveRun, table: string, report: Report): Promise<void> {
  const lock = loadLock(database, table);
  if (await tryLock(run.connection, lock, 0)) return;
  report.say(`waiting for another import or restore of ${table} to finish`);
  const said = new Set<string>();
  const sayOnce = (line: string) => {
    if (!said.has(line)) report.say(line);
    said.add(line);
  };
  do {
    report.signal?.throwIfAborted();
    await clearDeadRuns(database, sayOnce);
  } while (!(await tryLock(run.connection, lock, TURN_POLL_S)));
}

/**
 * Ends the runs whose process is gone: what they published stays and is counted, what they had staged or logged for
 * tables that they did not publish is removed. A live run is left alone. One that cannot be cleared now is said and left
 * to the next command: it must stop neither the others nor the caller. It takes the rights of an import: without them all
 * are left to the next command that has them.
 */
export async function clearDeadRuns(database: Database, say: (line: string) => void): Promise<void> {
  if (database.readiness.refusal("import")) return;
  const open = await database.db
    .select({ id: runs.id, kind: runs.kind, owner: runs.owner })
    .from(runs)
    .where(or(inArray(runs.status, UNENDED), isNotNull(runs.swap)));
  const leaveIfRefused = async (whose: string, work: () => Promise<void>) => {
    await work().catch((error) =>
      say(`what ${whose} left is still there: ${lineOf(error)}. The next command tries again`),
    );
  };
  await leaveIfRefused("runs that ended", () => dropForgottenStages(database));
  for (const { id, kind, owner } of open) {
    if (ending.has(id)) continue;
    const clear = async (connection: PoolConnection) => {
      if ((await clearRun(database, connection, id, say)) !== "cleared") return;
      await endRun(database.db, id, { status: "failed", error: "the process that ran it ended without a word" });
      say(`cleared what the dead ${kind} ${id} left`);
    };
    await leaveIfRefused(`the ${kind} ${id}`, () =>
      withLockOf(database, id, { isDead: () => isDead(owner), say }, clear),
    );
  }
}

const UNENDED: RunStatus[] = ["running", "publishing"];

/** A run that was killed between its end and the dropping of its stages. */
async function dropForgottenStages(database: Database): Promise<void> {
  const staged = await stagedRuns(database);
  if (staged.length === 0) return;
  const ended = and(inArray(runs.id, staged), notInArray(runs.status, UNENDED));
  for (const { id } of await database.db.select({ id: runs.id }).from(runs).where(ended))
    await dropStages(database, id);
}

/**
 * Removes what a run staged, and what it logged for tables that it did not publish. A run whose end was found in the
 * swap of its last table has ended, and keeps what it logged.
 * @returns how a run ended that had ended before, undefined if there is none
 */
async function clearRun(
  database: Database,
  connection: PoolConnection,
  id: string,
  say: (line: string) => void,
): Promise<RunStatus | "cleared" | undefined> {
  await resolveSwap(database, connection, id, say);
  const [run] = await database.db
    .select({ status: runs.status, counts: runs.counts })
    .from(runs)
    .where(eq(runs.id, id));
  await dropStages(database, id);
  if (!run || !UNENDED.includes(run.status)) return run?.status;
  const published = Object.keys(run.counts);
  const unpublished = published.length > 0 ? notInArray(rejections.table, published) : undefined;
  await database.db.delete(rejections).where(and(eq(rejections.run, id), unpublished));
  return "cleared";
}

/**
 * Does `work` with the lock of a run that is not alive, on the connection that has it; nothing where it is alive. The
 * server goes on with a dead client's statement, and commits it: so its connection is killed and its lock waited for
 * before anything is judged.
 */
async function withLockOf(
  database: Database,
  run: string,
  { isDead, say }: { isDead: () => boolean; say: (line: string) => void },
  work: (connection: PoolConnection) => Promise<void>,
): Promise<void> {
  const connection = await database.pool.getConnection();
  try {
    const lock = runLock(database, run);
    if (!(await tryLock(connection, lock, 0))) {
      if (!isDead()) return;
      const [rows] = await connection.query<RowDataPacket[]>("SELECT IS_USED_LOCK(?) AS holder", [lock]);
      const holder = rows[0]?.holder;
      if (holder !== null && holder !== undefined) {
        say("waiting for the server to end what a killed run had asked of it");
        await connection.query(`KILL ${Number(holder)}`).catch(() => {}); // it may have ended by itself meanwhile
      }
      if (!(await tryLock(connection, lock, ROLLBACK_TIMEOUT_S))) return;
    }
    await work(connection);
  } finally {
    // A connection whose locks are not known to be free is given up: they end with it.
    await connection.query("SELECT RELEASE_ALL_LOCKS()").then(
      () => connection.release(),
      () => connection.destroy(),
    );
  }
}

/** Rolling back a large publish takes about as long as it ran. */
const ROLLBACK_TIMEOUT_S = 600;

/** True only where it is certain: a process that does not exist any more where it would have to be. */
function isDead(runOwner: string): boolean {
  const [, space, pid] = /^(.*):(\d+)$/.exec(runOwner) ?? [];
  if (space !== PROCESS_SPACE) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
