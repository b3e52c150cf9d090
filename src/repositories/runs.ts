/** The account of every run, and what tells a run that is under way from one that died (design section 2, The account). */
import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { and, desc, eq, inArray, lt, notInArray, sql } from "drizzle-orm";
import { drizzle, type MySql2Database } from "drizzle-orm/mysql2";
import type { PoolConnection, RowDataPacket } from "mysql2/promise";
import { instant } from "../codecs/columns.ts";
import type { Database } from "../db/client.ts";
import { domainError, isRefusal } from "../db/errors.ts";
import { type Counts, type RunCounts, type RunKind, type RunStatus, rejections, runs } from "../db/ledger.ts";
import { MusterError } from "../errors.ts";
import { dropStages, stagedRuns } from "./stage.ts";

/** A run as it is answered; instants are ISO 8601. Counts hold the tables whose part is finished. */
export interface RunRecord {
  id: string;
  kind: RunKind;
  source: string | null;
  status: RunStatus;
  counts: RunCounts;
  error: string | null;
  started_at: string;
  finished_at: string | null;
}

/** The newest `limit` runs, of those that began before the run `before` where it is given. */
export async function listRuns(
  db: MySql2Database,
  { limit, before }: { limit: number; before?: string | undefined },
): Promise<RunRecord[]> {
  const older = before === undefined ? undefined : lt(runs.id, before);
  const rows = await db.select().from(runs).where(older).orderBy(desc(runs.id)).limit(limit);
  return rows.map(runRecord);
}

export async function findRun(db: MySql2Database, id: string): Promise<RunRecord | undefined> {
  const [row] = await db.select().from(runs).where(eq(runs.id, id));
  return row && runRecord(row);
}

function runRecord({ owner: _, ...row }: typeof runs.$inferSelect): RunRecord {
  return {
    ...row,
    started_at: instant(row.started_at),
    finished_at: row.finished_at === null ? null : instant(row.finished_at),
  };
}

/** A run under way: its connection holds the lock that says it is alive, and is the one that publishes. */
export interface LiveRun {
  id: string;
  kind: RunKind;
  source: string;
  connection: PoolConnection;
  /** Drizzle over that connection. */
  db: MySql2Database;
  /** Gives the locks back and closes the connection; the run's row says how it ended before this is called. */
  close(): Promise<void>;
}

/** The server closes the connection of a host that vanished this long after its last sign of life. */
const ALIVE_TIMEOUT_S = 60;
const now = sql`UTC_TIMESTAMP(3)`;

