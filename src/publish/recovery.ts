/**
 * Ends runs that failed or whose process died. Rows that they published stay and are counted. Their stages are removed, and
 * so are the rejections and files that they logged for tables that they did not publish.
 */
import { and, eq, inArray, isNotNull, notInArray, or } from "drizzle-orm";
import type { PoolConnection } from "mysql2/promise";
import type { Database } from "../db/database.ts";
import { explainedError, isRefusal, lineOf } from "../db/driver-errors.ts";
import { type RunStatus, rejections, runs } from "../db/ledger.ts";
import { tryLock } from "../db/named-lock.ts";
import { MusterError } from "../errors.ts";
import { forgetUncounted } from "../repositories/file-log.ts";
import type { LiveRun } from "../repositories/live-run.ts";
import { holderOf, loadLock, PROCESS_SPACE, runLock } from "../repositories/locks.ts";
import { endRun, type Report } from "../repositories/run-log.ts";
import { resolveSwap } from "./settle.ts";
import { dropStages, stagedRuns } from "./stage.ts";

/**
 * Ends a run that threw: removes what it did not publish, and writes the reason into its row. If the database does not answer,
 * the next command does this instead.
 * @returns what the caller must throw
 */
export async function failRun(database: Database, run: LiveRun, error: unknown, report: Report): Promise<unknown> {
  const shown = report.signal?.aborted ? interruptedBy(report.signal) : explainedError(error);
  try {
    ending.add(run.id);
    // The server may still be executing the last statement of a connection that failed.
    await run.close();
    await withLockOf(database, run.id, { isDead: () => true, say: report.say }, async (connection) => {
      const found = await clearRun(database, connection, run.id, report.say);
      // The run gave its lock back above, so another process may have cleared it as a dead one.
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

/** Runs that this process is ending. They hold no lock for a moment, and must not be cleared as dead runs. */
const ending = new Set<string>();

/** The error for an aborted run: the reason of the signal, or a general one. */
function interruptedBy({ reason }: AbortSignal): MusterError {
  if (reason instanceof MusterError) return reason;
  return new MusterError("interrupted", "interrupted: nothing more was done");
}

/** How long one attempt to take the turn waits. Between two attempts the signal is checked. */
const TURN_POLL_S = 1;

/**
 * Waits until no other import or restore works on the table, and tells the user that it waits. Dead runs are cleared
 * meanwhile, because one of them may hold the table. The turn is a lock that the run's connection holds until it is closed.
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
 * Clears the runs whose process died before their end, or before their swap was settled and their stages were dropped. A dead
 * run that cannot be cleared now is reported and left to the next command: it must stop neither the others nor the caller.
 * Clearing needs the same rights as an import. A command without them leaves all dead runs to the next command.
 */
export async function clearDeadRuns(database: Database, say: (line: string) => void): Promise<void> {
  if (database.readiness.refusal("import")) return;
  const staged = await stagedRuns(database);
  const left = await database.db
    .select({ id: runs.id, kind: runs.kind, owner: runs.owner })
    .from(runs)
    .where(or(inArray(runs.status, UNENDED), isNotNull(runs.swap), inArray(runs.id, staged)));
  for (const { id, kind, owner } of left) {
    if (ending.has(id)) continue;
    const clear = async (connection: PoolConnection) => {
      // TiDB waits a second for a lock that is not free. This process may have begun to end the run meanwhile.
      if (ending.has(id)) return;
      if ((await clearRun(database, connection, id, say)) !== "cleared") return;
      await endRun(database.db, id, { status: "failed", error: "its process was killed or crashed" });
      say(`cleared what the dead ${kind} ${id} left`);
    };
    await withLockOf(database, id, { isDead: () => isDead(owner), say }, clear).catch((error) =>
      say(`what the ${kind} ${id} left is still there: ${lineOf(error)}. The next command tries again`),
    );
  }
}

const UNENDED: RunStatus[] = ["running", "publishing"];

/**
 * Finishes or undoes a run's swap, then removes its stages, and the rejections and files that it logged for tables that it did
 * not publish. If the swap of its last table took place, the run has succeeded, and keeps all its rejections.
 * @returns "cleared", or the status of a run that has ended; undefined if there is no such run
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
  await forgetUncounted(database.db, id);
  return "cleared";
}

/**
 * Takes the lock of a dead run and does `work` on the connection that holds it. Does nothing if the run is alive. After a
 * client has died, the server still finishes its last statement and may commit it. So this kills the client's connection and
 * waits for its lock before `work`.
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
      const holder = await holderOf(database, connection, run);
      if (holder !== undefined) {
        say("waiting for the server to end the last statement of a killed run");
        await connection.query(`KILL ${Number(holder)}`).catch(() => {}); // it may have ended by itself meanwhile
      }
      if (!(await tryLock(connection, lock, ROLLBACK_TIMEOUT_S))) return;
    }
    await work(connection);
  } finally {
    // If the locks may still be held, close the connection: they end with it.
    await connection.query("SELECT RELEASE_ALL_LOCKS()").then(
      () => connection.release(),
      () => connection.destroy(),
    );
  }
}

/** Long, because the rollback of a large publish takes about as long as the publish ran. */
const ROLLBACK_TIMEOUT_S = 600;

/**
 * Whether the process is certainly gone. Only processes of this host and container can be looked up: PROCESS_SPACE names
 * both.
 */
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
