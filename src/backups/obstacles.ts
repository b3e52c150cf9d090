/** Finds what forbids a replacement: before anybody has to wait, and once more under locks. */
import type { TableName } from "../codecs/tables.ts";
import { hiddenFrom, type Referrer, referrersOf } from "../publish/definition.ts";
import { LOCKING, refuseOrphans } from "../publish/orphans.ts";
import { acts, lockTouched, refuseForOthers } from "../publish/other-programs.ts";
import type { Replacement } from "../publish/replace.ts";
import { isRewritten, refuseUndeclared, refuseUnverifiable } from "../publish/rewrite.ts";
import type { LiveRun } from "../repositories/live-run.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";

/**
 * Verifies, inside the transaction, what the server will not: the references of tables that are written with foreign key checks
 * off, and rows that it would delete or change by itself. What is verified stays true until the commit.
 */
export async function verifyUnderLocks(
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

/** Looks for what verifyUnderLocks() would refuse, before anybody has to wait. */
export async function refuseEarly(
  database: MusterDatabase,
  { connection }: LiveRun,
  replacements: readonly Replacement[],
) {
  for (const each of replacements)
    if (isRewritten(each.table)) await refuseUnverifiable(connection, database.name, each);
}

/**
 * The foreign keys by which tables outside the restore refer to its tables. `grant` is the statement that would let the user
 * see all of them; undefined if the user can already see them all.
 */
export async function outsideReferrers(
  database: MusterDatabase,
  { connection }: LiveRun,
  replacements: readonly Replacement[],
) {
  const replaced = replacements.map(({ table }) => table.name);
  const all = await referrersOf(database, connection, replaced);
  const referrers = all.filter(({ isOurs, table }) => !isOurs || !replaced.includes(table as TableName));
  return { referrers, grant: (await hiddenFrom(connection, database.name)).foreignKeys };
}