/** Opens the account of a run that takes a while. Its lock is taken first, so that nobody finds it without an owner. */
export async function beginRun(database: Database, kind: RunKind, source: string): Promise<LiveRun> {
  const id = Bun.randomUUIDv7();
  const connection = await database.pool.getConnection();
  const keepAlive = setInterval(() => connection.ping().catch(() => {}), (ALIVE_TIMEOUT_S * 1000) / 3);
  const close = async () => {
    clearInterval(keepAlive);
    await connection.query("SELECT RELEASE_ALL_LOCKS()").catch(() => {});
    connection.destroy();
  };
  try {
    await connection.query(`SET SESSION wait_timeout = ${ALIVE_TIMEOUT_S}`);
    await tryLock(connection, runLock(database, id), 0);
    const db = drizzle(connection);
    await db.insert(runs).values({ id, kind, source, status: "running", counts: {}, owner: owner(), started_at: now });
    return { id, kind, source, connection, db, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Writes a run that began and ended within the caller's transaction. */
export async function recordRun(
  db: MySql2Database,
  run: { id: string; kind: RunKind; source: string; status: RunStatus; counts: RunCounts },
): Promise<void> {
  await db.insert(runs).values({ ...run, owner: owner(), started_at: now, finished_at: now });
}

/** The counts of a table before its first row. */
export const noRows = (): Counts => ({ received: 0, inserted: 0, unchanged: 0, rejected: 0, withheld: 0 });

/** Writes how a run ended. `counts` are all of its tables'. */
export async function endRun(
  db: MySql2Database,
  run: string,
  end: { status: RunStatus; counts?: RunCounts; error?: string },
): Promise<void> {
  const { status, counts, error } = end;
  await db
    .update(runs)
    .set({ status, finished_at: now, ...(counts && { counts }), ...(error && { error: error.slice(0, 2000) }) })
    .where(eq(runs.id, run));
}

/**
 * Ends a run that threw: leaves what it published, removes the rest, and says why in its row. Where the database is away
 * the next command does it.
 * @returns what to throw
 */
export async function failRun(database: Database, run: LiveRun, error: unknown, report: Report): Promise<unknown> {
  const interrupted = new MusterError("interrupted", "interrupted: nothing more was done");
  const shown = report.signal?.aborted ? interrupted : domainError(error);
  try {
    await clearRun(database, run.id);
    const text = shown instanceof MusterError ? shown.message : "an error inside Muster";
    await endRun(database.db, run.id, { status: isRefusal(shown) ? "refused" : "failed", error: text });
  } catch (failure) {
    if (!(domainError(failure) instanceof MusterError)) throw failure;
    report.say("what the run left could not be removed now: the next command does it");
  }
  return shown;
}

/** Writes the counts of the tables that are published so far, in the transaction that publishes the last of them. */
export async function recordCounts(db: MySql2Database, run: string, counts: RunCounts): Promise<void> {
  await db.update(runs).set({ counts }).where(eq(runs.id, run));
}

const TURN_POLL_S = 5;

/**
 * Waits until no other import or restore works on the table, and says so once. A dead run that stands in the way is cleared.
 * The turn ends with the run's connection.
 */
export async function takeTurn(database: Database, run: LiveRun, table: string, report: Report): Promise<void> {
  const lock = lockName(database, `load ${table}`);
  if (await tryLock(run.connection, lock, 0)) return;
  report.say(`waiting for another import or restore of ${table} to finish`);
  do {
    report.signal?.throwIfAborted();
    await clearDeadRuns(database, report.say);
  } while (!(await tryLock(run.connection, lock, TURN_POLL_S)));
}

export interface Report {
  /** One line for the person who watches. */
  say(line: string): void;
  signal?: AbortSignal;
}

/**
 * Ends the runs whose process is gone: what they published stays and is counted, what they had staged or logged for
 * tables that they did not publish is removed. A live run is left alone.
 */
export async function clearDeadRuns(database: Database, say: (line: string) => void): Promise<void> {
  const open = await database.db
    .select({ id: runs.id, owner: runs.owner })
    .from(runs)
    .where(inArray(runs.status, ["running", "publishing"]));
  await dropForgottenStages(database);
  for (const run of open) {
    const connection = await database.pool.getConnection();
    try {
      if (!(await seize(connection, runLock(database, run.id), run.owner, say))) continue;
      const [current] = await database.db.select().from(runs).where(eq(runs.id, run.id));
      if (current?.status !== "running" && current?.status !== "publishing") continue;
      await clearRun(database, run.id);
      await endRun(database.db, run.id, { status: "failed", error: "the process that ran it ended without a word" });
      say(`cleared what the dead ${current.kind} ${run.id} left`);
    } finally {
      await connection.query("SELECT RELEASE_ALL_LOCKS()").catch(() => {});
      connection.release();
    }
  }
}

/** A run that was killed between its end and the dropping of its stages. */
async function dropForgottenStages(database: Database): Promise<void> {
  const staged = await stagedRuns(database);
  if (staged.length === 0) return;
  const ended = and(inArray(runs.id, staged), notInArray(runs.status, ["running", "publishing"]));
  for (const { id } of await database.db.select({ id: runs.id }).from(runs).where(ended))
    await dropStages(database, id);
}

/** Removes what a run staged, and what it logged for tables that it did not publish. */
export async function clearRun(database: Database, run: string): Promise<void> {
  await dropStages(database, run);
  const [row] = await database.db.select({ counts: runs.counts }).from(runs).where(eq(runs.id, run));
  const published = Object.keys(row?.counts ?? {});
  const unpublished = published.length > 0 ? notInArray(rejections.table, published) : undefined;
  await database.db.delete(rejections).where(and(eq(rejections.run, run), unpublished));
}

/**
 * Takes the lock of a dead run; false where the run is alive. The server goes on with a dead client's statement, and
 * commits it: so its connection is killed and its lock waited for before anything is judged.
 */
async function seize(
  connection: PoolConnection,
  lock: string,
  runOwner: string,
  say: (line: string) => void,
): Promise<boolean> {
  if (await tryLock(connection, lock, 0)) return true;
  if (!isDead(runOwner)) return false;
  const [rows] = await connection.query<RowDataPacket[]>("SELECT IS_USED_LOCK(?) AS holder", [lock]);
  const holder = rows[0]?.holder;
  if (holder !== null && holder !== undefined) {
    say("waiting for the server to end what a killed run had asked of it");
    await connection.query(`KILL ${Number(holder)}`).catch(() => {}); // it may have ended by itself meanwhile
  }
  return tryLock(connection, lock, ROLLBACK_TIMEOUT_S);
}

/** Rolling back a large publish takes about as long as it ran. */
const ROLLBACK_TIMEOUT_S = 600;

async function tryLock(connection: PoolConnection, name: string, seconds: number): Promise<boolean> {
  const [rows] = await connection.query<RowDataPacket[]>("SELECT GET_LOCK(?, ?) AS taken", [name, seconds]);
  return rows[0]?.taken === 1;
}

const runLock = (database: Database, run: string) => lockName(database, `run ${run}`);

/** Lock names belong to the server, not to a database, and end at 64 characters: hence the hash. */
function lockName(database: Database, what: string): string {
  return `muster:${createHash("sha1").update(`${database.name}:${what}`).digest("hex")}`;
}

const owner = () => `${hostname()}:${process.pid}`;

/** True only where it is certain: a process of this host that does not exist any more. */
function isDead(runOwner: string): boolean {
  const [, host, pid] = /^(.*):(\d+)$/.exec(runOwner) ?? [];
  if (host !== hostname()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
