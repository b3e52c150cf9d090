/** The rows of one table judged and stored inside a transaction: what the server refuses is a verdict of that row alone. */
import type { PoolConnection } from "mysql2/promise";
import type { Candidate, Row, Table } from "../codecs/tables.ts";
import { type Refusal, refusalOf, refusedRow } from "../db/refusal.ts";
import { insertRowsWithoutId } from "../repositories/assigned-ids.ts";
import { batches, insertRows } from "../repositories/inserts.ts";
import { judge, type World } from "./judge.ts";

interface Store {
  connection: PoolConnection;
  table: Table;
  /** What is stored now: another look at it may explain a refusal. */
  world: World;
}

/**
 * Judges rows and inserts the new ones: each gets its reasons, or is unchanged, or is stored. The transaction must see what
 * others commit meanwhile (READ COMMITTED).
 */
export async function judgeAndStore(store: Store, candidates: readonly Candidate[]): Promise<void> {
  const wellFormed = candidates.filter(isGood);
  const refused = new Set<Candidate>();
  let open: readonly Candidate[] = candidates;
  while (open.length > 0) {
    await judge(store.table, open, store.world);
    const fresh = open.filter(isNew);
    await insertNew(store, fresh);
    const lost = fresh.filter((candidate) => !isGood(candidate));
    for (const candidate of lost) refused.add(candidate);
    open = judgedBy(store.table, lost, wellFormed).filter((candidate) => !refused.has(candidate));
    for (const candidate of open) {
      candidate.reasons = [];
      candidate.unchanged = false;
    }
  }
}

const isGood = ({ reasons }: Candidate) => reasons.length === 0;
const isNew = (candidate: Candidate) => isGood(candidate) && !candidate.unchanged;

/** The rows that were judged by others with their id, which are not stored after all. */
function judgedBy({ key }: Table, lost: readonly Candidate[], candidates: readonly Candidate[]): Candidate[] {
  if (lost.length === 0) return [];
  const ids = new Set(lost.map(({ values }) => values[key]));
  return candidates.filter(({ values }) => typeof values[key] === "number" && ids.has(values[key]));
}

/** Rows with an id first, in its order so that two batches do not wait for each other; then those the database numbers. */
async function insertNew(store: Store, fresh: readonly Candidate[]): Promise<void> {
  const { connection, table } = store;
  const idOf = ({ values }: Candidate) => values[table.key];
  const withId = fresh.filter((candidate) => typeof idOf(candidate) === "number");
  const withoutId = fresh.filter((candidate) => typeof idOf(candidate) !== "number");
  withId.sort((a, b) => Number(idOf(a)) - Number(idOf(b)));
  await insertAll(store, withId, (part) => insertRows(connection, table, rowsOf(part)));
  await insertAll(store, withoutId, async (part) => {
    const ids = await insertRowsWithoutId(connection, table, rowsOf(part));
    part.forEach((candidate, index) => {
      candidate.assigned = ids[index];
    });
  });
}

const rowsOf = (candidates: readonly Candidate[]) => candidates.map(({ values }) => values as Row);

/** @param insert by one statement, which inserts all of its rows or none */
type Insert = (part: readonly Candidate[]) => Promise<void>;

async function insertAll(store: Store, candidates: readonly Candidate[], insert: Insert): Promise<void> {
  let start = 0;
  for (const { length } of batches(rowsOf(candidates))) {
    await insertPart(store, candidates.slice(start, start + length), insert);
    start += length;
  }
}

/** If the server refuses a part, its halves are tried, down to the rows at fault: 2 k log2(n / k) statements for k of n. */
async function insertPart(store: Store, part: readonly Candidate[], insert: Insert): Promise<void> {
  const refusal = await refusalTo(insert, part);
  if (!refusal) return;
  if (!refusal.race) return insertHalves(store, part, insert, refusal);
  await judge(store.table, part, store.world);
  const rest = part.filter(isNew);
  if (rest.length < part.length) return insertPart(store, rest, insert);
  // The writer who stood in the way may have undone its work. A second refusal has another cause: a trigger, a foreign key.
  const again = await refusalTo(insert, part);
  if (again) await insertHalves(store, part, insert, again);
}

async function insertHalves(store: Store, part: readonly Candidate[], insert: Insert, refusal: Refusal): Promise<void> {
  const [only, ...others] = part;
  if (only && others.length === 0) {
    only.reasons.push(refusedRow(refusal));
    return;
  }
  const half = Math.ceil(part.length / 2);
  await insertPart(store, part.slice(0, half), insert);
  await insertPart(store, part.slice(half), insert);
}

async function refusalTo(insert: Insert, part: readonly Candidate[]): Promise<Refusal | undefined> {
  if (part.length === 0) return undefined;
  try {
    await insert(part);
    return undefined;
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal) return refusal;
    throw error;
  }
}
