/**
 * Replaces the rows of tables by the rows of their stages. A single table is swapped if that is safe; otherwise all tables are
 * replaced in one transaction.
 */
import type { TableName } from "../codecs/tables.ts";
import { driverError } from "../db/driver-errors.ts";
import { DEADLOCK, retried } from "../db/transaction.ts";
import { debugPoint } from "../debug-points.ts";
import { MusterError } from "../errors.ts";
import { compareRows } from "../publish/compare.ts";
import { raiseAutoIncrement } from "../publish/ddl.ts";
import { hiddenFrom, type Referrer, referrersOf } from "../publish/definition.ts";
import { atOneMoment, LOCKING, refuseOrphans } from "../publish/orphans.ts";
import { acts, heldByOthers, lockTouched, refuseForOthers, refuseForUnseen } from "../publish/other-programs.ts";
import { refuseForeseen } from "../publish/refused-rows.ts";
import { LOST_PARENTS, planReplacement, type Replaced, type Replacement, replaceRows } from "../publish/replace.ts";
import { isRewritten, refuseUndeclared, refuseUnverifiable } from "../publish/rewrite.ts";
import { addIndexes } from "../publish/stage-table.ts";
import { publishBySwap } from "../publish/swap.ts";
import { swapVerdict } from "../publish/swappable.ts";
import { forgetSince } from "../repositories/file-log.ts";
import { passGates } from "../repositories/gates.ts";
import type { LiveRun } from "../repositories/live-run.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { backupIn, endRun, type Report } from "../repositories/run-log.ts";

/**
 * Replaces the rows of the tables, and records with the same commit that the run has succeeded.
 * @throws MusterError, with nothing changed: `conflict` if rows would lose their parent, or if rows of other programs refer to
 *   rows that would be deleted or changed; `refused` if the database refuses a row, or if the transaction is larger than a
 *   cluster allows
 */
export async function replaceTables(
  database: MusterDatabase,
  run: LiveRun,
  replacements: readonly Replacement[],
  report: Report,
): Promise<Replaced> {
  const [only, ...others] = replacements;
  const swapped = only && others.length === 0 ? await replaceBySwap(database, run, only, report) : undefined;
  return swapped ?? replaceInTransaction(database, run, replacements, report);
}

/** @returns undefined, with nothing changed, if the table cannot be swapped or if rows would lack their parents */
async function replaceBySwap(
  database: MusterDatabase,
  run: LiveRun,
  { table, stage, rows, nextId }: Replacement,
  { say, signal, progress }: Report,
): Promise<Replaced | undefined> {
  const verdict = await swapVerdict(database, run.connection, table, stage);
  if (!verdict.swaps) {
    if (verdict.why) say(`${table.name} is restored row by row: ${verdict.why}`);
    return undefined;
  }
  const tell = (phase: string, compared = 0) => progress?.({ table: table.name, phase, rows: compared, of: rows });
  tell("adding indexes");
  // Rows that a unique key forbids are found and named when the table is restored row by row.
  if (!(await isUnique(addIndexes(run.connection, table, stage)))) return undefined;
  await raiseAutoIncrement(run.connection, stage, nextId);
  const compare = () =>
    compareRows(database, run.connection, { table, stage }, (compared) => {
      signal?.throwIfAborted();
      tell("comparing", compared);
    });
  const wait = (name: string) => {
    signal?.throwIfAborted();
    say(`waiting for a writer of ${name}`);
  };
  const counts = await publishBySwap(database, run, {
    ...{ table, stage, last: true, counts: {} },
    ...{ check: compare, wait, say, signal },
  });
  return counts && { [table.name]: counts };
}

/** Waits for indexes to be added. @returns false if a unique one cannot be, as two rows have the same values */
const isUnique = (adding: Promise<void>): Promise<boolean> =>
  adding.then(
    () => true,
    (error) => {
      if (driverError(error)?.code === "ER_DUP_ENTRY") return false;
      throw error;
    },
  );

async function replaceInTransaction(
  database: MusterDatabase,
  run: LiveRun,
  replacements: readonly Replacement[],
  { say, signal, progress }: Report,
): Promise<Replaced> {
  await refuseTooLarge(database, run, replacements);
  // Most obstacles are found here, before anybody has to wait at a gate.
  await atOneMoment(run.connection, () => refuseOrphans(run.connection, replacements));
  const { referrers, grant } = await outsideReferrers(database, run, replacements);
  await refuseForOthers(run.connection, referrers, replacements);
  for (const each of replacements) await refuseForeseen(run.connection, database.name, each);
  await refuseEarly(database, run, replacements);
  for (const { table, nextId } of replacements) {
    await raiseAutoIncrement(run.connection, table.name, nextId);
    progress?.({ table: table.name, phase: "replacing", rows: 0 });
  }
  const alone = replacements.map(({ table }) => table.name);
  const shared = replacements.flatMap(({ table }) => table.references.map(({ parent }) => parent.name));
  const transaction = () =>
    run.db.transaction(async (transaction) => {
      await passGates(run.connection, { alone, shared }, (table) => say(`waiting for a writer of ${table}`));
      await verifyUnderLocks(database, run, replacements, referrers);
      debugPoint("referrers checked");
      const counts = await replaceRows(run.connection, replacements, async (replacement) => {
        if (grant !== undefined) await refuseForUnseen(run.connection, replacement, grant);
      });
      signal?.throwIfAborted();
      for (const { table } of replacements) await forgetSince(transaction, table.name, backupIn(run.source));
      await endRun(transaction, run.id, { status: "succeeded", counts });
      debugPoint("rows replaced");
      return counts;
    });
  const explained = () =>
    transaction().catch((error) => {
      throw heldByOthers(error, database, grant) ?? error;
    });
  return retried([DEADLOCK, ...LOST_PARENTS], explained).catch((error) => {
    throw LOST_PARENTS.includes(driverError(error)?.code ?? "") ? lostParents() : error;
  });
}

