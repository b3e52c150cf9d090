/**
 * Judges and stores the rows of a request or a replay for a table whose rows the server judges: rows in their order, the first
 * one wins. What is equal, the server says by its collations.
 */
import type { PoolConnection } from "mysql2/promise";
import { keyIn } from "../codecs/key-text.ts";
import { givenValues, type ReadRow, type Row, type Table } from "../codecs/tables.ts";
import type { Database } from "../db/database.ts";
import { hasNoTrigger } from "../publish/sieve.ts";
import { insertRowsWithoutId } from "../repositories/assigned-ids.ts";
import { insertRows } from "../repositories/inserts.ts";
import { BatchJudge } from "./batch-judge.ts";
import { NEW } from "./judge.ts";
import { insertAll, isNew, type JudgedRow, judgeAgain, type Store, valuesOf } from "./store-rows.ts";
import { insertBatchUnchecked } from "./unchecked-rows.ts";

/**
 * Judges rows and inserts those that are new, in rounds: a row waits while a row before it, with the same key or the same unique
 * values, may still be stored. The transaction must see what others commit meanwhile (READ COMMITTED).
 * @returns the rows in their order. Rows with the verdict `new` are stored
 */
export async function judgeAndStoreByServer<R extends ReadRow & { index: number }>(
  { connection, database }: { connection: PoolConnection; database: Pick<Database, "name" | "server"> },
  table: Table,
  rows: readonly R[],
): Promise<JudgedRow<R>[]> {
  const judged = rows.map((row): JudgedRow<R> => ({ row, verdict: NEW, id: undefined, key: undefined }));
  const judge = new BatchJudge(connection, table, judged);
  const store: Store = { server: database.server, connection, table, judge: (open) => judge.verdicts(open) };
  const refersToItself = table.references.some(({ parent }) => parent === table);
  // A trigger may store rows in other tables, and these would not be checked either.
  if (refersToItself && (await hasNoTrigger(connection, database.name, table))) {
    // A row whose key the server computes could not be found again, to verify it: its foreign keys are checked as it goes in.
    await storeUnchecked(
      store,
      judge,
      judged.filter(({ row }) => !leavesKeyOpen(table, row)),
    );
    const checked = { ...store, judge: (open: readonly JudgedRow[]) => judge.verdicts(open, { own: true }) };
    await storeChecked(
      checked,
      judge,
      judged.filter(({ row }) => leavesKeyOpen(table, row)),
    );
  } else await storeChecked(store, judge, judged);
  await judge.addOwnOrphans(judged);
  return judged;
}

/** Whether the server computes a value of the row's key that is no counter. */
const leavesKeyOpen = ({ key, assigned }: Table, { values }: ReadRow) =>
  key.some((index) => index !== assigned && values[index] === undefined);

/** Stores rows round by round, with foreign key checks on. */
async function storeChecked(store: Store, judge: BatchJudge, rows: readonly JudgedRow[]): Promise<void> {
  for (let open = rows; open.length > 0; ) {
    const ready = judge.ready(open);
    await judgeAgain(store, ready);
    const fresh = ready.filter(isNew);
    await insertNew(store, fresh);
    for (const each of fresh) if (isNew(each)) judge.accept(each);
    const done = new Set(ready);
    open = open.filter((each) => !done.has(each));
  }
}

/** Stores rows round by round, whatever the order of rows that refer to each other. */
async function storeUnchecked(store: Store, judge: BatchJudge, rows: readonly JudgedRow[]): Promise<void> {
  for (let open = rows; open.length > 0; ) {
    const ready = judge.ready(open);
    await judgeAgain(store, ready);
    const fresh = ready.filter(isNew);
    const orphans = await insertBatchUnchecked(store, fresh, insertNew);
    for (const each of fresh) if (isNew(each)) judge.accept(each);
    const isLast = ready.length === open.length;
    // A row that is still open may become the parent of an orphan.
    const isStuck = !isLast && orphans.length === ready.length;
    // Every row of this round is an orphan, and others wait. An orphan is lost if none of the others can be its parent.
    const mayHaveParent = judge.parentsAmong(isStuck ? open : []);
    const lost = isStuck ? orphans.filter(({ row, isRoot }) => isRoot && !mayHaveParent(row)) : [];
    if (isStuck && lost.length === 0) judge.waitLess();
    const again = isLast ? [] : orphans.filter((each) => !lost.includes(each));
    const done = new Set(ready);
    for (const { row } of again) {
      row.verdict = NEW;
      done.delete(row);
    }
    open = open.filter((each) => !done.has(each));
  }
}

/** Inserts rows in their order: those that have all of their key, and then those to which the server assigns the rest. */
async function insertNew(store: Store, rows: readonly JudgedRow[]): Promise<void> {
  const { connection, table } = store;
  const { assigned } = table;
  const isOpen = ({ row }: JudgedRow) => assigned !== undefined && row.values[assigned] === undefined;
  const keyed = rows.filter((each) => !isOpen(each));
  await insertAll(store, keyed, async (part) => {
    await insertRows(connection, table, valuesOf(part));
    for (const each of part) each.key = givenValues(each.row.values, table.key);
  });
  await insertAll(store, rows.filter(isOpen), async (part) => {
    const ids = await insertRowsWithoutId(connection, table, valuesOf(part));
    for (const [index, each] of part.entries()) {
      const stored = each.row.values.with(assigned ?? 0, ids[index]);
      each.key = keyIn(table, stored as Row);
    }
  });
}
