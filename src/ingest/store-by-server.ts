/**
 * Judges and stores the rows of a request or a replay for a table whose rows the server judges: rows in their order, the first
 * one wins. What is equal, the server says by its collations.
 */
import type { PoolConnection } from "mysql2/promise";
import { keyIn } from "../codecs/key-text.ts";
import { givenValues, type ReadRow, type Row, type Table } from "../codecs/tables.ts";
import { insertRowsWithoutId } from "../repositories/assigned-ids.ts";
import { insertRows } from "../repositories/inserts.ts";
import { BatchJudge } from "./batch-judge.ts";
import { NEW } from "./judge.ts";
import { insertAll, isNew, type JudgedRow, judgeAgain, type Store, valuesOf } from "./store-rows.ts";

/**
 * Judges rows and inserts those that are new, in rounds: a row waits for the round after a row with the same key or unique
 * values, and after the row of its own table that it refers to. The transaction must see what others commit meanwhile (READ
 * COMMITTED).
 * @returns the rows in their order. Rows with the verdict `new` are stored
 */
export async function judgeAndStoreByServer<R extends ReadRow & { index: number }>(
  connection: PoolConnection,
  table: Table,
  rows: readonly R[],
): Promise<JudgedRow<R>[]> {
  const judged = rows.map((row): JudgedRow<R> => ({ row, verdict: NEW, id: undefined, key: undefined }));
  const judge = new BatchJudge(connection, table, judged);
  const store: Store = { connection, table, judge: (open) => judge.verdicts(open) };
  for (let open = judged; open.length > 0; ) {
    await judgeAgain(store, open);
    const fresh = open.filter(isNew);
    const ready = firstOnes(table, fresh).filter((each) => !judge.waits(each));
    if (ready.length === 0) {
      // These rows wait for each other: no order of them would satisfy the server.
      for (const each of fresh) each.verdict = judge.orphan(each);
      break;
    }
    await insertNew(store, ready);
    for (const each of ready) if (isNew(each)) judge.accept(each);
    const done = new Set(ready);
    open = fresh.filter((each) => !done.has(each));
  }
  return judged;
}

/** The rows that have no key and no unique values of a row before them. */
function firstOnes<J extends JudgedRow>(table: Table, rows: readonly J[]): J[] {
  const constraints = [table.key, ...table.uniques.map(({ columns }) => columns)];
  const taken = new Set<string>();
  return rows.filter(({ row }) => {
    const codes = constraints.flatMap((columns, index) => {
      const values = givenValues(row.values, columns);
      return values ? [JSON.stringify([index, values])] : [];
    });
    const isFirst = !codes.some((code) => taken.has(code));
    for (const code of codes) taken.add(code);
    return isFirst;
  });
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
