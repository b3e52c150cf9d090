/** Open rejections in groups of one table and one cause. */
import { and, asc, count, desc, eq, gt, inArray, lte, max, min, sql } from "drizzle-orm";
import type { MySql2Database } from "drizzle-orm/mysql2";
import { rejections } from "../db/ledger.ts";
import { CAUSE, type Cause, causeOf, hasCause } from "./causes.ts";
import { hasEnded } from "./rejection-log.ts";

export interface RejectionGroup {
  table: string;
  cause: Cause;
  rows: number;
}

/** How many groups are read. A client that makes up names of fields could cause any number of them. */
export const GROUPS_MAX = 200;

/**
 * The open rejections by table and cause: of all runs that have ended, or of one. The largest GROUPS_MAX groups, and how many
 * rows are open in all. It reads every open rejection, which takes about half a second for 100,000.
 */
export async function openGroups(
  db: MySql2Database,
  run?: string,
): Promise<{ groups: RejectionGroup[]; rows: number }> {
  const open = and(eq(rejections.state, "open"), hasEnded(db), run === undefined ? undefined : eq(rejections.run, run));
  const [groups, rows] = await Promise.all([
    db
      // Grouped by a digest: the collation of a text would call different names equal.
      .select({
        table: rejections.table,
        cause: sql`SHA2(${CAUSE}, 256)`.as("cause"),
        rows: count().as("open_rows"),
        first: min(rejections.id).as("first_id"),
      })
      .from(rejections)
      .where(open)
      .groupBy(rejections.table, sql`cause`)
      .orderBy(desc(sql`open_rows`), asc(sql`first_id`))
      .limit(GROUPS_MAX),
    db.$count(rejections, open),
  ]);
  const firsts = groups.map(({ first }) => Number(first));
  if (firsts.length === 0) return { groups: [], rows };
  const { id, reasons } = rejections;
  const found = await db.select({ id, reasons }).from(rejections).where(inArray(id, firsts));
  const causes = new Map(found.map((row) => [row.id, causeOf(row.reasons)]));
  return {
    groups: groups.map(({ table, rows, first }) => ({ table, rows, cause: causes.get(Number(first)) ?? [] })),
    rows,
  };
}

/** Which open rejections a step of work is about: those of a table, a cause or a run, after one id and up to another. */
export interface OpenSelection {
  table: string;
  cause?: Cause | undefined;
  run?: string | undefined;
  after?: number | undefined;
  upTo?: number | undefined;
}

/** How many rejections the selection has, and the highest id among them; 0 if it has none. */
export async function countSelected(
  db: MySql2Database,
  { table, cause, run, after, upTo }: OpenSelection,
): Promise<{ rows: number; last: number }> {
  const [found] = await db
    .select({ rows: count(), last: max(rejections.id) })
    .from(rejections)
    .where(
      and(
        eq(rejections.state, "open"),
        eq(rejections.table, table),
        cause && hasCause(cause),
        run === undefined ? undefined : eq(rejections.run, run),
        after === undefined ? undefined : gt(rejections.id, after),
        upTo === undefined ? undefined : lte(rejections.id, upTo),
        hasEnded(db),
      ),
    );
  return { rows: found?.rows ?? 0, last: Number(found?.last ?? 0) };
}