/**
 * Verifies, inside the transaction, what the server will not: the references of tables that are written with foreign key checks
 * off, and rows that it would delete or change by itself. What is verified stays true until the commit.
 */
async function verifyUnderLocks(
  database: MusterDatabase,
  run: LiveRun,
  replacements: readonly Replacement[],
  known: readonly Referrer[],
): Promise<void> {
  const { connection } = run;
  const rewritten = replacements.filter(({ table }) => isRewritten(table));
  const isTouched = ({ table }: Replacement) =>
    rewritten.some((each) => each.table === table) || known.some((each) => acts(each) && each.parent === table.name);
  const touched = replacements.filter(isTouched);
  for (const replacement of touched) await lockTouched(connection, replacement);
  // From now on nobody can add a foreign key that refers to a locked table.
  const { referrers } =
    rewritten.length === 0 ? { referrers: known } : await outsideReferrers(database, run, replacements);
  const unprotected = referrers.filter(
    (each) => acts(each) || rewritten.some(({ table }) => table.name === each.parent),
  );
  await refuseForOthers(connection, unprotected, touched);
  if (rewritten.length === 0) return;
  await refuseOrphans(connection, replacements, LOCKING);
  for (const replacement of rewritten) {
    await refuseUnverifiable(connection, database.name, replacement);
    await refuseUndeclared(connection, replacement, replacements);
  }
}

/**
 * The foreign keys by which tables outside the restore refer to its tables. `grant` is the statement that would let the user
 * see all of them; undefined if the user can already see them all.
 */
async function outsideReferrers(
  database: MusterDatabase,
  { connection }: LiveRun,
  replacements: readonly Replacement[],
) {
  const replaced = replacements.map(({ table }) => table.name);
  const all = await referrersOf(database, connection, replaced);
  const referrers = all.filter(({ isOurs, table }) => !isOurs || !replaced.includes(table as TableName));
  return { referrers, grant: (await hiddenFrom(connection, database.name)).foreignKeys };
}

/** What replaceTables would do, without doing it. @throws MusterError as replaceTables does */
export async function planTables(
  database: MusterDatabase,
  run: LiveRun,
  replacements: readonly Replacement[],
  { say }: Report,
): Promise<Replaced> {
  const { referrers, grant } = await outsideReferrers(database, run, replacements);
  const counts = await planReplacement(run.connection, replacements);
  await refuseForOthers(run.connection, referrers, replacements, say);
  for (const each of replacements) await refuseForeseen(run.connection, database.name, each);
  await refuseEarly(database, run, replacements);
  const deleted = Object.values(counts).reduce((sum, each) => sum + each.deleted, 0);
  if (deleted > 0 && grant !== undefined)
    say(
      `${deleted} rows would be deleted, and this user may not see whether tables of other databases refer to them: run ${grant}`,
    );
  return counts;
}

/** Looks for what verifyUnderLocks() would refuse, before anybody has to wait. */
async function refuseEarly(database: MusterDatabase, { connection }: LiveRun, replacements: readonly Replacement[]) {
  for (const each of replacements)
    if (isRewritten(each.table)) await refuseUnverifiable(connection, database.name, each);
}

/** Bytes that the server adds to each row of a transaction. */
const ROW_OVERHEAD_BYTES = 60;

/**
 * Refuses a restore whose transaction is larger than the cluster's limit. The cluster itself would refuse it only after all
 * the work.
 */
async function refuseTooLarge(
  database: MusterDatabase,
  run: LiveRun,
  replacements: readonly Replacement[],
): Promise<void> {
  const limit = database.server.transactionBytesMax;
  if (limit === undefined) return;
  const counts = await planReplacement(run.connection, replacements);
  let bytes = 0;
  for (const { table, rows, bytes: staged } of replacements) {
    const { inserted = 0, updated = 0, deleted = 0 } = counts[table.name] ?? {};
    // A transaction carries an updated row twice: with the old values and with the new ones.
    bytes += (inserted + 2 * updated + deleted) * (staged / Math.max(1, rows) + ROW_OVERHEAD_BYTES);
  }
  if (bytes <= limit) return;
  const sizes = `about ${Math.round(bytes / 1e6)} MB in one transaction, and the cluster's limit is ${Math.round(limit / 1e6)} MB`;
  throw new MusterError(
    "refused",
    `the restore would carry ${sizes}: restore fewer tables at once, or raise the limit`,
  );
}

const lostParents = () =>
  new MusterError("conflict", "another program adds and deletes rows that would lose their parent: try again");
