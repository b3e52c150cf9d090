/**
 * Replaces the rows of tables by the rows of their stages. A single table is swapped if that is safe; otherwise all tables are
 * replaced in one transaction.
 */
import { driverError } from "../db/driver-errors.ts";
import { isolationAfterWait, ROLLED_BACK, retried } from "../db/transaction.ts";
import { debugPoint } from "../debug-points.ts";
import { MusterError } from "../errors.ts";
import { compareRows } from "../publish/compare.ts";
import { raiseAutoIncrement } from "../publish/ddl.ts";
import { atOneMoment, refuseOrphans } from "../publish/orphans.ts";
import { heldByOthers, refuseForOthers, refuseForUnseen } from "../publish/other-programs.ts";
import { refuseForeseen } from "../publish/refused-rows.ts";
import { LOST_PARENTS, planReplacement, type Replaced, type Replacement, replaceRows } from "../publish/replace.ts";
import { addIndexes } from "../publish/stage-table.ts";
import { publishBySwap } from "../publish/swap.ts";
import { swapVerdict } from "../publish/swappable.ts";
import { explainedSize, refuseTooLarge } from "../publish/transaction-size.ts";
import { forgetSince } from "../repositories/file-log.ts";
import { passGates } from "../repositories/gates.ts";
import type { LiveRun } from "../repositories/live-run.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { backupIn, endRun, type Report } from "../repositories/run-log.ts";
import { outsideReferrers, refuseEarly, verifyUnderLocks } from "./obstacles.ts";

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
  await refuseTooLarge(database, run.connection, replacements);
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
    }, isolationAfterWait(database.server));
  const explained = () =>
    transaction().catch((error) => {
      throw heldByOthers(error, database, grant) ?? error;
    });
  return retried([...ROLLED_BACK, ...LOST_PARENTS], explained).catch(async (error) => {
    if (LOST_PARENTS.includes(driverError(error)?.code ?? "")) throw lostParents();
    throw await explainedSize(error, database, run.connection, replacements);
  });
}

/** What replaceTables would do, without doing it. @throws MusterError as replaceTables does */
export async function planTables(
  database: MusterDatabase,
  run: LiveRun,
  replacements: readonly Replacement[],
  { say, progress }: Report,
): Promise<Replaced> {
  for (const { table, rows } of replacements) progress?.({ table: table.name, phase: "comparing", rows: 0, of: rows });
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

const lostParents = () =>
  new MusterError("conflict", "another program adds and deletes rows that would lose their parent: try again");
