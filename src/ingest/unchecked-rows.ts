/**
 * Inserts rows of a table that refers to itself. The server checks a foreign key row by row, so a row could not go in before its
 * parent, and rows that refer to each other not at all. So its checks are off for the INSERT, and every foreign key of the table
 * is verified afterwards in the same transaction, by reads that lock the parents.
 */
import { escapeId } from "mysql2";
import type { Key } from "../codecs/key-text.ts";
import { noParent, unknownReference } from "../codecs/reasons.ts";
import type { Reference, Row, Table } from "../codecs/tables.ts";
import type { Reason } from "../db/ledger.ts";
import { withoutChecks } from "../publish/ddl.ts";
import { referredText } from "../publish/faulty-rows.ts";
import { throwUnverified, undeclaredKeys } from "../publish/undeclared-keys.ts";
import { columnAt } from "../repositories/key-sql.ts";
import { type ForeignKeySql, parentsOf } from "../repositories/look-up.ts";
import { NEW } from "./judge.ts";
import { isNew, type JudgedRow, type Store } from "./store-rows.ts";

export interface Orphan {
  row: JudgedRow;
  /** It has no parent at all. Otherwise its parent is an orphan too. */
  isRoot: boolean;
}

/**
 * @param insertNew inserts rows, and gives those that are refused another verdict
 * @returns the rows that were rejected because they lack a parent
 */
export async function insertBatchUnchecked(
  store: Store,
  rows: readonly JudgedRow[],
  insertNew: (store: Store, rows: readonly JudgedRow[]) => Promise<void>,
): Promise<Orphan[]> {
  const { connection } = store;
  const all: Orphan[] = [];
  for (let open = rows; open.length > 0; ) {
    await connection.query("SAVEPOINT unchecked");
    await withoutChecks(connection, () => insertNew(store, open));
    const orphans = await orphansAmong(store, open.filter(isNew));
    if (orphans.size === 0) break;
    await connection.query("ROLLBACK TO SAVEPOINT unchecked");
    for (const [row, { reason, isRoot }] of orphans) {
      row.verdict = { is: "rejected", reasons: [reason] };
      all.push({ row, isRoot });
    }
    open = open.filter((row) => !orphans.has(row));
    // What the server refused may have been in the way of the rows that are gone now.
    for (const row of open) row.verdict = NEW;
  }
  return all;
}

interface ForeignKey {
  sql: ForeignKeySql;
  /** Undefined if src/db/schema.ts does not declare it. */
  reference: Reference | undefined;
  name: string;
}

async function foreignKeysOf({ connection, table }: Store): Promise<ForeignKey[]> {
  const declared = table.references.map((reference): ForeignKey => {
    const { columns, parent, parentColumns } = reference;
    const names = (of: Table, indices: readonly number[]) => indices.map((index) => columnAt(of, index));
    const sql = {
      columns: names(table, columns),
      parent: escapeId(parent.name),
      parentColumns: names(parent, parentColumns),
    };
    return { name: "", reference, sql: { ...sql, isOwn: parent === table } };
  });
  const others = await undeclaredKeys(connection, table);
  return [
    ...declared,
    ...others.map(({ name, ...sql }) => ({ name, reference: undefined, sql: { ...sql, isOwn: false } })),
  ];
}

/** The stored rows that lack a parent, and those that refer to them. */
async function orphansAmong(
  store: Store,
  rows: readonly JudgedRow[],
): Promise<Map<JudgedRow, Omit<Orphan, "row"> & { reason: Reason }>> {
  const { connection, table } = store;
  const orphans = new Map<JudgedRow, { reason: Reason; isRoot: boolean }>();
  const byKey = new Map(rows.map((row) => [codeOf(row.key ?? []), row]));
  const children = new Map<JudgedRow, { row: JudgedRow; reason: Reason }[]>();
  for (const foreignKey of await foreignKeysOf(store)) {
    const keys = rows.flatMap(({ key }) => (key ? [key] : []));
    const parents = await parentsOf(connection, table, foreignKey.sql, keys).catch((error) =>
      throwUnverified(error, table, foreignKey),
    );
    for (const { key, parent } of parents) {
      const row = byKey.get(codeOf(key));
      if (!row) throw new Error(`a row of ${table.name} was stored under another key`);
      const reason = reasonFor(table, foreignKey, row);
      const own = Array.isArray(parent) ? byKey.get(codeOf(parent)) : undefined;
      if (parent === undefined) orphans.set(row, { reason, isRoot: true });
      else if (own) {
        const siblings = children.get(own) ?? [];
        siblings.push({ row, reason });
        children.set(own, siblings);
      }
    }
  }
  const open = [...orphans.keys()];
  for (let parent = open.pop(); parent; parent = open.pop()) {
    for (const { row, reason } of children.get(parent) ?? []) {
      if (orphans.has(row)) continue;
      orphans.set(row, { reason, isRoot: false });
      open.push(row);
    }
  }
  return orphans;
}

function reasonFor(table: Table, { name, reference }: ForeignKey, { row }: JudgedRow): Reason {
  if (reference) return unknownReference(table, reference, referredText(table, reference, row.values as Row));
  return noParent({ name });
}

const codeOf = (key: Key): string => JSON.stringify(key);
